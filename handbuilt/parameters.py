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

__all__ = [
    "CombedEdges",
    "ComplexGabors",
    "Curves",
    "DoubleCurves",
    "EarlyCurves",
    "Gabors",
    "LineEnds",
    "Lines",
    "Parameters",
    "Shapes",
    "SmallCurves",
]


_MAY_BE_ZERO = {
    "inhibition",
    "threshold",
    "opposite",
    "straight",
    "beyond",
    "teeth",
    "swapped",
}  # mechanisms that can be left out


class _Layer:
    """Checks the numbers of one layer."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
                least = "0 or more" if name in _MAY_BE_ZERO else "above 0"
                raise CurvesError(f"{name} of {type(self).__name__} cannot be {value}; give a number {least}")


@dataclass(frozen=True)
class Gabors(_Layer):
    """conv2d0: 7x7 Gabors at every orientation in four phases, and contrasts of colour in every direction."""

    wavelength: float = 6.0
    """px of one period across the line; a 7x7 filter holds about one."""
    envelope: float = 2.0
    """px, standard deviation of the round Gaussian window."""
    contrast: float = 0.14
    """Half-saturation: the root of the summed squared responses at which normalisation reaches half."""


@dataclass(frozen=True)
class ComplexGabors(_Layer):
    """conv2d1: phases and colours of one orientation added up, all orientations subtracted."""

    width: float = 18.0
    """degrees, standard deviation of the excited orientations."""
    inhibition: float = 1.25
    """Sum of the inhibition, spread evenly over all orientations, for an excitation that sums to 1."""


@dataclass(frozen=True)
class Lines(_Layer):
    """conv2d2: 3x3 complex Gabors tiled along their tangent."""

    spread: float = 2.0
    """px, standard deviation of the excitation across the line."""
    width: float = 12.0
    """degrees, standard deviation of the excited orientations."""
    inhibition: float = 1.0
    """Sum of the inhibition over all orientations for an excitation that sums to 1: 1 ignores texture."""
    gain: float = 6.0
    """Sum of the excitation."""
    threshold: float = 0.1
    """Subtracted before the ReLU."""
    contrast: float = 0.14
    """Half-saturation of the normalisation over the layer that follows."""


@dataclass(frozen=True)
class CombedEdges(_Layer):
    """conv2d2: a row of complex Gabors on one side, and on the other some that stand on it."""

    teeth: float = 0.7
    """Share of the excitation that comes from the teeth, 0..1."""
    spread: float = 2.0
    """px, standard deviation of the weights across the edge."""
    width: float = 15.0
    """degrees, standard deviation of the excited orientations."""
    swapped: float = 1.5
    """Inhibition by the edge where the teeth should be and the other way round, as a share of the excitation."""
    gain: float = 6.0
    """Sum of the excitation."""
    threshold: float = 0.2
    """Subtracted before the ReLU."""


@dataclass(frozen=True)
class SmallCurves(_Layer):
    """conv2d2: complex Gabors along circles about one centre."""

    radius: float = 9.0
    """px from the middle of the unit to the centre of the circles."""
    width: float = 20.0
    """degrees, standard deviation of the excited orientations."""
    opposite: float = 0.5
    """Inhibition by the circles about the opposite centre, as a share of the excitation."""
    inhibition: float = 0.7
    """Sum of the inhibition over all orientations for an excitation that sums to 1."""
    gain: float = 6.0
    """Sum of the excitation."""
    threshold: float = 0.1
    """Subtracted before the ReLU."""


@dataclass(frozen=True)
class Arc(_Layer):
    """A layer of arcs made of shorter pieces: 3a from lines, 3b from early curves."""

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
    threshold: float = 0.15
    """Subtracted before the ReLU."""
    radii: int = 5
    """Radii averaged in a band, evenly spaced in their logarithm."""


@dataclass(frozen=True)
class EarlyCurves(Arc):
    """3a: short arcs made of lines."""

    smallest_radius: float = 15.0
    """px, lower end of the band."""
    largest_radius: float = 80.0
    """px, upper end of the band."""
    across: float = 3.0
    along: float = 8.0
    width: float = 10.0
    opposite: float = 0.6
    inhibition: float = 0.5
    threshold: float = 0.2


@dataclass(frozen=True)
class LineEnds(_Layer):
    """3a: a line on one side of the middle and none on the other."""

    across: float = 5.0
    """px, standard deviation of the weights' distance from the line."""
    along: float = 16.0
    """px, standard deviation of the weights along the line, from its end."""
    width: float = 15.0
    """degrees, standard deviation of the excited orientations."""
    beyond: float = 2.0
    """Inhibition by the line's continuation, for each part of the excitation by the line."""
    inhibition: float = 1.0
    """Sum of the inhibition over all orientations for an excitation that sums to 1."""
    gain: float = 2.0
    """Sum of the excitation."""
    threshold: float = 0.1
    """Subtracted before the ReLU."""


@dataclass(frozen=True)
class Curves(Arc):
    """3b: long arcs made of early curves, in three adjoining bands of radius: small, middle, large."""

    smallest_radius: float = 10.0
    """px, lower end of the small radii."""
    medium_radius: float = 20.0
    """px, upper end of the small radii, lower end of the middle ones."""
    wide_radius: float = 60.0
    """px, upper end of the middle radii, lower end of the large ones."""
    largest_radius: float = 300.0
    """px, upper end of the large radii."""
    across: float = 4.0
    along: float = 18.0
    width: float = 18.0
    opposite: float = 0.5
    inhibition: float = 0.5


@dataclass(frozen=True)
class DoubleCurves(_Layer):
    """3b: two curves of the middle band back to back, without the line between them."""

    straight: float = 0.3
    """Inhibition by lines along the tangent in the middle, as a share of the excitation."""
    threshold: float = 0.15
    """Subtracted before the ReLU."""


@dataclass(frozen=True)
class Shapes(_Layer):
    """4a: curves around a middle, or on both sides of it."""

    radius: float = 28.0
    """px: of the ring on which curves lie, and of an S-shape's arcs."""
    across: float = 9.0
    """px, standard deviation of the weights' distance from the ring or arc."""
    along: float = 32.0
    """px, standard deviation of an S-shape's weights along its arcs."""
    width: float = 20.0
    """degrees, standard deviation of the excited curves around the right direction."""
    pitch: float = 40.0
    """degrees by which a spiral's curves face past the middle."""
    rivals: float = 0.6
    """Inhibition by curves as the ring's other shapes want them, as a share of the excitation."""
    inhibition: float = 1.0
    """Sum of the inhibition over all directions, for an excitation that sums to 1."""
    gain: float = 2.0
    """Sum of the excitation."""
    threshold: float = 0.6
    """Subtracted before the ReLU."""


@dataclass(frozen=True)
class Parameters:
    """All parameters, by layer and family."""

    gabors: Gabors = field(default_factory=Gabors)
    complex_gabors: ComplexGabors = field(default_factory=ComplexGabors)
    lines: Lines = field(default_factory=Lines)
    combed_edges: CombedEdges = field(default_factory=CombedEdges)
    small_curves: SmallCurves = field(default_factory=SmallCurves)
    early_curves: EarlyCurves = field(default_factory=EarlyCurves)
    line_ends: LineEnds = field(default_factory=LineEnds)
    curves: Curves = field(default_factory=Curves)
    double_curves: DoubleCurves = field(default_factory=DoubleCurves)
    shapes: Shapes = field(default_factory=Shapes)

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
