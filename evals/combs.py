"""Combs: a curve with ticks across it, or the ticks alone, for the combing that "Curve Circuits" describes.

Curve detectors are also excited by small lines perpendicular to their curve ("the combing effect", Cammarata et al.,
Distill, 2021). A `Comb` is such a picture as plain data: short straight lines of one length, at equal distances along
the arc of a `Curve`, each centred on the arc and at one angle to its tangent. At 90 degrees they are the teeth of a
comb; at 0 they lie on the arc, the dashed curve that is the control. Drawn from the same distances as the curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError
from evals.grid import CurveGrid
from evals.stimuli import FIELDS, Curve, along_arc, render_columns

__all__ = ["Comb", "CombGrid", "render_combs"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class Comb:
    """One stimulus: ticks along the arc of a curve.

    Attributes:
        curve: the arc, colours, line width (of the ticks too), position and size; neither filled nor a corner.
        tick_length: px, above 0, between the middles of a tick's round caps (as the length of a curve).
        spacing: px along the arc from tick to tick, above 0; one tick is at the arc's middle.
        tick_angle: degrees from the arc's tangent to the ticks, counter-clockwise: 90 is a comb, 0 a dashed curve.
        with_curve: draw the curve too, not the ticks alone.

    Raises:
        CurvesError: a value is out of its range.

    Examples:
        >>> Comb(Curve(direction=90, size=32, radius=12)).render().shape
        torch.Size([3, 32, 32])
    """

    curve: Curve
    tick_length: float = 12.0
    spacing: float = 9.0
    tick_angle: float = 90.0
    with_curve: bool = False

    def __post_init__(self) -> None:
        if self.curve.filled or self.curve.radius == 0:
            raise CurvesError("ticks stand on a line, not on a filled curve or a corner: use filled=False, radius > 0")
        for name in ("tick_length", "spacing"):
            if not 0 < getattr(self, name) < math.inf:
                raise CurvesError(f"{name} must be above 0 pixels and finite, not {getattr(self, name)}")
        if not math.isfinite(self.tick_angle):
            raise CurvesError(f"tick_angle must be a finite angle in degrees, not {self.tick_angle}")

    def render(self) -> Tensor:
        """Draw the comb: 3 x size x size, float32 in [0, 1]."""
        return render_combs([self])[0]


def render_combs(combs: Sequence[Comb], *, device: torch.device | str | None = None) -> Tensor:
    """Draw combs of one size, antialiased, without random numbers.

    Args:
        combs: at least one; all of the same size.
        device: where to draw and to leave the images; the CPU by default.

    Returns:
        N x 3 x size x size, float32 in [0, 1].

    Raises:
        CurvesError: there are no combs or they differ in size.
    """
    sizes = sorted({comb.curve.size for comb in combs})
    if len(sizes) != 1:
        raise CurvesError(f"combs drawn together must have one size, not {sizes or 'none'}: draw each size by itself")
    lines = [_lines(comb) for comb in combs]
    columns = {name: np.concatenate([line[name] for line in lines]) for name in FIELDS}
    # White on black, an image is what its line covers.
    coverage = render_columns(columns, device, torch.float32)[:, 0]
    counts = torch.tensor([len(line["size"]) for line in lines], device=coverage.device)
    places = torch.arange(len(combs), device=coverage.device).repeat_interleave(counts)[:, None, None]
    canvas = torch.zeros(len(combs), *coverage.shape[1:], device=coverage.device)
    canvas = canvas.scatter_reduce_(0, places.expand_as(coverage), coverage, "amax")[:, None]
    colours = torch.tensor([(comb.curve.foreground, comb.curve.background) for comb in combs], device=coverage.device)
    foreground, background = colours[..., None, None].unbind(1)
    return canvas * foreground + (1 - canvas) * background


def _lines(comb: Comb) -> dict[str, _Array]:
    """The ticks from one end of the arc to the other, then the curve if it is drawn, as `render_columns` reads them."""
    curve = comb.curve
    longest = min(curve.arc_length, curve.radius * math.radians(curve.max_angle))
    # A chord is at least 2 / pi of its arc, so that no tick beyond this reaches into the picture.
    seen = math.pi / 2 * (math.hypot(*curve.position) + curve.size + comb.tick_length)
    last = int(min(longest / 2, seen) / comb.spacing)
    along = comb.spacing * np.arange(-last, last + 1, dtype=np.float64)
    middles, directions = along_arc(curve, along)
    count = len(along) + comb.with_curve
    columns = {name: np.array([getattr(curve, name)] * count) for name in FIELDS}
    columns["foreground"], columns["background"] = np.ones((count, 3)), np.zeros((count, 3))
    ticks = slice(0, len(along))
    columns["direction"][ticks] = directions + comb.tick_angle
    columns["radius"][ticks], columns["arc_length"][ticks], columns["extended"][ticks] = (
        math.inf,
        comb.tick_length,
        False,
    )
    columns["position"][ticks] = middles + curve.position
    return columns


@dataclass(frozen=True)
class CombGrid:
    """Ticks of several lengths and spacings along every curve of a grid, drawn when asked for.

    Attributes:
        curves: the arcs.
        tick_lengths: px.
        spacings: px.
        tick_angle: degrees, as of `Comb`.
        with_curve: as of `Comb`.

    Raises:
        CurvesError: there is no length or spacing, or one of the combs cannot be.
    """

    curves: CurveGrid
    tick_lengths: tuple[float, ...]
    spacings: tuple[float, ...]
    tick_angle: float = 90.0
    with_curve: bool = False

    def __post_init__(self) -> None:
        for name in ("tick_lengths", "spacings"):
            values = tuple(float(value) for value in getattr(self, name))
            if not values:
                raise CurvesError(f"{name} has no values: give at least one")
            object.__setattr__(self, name, values)
        for i in range(len(self)):
            self[i]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of tick lengths, of spacings, and of the values of each axis of the curves."""
        return (len(self.tick_lengths), len(self.spacings), *self.curves.shape)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, i: int) -> Comb:
        """The comb at a place in C order, counted from the end where negative."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"this grid has {len(self)} combs, so there is no number {i}")
        ticks, curve = divmod(i % len(self), len(self.curves))
        length, spacing = divmod(ticks, len(self.spacings))
        sizes = self.tick_lengths[length], self.spacings[spacing]
        return Comb(self.curves[curve], *sizes, self.tick_angle, self.with_curve)

    def spec(self) -> dict[str, Any]:
        """Describe the grid with JSON's types alone, the same for equal grids."""
        return {
            "curves": self.curves.spec(),
            "tick_lengths": list(self.tick_lengths),
            "spacings": list(self.spacings),
            "tick_angle": self.tick_angle,
            "with_curve": self.with_curve,
        }

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw the combs in C order, `batch_size` (at least 1) at a time, fewer in the last batch."""
        for start in range(0, len(self), batch_size):
            yield render_combs([self[i] for i in range(start, min(start + batch_size, len(self)))], device=device)
