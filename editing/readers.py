"""Reading the values of edits' fields, from Python or from a plan: what is no such value is refused in one sentence."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from circuits import CurvesError

__all__ = ["direction", "number", "number_or_many", "plain", "positions", "whole"]


def number(given: Any) -> float:
    """A finite number.

    Raises:
        CurvesError: it is none.
    """
    if isinstance(given, Tensor) and given.numel() == 1:
        given = given.item()
    try:
        if not isinstance(given, bool | str | bytes) and math.isfinite(value := float(given)):
            return value
    except (TypeError, ValueError, OverflowError):
        pass
    raise CurvesError(f"{given!r} is no number; give a finite one")


def whole(given: Any) -> int:
    """A whole number.

    Raises:
        CurvesError: it is none.
    """
    value = number(given)
    if value != int(value):
        raise CurvesError(f"{given!r} is no whole number")
    return int(value)


def number_or_many(given: Any) -> float | tuple[float, ...]:
    """A finite number, or several.

    Raises:
        CurvesError: one is none.
    """
    if isinstance(given, Tensor) and given.ndim:
        given = given.tolist()
    return tuple(map(number, given)) if isinstance(given, list | tuple) else number(given)


def direction(given: Any) -> tuple[float, float] | None:
    """A range of angles in degrees.

    Raises:
        CurvesError: it is none.
    """
    if given is None:
        return None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise CurvesError(f"direction is [from, to] in degrees, counter-clockwise, not {given!r}")
    return number(given[0]), number(given[1])


def positions(given: Any) -> tuple[tuple[int, int], ...] | None:
    """Places of a kernel.

    Raises:
        CurvesError: they are none.
    """
    if given is None:
        return None
    listed = isinstance(given, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in given)
    if not listed or not given:
        raise CurvesError(f"positions are [[x, y], ...], right and up from the kernel's middle, not {given!r}")
    return tuple((whole(x), whole(y)) for x, y in given)


def plain(value: Any) -> Any:
    """Tuples as lists, at every depth: what TOML and JSON hold."""
    return [plain(item) for item in value] if isinstance(value, tuple) else value
