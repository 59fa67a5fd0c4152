"""Drawing 10,000 curves, beside Lucid's sampling, skia-python and stimupy.

The job is the same for all: from parameters to batches of float32 images in [0, 1] in memory of their own, as a network
takes them. The stimuli are 90 degree arcs of radius 40 px in evenly spread directions.

- Lucid's `rounded_corner` without and with `boundary_line` (`lucid_stimuli.py`; 10 random samples a pixel, 16 more
  around each for a line) draws filled regions and extended lines.
- skia-python's `drawArc` draws capped lines, antialiased, in 8 bits: as documented on an RGBA surface that
  `Surface.toarray` reads; or in the fastest way found, one grey surface over a NumPy array, scaled into its place in
  the batch. The third row leaves that last step out and keeps the 8-bit image.
- stimupy's `wedge` draws a sector of a ring about the image's centre; it has neither antialiasing nor round caps, so
  that it may be 2.5 times as far off as the others.

Right is the drawing with 16 x 16 samples a pixel (`supersampled.py`); agreement is a mean absolute difference below one
255th. Handed our crop means 96 px in place of 224.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Options, Run, Way
from benchmarks.lucid_stimuli import rounded_corner
from benchmarks.supersampled import supersampled
from evals.grid import CurveGrid
from evals.stimuli import Curve

__all__ = ["TITLE", "jobs"]

TITLE = "drawing curves"
RADIUS, ANGLE, WIDTH = 40.0, 90.0, 3.0
BATCH, CHECKED = 64, 4


@dataclass(frozen=True)
class Case:
    """So many curves of one style and size."""

    count: int
    size: int
    style: dict[str, Any]

    @property
    def base(self) -> Curve:
        return Curve(radius=RADIUS, max_angle=ANGLE, line_width=WIDTH, size=self.size, **self.style)

    def directions(self, pieces: Sequence[int]) -> list[float]:
        """Of some of the curves, in degrees."""
        return [360 * i / self.count for i in pieces]

    def right(self, pieces: Sequence[int], position: Callable[[float], tuple[float, float]] | None = None) -> Tensor:
        """The first few as they should be, each at a place that its direction may decide."""
        found = []
        for direction in self.directions(pieces[:CHECKED]):
            place = position(direction) if position else (0.0, 0.0)
            found.append(supersampled(replace(self.base, direction=direction, position=place)))
        return torch.from_numpy(np.stack(found))

    def ours(self, pieces: Sequence[int]) -> Run:
        _warm()
        grid = CurveGrid.of(self.base, direction=self.directions(pieces))

        def run() -> Tensor:
            batches = grid.batches(BATCH)
            first = next(batches)[:CHECKED]
            for _ in batches:
                pass
            return first

        return run

    def one_by_one(self, draw: Callable[[float], np.ndarray], pieces: Sequence[int]) -> Run:
        """A peer's loop: images of size x size (x 3), each put in its place of a batch that is given away when full."""
        _warm()
        directions = self.directions(pieces)

        def run() -> Tensor:
            first = None
            for start in range(0, len(directions), BATCH):
                some = directions[start : start + BATCH]
                batch: np.ndarray | None = None
                for i, direction in enumerate(some):
                    image = draw(direction)
                    image = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
                    batch = np.empty((len(some), *image.shape), np.float32) if batch is None else batch
                    batch[i] = image
                first = batch[:CHECKED] if first is None else first
            return torch.from_numpy(first).expand(-1, 3, -1, -1)

        return run

    def lucid(self, pieces: Sequence[int]) -> Run:
        line = {"color_a": (0, 0, 0), "color_b": (1, 1, 1), "boundary_line": True, "boundary_width": WIDTH / 2}
        options = line if self.style.get("extended") else {}
        return self.one_by_one(
            lambda direction: rounded_corner(-direction, RADIUS, ANGLE, self.size, **options), pieces
        )

    def stimupy(self, pieces: Sequence[int]) -> Run:
        from stimupy.components.angulars import wedge

        def draw(direction: float) -> np.ndarray:
            rotation = direction + 180 - ANGLE / 2
            radii = {"radius": RADIUS + WIDTH / 2, "inner_radius": RADIUS - WIDTH / 2}
            return wedge(shape=(self.size, self.size), ppd=1, angle=ANGLE, rotation=rotation, **radii)["img"]

        return self.one_by_one(draw, pieces)

    def skia_documented(self, pieces: Sequence[int]) -> Run:
        import skia

        surface, draw = skia.Surface(self.size, self.size), _arc(self.size)

        def image(direction: float) -> np.ndarray:
            draw(surface.getCanvas(), direction)
            return surface.toarray()[..., :3] * np.float32(1 / 255)

        return self.one_by_one(image, pieces)

    def skia_grey(self, pieces: Sequence[int], scaled: bool = True) -> Run:
        import skia

        grey, draw = np.zeros((self.size, self.size), np.uint8), _arc(self.size)
        kinds = skia.ColorType.kGray_8_ColorType, skia.AlphaType.kOpaque_AlphaType
        surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.Make(self.size, self.size, *kinds), grey, self.size)
        directions = self.directions(pieces)
        _warm()

        def drawn(direction: float) -> np.ndarray:
            draw(surface.getCanvas(), direction)
            return grey

        def only() -> Tensor:
            images = [drawn(direction).copy() for direction in directions]
            first = np.stack(images[:CHECKED]) * np.float32(1 / 255)
            return torch.from_numpy(first)[:, None].expand(-1, 3, -1, -1)

        def batched() -> Tensor:
            first = None
            for start in range(0, len(directions), BATCH):
                some = directions[start : start + BATCH]
                images = np.empty((len(some), 1, self.size, self.size), np.float32)
                for image, direction in zip(images, some, strict=True):
                    np.multiply(drawn(direction), np.float32(1 / 255), out=image[0])
                first = images[:CHECKED] if first is None else first
            return torch.from_numpy(first).expand(-1, 3, -1, -1)

        return batched if scaled else only


