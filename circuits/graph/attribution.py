"""How much each unit contributes to each unit that reads it, on average over images: activation times weight.

A pre-activation is linear in what the op reads, so the contribution of one upstream unit is exact: its activations, as
the op reads them behind pools and normalisation, times the kernel. The contributions of all that a unit reads and its
bias sum to its pre-activation. Source: "Building Blocks of Interpretability" (Distill 2018), linear attribution between
adjacent layers, as "Curve Circuits" (Distill 2021) uses it.

Through a bottleneck, what a unit contributes is counted where the bottleneck's ReLU is open: gradient times activation.
That too is exact, and leaves out what the bottleneck's own biases contribute, which comes from no unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.execution import execute
from circuits.graph.routes import Route
from circuits.network import Network
from circuits.ops import Conv, Linear
from circuits.precision import arithmetic
from circuits.regions import INPUT, Box, Program, Step, compile_program
from circuits.validation import check_images

__all__ = ["Contributions", "contributions"]

BATCH = 8 * 224 * 224
"""Pixels run at once: all that InceptionV1's ops up to 4a read and write of them takes about 250 MB."""


@dataclass(frozen=True)
class Contributions:
    """Means over images and positions, by op and route, in double precision on the CPU.

    Attributes:
        pre: by op, the mean pre-activation of the units that it computes, O values.
        edges: by route, the mean contribution of each source unit to each of the op's units, O x S.
    """

    pre: Mapping[str, Tensor]
    edges: Mapping[Route, Tensor]


