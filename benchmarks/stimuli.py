"""How fast curves are drawn, beside Lucid's sampling and skia-python.

The job is the same for all: from parameters to one batch of float32 images in [0, 1] in memory of its own, as a network
takes it; drawn on a fixed number of threads, one after the other in the same process. The stimuli are 90 degree arcs
of radius 40 px in evenly spread directions:
- filled region and extended line at 224 px against Lucid's `rounded_corner` without and with `boundary_line`
  (`lucid_stimuli.py`; 10 random samples a pixel, 16 more around each for a line), which draws 2 images, since one takes
  over 0.1 s;
- capped line at 96 and at 224 px against skia-python's `drawArc`, round caps, antialiased, in the fastest way found:
  one surface laid over a NumPy array (`Surface.toarray` takes three times as long), 8-bit grey (a quarter of RGBA's
  memory), each drawing then scaled into its place in the batch. "drawing only" leaves out that last step and keeps
  the 8-bit image.

Times are medians of `torch.utils.benchmark.Timer.blocked_autorange`, measured in turns; ratios are medians over the
turns. The guard: for each kind of stimulus the mean absolute difference from 16 x 16 samples a pixel
(`supersampled.py`) must be below 1/255.

    python -m benchmarks.stimuli [--threads 1] [--batch 64] [--seconds 1] [--json FILE]

What did not help (one thread, quiet machine): the formula on whole images, by its passes measured alone 2.4 ns a
pixel, so 22 us at 96 px and 120 us at 224 px, where tiles take 12 and 21 us; tiles of 6, 10 or 12 px (no difference
beyond the noise); `torch.lerp` for colours (five times a multiplication and an addition); `index_put_` to put pixels
in place (five times `scatter_`). Much of the time at 224 px is the operating system's, handing out fresh memory.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import skia
import torch
from rich.console import Console
from rich.table import Table
from torch.utils.benchmark import Timer

from benchmarks.lucid_stimuli import rounded_corner
from benchmarks.supersampled import supersampled
from evals.grid import CurveGrid
from evals.stimuli import Curve, render_curves

RADIUS, ANGLE, WIDTH = 40.0, 90.0, 3.0


def lucid(directions: list[float], size: int, line: bool) -> torch.Tensor:
    """Draw with Lucid: a filled corner, or a white line on black."""
    colours = (
        {"color_a": (0, 0, 0), "color_b": (1, 1, 1), "boundary_line": True, "boundary_width": WIDTH / 2} if line else {}
    )
    images = np.empty((len(directions), 3, size, size), np.float32)
    for image, direction in zip(images, directions, strict=True):
        image[:] = rounded_corner(-direction, RADIUS, ANGLE, size, **colours).transpose(2, 0, 1)
    return torch.from_numpy(images)


class Skia:
    """Draws arcs on one 8-bit grey surface."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.grey = np.zeros((size, size), np.uint8)
        info = skia.ImageInfo.Make(size, size, skia.ColorType.kGray_8_ColorType, skia.AlphaType.kOpaque_AlphaType)
        self.surface = skia.Surface.MakeRasterDirect(info, self.grey, size)
        self.paint = skia.Paint(
            AntiAlias=True,
            Style=skia.Paint.kStroke_Style,
            StrokeCap=skia.Paint.kRound_Cap,
            StrokeWidth=WIDTH,
            Color=skia.ColorWHITE,
        )

    def draw(self, direction: float) -> None:
        """Draw one arc on the surface."""
        canvas = self.surface.getCanvas()
        canvas.clear(skia.ColorBLACK)
        x = self.size / 2 + RADIUS * np.cos(np.radians(direction))
        y = self.size / 2 - RADIUS * np.sin(np.radians(direction))
        circle = skia.Rect.MakeLTRB(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        canvas.drawArc(circle, 180 - direction - ANGLE / 2, ANGLE, False, self.paint)

    def drawings(self, directions: list[float]) -> list[np.ndarray]:
        """Draw each arc as 8-bit grey."""
        images = []
        for direction in directions:
            self.draw(direction)
            images.append(self.grey.copy())
        return images

    def batch(self, directions: list[float]) -> torch.Tensor:
        """Draw the arcs as a network takes them; the channels share memory, as in ours."""
        images = np.empty((len(directions), 1, self.size, self.size), np.float32)
        for image, direction in zip(images, directions, strict=True):
            self.draw(direction)
            np.multiply(self.grey, np.float32(1 / 255), out=image[0])
        return torch.from_numpy(images).expand(-1, 3, -1, -1)


def in_turns(
    jobs: dict[str, tuple[Callable[[], object], int]], threads: int, seconds: float, rounds: int = 7
) -> dict[str, tuple[float, float]]:
    """Measure jobs (each with its number of images) in turns: median us an image, and median ratio to the first job.

    The ratio is taken within each round, so that what else the machine does weighs on both sides of it.
    """
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, (job, count) in jobs.items():
            timer = Timer("job()", globals={"job": job}, num_threads=threads)
            times[name].append(timer.blocked_autorange(min_run_time=seconds / rounds).median / count * 1e6)
    first = next(iter(times.values()))
    return {
        name: (statistics.median(values), statistics.median(a / b for a, b in zip(values, first, strict=True)))
        for name, values in times.items()
    }


def guard(images: torch.Tensor, curves: list[Curve]) -> float:
    """Mean absolute difference from the supersampled drawings, in 255ths."""
    slow = np.stack([supersampled(curve) for curve in curves])
    return float(np.abs(images.double().numpy() - slow).mean() * 255)


def main() -> None:
    """Measure, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    # As in a process that has run a network: the allocator then keeps freed memory, for all contenders alike.
    for _ in range(3):
        torch.ones(30 * 2**18)

    directions = [360 * i / options.batch for i in range(options.batch)]
    some = directions[:: max(1, options.batch // 4)]
    table = Table(
        title=f"one {ANGLE:g} degree arc of radius {RADIUS:g} px, {options.threads} thread(s), batch {options.batch}"
    )
    for heading in ("stimulus", "drawn by", "us/image", "times ours", "mean error / (1/255)"):
        table.add_column(heading, justify="left" if heading in ("stimulus", "drawn by") else "right")
    rows = []
    for name, size, style in (
        ("filled", 224, {"filled": True}),
        ("extended line", 224, {"extended": True}),
        ("capped line", 224, {}),
        ("capped line", 96, {}),
    ):
        base = Curve(radius=RADIUS, max_angle=ANGLE, line_width=WIDTH, size=size, **style)
        grid = CurveGrid.of(base, direction=directions)
        curves = [grid[i] for i in range(len(grid))]
        jobs: dict[str, tuple[Callable[[], object], int]] = {
            "CurveGrid.batches": (lambda grid=grid: next(grid.batches(len(grid))), len(grid)),
            "render_curves": (lambda curves=curves: render_curves(curves), len(curves)),
        }
        checked = [curves[directions.index(direction)] for direction in some]
        errors = {"render_curves": guard(render_curves(checked), checked)}
        if style:
            line = "extended" in style
            jobs["lucid"] = (lambda size=size, line=line: lucid(directions[1:3], size, line), 2)
            # Lucid's coordinates are those of the pixels' corners.
            shifted = [Curve(**{**vars(curve), "position": (0.5, -0.5)}) for curve in checked]
            errors["lucid"] = guard(lucid(some, size, line), shifted)
        else:
            peer = Skia(size)
            jobs["skia, batch"] = (lambda peer=peer: peer.batch(directions), len(directions))
            jobs["skia, drawing only"] = (lambda peer=peer: peer.drawings(directions), len(directions))
            errors["skia, batch"] = guard(peer.batch(some), checked)
        for job, (time, ratio) in in_turns(jobs, options.threads, options.seconds).items():
            rows.append(
                {"stimulus": name, "size": size, "by": job, "us": time, "ratio": ratio, "error": errors.get(job)}
            )
            error = f"{errors[job]:.3f}" if job in errors else ""
            table.add_row(f"{name}, {size} px", job, f"{time:.1f}", f"{ratio:.2f}", error)
        if errors["render_curves"] >= 1:
            raise SystemExit(
                f"{name} at {size} px differs from the supersampled drawing by {errors['render_curves']:.2f}/255"
            )
    Console(width=110).print(table)
    if options.json:
        machine = {"processor": platform.processor() or platform.machine(), "system": platform.platform()}
        versions = {package: version(package) for package in ("torch", "numpy", "skia-python")}
        report = {
            "machine": machine,
            "versions": versions,
            "threads": options.threads,
            "batch": options.batch,
            "rows": rows,
        }
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
