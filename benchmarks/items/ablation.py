"""Single-unit ablations of a whole layer: the effect of each unit on units of a later layer, over 16 stimuli.

Peers zero one channel and run the network, once for each unit, all stimuli at once: on pictures of 224 x 224 px, as
each tool's documentation shows; or on the crop around the receptive field (96 px for 3b, 184 px for 4a), in modules
that end at the layer that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Options, Run, Way
from benchmarks.crops import SIZE, Sight
from benchmarks.plain_torch import PlainTorch
from benchmarks.readers import modules, ways_of
from circuits import CurvesError, Network
from editing import ablation_effects
from evals.grid import CurveGrid
from evals.stimuli import Curve
from weights import load

__all__ = ["TITLE", "jobs"]

TITLE = "single-unit ablations"
SAMPLE = 3
"""Units that peers ablate."""

Ablate = Callable[[int], Tensor]
"""From a channel to the responses, stimuli x R, after its ablation."""


class Case:
    """All units of one layer, read at a unit or a whole layer."""

    def __init__(self, options: Options, layer: str, read: str, crop: int) -> None:
        self.options, self.layer, self.read, self.crop = options, layer, read, crop
        self.reader, _, self.channel = read.partition(":")

    @cached_property
    def net(self) -> Network:
        return load(self.options.network)

    @cached_property
    def sight(self) -> Sight:
        return Sight.of(self.net, self.reader, self.crop)

    @cached_property
    def pictures(self) -> Tensor:
        """Curves in the middle of what the unit sees, N x 3 x 224 x 224."""
        base = Curve(position=self.sight.position, size=SIZE)
        return next(CurveGrid.of(base, direction=range(0, 360, 45), radius=(30, 60)).batches(16))

    @property
    def rows(self) -> list[int]:
        """Channels that are read."""
        return [int(self.channel)] if self.channel else list(range(self.net.layer(self.reader).channels))

    def ours(self, _pieces: Sequence[int]) -> Run:
        """All units; A x N x R, as shares of nothing: the response after ablation."""
        patches = self.sight.patches(self.pictures)
        with torch.inference_mode():
            intact = self.net.responses(patches, self.reader)[:, self.rows]
        return lambda: ablation_effects(self.net, self.layer, self.read, patches).mT + intact

    def peer(self, tool: str, column: str, label: str, pieces: Sequence[int]) -> Run:
        tensor, ablated = self.net.layer(self.reader).pre, self.net.layer(self.layer).pre
        plain, images, place = modules(self.net, column, label, tensor), self.pictures, self.sight.place
        if column == HANDED:
            images, place = self.sight.crops(images), self.sight.place_in_crop
        every = TOOLS[tool](plain.eval(), ablated, tensor, images, list(pieces), len(self.rows))

        def run() -> Tensor:
            with torch.no_grad():
                return every(lambda said: said[:, self.rows, place, place])

        return run


Every = Callable[[Callable[[Tensor], Tensor]], Tensor]
"""Given how the wanted responses, N x R, are read off the map: those after each ablation, A x N x R."""


def _silenced(output: Tensor, channel: int) -> Tensor:
    output = output.clone()
    output[:, channel] = 0
    return output


def _torch(plain: PlainTorch, ablated: str, tensor: str, images: Tensor, channels: list[int], _rows: int) -> Every:
    """Two forward hooks."""

    def once(channel: int) -> Tensor:
        kept = []
        hooks = [
            plain.module(ablated).register_forward_hook(lambda _m, _i, output: _silenced(output, channel)),
            plain.module(tensor).register_forward_hook(lambda _m, _i, output: kept.append(output)),
        ]
        try:
            plain(images)
        finally:
            for hook in hooks:
                hook.remove()
        return kept[0]

    return lambda said: torch.stack([said(once(channel)) for channel in channels])


def _nnsight(plain: PlainTorch, ablated: str, tensor: str, images: Tensor, channels: list[int], _rows: int) -> Every:
    from nnsight import NNsight

    wrapped, stops = NNsight(plain), tensor in plain.keep

    def once(channel: int) -> Tensor:
        with wrapped.trace(images) as tracer:
            getattr(wrapped, plain.key(ablated)).output[:, channel] = 0
            output = getattr(wrapped, plain.key(tensor)).output.save()
            if stops:
                tracer.stop()
        return output

    return lambda said: torch.stack([said(once(channel)) for channel in channels])


def _pyvene(plain: PlainTorch, ablated: str, tensor: str, images: Tensor, channels: list[int], _rows: int) -> Every:
    import pyvene
    from transformers import PretrainedConfig

    plain.config = PretrainedConfig()  # it asks for one, as transformers' models have
    kept: list[Tensor] = []
    chosen: list[int] = []

    def silence(base: Tensor, _source: object) -> Tensor:
        return _silenced(base, chosen[0])

    def keep(base: Tensor, _source: object) -> Tensor:
        kept[:] = [base]
        return base

    wrapped = pyvene.IntervenableModel(
        [
            {"component": f"{plain.key(ablated)}.output", "intervention": silence},
            {"component": f"{plain.key(tensor)}.output", "intervention": keep},
        ],
        plain,
    )

    def once(channel: int) -> Tensor:
        chosen[:] = [channel]
        wrapped({"images": images})
        return kept[0]

    return lambda said: torch.stack([said(once(channel)) for channel in channels])


def _captum(plain: PlainTorch, ablated: str, tensor: str, images: Tensor, channels: list[int], rows: int) -> Every:
    """One call ablates the groups of a mask: a unit each, and all others together."""
    from captum.attr import LayerFeatureAblation

    if rows != 1:
        raise CurvesError(f"its layer ablation reads one unit in a call; {rows} units would take {rows} times as long")
    mask = torch.full((1, *_shape(plain, ablated, images), 1, 1), len(channels))
    mask[0, channels, 0, 0] = torch.arange(len(channels))

    def every(said: Callable[[Tensor], Tensor]) -> Tensor:
        kept: list[Tensor] = []

        class Said(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.plain = plain

            def forward(self, x: Tensor) -> Tensor:
                self.plain(x)
                return said(kept.pop())[:, 0]

        hook = plain.module(tensor).register_forward_hook(lambda _m, _i, output: kept.append(output))
        try:
            explain = LayerFeatureAblation(Said(), plain.module(ablated))
            effects = explain.attribute(images, layer_baselines=0, layer_mask=mask)
            plain(images)
            return said(kept.pop())[None] - effects[:, channels].mean((2, 3)).T[..., None]
        finally:
            hook.remove()

    return every


def _shape(plain: PlainTorch, tensor: str, images: Tensor) -> tuple[int]:
    shapes: list[tuple[int]] = []
    hook = plain.module(tensor).register_forward_hook(lambda _m, _i, output: shapes.append((output.shape[1],)))
    with torch.no_grad():
        plain(images[:1])
    hook.remove()
    return shapes[0]


TOOLS = {"torch": _torch, "nnsight": _nnsight, "pyvene": _pyvene, "captum": _captum}


def jobs(options: Options) -> list[Job]:
    """3a read at one unit of 3b, and 3b at all of 4a."""
    found = []
    for layer, count, read, crop, targets in (
        ("3a", 256, "3b:379", 96, {DOCUMENTED: 150.0, HANDED: 30.0}),
        ("3b", 480, "4a", 184, {}),
    ):
        case = Case(options, layer, read, crop)
        ways = [Way(OURS, "", case.ours)]
        ways += ways_of([tool for tool in TOOLS if tool != "captum"], case.peer, pieces=SAMPLE)
        # Captum's call also runs the intact network, all other units in one, and the intact network for us.
        ways += ways_of(["captum"], case.peer, pieces=SAMPLE, share=SAMPLE / (SAMPLE + 3))[:2]
        what = "one unit of " + read.partition(":")[0] if ":" in read else f"all of {read}"
        found.append(
            Job(f"{count} units of {layer}, read at {what}", "ablation over 16 stimuli", count, tuple(ways), targets)
        )
    return found
