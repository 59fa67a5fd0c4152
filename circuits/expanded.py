"""Expanded weights: the linear effect of upstream units on downstream ones, the ReLUs between ignored.

Source: "Visualizing Weights" (Distill 2021), section on expanded weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.ops import Concat, Conv, LocalResponseNorm, MaxPool, Op, ReLU
from circuits.precision import arithmetic
from circuits.regions import INPUT, Box, downstream, trace_back
from circuits.units import Family, Unit

__all__ = ["expanded_weights"]

Units = str | Unit | Family | Sequence[str | Unit]


@arithmetic()
def expanded_weights(net: Network, source: str, target: Units) -> Tensor:
    """Kernels with which target units read a source layer through all layers between, as if nothing were nonlinear.

    It is the gradient of the target's pre-activation to the source's activations in the network in which

    - a ReLU is the identity;
    - a max pool is the mean of its window: each place is as likely to hold the largest value;
    - local response normalisation is its derivative at zero activation, division by k^beta, one channel at a time;
    - nothing is padded: the target is far from the edges.

    Computed by composing the kernels from the target backwards, on just the region that the target sees.

    Args:
        net: any network.
        source: a layer, or `input` for the preprocessed image.
        target: a unit (`3b:379`), several units, a family, or a layer for all its units.

    Returns:
        C x kh x kw for one unit, T x C x kh x kw for several; C units of `source`, rows from top to bottom and columns
        from left to right of the region of `source` that units of the target's layer see.

    Raises:
        UnknownLayerError: there is no such layer.
        UnknownUnitError: there is no such unit.
        CurvesError: the target does not read the source, or sees the whole image; or units are of several layers.
    """
    single = isinstance(target, Unit) or (isinstance(target, str) and target not in net.layers)
    units = _units(net, target)
    layer = net.layer(units[0].layer)
    # Private copies of the source's units (after edits) are the source as well.
    starts = {INPUT: 3} if source == INPUT else {net.layer(source).post: net.layer(source).channels}
    starts |= {other.post: other.channels for other in net.layers.values() if other.name.startswith(f"{source}@")}
    boxes = {layer.pre: Box(0, 1, 0, 1)}
    reads = trace_back(net.ops, boxes, {}, given=starts)
    seen = [name for name in starts if name in boxes]
    if not seen or layer.pre in starts:
        raise CurvesError(f"{layer.name} does not read {source}; choose a source between the image and {layer.name}")
    wanted = torch.zeros(len(units), layer.channels, 1, 1, device=net.device, dtype=net.dtype)
    wanted[range(len(units)), [unit.channel for unit in units]] = 1
    gradients = {layer.pre: wanted}
    relevant = downstream(net.ops, seen)
    for op, read in reads:
        gradient = gradients.pop(op.name, None)
        if gradient is None:
            continue
        for name, part in zip(op.inputs, _backward(net, op, gradient), strict=True):
            if name in relevant:
                _add(gradients, name, boxes[name], part, read)
    count, region = next(iter(starts.values())), reduce(Box.union, (boxes[name] for name in seen))
    total: dict[str, Tensor] = {}
    for name in seen:
        of_copies = reduce(torch.add, torch.split(gradients[name], count, dim=1))
        _add(total, source, region, of_copies, boxes[name])
    return total[source][0] if single else total[source]


def _units(net: Network, target: Units) -> list[Unit]:
    if isinstance(target, str) and target in net.layers:
        return net.units(target)
    named = target.units if isinstance(target, Family) else [target] if isinstance(target, str | Unit) else target
    units = [net.unit(unit) for unit in named]
    if len({unit.layer for unit in units}) != 1:
        raise CurvesError("expanded weights need target units of one layer; call it once for each layer")
    return units


def _backward(net: Network, op: Op, gradient: Tensor) -> Sequence[Tensor]:
    """The gradient to each input of `op` on all that it reads, given that to its output."""
    if isinstance(op, ReLU):
        return [gradient]
    if isinstance(op, LocalResponseNorm):
        return [gradient if op.k == 1 else gradient * op.k**-op.beta]
    if isinstance(op, Concat):
        return torch.split(gradient, [net.channels(name) for name in op.inputs], dim=1)
    if isinstance(op, Conv):
        return [F.conv_transpose2d(gradient, net.tensors[f"{op.name}/weight"], stride=op.stride, groups=op.groups)]
    if isinstance(op, MaxPool):
        return [_spread(_spread(gradient, 2, op.kernel[0], op.stride[0]), 3, op.kernel[1], op.stride[1])]
    raise CurvesError(f"{op.name!r} is a {op.kind}, which has no expanded weights; choose a target before it")


def _spread(gradient: Tensor, axis: int, size: int, stride: int) -> Tensor:
    """The gradient to what a mean over windows reads along one axis, given that to the means."""
    shape = list(gradient.shape)
    shape[axis] = (shape[axis] - 1) * stride + size
    spread, share = gradient.new_zeros(shape), gradient / size
    windows = spread.unfold(axis, size, stride)
    for place in range(size):  # a transposed convolution of single channels takes ten times as long
        windows[..., place].add_(share)
    return spread


def _add(gradients: dict[str, Tensor], name: str, box: Box, part: Tensor, read: Box) -> None:
    if name not in gradients:
        if read == box:
            gradients[name] = part
            return
        gradients[name] = part.new_zeros(*part.shape[:2], *box.size)
    place = read.within(box)
    padded = F.pad(part, (place.left, box.size[1] - place.right, place.top, box.size[0] - place.bottom))
    gradients[name] = gradients[name] + padded
