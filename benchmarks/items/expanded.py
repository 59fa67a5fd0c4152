"""Expanded weights from conv2d2 to a family of 16 units of 3b.

The peer is one gradient for each unit through a network without its nonlinearities, which is how Captum's
`optim.circuits.extract_expanded_weights` (branch optim-wip, of 2022, which does not run on a current torch) works:
restated in `autograd`. As documented it runs a picture of 224 x 224 zeros; handed our crop, 96 px. One call for all
units, which torch has had since (`is_grads_batched`), is a row of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Options, Run, Way
from benchmarks.crops import SIZE, Sight
from benchmarks.plain_torch import linearised
from circuits import Network, Unit, expanded_weights
from circuits.regions import Box, trace_back
from weights import load

__all__ = ["TITLE", "jobs"]

TITLE = "expanded weights"
SOURCE, LAYER, CROP, UNITS = "conv2d2", "3b", 96, 16


class Case:
    """A family of 3b; which units are in it does not matter for the cost."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @cached_property
    def net(self) -> Network:
        return load(self.options.network)

    def ours(self, pieces: Sequence[int]) -> Run:
        units = [Unit(LAYER, 20 * i) for i in pieces]
        return lambda: expanded_weights(self.net, SOURCE, units)

    def autograd(self, column: str, pieces: Sequence[int], batched: bool = False) -> Run:
        source, target = self.net.layer(SOURCE).post, self.net.layer(LAYER).pre
        plain, sight = linearised(self.net, [source, target]).eval(), Sight.of(self.net, LAYER, CROP)
        size, place = (SIZE, sight.place) if column == DOCUMENTED else (CROP, sight.place_in_crop)
        boxes = {target: Box(place, place + 1, place, place + 1)}
        trace_back(self.net.ops, boxes, {}, given=[source])
        seen = slice(boxes[source].top, boxes[source].bottom)
        plain.module(source).register_forward_hook(lambda _m, _i, output: output.requires_grad_())
        picture = torch.zeros(1, 3, size, size)

        def run() -> Tensor:
            values = plain(picture)
            below, above = values[source], values[target][0, :, place, place]
            if batched:
                some = above[[20 * i for i in pieces]]
                (found,) = torch.autograd.grad(some, below, torch.eye(len(some)), is_grads_batched=True)
                return found[:, 0, :, seen, seen]
            found = [torch.autograd.grad(above[20 * i], below, retain_graph=True)[0] for i in pieces]
            return torch.cat(found)[:, :, seen, seen]

        return run


def jobs(options: Options) -> list[Job]:
    """One job."""
    case = Case(options)
    some = 4 if options.quick else None
    ways = (
        Way(OURS, "", case.ours),
        Way("torch", DOCUMENTED, lambda p: case.autograd(DOCUMENTED, p), "autograd for each unit", some),
        Way("torch", HANDED, lambda p: case.autograd(HANDED, p), "autograd for each unit", some),
        Way("torch", HANDED, lambda p: case.autograd(HANDED, p, True), "one batched autograd call", some),
    )
    name = f"{SOURCE} to {UNITS} units of {LAYER}"
    return [Job(name, "unit", UNITS, ways, {DOCUMENTED: 200, HANDED: 200})]
