"""CPU seconds of a process and of its threads, as Linux counts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ENGINE = "engine"
"""How the names of the engine's threads begin."""


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """CPU seconds used so far.

    Attributes:
        threads: by thread id.
        names: of the threads.
        main: the id of the first thread, which is the process's.
    """

    threads: dict[int, float]
    names: dict[int, str]
    main: int

    @classmethod
    def of(cls, pid: int) -> ProcessorTime:
        """Read what a process has used."""
        threads, names = {}, {}
        for folder in Path(f"/proc/{pid}/task").iterdir():
            try:
                nanoseconds = (folder / "schedstat").read_text(encoding="ascii").split()[0]
                name = (folder / "comm").read_text(encoding="utf-8").strip()
            except (FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
                continue
            threads[int(folder.name)], names[int(folder.name)] = int(nanoseconds) / 1e9, name
        return cls(threads, names, pid)

    def since(self, before: ProcessorTime) -> float:
        """Return the CPU seconds of all threads since an earlier reading."""
        return sum(used - before.threads.get(thread, 0.0) for thread, used in self.threads.items())

    def engine_since(self, before: ProcessorTime) -> float:
        """Return those of the engine's threads; where none is called so, of the busiest that the process named no other way."""
        used = {thread: now - before.threads.get(thread, 0.0) for thread, now in self.threads.items()}
        engines = [thread for thread, name in self.names.items() if name.startswith(ENGINE)]
        if engines:
            return sum(used[thread] for thread in engines)
        unnamed = [thread for thread, name in self.names.items() if name == self.names.get(self.main)]
        return max((used[thread] for thread in unnamed if thread != self.main), default=0.0)
