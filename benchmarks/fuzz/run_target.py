"""``python -m benchmarks.fuzz.run_target NAME FOLDER SECONDS [INPUT]``: fuzzes one target, and ends at its first fault.

Keeps the corpus in FOLDER/corpus, and puts an input that fails, takes too long or too much memory beside it. With an
INPUT, tries that one alone.
"""

from __future__ import annotations

import importlib
import logging
import random
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import atheris

_LONGEST_INPUT = 4096  # bytes; past it only the limits on size are met, which need no search
_HANG_S = 10
_MEMORY_MB = 3000
_GUIDED_BY = ["shelfsense", "langcodes"]


def main(name: str, folder: Path, seconds: int, only: str = "") -> None:
    """Fuzz one target until the time is over, or try one input."""
    with atheris.instrument_imports(include=_GUIDED_BY, enable_loader_override=False):
        module = importlib.import_module(f"benchmarks.fuzz.{name}_target")
    logging.disable()  # what is refused is said a million times
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shelfsense-fuzz-") as scratch:
        target = module.target(Path(scratch))
        for seed in target.seeds:
            (corpus / sha256(seed).hexdigest()[:40]).write_bytes(seed)

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            if random.Random(seed).random() < 0.5:
                data = target.mutate(data, seed)[:most]
            changed: bytes = atheris.Mutate(data, most) if seed % 4 else data
            return changed

        options = [
            *(f"-max_total_time={seconds}", f"-timeout={_HANG_S}", f"-rss_limit_mb={_MEMORY_MB}"),
            *(f"-max_len={_LONGEST_INPUT}", f"-artifact_prefix={folder}/", "-print_final_stats=1"),
        ]
        extra = {"custom_mutator": mutate} if target.mutate else {}
        atheris.Setup([sys.argv[0], *options, only or str(corpus)], target.check, **extra)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3]), *sys.argv[4:])
