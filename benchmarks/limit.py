"""How near a run comes to the convolutions alone: multiply-adds of a program, and the least time that they can take.

A program's multiply-adds are counted exactly, from the boxes that it computes: for each picture a convolution does
`O x rows x columns` sums of `I / groups x kh x kw` products, of which those with padding count as well (as everywhere);
a dense layer does `O x I`. Normalisation's banded convolution is a way to add neighbours up and counts nothing.

The limit is the time that `torch.nn.functional.conv2d` takes for the same shapes, one convolution after the other, each
in the batch size and memory format that suit it best, again and again on the same memory: no run of the network can
have all of that at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.benchmark import Timer

from circuits import Network
from circuits.ops import Conv, Linear
from circuits.regions import Program, Step

__all__ = ["least_seconds", "multiply_adds"]

BATCHES = (1, 4, 16, 32, 64)
FORMATS = (torch.contiguous_format, torch.channels_last)


def multiply_adds(net: Network, program: Program) -> int:
    """Multiply-adds of one run of `program` on one picture."""
    return sum(_of_step(net, step) for step in program.steps)


def least_seconds(net: Network, program: Program, seconds: float = 0.05) -> float:
    """Seconds for each picture of the program's convolutions alone, each as fast as conv2d does it.

    Args:
        net: the network.
        program: what is run of it.
        seconds: of measuring for each convolution, batch size and format.
    """
    found = {}
    with torch.inference_mode():
        for step in program.steps:
            if isinstance(step.op, Conv) and (shape := _shape(net, program, step)) not in found:
                found[shape] = min(_seconds_each(net, step, shape, seconds))
        return sum(found[_shape(net, program, step)] for step in program.steps if isinstance(step.op, Conv))


def _of_step(net: Network, step: Step) -> int:
    if not isinstance(step.op, Conv | Linear):
        return 0
    return prod(step.box.size) * net.tensors[f"{step.op.name}/weight"].numel()


def _shape(net: Network, program: Program, step: Step) -> tuple[int, ...]:
    """What decides a convolution's time: sizes of what is read and of the weight, stride, padding and groups."""
    assert isinstance(step.op, Conv)
    (crop,), (name,) = step.crops, step.op.inputs
    size = (crop or program.boxes[name]).size
    weight = net.tensors[f"{step.op.name}/weight"].shape
    return (net.channels(name), *size, *weight, *step.op.stride, *step.padding, step.op.groups)


def _seconds_each(net: Network, step: Step, shape: tuple[int, ...], seconds: float) -> Iterator[float]:
    op, pad = step.op, step.padding
    assert isinstance(op, Conv)
    weight, bias = (net.tensors[f"{op.name}/{part}"] for part in op.tensors)
    image = torch.rand(shape[:3])
    symmetric = pad.top == pad.bottom and pad.left == pad.right
    if not symmetric:
        image = F.pad(image, (pad.left, pad.right, pad.top, pad.bottom))
    for batch in BATCHES:
        for memory in FORMATS:
            x = image.expand(batch, -1, -1, -1).contiguous(memory_format=memory)

            def convolve(x: Tensor = x) -> Tensor:
                return F.conv2d(x, weight, bias, op.stride, (pad.top, pad.left) if symmetric else 0, 1, op.groups)

            timer = Timer("convolve()", globals={"convolve": convolve}, num_threads=torch.get_num_threads())
            yield timer.blocked_autorange(min_run_time=seconds).median / batch
