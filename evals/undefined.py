"""Numbers that may be undefined, such as the scores of silent units: None, which counts for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["over", "ratio"]


def over(statistic: Callable[[list[float]], np.floating], values: Sequence[float | None]) -> float | None:
    """A statistic of the values that are defined."""
    given = [value for value in values if value is not None]
    return float(statistic(given)) if given else None


def ratio(value: float, whole: float) -> float | None:
    """A quotient; undefined where there is nothing to divide by."""
    return float(value / whole) if whole > 0 else None
