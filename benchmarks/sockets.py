"""Which process holds which connections of a port, read from /proc (proc(5), Linux alone)."""

from __future__ import annotations

from pathlib import Path

_ESTABLISHED, _LISTEN = "01", "0A"


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that have not ended, oldest first."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def connections(pid: int, port: int) -> int:
    """Return how many connections to a port of this machine a process has accepted."""
    return len(_held_by(pid) & _sockets(port, _ESTABLISHED))


def listens(pid: int, port: int) -> bool:
    """Return whether a process listens on a port."""
    return bool(_held_by(pid) & _sockets(port, _LISTEN))


def _sockets(port: int, state: str) -> set[str]:
    """Return the inodes of all sockets with a local port, in a state."""
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        if (table := Path("/proc/net") / name).exists()
        for line in table.read_text().splitlines()[1:]
    ]
    return {row[9] for row in rows if row[3] == state and int(row[1].rpartition(":")[2], 16) == port}


def _held_by(pid: int) -> set[str]:
    found = set()
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            name = str(each.readlink())
            if name.startswith("socket:["):
                found.add(name[len("socket:[") : -1])
    except FileNotFoundError:
        pass  # it has ended, or closed one meanwhile
    return found