@torch.no_grad()
@arithmetic()
def contributions(
    net: Network, layers: Iterable[str], routes: Iterable[Route], *, images: Tensor | None, patches: Tensor | None
) -> Contributions:
    """Mean contributions along all routes that lead to some layers.

    Args:
        net: any network.
        layers: the layers at the end of the circuit.
        routes: those whose contributions to compute; what does not lead to `layers` is left out.
        images: whole images, N x 3 x H x W in [0, 1]: means over all positions of each layer.
        patches: instead of images, what single units of the one layer see, as `Network.responses` takes it: means over
            the positions in each layer that lie in this unit's field.

    Raises:
        CurvesError: images and patches are both given, or do not fit; patches for several layers; or a route leads
            through more than a bottleneck's ReLU.
    """
    pictures, program = _program(net, tuple(dict.fromkeys(layers)), images, patches)
    steps = {step.op.name: step for step in program.steps}
    found = [route for route in routes if route.outer.op in steps]
    means: dict[str, Tensor] = {}  # of what ops read and write, over images: 1 x C x H x W
    edges: dict[Route, Tensor] = {}
    for batch in torch.split(pictures, max(1, BATCH // pictures[0, 0].numel())):
        image = net.preprocessing(batch)
        values = execute(program, {INPUT: image}, net.tensors, precision=net.precision)
        share = len(batch) / len(pictures)
        for name, value in values.items():
            means[name] = means.get(name, 0.0) + share * value.mean(0, keepdim=True).cpu().double()
        for route in found:
            if not route.direct:
                edges[route] = edges.get(route, 0.0) + share * _gated(net, route, steps, values).cpu().double()
    for route in found:
        if route.direct:
            edges[route] = _linear(net, route, steps, means)
    pre = {op: means[op].reshape(net.channels(op), -1).mean(1) for op in dict.fromkeys(r.outer.op for r in found)}
    return Contributions(pre, edges)


def _program(
    net: Network, layers: tuple[str, ...], images: Tensor | None, patches: Tensor | None
) -> tuple[Tensor, Program]:
    """The pictures, and the program that computes what each op with weights reads and writes on the way to `layers`."""
    if images is not None and patches is not None:
        raise CurvesError("contributions are over images or over patches, not both; give one of them")
    if images is not None:
        check_images(images, net.device, net.dtype)
        pictures, size = images, (images.shape[2], images.shape[3])
        ends: dict[str, Box | None] = dict.fromkeys(net.layer(layer).pre for layer in layers)
    else:
        assert patches is not None
        check_images(patches, net.device, net.dtype)
        if len(layers) > 1:
            raise CurvesError(f"patches are what units of one layer see, not of {', '.join(layers)}; give images")
        pictures, size, ends = patches, None, {net.layer(layers[0]).pre: Box(0, 1, 0, 1)}
    first = compile_program(net.ops, ends, size)
    seen = first.inputs[INPUT].size
    if patches is not None and patches.shape[-2:] != seen:
        given = " x ".join(map(str, patches.shape[-2:]))
        raise CurvesError(
            f"units of {layers[0]} see {seen[0]} x {seen[1]} px, the patches are {given}; crop them to what is seen, "
            "or give whole images as images="
        )
    boxes = dict(first.inputs) | {step.op.name: step.box for step in first.steps}
    names = dict.fromkeys(name for s in first.steps if s.op.tensors for name in (*s.op.inputs, s.op.name))
    return pictures, compile_program(net.ops, {name: boxes[name] for name in names}, size)


def _read(step: Step, values: Mapping[str, Tensor]) -> Tensor:
    """What an op reads of its input, with the padding."""
    (crop,), pad = step.crops, step.padding
    value = values[step.op.inputs[0]]
    if crop:
        value = value[..., crop.top : crop.bottom, crop.left : crop.right]
    return F.pad(value, (pad.left, pad.right, pad.top, pad.bottom)) if any(pad) else value


def _windows(step: Step, read: Tensor) -> Tensor:
    """The windows that an op multiplies with its kernels, N x C x H x W x kh x kw: a view of what it reads."""
    if isinstance(step.op, Linear):
        return read.reshape(*read.shape[:2], 1, 1, -1, 1)
    assert isinstance(step.op, Conv)
    (kh, kw), (sy, sx) = step.op.kernel, step.op.stride
    return read.unfold(2, kh, sy).unfold(3, kw, sx)


def _linear(net: Network, route: Route, steps: Mapping[str, Step], means: Mapping[str, Tensor]) -> Tensor:
    """Mean contributions of what an op reads, O x S: the mean of its windows times its kernels."""
    step, columns = steps[route.outer.op], slice(route.outer.columns.start, route.outer.columns.stop)
    window = _windows(step, _read(step, means)).mean((0, 2, 3))
    return torch.einsum("oshw,shw->os", net.kernels(step.op.name)[:, columns].cpu().double(), window[columns])


def _gated(net: Network, route: Route, steps: Mapping[str, Step], values: Mapping[str, Tensor]) -> Tensor:
    """Mean contributions through a bottleneck where its ReLU is open, O x S.

    For each offset of the two kernels, how often a bottleneck unit is open while the source is active is one matrix
    product over images and positions; the kernels come after.
    """
    outer, inner = route.outer, route.inner
    if outer.via or outer.source != inner.target:
        raise CurvesError(
            f"contributions to {outer.target} through {inner.target} pass more than a ReLU; keep the bottlenecks"
        )
    first, second, layer = steps[inner.op], steps[outer.op], net.layer(inner.target)
    middle = _read(second, values)[:, outer.columns.start : outer.columns.stop][:, inner.rows.start : inner.rows.stop]
    is_open = torch.ones_like(middle) if layer.pre == layer.post else (middle > 0).to(middle.dtype)
    gates = _windows(second, is_open)
    sources = _windows(first, _read(first, values)[:, inner.columns.start : inner.columns.stop])
    place = steps[second.op.inputs[0]].box.within(first.box)
    sources = sources[:, :, place.top : place.bottom, place.left : place.right]
    down = net.kernels(inner.op)[:, inner.columns.start : inner.columns.stop]
    up = net.kernels(outer.op)[:, outer.columns.start : outer.columns.stop][:, inner.rows.start : inner.rows.stop]
    total = up.new_zeros(up.shape[0], down.shape[1])
    for y in range(down.shape[2]):
        for x in range(down.shape[3]):
            shifted = _read(second, {second.op.inputs[0]: sources[..., y, x]})
            active = _windows(second, shifted)
            joint = torch.einsum("nmhwyx,nshwyx->msyx", gates, active) / (len(middle) * active[0, 0, ..., 0, 0].numel())
            total += torch.einsum("omyx,msyx->os", up, joint * down[:, :, y, x, None, None])
    return total
