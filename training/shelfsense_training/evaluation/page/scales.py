"""From figures to places on a picture: linear, logarithmic, and logarithmic from zero on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Scale(Protocol):
    """Places a figure."""

    def __call__(self, value: float) -> float:
        """Return the place of a value, in units of the picture."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """Equal steps for equal differences.

    Attributes:
        low: the figure at ``start``.
        high: the figure at ``end``, above ``low``.
        start: place of ``low``.
        end: place of ``high``; may be less than ``start``, as on an upward axis.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; one outside lies outside."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Log:
    """Equal steps for equal factors; ``low`` is above 0. Attributes as of `Linear`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value above 0."""
        return self.start + math.log(value / self.low) / math.log(self.high / self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class LogFromZero:
    """Like `Log` for what is well above ``unit``, and yet 0 has its place, at ``start``: log(1 + value / unit).

    Attributes:
        unit: above 0; about the least figure that is not 0.
        high: the figure at ``end``.
        start: place of 0.
        end: place of ``high``.
    """

    unit: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value of 0 or more."""
        share = math.log1p(value / self.unit) / math.log1p(self.high / self.unit)
        return self.start + share * (self.end - self.start)


def steps(low: float, high: float, about: int = 5) -> list[float]:
    """Return round figures between two bounds, 1, 2 or 5 times a power of ten apart, about as many as asked."""
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return the figures 1, 2 and 5 times a power of ten between two bounds above 0; powers alone where many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low < 60 else (1, 3) if high / low < 600 else (1,)
    return [f * 10.0**k for k in powers for f in factors if low * 0.999 <= f * 10.0**k <= high * 1.001]


def bounds(values: Sequence[float], margin: float = 0.05) -> tuple[float, float]:
    """Return the least and the largest of the values, each moved out by a share of the range."""
    low, high = min(values), max(values)
    spare = (high - low) * margin or max(abs(high) * margin, margin)
    return low - spare, high + spare