def _warm() -> None:
    """As in a process that has run a network: the allocator then keeps freed memory, for all contenders alike."""
    for _ in range(3):
        torch.ones(30 * 2**18)


def _arc(size: int) -> Callable[[Any, float], None]:
    """Draws an arc of a direction on skia's canvas, white on black."""
    import skia

    paint = skia.Paint(
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeCap=skia.Paint.kRound_Cap,
        StrokeWidth=WIDTH,
        Color=skia.ColorWHITE,
    )

    def draw(canvas: Any, direction: float) -> None:
        canvas.clear(skia.ColorBLACK)
        x = size / 2 + RADIUS * np.cos(np.radians(direction))
        y = size / 2 - RADIUS * np.sin(np.radians(direction))
        circle = skia.Rect.MakeLTRB(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        canvas.drawArc(circle, 180 - direction - ANGLE / 2, ANGLE, False, paint)

    return draw


def _off(found: Tensor, right: Tensor) -> float:
    """Mean absolute difference in 255ths."""
    return float((found.double() - right).abs().mean() * 255)


def _half_a_pixel(_direction: float) -> tuple[float, float]:
    return 0.5, -0.5  # Lucid's coordinates are those of the pixels' corners


def _about_the_centre(direction: float) -> tuple[float, float]:
    return -RADIUS * np.cos(np.radians(direction)), -RADIUS * np.sin(np.radians(direction))


def jobs(options: Options) -> list[Job]:
    """Three styles at 224 and at 96 px."""
    count, found = 640 if options.quick else 10_000, []
    for name, style, targets in (
        ("filled", {"filled": True}, {DOCUMENTED: 30.0}),
        ("extended line", {"extended": True}, {DOCUMENTED: 300.0}),
        ("capped line", {}, {}),
    ):
        for size in (224, 96):
            case, column = Case(count, size, style), DOCUMENTED if size == 224 else HANDED
            ways = [Way(OURS, "", case.ours, reference=case.right)]
            if style:
                about = lambda pieces, c=case: c.right(pieces, _half_a_pixel)  # noqa: E731
                ways.append(Way("Lucid's method", column, case.lucid, pieces=4, reference=about))
            else:
                about = lambda pieces, c=case: c.right(pieces, _about_the_centre)  # noqa: E731
                drawing = lambda pieces, c=case: c.skia_grey(pieces, scaled=False)  # noqa: E731
                ways += [
                    Way("skia-python", DOCUMENTED, case.skia_documented, pieces=640, reference=case.right),
                    Way("skia-python", HANDED, case.skia_grey, pieces=640, reference=case.right),
                    Way("skia-python", HANDED, drawing, "8-bit drawing only", 640, reference=case.right),
                    Way("stimupy", column, case.stimupy, pieces=64, reference=about, tolerance=2.5),
                ]
            title = f"{count:,} curves, {name}, {size} px"
            found.append(Job(title, "image", count, tuple(ways), targets, difference=_off, tolerance=1.0))
    return found
