"""A 360 x 20 direction-radius sweep of a 10-unit family of 3b, as `evals.sweep` does it, drawing included.

Peers read activations of pictures that are drawn before, which is not timed: of 224 x 224 px, one unit of the map, as
each tool's documentation shows; or of the 96 px around the receptive field, in modules that end at 3b. They run 16
pictures at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Options, Run, Way
from benchmarks.crops import Sight
from benchmarks.limit import least_seconds, multiply_adds
from benchmarks.readers import READERS, reader, ways_of
from circuits import Network
from circuits.regions import Box, compile_program
from evals.grid import CurveGrid
from evals.stimuli import Curve, render_curves
from evals.sweep import forget, sweep
from weights import load

__all__ = ["TITLE", "jobs"]

TITLE = "a direction x radius sweep"
LAYER, CROP, BATCH = "3b", 96, 16
CHANNELS = list(range(5, 205, 20))


class Case:
    """The network, the sweep, and its pictures for peers."""

    def __init__(self, options: Options) -> None:
        self.options = options
        step = 10 if options.quick else 1
        self.axes = {"direction": range(0, 360, step), "radius": range(10, 30) if options.quick else range(10, 110, 5)}

    @cached_property
    def net(self) -> Network:
        return load(self.options.network)

    def grid(self, size: int, position: tuple[float, float] = (0, 0)) -> CurveGrid:
        return CurveGrid.of(Curve(size=size, position=position, max_angle=90), **self.axes)

    def ours(self, _pieces: Sequence[int]) -> Run:
        grid = self.grid(self.net.receptive_field(LAYER).size)

        def run() -> Tensor:
            forget()
            return sweep(self.net, LAYER, grid).flatten(0, 1)[:, CHANNELS]

        return run

    def peer(self, tool: str, column: str, label: str, pieces: Sequence[int]) -> Run:
        sight, tensor = Sight.of(self.net, LAYER, CROP), self.net.layer(LAYER).pre
        grid = self.grid(224, sight.position)
        pictures, place = render_curves([grid[i] for i in pieces]), sight.place
        if column == HANDED:
            pictures, place = sight.crops(pictures), sight.place_in_crop
        read = reader(tool, column, label, self.net, tensor)
        return lambda: torch.cat([read(batch)[:, CHANNELS, place, place] for batch in pictures.split(BATCH)])

    def limit(self) -> tuple[float, int]:
        program = compile_program(self.net.ops, {self.net.layer(LAYER).pre: Box(0, 1, 0, 1)})
        return least_seconds(self.net, program), multiply_adds(self.net, program)


def jobs(options: Options) -> list[Job]:
    """One job."""
    case = Case(options)
    ways = [Way(OURS, "", case.ours), *ways_of(READERS, case.peer, pieces=2 * BATCH)]
    count = len(case.grid(91))
    return [
        Job(
            f"{count:,} curves at {len(CHANNELS)} units of {LAYER}",
            "stimulus",
            count,
            tuple(ways),
            {DOCUMENTED: 15, HANDED: 2.5},
            limit=case.limit,
        )
    ]
