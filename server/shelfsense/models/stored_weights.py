"""The two forms in which a bundle stores a weight matrix: int8 rows and 4-bit blocks.

R rows, C columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Int8Rows:
    """A matrix as int8 with one scale per row, symmetric.

    Attributes:
        values: (R, C) int8.
        scale: (R,) float32; the matrix is ``values * scale[:, None]``.
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]

    @classmethod
    def from_float(cls, matrix: NDArray[np.float32]) -> Int8Rows:
        """Quantise a matrix (R, C); each row's largest magnitude maps to 127."""
        scale = np.maximum(np.abs(matrix).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
        values = np.clip(np.rint(matrix / scale[:, None]), -127, 127).astype(np.int8)
        return cls(values, scale)

    def to_float(self) -> NDArray[np.float32]:
        """Return the matrix the int8 form stands for, (R, C)."""
        matrix: NDArray[np.float32] = self.values.astype(np.float32) * self.scale[:, None]
        return matrix


@dataclass(frozen=True, slots=True)
class FourBitBlocks:
    """A matrix in 4-bit blocks of 32 along its rows, value = (nibble - 8) x scale.

    Attributes:
        packed: (R, C / 2) uint8, low nibble first.
        scale: (R, C / 32) float16, may be negative.
    """

    packed: NDArray[np.uint8]
    scale: NDArray[np.float16]

    BLOCK = 32

    @classmethod
    def from_float(cls, matrix: NDArray[np.float32]) -> FourBitBlocks | None:
        """Return the matrix (R, C) in blocks if that loses nothing, else None.

        Word embeddings that came out of 4-bit blocks and stayed frozen go back into them exactly:
        the largest magnitude of a block is always -8 of its scale.
        """
        rows, columns = matrix.shape
        if columns % cls.BLOCK:
            return None
        blocks = matrix.reshape(rows, -1, cls.BLOCK)
        largest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
        scale = (largest / -8).astype(np.float16)
        divisor = np.where(scale == 0, np.float16(1), scale).astype(np.float32)
        nibbles = np.clip(np.rint(blocks / divisor) + 8, 0, 15).astype(np.uint8)
        nibbles = nibbles.reshape(rows, columns)
        found = cls(nibbles[:, ::2] | nibbles[:, 1::2] << 4, scale[..., 0])
        return found if np.array_equal(found.to_float(), matrix) else None

    def to_float(self) -> NDArray[np.float32]:
        """Return the matrix the blocks stand for, (R, C)."""
        nibbles = np.stack([self.packed & 15, self.packed >> 4], axis=-1).reshape(len(self.packed), -1)
        values = (nibbles.astype(np.float32) - 8) * np.repeat(self.scale.astype(np.float32), self.BLOCK, axis=1)
        return np.asarray(values, dtype=np.float32)
