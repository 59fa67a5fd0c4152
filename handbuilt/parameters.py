"""Every number that the hand-built network follows from, with its name, unit and meaning.

They were chosen by principle and checked on curves drawn by another program (skia) than the tests' own renderer;
none is fitted to a test.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from circuits import CurvesError

__all__ = ["ComplexGabors", "Curves", "EarlyCurves", "Gabors", "Lines", "Parameters"]


_MAY_BE_ZERO = {"inhibition", "threshold", "opposite"}  # mechanisms that can be left out


class _Layer:
    """Checks the numbers of one layer."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
                least = "0 or more" if name in _MAY_BE_ZERO else "above 0"
                raise CurvesError(f"{name} of {type(self).__name__} cannot be {value}; give a number {least}")


@dataclass(frozen=True)
class Gabors(_Layer):
    """conv2d0: 7x7 filters at every orientation in four phases, on three axes of colour."""

    wavelength: float = 6.0
    """px of one period across the line; a 7x7 filter holds about one."""
    envelope: float = 2.0
    """px, standard deviation of the round Gaussian window."""
    contrast: float = 0.14
    """Half-saturation: the root of the summed squared responses at which normalisation reaches half."""


@dataclass(frozen=True)
class ComplexGabors(_Layer):
    """conv2d1: phases of one orientation added up, other orientations subtracted."""

    width: float = 18.0
    """degrees, standard deviation of the excited orientations."""
    inhibition: float = 0.5
    """Sum of the inhibition, spread evenly over all orientations, for an excitation that sums to 1."""


@dataclass(frozen=True)
class Lines(_Layer):
    """conv2d2: 3x3 complex Gabors tiled along their tangent."""

    spread: float = 2.5
    """px, standard deviation of the excitation across the line."""
    width: float = 15.0
    """degrees, standard deviation of the excited orientations."""
    inhibition: float = 1.0
    """Sum of the inhibition over all orientations for an excitation that sums to 1: 1 ignores texture."""
    gain: float = 6.0
    """Sum of the excitation."""
    threshold: float = 0.1
    """Subtracted before the ReLU."""
    contrast: float = 0.14
    """Half-saturation of the normalisation over orientations that follows."""


@dataclass(frozen=True)
class Arc(_Layer):
    """A layer of arcs made of shorter pieces: 3a from lines, 3b from early curves.

    The kernel is the mean over a band of radii of an ideal arc through the middle: pieces along its tangent excite, all
    others on it inhibit, and so do the pieces of the arc that bends the opposite way.
    """

    smallest_radius: float
    """px, lower end of the band."""
    largest_radius: float
    """px, upper end of the band."""
    across: float
    """px, standard deviation of the weights' distance from the arc."""
    along: float
    """px, standard deviation of the weights along the arc, from its middle."""
    width: float
    """degrees, standard deviation of the excited pieces around the tangent."""
    opposite: float
    """Inhibition by the pieces of the opposite arc, as a share of the excitation by the arc's own."""
    inhibition: float
    """Sum of the inhibition over all directions of the pieces, for an excitation that sums to 1."""
    gain: float = 2.0
    """Sum of the excitation."""
    threshold: float = 0.1
    """Subtracted before the ReLU."""
    radii: int = 5
    """Radii averaged, evenly spaced in their logarithm."""


@dataclass(frozen=True)
class EarlyCurves(Arc):
    """3a: short arcs made of lines."""

    smallest_radius: float = 15.0
    largest_radius: float = 80.0
    across: float = 5.0
    along: float = 16.0
    width: float = 15.0
    opposite: float = 0.6
    inhibition: float = 0.3


@dataclass(frozen=True)
class Curves(Arc):
    """3b: long arcs made of early curves."""

    smallest_radius: float = 20.0
    largest_radius: float = 120.0
    across: float = 7.0
    along: float = 18.0
    width: float = 20.0
    opposite: float = 0.7
    inhibition: float = 0.5
    threshold: float = 0.15


@dataclass(frozen=True)
class Parameters:
    """All parameters, by layer."""

    gabors: Gabors = field(default_factory=Gabors)
    complex_gabors: ComplexGabors = field(default_factory=ComplexGabors)
    lines: Lines = field(default_factory=Lines)
    early_curves: EarlyCurves = field(default_factory=EarlyCurves)
    curves: Curves = field(default_factory=Curves)

    def changed(self, values: Mapping[str, float]) -> Parameters:
        """A copy in which parameters, named as in `lines.inhibition`, have other values.

        Raises:
            CurvesError: a name is unknown or a value is out of its range.
        """
        result = self
        for name, value in values.items():
            layer, _, part = name.partition(".")
            known = [f.name for f in dataclasses.fields(self)]
            if layer not in known:
                raise CurvesError(f"there is no parameter {name!r}; it starts with one of {', '.join(known)}")
            group = getattr(result, layer)
            parts = {f.name: getattr(group, f.name) for f in dataclasses.fields(group)}
            if part not in parts:
                raise CurvesError(f"there is no parameter {name!r}; {layer} has {', '.join(parts)}")
            if isinstance(parts[part], int) and value != round(value, 0):
                raise CurvesError(f"{name} is a count and cannot be {value}; give a whole number")
            changed = dataclasses.replace(group, **{part: type(parts[part])(value)})
            result = dataclasses.replace(result, **{layer: changed})
        return result
