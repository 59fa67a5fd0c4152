"""Combs: a curve with ticks across it, or the ticks alone, for the combing that "Curve Circuits" describes.

Curve detectors are also excited by small lines perpendicular to their curve ("the combing effect", Cammarata et al.,
Distill, 2021). A `Comb` is such a picture as plain data: short straight lines of one length, at equal distances along
the arc of a `Curve`, each centred on the arc and at one angle to its tangent. At 90 degrees they are the teeth of a
comb; at 0 they lie on the arc, the dashed curve that is the control. Drawn from the same distances as the curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from circuits import CurvesError
from evals.grid import CurveGrid
from evals.stimuli import Curve, render_curves

__all__ = ["Comb", "CombGrid", "render_combs"]


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
        >>> Comb(Curve(direction=90, size=32, radius=12.0)).render().shape
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

    def ticks(self) -> list[Curve]:
        """The ticks as straight curves, from one end of the arc to the other."""
        curve, unit = self.curve, np.exp(1j * math.radians(self.curve.direction))
        longest = min(curve.arc_length, curve.radius * math.radians(curve.max_angle))
        # A chord is at least 2 / pi of its arc, so that no tick beyond this reaches into the picture.
        seen = math.pi / 2 * (math.hypot(*curve.position) + curve.size + self.tick_length)
        last = int(min(longest / 2, seen) / self.spacing)
        along = self.spacing * np.arange(-last, last + 1)
        turned = along / curve.radius
        middles = complex(*curve.position) - 1j * unit * along * np.sinc(turned / math.tau) * np.exp(0.5j * turned)
        angles = curve.direction + np.degrees(turned) + self.tick_angle
        tick = replace(curve, radius=math.inf, arc_length=self.tick_length, extended=False)
        places = zip(angles, middles, strict=True)
        return [replace(tick, direction=float(angle), position=(at.real, at.imag)) for angle, at in places]


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
    white = {"foreground": (1, 1, 1), "background": (0, 0, 0)}  # drawn so, an image is what its line covers
    lines = [(i, line) for i, comb in enumerate(combs) for line in comb.ticks() + [comb.curve] * comb.with_curve]
    coverage = render_curves([replace(line, **white) for _, line in lines], device=device)[:, 0]
    canvas = torch.zeros(len(combs), *coverage.shape[1:], device=coverage.device)
    places = torch.tensor([i for i, _ in lines], device=coverage.device)[:, None, None].expand_as(coverage)
    canvas.scatter_reduce_(0, places, coverage, "amax")
    colours = torch.tensor([(comb.curve.foreground, comb.curve.background) for comb in combs], device=coverage.device)
    foreground, background = colours[..., None, None].unbind(1)
    return canvas[:, None] * foreground + (1 - canvas[:, None]) * background


@dataclass(frozen=True)
class CombGrid:
    """Every curve of a grid with every setting of ticks, drawn when asked for.

    Attributes:
        curves: the arcs.
        tick_lengths: px.
        spacings: px.
        tick_angle: degrees, as of `Comb`.
        with_curve: as of `Comb`.
    """

    curves: CurveGrid
    tick_lengths: tuple[float, ...] = (12.0,)
    spacings: tuple[float, ...] = (9.0,)
    tick_angle: float = 90.0
    with_curve: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis: tick lengths, spacings, then the axes of the curves."""
        return (len(self.tick_lengths), len(self.spacings), *self.curves.shape)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, i: int) -> Comb:
        """The comb at a place in C order."""
        ticks, curve = divmod(i, len(self.curves))
        length, spacing = divmod(ticks, len(self.spacings))
        return Comb(self.curves[curve], self.tick_lengths[length], self.spacings[spacing], self.tick_angle, self.with_curve)

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        for start in range(0, len(self), batch_size):
            yield render_combs([self[i] for i in range(start, min(start + batch_size, len(self)))], device=device)
