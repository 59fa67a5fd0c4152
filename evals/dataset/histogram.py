"""How often each value occurred, and exact sums: an accumulator whose result depends on no order.

It is histogram, moments and quantile sketch in one. Bins are fixed (`floats`), as in DDSketch and HDR histograms, so
that histograms add up; but since values are counted as integers from the middles of their bins, the sums of values and
of their squares come out exactly, and quantiles to half a bin. Published sketches were not used: t-digest and KLL
depend on the order in which they are merged, and DDSketch's own package takes one value at a time, where a photograph
has 12,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError
from evals.dataset.floats import BINS, ONE, codes, floats, integers, middles

__all__ = ["Histogram"]

Integers = NDArray[np.int64]

_PARTS = ("counts", "rests", "squares")
"""How often; sums of the integers from the bin's middle; sums of their squares."""

_MOST = 2**33
"""Values in one bin, beyond which sums of squares would no longer fit 64 bits."""


class Histogram:
    """Counts of values of several units by bin, with which their moments are exact.

    Args:
        units: how many.
    """

    def __init__(self, units: int) -> None:
        # Zeros that are never touched take no memory.
        self._parts = tuple(np.zeros((units, BINS), np.int64) for _ in _PARTS)
        self.counts = self._parts[0]
        self._first = (np.arange(units, dtype=np.int64) * BINS)[:, None]

    def add(self, found: NDArray[np.uint32]) -> None:
        """Count values, all finite, given by their codes, units x N."""
        place = ((found >> np.uint32(16)).astype(np.int64) + self._first).ravel()
        rest = ((found & np.uint32(0xFFFF)).astype(np.int64) - 0x8000).ravel()
        for part, amount in zip(self._parts, (np.ones_like(rest), rest, rest * rest), strict=True):
            np.add.at(part.reshape(-1), place, amount)

    def merge(self, other: Histogram) -> None:
        """Add what another has counted."""
        for mine, theirs in zip(self._parts, other._parts, strict=True):
            np.add(mine, theirs, out=mine)

    @property
    def most_bytes(self) -> int:
        """Bytes that it takes if all bins are touched."""
        return sum(part.nbytes for part in self._parts)

    @property
    def total(self) -> int:
        """How many values each unit had."""
        return int(self.counts[0].sum())

    def moments(self, unit: int) -> tuple[float, float]:
        """Mean and standard deviation of a unit's values, exact but for the last rounding."""
        first, second = self._sums(unit, 0)
        mean = first / self.total
        return float(mean), float(second / self.total - mean * mean) ** 0.5

    def sum_above(self, unit: int, lowest_bin: int, end_bin: int = BINS) -> float:
        """The sum of a unit's values in bins from one up to another (excluded), exact but for the last rounding."""
        return float(self._sums(unit, lowest_bin, end_bin)[0])

    def quantile(self, unit: int, share: float) -> float:
        """The value below which a share (0..1) of a unit's values lies, to half a bin: 0.4% of it at most."""
        return float(middles()[self.quantile_bin(unit, share)])

    def quantile_bin(self, unit: int, share: float, lowest_bin: int = 0) -> int:
        """The bin in which the quantile of all values from a bin upwards lies."""
        running = np.cumsum(self.counts[unit, lowest_bin:])
        return lowest_bin + int(np.searchsorted(running, max(1, share * running[-1])))

    @staticmethod
    def bin_of(value: float) -> int:
        """The bin that a value lies in."""
        return int(codes(np.array([value], np.float32))[0] >> np.uint32(16))

    @staticmethod
    def lower_edge(number: int) -> float:
        """The lowest value of a bin."""
        return float(floats(np.array([number << 16], np.uint32))[0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was counted, without empty bins."""
        where = np.flatnonzero(self.counts)
        return {"bins": where} | {n: p.reshape(-1)[where] for n, p in zip(_PARTS, self._parts, strict=True)}

    @classmethod
    def from_arrays(cls, units: int, arrays: Mapping[str, NDArray[Any]]) -> Histogram:
        """The histogram that `to_arrays` described."""
        made = cls(units)
        for name, part in zip(_PARTS, made._parts, strict=True):
            part.reshape(-1)[arrays["bins"]] = arrays[name]
        return made

    def _sums(self, unit: int, lowest: int, end: int = BINS) -> tuple[Fraction, Fraction]:
        """Sums of values and of squares, counted in 2^-ONE and 4^-ONE."""
        first = second = 0
        wholes, powers = integers()
        for place in lowest + np.flatnonzero(self.counts[unit, lowest:end]):
            count, rest, square = (int(part[unit, place]) for part in self._parts)
            if count > _MOST:
                raise CurvesError(f"sums of more than {_MOST:,} equal values are not exact; survey fewer images")
            whole, power = int(wholes[place]), int(powers[place])
            first += (count * whole + rest) << power
            second += (count * whole**2 + 2 * whole * rest + square) << 2 * power
        return Fraction(first, 2**ONE), Fraction(second, 4**ONE)
