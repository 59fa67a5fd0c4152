"""Synthetic curves, as in the section on synthetic stimuli of "Curve Detectors" (Cammarata et al., Distill, 2020).

A tuning curve is the response to one drawing while its direction, radius or colour changes. `Curve` is one such
drawing as plain data, and `render_curves` turns several into images in [0, 1], the same ones every time (a sweep of
them is a `CurveGrid`). The shapes are those of `lucid.misc.stimuli.rounded_corner`, with
the line and the filled side apart and the direction measured as everywhere in this toolkit: counter-clockwise,
y up, from the middle of the arc to its centre of curvature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits.errors import CurvesError
from evals.render import Arcs, render_arcs

__all__ = ["FIELDS", "Curve", "along_arc", "changed", "render_columns", "render_curves"]

Colour = tuple[float, float, float]
_WHITE: Colour = (1.0, 1.0, 1.0)
_BLACK: Colour = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Curve:
    """One stimulus: an arc of a circle, drawn as a line or as the edge of a filled region.

    Attributes:
        direction: degrees, counter-clockwise with y up, from the middle of the arc to its centre of curvature:
            at 0 the centre is to the right, at 90 above.
        radius: of curvature in px, from 0 (a sharp corner; for filled or extended curves) to `math.inf` (a
            straight line).
        arc_length: px along the arc, above 0; `math.inf` leaves the length to `max_angle`.
        max_angle: degrees, above 0 and up to 360, that the arc turns at most. It turns by arc_length / radius
            otherwise; a corner turns by max_angle and a straight line by nothing.
        line_width: px, above 0; unused where `filled`.
        filled: draw the concave side of the contour instead of a line. The contour goes on along its tangents at both
            ends of the arc. Where it turns by more than 180 degrees, the tangents meet and the region is the drop that
            they and the arc enclose; at 360 degrees it is the disc.
        extended: let the line go on along the tangents instead of ending in round caps; for a max_angle of at most
            180, beyond which the tangents cross. A filled curve always goes on, so there it changes nothing.
        foreground: RGB in [0, 1] of the line or the filled side.
        background: RGB in [0, 1] of the rest.
        position: px, x to the right and y up, of the arc's middle from the centre of the image.
        size: of the square image in px. Pixel i covers [i, i + 1); the image's centre is at size / 2.

    Raises:
        CurvesError: a value is not of its kind or out of its range.

    Examples:
        >>> Curve(direction=90, size=32).render().shape
        torch.Size([3, 32, 32])
    """

    direction: float = 0.0
    radius: float = 40.0
    arc_length: float = math.inf
    max_angle: float = 180.0
    line_width: float = 3.0
    filled: bool = False
    extended: bool = False
    foreground: Colour = _WHITE
    background: Colour = _BLACK
    position: tuple[float, float] = (0.0, 0.0)
    size: int = 224

    def __post_init__(self) -> None:
        # Plain Python numbers, so that equal curves have equal JSON whatever they were given as.
        for name, plain in FIELDS.items():
            object.__setattr__(self, name, plain(name, getattr(self, name)))
        self._check()

    def _check(self) -> None:
        # Comparisons are written so that nan fails them.
        if not math.isfinite(self.direction):
            raise CurvesError(f"direction must be a finite angle in degrees, not {self.direction}")
        if not self.radius >= 0:
            raise CurvesError(f"radius must be 0 or more pixels (math.inf for a straight line), not {self.radius}")
        if self.radius == 0 and not (self.filled or self.extended):
            raise CurvesError(
                "a radius of 0 is a corner, which has no line of its own: "
                "set filled=True or extended=True, or use a radius above 0"
            )
        if not self.arc_length > 0:
            raise CurvesError(f"arc_length must be above 0 pixels (math.inf for no limit), not {self.arc_length}")
        if not 0 < self.max_angle <= 360:
            raise CurvesError(f"max_angle must be above 0 and at most 360 degrees, not {self.max_angle}")
        if self.extended and not self.filled and self.max_angle > 180:
            raise CurvesError(
                f"an extended curve cannot have a max_angle of {self.max_angle}, because past 180 degrees its "
                "tangents cross: lower max_angle, or set extended=False"
            )
        if not 0 < self.line_width < math.inf:
            raise CurvesError(f"line_width must be above 0 pixels and finite, not {self.line_width}")
        for name, colour in (("foreground", self.foreground), ("background", self.background)):
            if not all(0 <= channel <= 1 for channel in colour):
                raise CurvesError(f"{name} must be RGB values from 0 to 1, not {colour}; divide 0..255 values by 255")
        if not all(map(math.isfinite, self.position)):
            raise CurvesError(f"position must be two finite offsets in pixels, not {self.position}")
        if self.size < 1:
            raise CurvesError(f"size must be at least 1 pixel, not {self.size}")

    def render(self) -> Tensor:
        """Draw the curve: 3 x size x size, float32 in [0, 1]."""
        return render_curves([self])[0]


def along_arc(curve: Curve, lengths: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places on the arc that a curve in the middle of the picture is a part of, and the curve's directions there.

    Args:
        curve: the middle of its arc is where lengths are counted from.
        lengths: px along the arc; to the right of who looks at the centre where positive.

    Returns:
        x and y in px (y up), in a last axis of two; and degrees.
    """
    turned = lengths / curve.radius
    to_centre = np.exp(1j * math.radians(curve.direction))
    # R (1 - e^(i turned)) from the arc's middle, written so that a straight line needs no case of its own.
    places = -1j * to_centre * lengths * np.sinc(turned / math.tau) * np.exp(0.5j * turned)
    return np.stack([places.real, places.imag], axis=-1), curve.direction + np.degrees(turned)


