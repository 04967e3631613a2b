"""What twenty locales cost in one bundle, and what one bundle for each of them would."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.finding import Finding, Setting
from shelfsense.bundle import Bundle, write_bundle
from shelfsense.reformulation.head_files import HEADS, VECTORS, Head, head_index_files, read_head_files

_LOCALES = 20
_SCRIPT = """
import sys
from pathlib import Path
import faiss, onnxruntime, tokenizers
from shelfsense.bundle import Bundle
from shelfsense.query import Options, Query
from shelfsense.serving.memory import few_arenas, tidy
from shelfsense.understander import Understander
few_arenas()
held = []
for folder in sys.argv[1:]:
    bundle = Bundle.open(Path(folder))
    understander = Understander.load(bundle)
    for locale in bundle.manifest["locales"]:
        understander.understand([Query("usb 2m 300", locale)], Options())
    held.append(understander)
tidy()
fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(fields["VmRSS"].split()[0]) * 1024)
"""


def measure(setting: Setting) -> Finding:
    """Write both sides to disk, load each in a process of its own, and compare bytes and memory."""
    count = setting.times(_LOCALES)
    with tempfile.TemporaryDirectory() as folder:
        start = Bundle.open(setting.bundle)
        locales = start.manifest["locales"][:count]
        unified = _with_heads_of(start, locales, Path(folder) / "unified")
        own = [_with_heads_of(start, [tag], Path(folder) / tag) for tag in locales]
        one_bytes, own_bytes = _bytes(unified), sum(map(_bytes, own))
        empty = _memory([])
        one, many = _memory([unified.path]) - empty, _memory([bundle.path for bundle in own]) - empty
    return Finding(
        title="One network for all locales",
        claim=f"What {count} locales cost in one bundle, and with one bundle for each.",
        columns=("figure", "one bundle", f"{count} bundles", "ratio"),
        rows=(
            ("stored", f"{one_bytes / 1e6:.1f} MB", f"{own_bytes / 1e6:.1f} MB", f"1 / {own_bytes / one_bytes:.1f}"),
            (
                "memory above a process without a bundle",
                f"{one / 1e6:.0f} MB",
                f"{many / 1e6:.0f} MB",
                f"1 / {many / one:.1f}",
            ),
        ),
        figures={
            "locales": count,
            "stored_one_mb": one_bytes / 1e6,
            "stored_each_mb": own_bytes / 1e6,
            "stored_ratio": own_bytes / one_bytes,
            "memory_one_mb": one / 1e6,
            "memory_each_mb": many / 1e6,
            "memory_ratio": many / one,
        },
        notes=(
            (
                "Each of the many bundles has the same network and tokenizer and the heads of its own locale alone; "
                "the one bundle has the heads of all of them. Resident memory after a query in every locale, "
                "less that of a process that has loaded the same code and libraries and no bundle; put in order as the "
                "server does it once it has loaded."
            ),
        ),
    )


def _with_heads_of(start: Bundle, locales: Sequence[str], out: Path) -> Bundle:
    table, vectors = read_head_files(start)
    heads = [Head(**row) for row in table.to_pylist()]
    rows = [i for i, head in enumerate(heads) if head.locale in set(locales)]
    files = {name: start.read(name) for name in start.manifest["files"] if name not in {HEADS, VECTORS}}
    files |= head_index_files([heads[i] for i in rows], vectors[rows])
    manifest = {k: v for k, v in start.manifest.items() if k not in {"files", "format_version"}}
    return write_bundle(out, manifest, files)


def _bytes(bundle: Bundle) -> int:
    return sum(int(entry["bytes"]) for entry in bundle.manifest["files"].values())


def _memory(bundles: Sequence[Path]) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *map(str, bundles)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)
