"""Running a program: each op as a function of tensors, with nothing done in place on a tensor that could be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, Op, Padding, ReLU, Softmax
from circuits.precision import arithmetic, check_precision, rounded_type
from circuits.regions import Program, Step

__all__ = ["Change", "execute"]

Change = Callable[[Tensor], Tensor]
"""From a tensor (N x C x H x W, what was computed of it) to the one that is read instead."""


def execute(
    program: Program,
    inputs: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    changes: Mapping[str, Change] | None = None,
    precision: str = "float32",
) -> dict[str, Tensor]:
    """Run `program` and return its targets by name.

    Args:
        program: from `compile_program`.
        inputs: N x C x H x W for each of the program's inputs, of its box's size; the image is preprocessed.
        tensors: the weights.
        changes: by tensor, what to do to it as soon as it is there.
        precision: a name from `circuits.precision.PRECISIONS`; whatever it is, targets are of the inputs' type.

    Raises:
        CurvesError: the device has no such precision, or a target leaves the range of float16.
    """
    given = next(iter(inputs.values()))
    if precision != "float32":
        check_precision(precision, given.device)
    kept, rounded = given.dtype, rounded_type(precision) or given.dtype
    values = {name: value.to(rounded) for name, value in inputs.items()}
    with arithmetic(precision):
        for step in program.steps:
            own = kept if isinstance(step.op, _IN_FULL) else rounded
            read = []
            for name, crop in zip(step.op.inputs, step.crops, strict=True):
                value = values[name].to(own)
                read.append(value if crop is None else value[..., crop.top : crop.bottom, crop.left : crop.right])
            weights = [tensors[f"{step.op.name}/{part}"].to(own) for part in step.op.tensors]
            if _is_last_word(step, program, changes or {}) and not read[0].requires_grad:
                value = torch.relu_(read[0])
            else:
                value = _RUNNERS[type(step.op)](step, read, weights)
            if changes and step.op.name in changes:
                value = changes[step.op.name](value.to(kept))
            values[step.op.name] = value if step.op.name in program.targets else value.to(rounded)
            for name in step.frees:
                del values[name]
    found = {name: values[name].to(kept) for name in program.targets}
    if precision == "float16":
        _check_range(found)
    return found


def _is_last_word(step: Step, program: Program, changes: Mapping[str, Change]) -> bool:
    """Whether a ReLU may overwrite what it reads: made by this run, seen by nobody else, and read by nothing later.

    Memory that is used again is still in the cache; fresh memory costs more than the ReLU.
    """
    (name, *_), own = step.op.inputs, isinstance(step.op, ReLU) and step.crops == (None,)
    return own and name in step.frees and name not in program.inputs and name not in changes


def _check_range(found: Mapping[str, Tensor]) -> None:
    if beyond := [name for name, value in found.items() if not value.isfinite().all()]:
        raise CurvesError(f"{beyond[0]!r} leaves the range of float16, up to 65504; use bfloat16, which has float32's")


def _conv(step: Step, inputs: list[Tensor], weights: list[Tensor]) -> Tensor:
    op, (x,) = step.op, inputs
    assert isinstance(op, Conv)
    if x.shape[-2:] == op.kernel and not any(step.padding) and op.groups == 1:
        # One window: a product of matrices, which is several times faster for large batches.
        return F.linear(x.flatten(1), weights[0].flatten(1), weights[1])[:, :, None, None]
    x, symmetric = _pad(x, step.padding, op.kernel, 0.0)
    return F.conv2d(x, weights[0], weights[1], op.stride, symmetric, 1, op.groups)


def _pad(x: Tensor, padding: Padding, kernel: tuple[int, int], value: float) -> tuple[Tensor, tuple[int, int]]:
    """Pad only what torch's own ops cannot: sides that differ, and pools' padding of more than half a window.

    The rest is returned as rows and columns for the op itself, which pads without a copy.
    """
    top, bottom, left, right = padding
    if top == bottom and left == right and 2 * top <= kernel[0] and 2 * left <= kernel[1]:
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _max_pool(step: Step, inputs: list[Tensor], _: list[Tensor]) -> Tensor:
    op, (x,), pad = step.op, inputs, step.padding
    assert isinstance(op, MaxPool)
    fits = x.shape[-2] >= op.kernel[0] and x.shape[-1] >= op.kernel[1]  # torch refuses what is smaller than a window
    if pad.top == pad.left == 0 and (pad.bottom or pad.right) and fits:
        y = F.max_pool2d(x, op.kernel, op.stride, 0, ceil_mode=True)  # a window over the far edge, without a copy
        if y.shape[-2:] == step.box.size:
            return y
    x, symmetric = _pad(x, pad, op.kernel, -torch.inf)
    return F.max_pool2d(x, op.kernel, op.stride, symmetric)


def _avg_pool(step: Step, inputs: list[Tensor], _: list[Tensor]) -> Tensor:
    op, (x,) = step.op, inputs
    assert isinstance(op, AvgPool)
    kernel = op.kernel
    if kernel is None:
        return F.adaptive_avg_pool2d(x, op.output)

    def mean(values: Tensor) -> Tensor:
        padded, symmetric = _pad(values, op.padding, kernel, 0.0)
        return F.avg_pool2d(padded, kernel, op.stride, symmetric, op.ceil)

    return mean(x) if op.count_padding else mean(x) / mean(torch.ones_like(x[:1, :1]))


def _lrn(step: Step, inputs: list[Tensor], _: list[Tensor]) -> Tensor:
    """Sum over neighbouring channels by adding shifted maps, several times faster than torch's 3-D mean.

    Nothing here is read by others before it is returned: unless a gradient needs the parts, they share memory, which
    costs as much to fetch anew as the arithmetic does.
    """
    op, (x,) = step.op, inputs
    assert isinstance(op, LocalResponseNorm)
    squares, share = x * x, op.alpha / op.size
    scale = torch.addcmul(x.new_tensor(op.k), x, x, value=share)
    for offset in range(1, op.size // 2 + 1):
        scale[:, offset:].add_(squares[:, :-offset], alpha=share)
        if offset <= (op.size - 1) // 2:  # torch's window has one channel more before than after, if its size is even
            scale[:, :-offset].add_(squares[:, offset:], alpha=share)
    reused = None if scale.requires_grad else scale
    if op.beta in (0.5, 0.75):
        factor = torch.rsqrt(scale, out=reused)
        if op.beta == 0.75:
            factor = torch.mul(factor.sqrt(), factor, out=reused)
    else:
        factor = torch.pow(scale, -op.beta, out=reused)
    return torch.mul(x, factor, out=reused)


def _relu(_: Step, inputs: list[Tensor], __: list[Tensor]) -> Tensor:
    return torch.relu(inputs[0])


def _concat(_: Step, inputs: list[Tensor], __: list[Tensor]) -> Tensor:
    return torch.cat(inputs, dim=1)


def _linear(_: Step, inputs: list[Tensor], weights: list[Tensor]) -> Tensor:
    return F.linear(inputs[0].flatten(1), weights[0], weights[1])


def _softmax(_: Step, inputs: list[Tensor], __: list[Tensor]) -> Tensor:
    return torch.softmax(inputs[0], dim=1)


_IN_FULL = (AvgPool, Linear, LocalResponseNorm, Softmax)
"""Ops that are computed in the inputs' type in every precision: `circuits.precision` says why."""

_RUNNERS: dict[type[Op], Callable[[Step, list[Tensor], list[Tensor]], Tensor]] = {
    Conv: _conv,
    ReLU: _relu,
    MaxPool: _max_pool,
    AvgPool: _avg_pool,
    LocalResponseNorm: _lrn,
    Concat: _concat,
    Linear: _linear,
    Softmax: _softmax,
}
