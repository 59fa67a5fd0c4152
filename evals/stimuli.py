"""Synthetic curves, as in the section on synthetic stimuli of "Curve Detectors" (Cammarata et al., Distill, 2020).

A tuning curve is the response to one drawing while its direction, radius or colour changes. `Curve` is one such
drawing as plain data, `CurveGrid` every combination of some of its parameters, and `render_curves` turns either
into images in [0, 1], the same ones every time. The shapes are those of `lucid.misc.stimuli.rounded_corner`, with
the line and the filled side apart and the direction measured as everywhere in this toolkit: counter-clockwise,
y up, from the middle of the arc to its centre of curvature.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from operator import index
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuits.errors import CurvesError
from evals.render import Arcs, render_arcs

__all__ = ["Curve", "CurveGrid", "render_curves"]

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
        for name, plain in _PLAIN.items():
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


# How each field becomes a plain Python value.
_PLAIN: dict[str, Callable[[str, object], object]] = {
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


def _changed(curve: Curve, changes: dict[str, Any]) -> Curve:
    for name in changes:
        if name not in _PLAIN:
            raise CurvesError(f"a curve has no {name!r}; it has {', '.join(_PLAIN)}")
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
    columns = {name: np.array([getattr(curve, name) for curve in curves]) for name in _PLAIN}
    return _render(columns, device, dtype)


def _render(columns: dict[str, Any], device: torch.device | str | None, dtype: torch.dtype) -> Tensor:
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


@dataclass(frozen=True)
class CurveGrid:
    """Every combination of some parameters of a curve; drawn when asked for.

    Attributes:
        base: the parameters that stay; it is kept as the first curve of the grid.
        axes: name and values of each parameter that changes, the slowest first. Any parameter but `size`.

    Raises:
        CurvesError: an axis is unknown, empty, named twice or `size`, or one of the curves cannot be.

    Examples:
        >>> grid = CurveGrid.of(Curve(size=91), radius=[20, math.inf], direction=range(0, 360, 90))
        >>> grid.shape, len(grid), grid[5].direction
        ((2, 4), 8, 90.0)
        >>> [batch.shape[0] for batch in grid.batches(3)]
        [3, 3, 2]
    """

    base: Curve
    axes: tuple[tuple[str, tuple[Any, ...]], ...]

    def __post_init__(self) -> None:
        axes = {}
        for name, values in self.axes:
            if name == "size":
                raise CurvesError(
                    "size cannot be an axis, because images of a batch have one size: make a grid per size"
                )
            if name in axes:
                raise CurvesError(f"the axis {name!r} is given twice: put its values together")
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise CurvesError(f"the axis {name!r} needs a list of values, not {values!r}")
            axes[name] = tuple(values)
            if not axes[name]:
                raise CurvesError(f"the axis {name!r} has no values: give at least one")
        first = _changed(self.base, {name: values[0] for name, values in axes.items()})
        # Which radius and angle can be depends on the style: these are checked together, the others one by one.
        joint = [name for name in axes if name in ("radius", "max_angle", "filled", "extended")]
        for combination in itertools.product(*(axes[name] for name in joint)):
            replace(first, **dict(zip(joint, combination, strict=True)))
        plain = {
            name: tuple(getattr(replace(first, **{name: value}), name) for value in values)
            for name, values in axes.items()
        }
        object.__setattr__(self, "base", first)
        object.__setattr__(self, "axes", tuple(plain.items()))

    @classmethod
    def of(cls, base: Curve | None = None, /, **axes: Iterable[Any]) -> CurveGrid:
        """Sweep the named parameters of `base` (by default `Curve()`), the last one named fastest."""
        return cls(base or Curve(), tuple(axes.items()))  # type: ignore[arg-type]  # made tuples by __post_init__

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> CurveGrid:
        """Make the grid again that `spec` describes.

        Raises:
            CurvesError: it describes none.
        """
        try:
            base = {name: _read(value) for name, value in spec["base"].items()}
            axes = tuple((name, tuple(_read(value) for value in values)) for name, values in spec["axes"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CurvesError(
                f"this is not the spec of a curve grid ({error!r}): "
                "it needs a 'base' and 'axes' as CurveGrid.spec() writes them"
            ) from error
        return cls(_changed(Curve(), base), axes)

    def spec(self) -> dict[str, Any]:
        """Describe the grid with JSON's types alone, the same for equal grids; an infinite length is "inf"."""
        return {
            "base": {name: _write(value) for name, value in asdict(self.base).items()},
            "axes": [[name, [_write(value) for value in values]] for name, values in self.axes],
        }

    def with_base(self, **changes: object) -> CurveGrid:
        """The same sweep of another curve.

        Raises:
            CurvesError: a changed parameter is unknown or an axis.
        """
        for name, _ in self.axes:
            if name in changes:
                raise CurvesError(f"{name} is an axis of this grid: make another grid to change its values")
        return CurveGrid(_changed(self.base, changes), self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(values) for _, values in self.axes)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, i: int) -> Curve:
        """The curve at a place in C order, counted from the end where negative."""
        place = i + len(self) if i < 0 else i
        if not 0 <= place < len(self):
            raise IndexError(f"this grid has {len(self)} curves, so there is no number {i}")
        at = np.unravel_index(place, self.shape)
        return replace(self.base, **{name: values[j] for (name, values), j in zip(self.axes, at, strict=True)})

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw the curves in C order over the axes, `batch_size` at a time (fewer in the last batch).

        Raises:
            CurvesError: batch_size is below 1.
        """
        if batch_size < 1:
            raise CurvesError(f"batch_size must be at least 1, not {batch_size}")
        # A generator of its own, so that the error comes with the call and not with the first batch.
        return self._batches(batch_size, device)

    def _batches(self, batch_size: int, device: torch.device | str | None) -> Iterator[Tensor]:
        # Straight from the axes to arrays: making the curves one by one would take as long as drawing them.
        swept = {name: np.array(values) for name, values in self.axes}
        fixed = {name: np.array(getattr(self.base, name)) for name in _PLAIN if name not in swept}
        for start in range(0, len(self), batch_size):
            places = np.arange(start, min(start + batch_size, len(self)))
            at = dict(zip(swept, np.unravel_index(places, (*self.shape, 1)), strict=False))  # 1: there may be no axis
            columns = {name: values[at[name]] for name, values in swept.items()}
            columns |= {name: np.broadcast_to(value, (len(places), *value.shape)) for name, value in fixed.items()}
            yield _render(columns, device, torch.float32)


def _write(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return "inf" if value == math.inf else value


def _read(value: object) -> object:
    return math.inf if value == "inf" else value
