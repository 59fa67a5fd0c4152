"""Slicing: just the ops and rows of weights that chosen channels of a tensor need.

A unit of a mixed layer reads one branch; the other branches, and the rows that compute its neighbours, are left out.
What remains is a smaller list of ops with smaller tensors, for `compile_program` and `execute`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from circuits.network import Network
from circuits.ops import AvgPool, Concat, Conv, Linear, MaxPool, Op, ReLU

__all__ = ["Slice", "is_channelwise", "slice_channels"]


@dataclass(frozen=True)
class Slice:
    """A part of a network.

    Attributes:
        ops: in order, under their own names.
        tensors: their weights: rows of the network's.
        channels: by tensor, the channels of the network's tensor that are computed, ascending.
    """

    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    channels: Mapping[str, Tensor]


def is_channelwise(op: Op) -> bool:
    """Whether each channel that `op` writes depends on the same channel of its one input alone."""
    return isinstance(op, ReLU | MaxPool | AvgPool)


def slice_channels(net: Network, tensor: str, channels: Sequence[int]) -> Slice:
    """The part of `net` that computes those channels of `tensor`, and what is computed along with them.

    Ops that mix channels read all of them; one that computes a channel for one reader does so for all its readers.
    """
    masks = {tensor: torch.zeros(net.channels(tensor), dtype=torch.bool)}
    masks[tensor][list(channels)] = True
    grew = True
    while grew:
        grew = False
        for op in reversed(net.ops):
            if op.name in masks:
                grew |= _agree(net, op, masks)
    ops, tensors = [], {}
    for op in net.ops:
        if op.name not in masks:
            continue
        ops.append(replace(op, inputs=tuple(name for name in op.inputs if name in masks)))
        for part in op.tensors:
            weights, mask = net.tensors[f"{op.name}/{part}"].detach(), masks[op.name].to(net.device)
            tensors[f"{op.name}/{part}"] = weights if mask.all() else weights[mask]
    computed = {name: mask.nonzero().flatten().to(net.device) for name, mask in masks.items()}
    return Slice(tuple(ops), tensors, computed)


def _agree(net: Network, op: Op, masks: dict[str, Tensor]) -> bool:
    """Need of the inputs what is needed of `op`, and compute with `op` all that they give; whether a mask grew."""
    mask = masks[op.name]
    if isinstance(op, Concat):
        asked = list(torch.split(mask, [net.channels(name) for name in op.inputs]))
    elif is_channelwise(op):
        asked = [mask]
    else:
        asked = [torch.ones(net.channels(name), dtype=torch.bool) for name in op.inputs]
    grew = [_grow(masks, name, part) for name, part in zip(op.inputs, asked, strict=True)]
    if isinstance(op, Concat) or is_channelwise(op):
        given = [masks.get(name, part) for name, part in zip(op.inputs, asked, strict=True)]
        grew.append(_grow(masks, op.name, torch.cat(given)))
    elif not (isinstance(op, Linear) or (isinstance(op, Conv) and op.groups == 1)):
        grew.append(_grow(masks, op.name, torch.ones_like(mask)))
    return any(grew)


def _grow(masks: dict[str, Tensor], name: str, mask: Tensor) -> bool:
    before = masks.get(name, torch.zeros_like(mask))
    after = before | mask
    if torch.equal(before, after):
        return False
    masks[name] = after
    return True
