"""Refusing what does not fit, before anything runs: ops and tensors that do not belong together, wrong images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.ops import AvgPool, Conv, Linear, Op, Window
from circuits.regions import INPUT, extents

__all__ = ["check_images", "check_names", "check_shapes", "check_windows"]


def check_names(ops: Sequence[Op], tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Check that each op reads what is there and has its tensors, none to spare.

    Returns:
        The channels of every tensor that is written.

    Raises:
        CurvesError: a name is taken, unusable or unknown, or a tensor is missing or left over.
    """
    channels = {INPUT: 3}
    for op in ops:
        if op.name in channels:
            raise CurvesError(f"two ops write {op.name!r}; names must differ")
        if "." in op.name or not op.name:
            raise CurvesError(f"{op.name!r} cannot name an op; use a non-empty name without dots")
        if missing := [name for name in op.inputs if name not in channels]:
            raise CurvesError(f"op {op.name!r} reads {', '.join(map(repr, missing))}, which no earlier op writes")
        if missing := [part for part in op.tensors if f"{op.name}/{part}" not in tensors]:
            raise CurvesError(f"op {op.name!r} has no {' and '.join(missing)}; give the tensor {op.name}/{missing[0]}")
        channels[op.name] = sum(channels[name] for name in op.inputs)
        if op.tensors:
            channels[op.name] = tensors[f"{op.name}/weight"].shape[0]
    if surplus := tensors.keys() - {f"{op.name}/{part}" for op in ops for part in op.tensors}:
        raise CurvesError(f"no op uses the tensors {', '.join(sorted(surplus))}; leave them out")
    return channels


def check_windows(ops: Sequence[Op]) -> None:
    """Check that windows have a size and move on.

    Raises:
        CurvesError: a kernel, a stride or the number of groups is below 1.
    """
    for op in ops:
        numbers = [*(op.kernel or ()), *op.stride] if isinstance(op, Window | AvgPool) else []
        if min([*numbers, op.groups if isinstance(op, Conv) else 1]) < 1:
            raise CurvesError(f"{op.name!r} has a kernel, stride or groups of 0; give numbers from 1")


def check_shapes(
    ops: Sequence[Op], tensors: Mapping[str, Tensor], channels: Mapping[str, int], image: tuple[int, int]
) -> None:
    """Check that weights and biases fit what the ops read from images of that many rows and columns.

    Raises:
        CurvesError: a tensor has another shape, or the image is too small.
    """
    sizes = extents(ops, *image)
    for op in ops:
        if not isinstance(op, Conv | Linear):
            continue
        read, written = channels[op.inputs[0]], channels[op.name]
        if isinstance(op, Conv):
            if read % op.groups or written % op.groups:
                raise CurvesError(
                    f"{op.name!r} has {op.groups} groups, which must divide {read} and {written} channels"
                )
            expected: tuple[int, ...] = (written, read // op.groups, *op.kernel)
        else:
            rows, columns = sizes[op.inputs[0]]
            expected = (written, read * rows * columns)
        for part, shape in (("weight", expected), ("bias", expected[:1])):
            found = tuple(tensors[f"{op.name}/{part}"].shape)
            if found != shape:
                why = f" for images of {image[0]} x {image[1]} px" if isinstance(op, Linear) else ""
                raise CurvesError(f"the {part} of {op.name!r} is {found}, but {shape} fits{why}")


def check_images(images: Tensor, device: torch.device, dtype: torch.dtype) -> None:
    """Check that images are N x 3 x H x W, in [0, 1], and of the network's device and type.

    Raises:
        CurvesError: they are not; the message says how to mend it.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3 or not all(shape):
        raise CurvesError(f"images must be N x 3 x H x W (RGB); got {' x '.join(map(str, shape))}")
    if not images.is_floating_point():
        raise CurvesError(f"images must be float in [0, 1]; got {images.dtype}: convert with images.float() / 255")
    if images.device != device:
        raise CurvesError(f"the images are on {images.device}, the network on {device}; move one with .to(...)")
    if images.dtype != dtype:
        raise CurvesError(f"the images are {images.dtype}, the network's weights {dtype}; convert one with .to(...)")
    if torch.compiler.is_compiling():
        return
    low, high = (value.item() for value in torch.aminmax(images.detach()))
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # resizing leaves rounding errors; NaN fails too
        raise CurvesError(
            f"images must be in [0, 1]; these go from {low:.4g} to {high:.4g}: pass plain RGB, not preprocessed"
        )
