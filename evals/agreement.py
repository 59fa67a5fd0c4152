"""Numbers that say how far two units agree: correlations, shared largest values, means over units with intervals.

Whatever is not defined, because something is the same everywhere, is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Mean", "correlation", "correlations", "mean_over_units", "rank_correlation", "shared_top"]

Array = NDArray[np.float64]


def correlations(first: ArrayLike, second: ArrayLike) -> Array:
    """Pearson's correlation of each row of the first with each of the second, N x M; NaN for a constant row."""
    a, b = (_standardised(np.asarray(each, dtype=np.float64)) for each in (first, second))
    found: Array = np.clip(a @ b.T, -1, 1)
    return found


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Pearson's correlation of two rows of values."""
    return float(correlations(np.ravel(first)[None], np.ravel(second)[None])[0, 0])


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's correlation: that of the ranks, equal values sharing their mean rank."""
    from scipy.stats import rankdata  # not at the top: it takes most of a second

    return correlation(rankdata(first), rankdata(second))


def shared_top(first: ArrayLike, second: ArrayLike, share: float, within: float) -> float:
    """Of the places where the first is in its top `share`, the share at which the second is in its top `within`.

    Where equal values lie on both sides of the border, each of them counts as the part of them that lies inside, so
    that unrelated values give `within` whatever ties there are.

    Args:
        first: values by place.
        second: values at the same places.
        share: part of all places, 0..1.
        within: the same for the second.
    """
    own, other = _top(np.asarray(first), share), _top(np.asarray(second), within)
    return float((own * other).sum() / own.sum())


@dataclass(frozen=True)
class Mean:
    """A mean over units, and its interval of 95% by bootstrap over units; `count` units had a value."""

    value: float
    low: float
    high: float
    count: int


def mean_over_units(values: ArrayLike, seed: int = 0, times: int = 2000) -> Mean:
    """The mean of all values that are defined, and how far it would vary with other units of the kind.

    Args:
        values: one for each unit; NaN is left out.
        seed: of the bootstrap.
        times: how many sets of units are drawn.
    """
    given = np.asarray(values, dtype=np.float64)
    given = given[~np.isnan(given)]
    if not given.size:
        return Mean(np.nan, np.nan, np.nan, 0)
    drawn = np.random.default_rng(seed).integers(0, given.size, (times, given.size))
    low, high = np.percentile(given[drawn].mean(axis=1), (2.5, 97.5))
    return Mean(float(given.mean()), float(low), float(high), int(given.size))


def _standardised(rows: Array) -> Array:
    """Rows of mean 0 and length 1; NaN where all values are equal."""
    constant = rows.max(axis=1, keepdims=True) == rows.min(axis=1, keepdims=True)
    centred = rows - rows.mean(axis=1, keepdims=True)
    largest = np.where(constant, 1, np.abs(centred).max(axis=1, keepdims=True))
    scaled = centred / largest  # squares of the tiniest values would vanish
    length = np.where(constant, np.nan, np.sqrt((scaled * scaled).sum(axis=1, keepdims=True)))
    standardised: Array = scaled / length
    return standardised


def _top(values: NDArray[np.floating], share: float) -> Array:
    """How much of each place is among the largest `share` of them, 0..1."""
    count = max(1, round(share * values.size))
    border = np.partition(values, -count)[-count]
    above, equal = values > border, values == border
    part: Array = above + equal * (count - above.sum()) / equal.sum()
    return part
