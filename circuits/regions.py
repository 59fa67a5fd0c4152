"""Which part of every tensor is needed: exact receptive fields, and programs that compute no more than that.

A box is a half-open range of rows and columns in a tensor's own coordinates. Going backwards from the boxes that are
wanted, each op says which box of its input it reads; what lies outside the tensor is padding. Two cases matter:

- whole images: tensors end somewhere, and windows that hang over the edge see padding;
- patches: a picture that is one unit's receptive field, far from any edge. Nothing is padded, every layer shrinks to
  what that unit sees (a 3b unit of InceptionV1: 91, 43, 21, 19, 9, 5 and at last 1 pixel), and no other work is done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from circuits.errors import CurvesError
from circuits.ops import AvgPool, Linear, MaxPool, Op, Padding, Window

__all__ = [
    "INPUT",
    "Box",
    "Program",
    "ReceptiveField",
    "Step",
    "compile_program",
    "downstream",
    "extents",
    "receptive_field",
    "trace_back",
    "upstream",
]

INPUT = "input"
"""The name of the tensor that holds the preprocessed image."""


class Box(NamedTuple):
    """Rows `top` to `bottom` and columns `left` to `right`, ends excluded; may reach beyond the tensor."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left

    def within(self, other: Box) -> Box:
        """The same box counted from the first row and column of `other`."""
        return Box(self.top - other.top, self.bottom - other.top, self.left - other.left, self.right - other.left)

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that one unit sees: unit (i, j) reads rows `offset + stride * i` to `... + size`, columns likewise.

    Attributes:
        size: pixels on a side.
        stride: pixels between the fields of neighbouring units.
        offset: first row and column that unit (0, 0) reads; negative where padding is seen.
    """

    size: int
    stride: int
    offset: int


@dataclass(frozen=True)
class Step:
    """One op of a program: crop each input (None: take it whole), pad by `padding`, run, then forget tensors.

    `box` is what it writes, in the coordinates of the whole tensor.
    """

    op: Op
    crops: tuple[Box | None, ...]
    padding: Padding
    box: Box
    frees: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """The steps that compute `targets` from `inputs`: the image or captured tensors, and the box of each."""

    steps: tuple[Step, ...]
    targets: tuple[str, ...]
    inputs: Mapping[str, Box]

    @property
    def boxes(self) -> dict[str, Box]:
        """What there is of each tensor in a run; of a target that others read too, it may be more than is wanted."""
        return dict(self.inputs) | {step.op.name: step.box for step in self.steps}


def extents(ops: Sequence[Op], height: int, width: int) -> dict[str, tuple[int, int]]:
    """Rows and columns of every tensor for images of `height` x `width`; (1, 1) for what has no spatial extent.

    Raises:
        CurvesError: the image is too small for a window.
    """
    sizes = {INPUT: (height, width)}
    for op in ops:
        rows, columns = sizes[op.inputs[0]]
        if isinstance(op, Window) or (isinstance(op, AvgPool) and op.kernel):
            pad = op.padding
            ceil = isinstance(op, MaxPool | AvgPool) and op.ceil
            kernel = op.kernel or (1, 1)
            rows = _windows(rows, pad.top, pad.bottom, kernel[0], op.stride[0], ceil=ceil)
            columns = _windows(columns, pad.left, pad.right, kernel[1], op.stride[1], ceil=ceil)
            if rows < 1 or columns < 1:
                raise CurvesError(f"an image of {height} x {width} px is too small for {op.name!r}; give a larger one")
        elif isinstance(op, AvgPool):
            rows, columns = op.output
        elif isinstance(op, Linear):
            rows, columns = 1, 1
        elif any(sizes[name] != (rows, columns) for name in op.inputs):
            raise CurvesError(f"{op.name!r} joins tensors of different sizes: {[sizes[name] for name in op.inputs]}")
        sizes[op.name] = (rows, columns)
    return sizes


def _windows(size: int, before: int, after: int, kernel: int, stride: int, *, ceil: bool) -> int:
    span = size + before + after - kernel
    if not ceil:
        return span // stride + 1
    count = -(-span // stride) + 1
    # As Caffe and torch: the last window must start inside the image or the padding before it.
    return count - 1 if (count - 1) * stride >= size + before else count


def compile_program(
    ops: Sequence[Op],
    wanted: Mapping[str, Box | None],
    image: tuple[int, int] | None = None,
    given: Collection[str] = (),
) -> Program:
    """Plan the ops that `wanted` needs, each on no more than the region that is read of it.

    Args:
        ops: all ops of the network, in order.
        wanted: the tensors to compute and the box of each (None: all of it, which needs `image`).
        image: rows and columns of the image; None for patches, whose surroundings are picture and not padding.
        given: tensors that need not be computed, because they were captured before; the program starts from them.

    Raises:
        CurvesError: the image is too small, or a patch is asked of a layer that sees the whole image.
    """
    needed = set().union(*(upstream(ops, name) for name in wanted))
    sizes = extents([op for op in ops if op.name in needed], *image) if image else {}
    boxes = {name: box or _whole(sizes[name]) for name, box in wanted.items()}
    reads = trace_back(ops, boxes, sizes, given)
    if image and INPUT in boxes:
        boxes[INPUT] = _whole(image)
    steps = []
    alive = set(wanted)
    for op, read in reads:  # last op first, so a tensor can be forgotten after the first reader met here
        frees = tuple(name for name in dict.fromkeys(op.inputs) if name not in alive)
        steps.append(_step(op, boxes, read, frees))
        alive.update(op.inputs)
    inputs = {name: boxes[name] for name in (INPUT, *given) if name in boxes}
    return Program(tuple(reversed(steps)), tuple(wanted), inputs)


def receptive_field(ops: Sequence[Op], tensor: str) -> ReceptiveField:
    """The exact receptive field of the units of `tensor`, the union over all branches that lead to it.

    Raises:
        CurvesError: the tensor sees the whole image, or its field is not square.
    """
    fields = []
    for i in (0, 1):
        boxes = {tensor: Box(i, i + 1, i, i + 1)}
        trace_back(ops, boxes, {})
        fields.append(boxes[INPUT])
    first, second = fields
    field = ReceptiveField(first.bottom - first.top, second.top - first.top, first.top)
    if field != ReceptiveField(first.right - first.left, second.left - first.left, first.left):
        raise CurvesError(f"the receptive field of {tensor!r} is not square ({first}); only square ones are supported")
    return field


def downstream(ops: Sequence[Op], starts: Collection[str]) -> set[str]:
    """The tensors that depend on any of `starts`, and these themselves."""
    found = set(starts)
    for op in ops:
        if found.intersection(op.inputs):
            found.add(op.name)
    return found


def upstream(ops: Sequence[Op], end: str) -> set[str]:
    """The tensors that `end` depends on, and itself."""
    found = {end}
    for op in reversed(ops):
        if op.name in found:
            found.update(op.inputs)
    return found


def trace_back(
    ops: Sequence[Op],
    boxes: dict[str, Box],
    sizes: Mapping[str, tuple[int, int]],
    given: Collection[str] = (),
) -> list[tuple[Op, Box]]:
    """Extend `boxes` to all that is read for them; return each op that must run, last first, and the box it reads.

    A read box may reach beyond the tensor: that part is padding. With no `sizes`, tensors have no end. What computes
    the tensors that are `given` is left out.
    """
    reads = []
    for op in reversed(ops):
        if op.name not in boxes or op.name in given:
            continue
        if isinstance(op, AvgPool | Linear):
            if not sizes:
                raise CurvesError(
                    f"{op.name!r} sees the whole image, so it has no receptive field; choose an earlier layer"
                )
            # A mean at the edge depends on how padding counts: these ops run whole, by torch's own rules.
            boxes[op.name] = _whole(sizes[op.name])
            read = _whole(sizes[op.inputs[0]])
        else:
            read = _read(op, boxes[op.name])
        reads.append((op, read))
        for name in op.inputs:
            box = _clamp(read, sizes[name]) if sizes else read
            boxes[name] = boxes[name].union(box) if name in boxes else box
    return reads


def _whole(size: tuple[int, int]) -> Box:
    return Box(0, size[0], 0, size[1])


def _clamp(box: Box, size: tuple[int, int]) -> Box:
    return Box(max(box.top, 0), min(box.bottom, size[0]), max(box.left, 0), min(box.right, size[1]))


def _read(op: Op, box: Box) -> Box:
    """The box of its inputs that `op` reads to write `box`."""
    if not isinstance(op, Window):
        return box
    (sy, sx), (ky, kx), pad = op.stride, op.kernel, op.padding
    return Box(
        box.top * sy - pad.top,
        (box.bottom - 1) * sy - pad.top + ky,
        box.left * sx - pad.left,
        (box.right - 1) * sx - pad.left + kx,
    )


def _step(op: Op, boxes: Mapping[str, Box], read: Box, frees: tuple[str, ...]) -> Step:
    box, crops, padding = boxes[op.name], [], Padding()
    for name in op.inputs:
        have = boxes[name]
        inner = Box(
            max(read.top, have.top),
            min(read.bottom, have.bottom),
            max(read.left, have.left),
            min(read.right, have.right),
        )
        # The same for every input: only ops of one input pad.
        padding = Padding(
            inner.top - read.top, read.bottom - inner.bottom, inner.left - read.left, read.right - inner.right
        )
        crops.append(None if inner == have else inner.within(have))
    return Step(op, tuple(crops), padding, box, frees)