def _number(name: str, value: object) -> float:
    try:
        if not isinstance(value, str):
            return float(value)  # type: ignore[arg-type]  # what has no float() ends below
    except (TypeError, ValueError):
        pass
    raise CurvesError(f"{name} must be a number, not {value!r}")


def _numbers(name: str, value: object, count: int) -> tuple[float, ...]:
    items = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if len(items) != count:
        raise CurvesError(f"{name} must be {count} numbers, not {value!r}")
    return tuple(_number(name, item) for item in items)


def _colour(name: str, value: object) -> tuple[float, ...]:
    return _numbers(name, value, 3)


def _pair(name: str, value: object) -> tuple[float, ...]:
    return _numbers(name, value, 2)


def _flag(name: str, value: object) -> bool:
    if value in (True, False):
        return bool(value)
    raise CurvesError(f"{name} must be True or False, not {value!r}")


def _whole(name: str, value: object) -> int:
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise CurvesError(f"{name} must be a whole number, not {value!r}") from None


FIELDS: dict[str, Callable[[str, object], object]] = {
    "direction": _number,
    "radius": _number,
    "arc_length": _number,
    "max_angle": _number,
    "line_width": _number,
    "filled": _flag,
    "extended": _flag,
    "foreground": _colour,
    "background": _colour,
    "position": _pair,
    "size": _whole,
}
"""How each field of a curve becomes a plain Python value."""


def changed(curve: Curve, changes: dict[str, Any]) -> Curve:
    """The curve with some parameters replaced.

    Raises:
        CurvesError: a parameter is unknown, or its value is not of its kind or out of its range.
    """
    for name in changes:
        if name not in FIELDS:
            raise CurvesError(f"a curve has no {name!r}; it has {', '.join(FIELDS)}")
    return replace(curve, **changes)


def render_curves(
    curves: Sequence[Curve],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw curves of one size, antialiased, without random numbers.

    Args:
        curves: at least one; all of the same size.
        device: where to draw and to leave the images; the CPU by default.
        dtype: floating-point type of the images. The arithmetic is float32.

    Returns:
        N x 3 x size x size in [0, 1]. The three channels share memory where every colour is a grey: clone before
        changing the images in place.

    Raises:
        CurvesError: there are no curves, they differ in size, or dtype is not a floating-point type.
    """
    sizes = sorted({curve.size for curve in curves})
    if not sizes:
        raise CurvesError("there is no curve to draw: give at least one")
    if len(sizes) > 1:
        raise CurvesError(f"curves drawn together must have one size, not {sizes}: draw each size by itself")
    if not dtype.is_floating_point:
        raise CurvesError(f"images are floating-point in [0, 1], so dtype cannot be {dtype}; use torch.float32")
    columns = {name: np.array([getattr(curve, name) for curve in curves]) for name in FIELDS}
    return render_columns(columns, device, dtype)


def render_columns(columns: dict[str, Any], device: torch.device | str | None, dtype: torch.dtype) -> Tensor:
    """Draw curves given as one array for each field, the curves along its first axis."""
    radius, length = columns["radius"], columns["arc_length"]
    with np.errstate(divide="ignore", invalid="ignore"):
        turning = np.where(np.isinf(radius), 0.0, np.fmin(length / radius, np.radians(columns["max_angle"])))
    arcs = Arcs(
        direction=np.radians(columns["direction"]),
        radius=radius,
        turning=turning,
        length=length,
        line_width=columns["line_width"],
        filled=columns["filled"],
        extended=columns["extended"],
        foreground=columns["foreground"],
        background=columns["background"],
        position=columns["position"].T,
    )
    return render_arcs(arcs, int(columns["size"][0]), torch.device(device or "cpu"), dtype)
