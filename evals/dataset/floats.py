"""Single-precision numbers as integers of the same order, and hashes: with them, sums and samples depend on no order.

The code of a number is an integer of 32 bits that grows with the number. Its upper bits name a bin whose borders are
the same for every data set: 16 of them give 128 bins an octave, each 0.4 to 0.8% wide. Within a bin, all numbers are
the bin's middle plus a whole multiple of one unit in the last place, so that they can be summed as integers.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "ONE", "codes", "fixed", "floats", "integers", "middles", "mixed", "name_hash", "unfixed"]

BINS = 2**16
"""Bins for all numbers that there are, most of them for numbers that never occur."""

ONE = 149
"""Every number of single precision, and so every sum of some, is a multiple of 2^-149."""

_SIGN = np.uint32(0x80000000)


def codes(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Integers in the order of the values; 0 and -0 have the same."""
    bits = (values + np.float32(0)).view(np.uint32)  # adding 0 takes the sign off -0
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def floats(found: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The numbers that have these codes."""
    given = found.astype(np.uint32)
    return np.where(given & _SIGN, given ^ _SIGN, ~given).view(np.float32)


@cache
def middles() -> NDArray[np.float64]:
    """The middle of each bin, (BINS,), from which numbers are counted: half the bin above its lowest code."""
    with np.errstate(invalid="ignore"):  # the bins of what is no number
        return _middles().astype(np.float64)


@cache
def integers() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each bin's m and k, both (BINS,): its middle is m x 2^(k - ONE), and one code more adds 2^(k - ONE)."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.spacing(np.abs(_middles())).astype(np.float64)
        real = np.isfinite(steps) & (steps > 0)
        wholes = np.where(real, middles() / steps, 0).astype(np.int64)
        powers = np.where(real, np.log2(np.where(real, steps, 1)) + ONE, 0).astype(np.int64)
    return wholes, powers


def _middles() -> NDArray[np.float32]:
    return floats(np.arange(0x8000, 2**32, 2**16, dtype=np.uint32))


def fixed(sums: NDArray[np.float64]) -> NDArray[np.object_]:
    """Sums of single-precision numbers as Python's integers, in units of 2^-ONE."""
    whole = np.ldexp(sums, ONE)
    return np.array([int(number) for number in whole.ravel()], dtype=object).reshape(sums.shape)


def unfixed(whole: NDArray[np.object_]) -> NDArray[np.float64]:
    """The nearest numbers to what `fixed` gave, or to sums of that."""
    found: NDArray[np.float64] = np.ldexp(whole.astype(np.float64), -ONE)
    return found


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look random and depend on those given alone (SplitMix64's finaliser; Steele et al., 2014)."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def name_hash(*parts: Any) -> int:  # noqa: ANN401 (whatever has a text)
    """64 bits that stand for a name."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
