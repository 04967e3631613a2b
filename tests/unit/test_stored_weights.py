"""The stored forms of a matrix: int8 rows within half a step, 4-bit blocks exactly or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shelfsense.models.stored_weights import FourBitBlocks, Int8Rows


def random(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def block_matrix(scales: list[list[float]]) -> NDArray[np.float32]:
    """Return a matrix made of 4-bit blocks, each reaching -8 of its scale."""
    scale = np.array(scales, dtype=np.float16).astype(np.float32)
    nibbles = random().integers(0, 16, (*scale.shape, 32))
    nibbles[..., 9] = 0
    return ((nibbles.astype(np.float32) - 8) * scale[..., None]).reshape(len(scale), -1)


def test_int8_rows_by_hand() -> None:
    stored = Int8Rows.from_float(np.array([[1.27, -0.635, 0.004], [0.0, 0.0, 0.0]], dtype=np.float32))
    # Row 1: 1.27 is 127 steps of 0.01; -63.5 rounds to the even -64, 0.4 to 0.
    assert stored.values.tolist() == [[127, -64, 0], [0, 0, 0]]
    np.testing.assert_allclose(stored.to_float(), [[1.27, -0.64, 0.0], [0.0, 0.0, 0.0]], rtol=1e-6)


def test_int8_rows_lose_at_most_half_a_step_of_their_own_row() -> None:
    matrix = random().normal(size=(40, 64)).astype(np.float32) * np.geomspace(1e-4, 1e3, 40, dtype=np.float32)[:, None]
    half_step = np.abs(matrix).max(1, keepdims=True) / 127 / 2
    assert (np.abs(Int8Rows.from_float(matrix).to_float() - matrix) <= half_step * (1 + 1e-4)).all()


def test_int8_rows_come_back_unchanged_the_second_time() -> None:
    once = Int8Rows.from_float(random().normal(size=(8, 16)).astype(np.float32))
    twice = Int8Rows.from_float(once.to_float())
    assert np.array_equal(once.values, twice.values)


def test_four_bit_blocks_lose_nothing_of_a_matrix_made_of_them() -> None:
    matrix = block_matrix([[0.01, -0.25], [-3.0, 0.0], [1e-3, 7.5]])
    stored = FourBitBlocks.from_float(matrix)
    assert stored is not None
    assert stored.packed.shape == (3, 32)
    assert stored.scale.tolist() == np.array([[0.01, -0.25], [-3.0, 0.0], [1e-3, 7.5]], dtype=np.float16).tolist()
    assert np.array_equal(stored.to_float(), matrix)


def test_a_block_packs_the_even_column_into_the_low_nibble() -> None:
    row = np.zeros((1, 32), dtype=np.float32)
    row[0, 0], row[0, 1] = -4.0, 3.5  # scale 0.5: nibbles 0 and 15; zero is 8
    stored = FourBitBlocks.from_float(row)
    assert stored is not None
    assert stored.packed.tolist() == [[0xF0, *[0x88] * 15]]


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (random().normal(size=(2, 32)), "values between the steps"),
        (np.tile([7.0, -7.0], (1, 16)), "no value at -8 of the scale, so the scale cannot be told"),
        (np.ones((2, 48)), "a width that is no multiple of 32"),
        (np.tile([-8e-9, 1e-9], (1, 16)), "a scale too small for 16 bits"),
    ],
)
def test_four_bit_blocks_refuse_what_they_would_lose(matrix: NDArray[np.float64], why: str) -> None:
    assert FourBitBlocks.from_float(matrix.astype(np.float32)) is None, why


def test_four_bit_blocks_refuse_one_lossy_block_among_exact_ones() -> None:
    matrix = block_matrix([[0.5, 0.5], [0.5, 0.5]])
    matrix[1, 40] += 0.1
    assert FourBitBlocks.from_float(matrix) is None
