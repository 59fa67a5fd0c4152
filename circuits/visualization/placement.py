"""Where objectives look: the program that computes what they read of a picture, and no more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from circuits.errors import CurvesError
from circuits.execution import execute
from circuits.network import Network
from circuits.regions import INPUT, Box, Program, compile_program, extents, upstream
from circuits.validation import check_shapes
from circuits.visualization.objectives import Read
from circuits.visualization.redirection import redirected
from circuits.wiring import is_inner

__all__ = ["Placement", "place"]


@dataclass(frozen=True)
class Placement:
    """A network, cut down to what is read of a picture.

    Attributes:
        net: the network.
        program: computes all that is read.
        parts: by what is read, its tensor and its box.
        gram: the tensor that tells pictures of one objective apart; None if none is wanted.
    """

    net: Network
    program: Program
    parts: Mapping[Read, tuple[str, Box]]
    gram: str | None

    @property
    def seen(self) -> tuple[int, int]:
        """Rows and columns of the picture that are read."""
        return self.program.inputs[INPUT].size

    def maps(self, pictures: Tensor, *, redirect: bool = False) -> tuple[dict[Read, Tensor], Tensor | None]:
        """What is read of pictures in [0, 1], N x 3 x rows x columns, each N x C x h x w; and the tensor `gram`.

        With `redirect`, gradients come also through layers that are silent (`circuits.visualization.redirection`).
        """
        image = self.net.preprocessing(pictures)
        changes = redirected(self.program) if redirect else None
        values = execute(self.program, {INPUT: image}, self.net.tensors, changes, self.net.precision)
        boxes, found = self.program.boxes, {}
        for read, (tensor, box) in self.parts.items():
            value, inner = values[tensor], box.within(boxes[tensor])
            value = value[..., None, None] if value.dim() == 2 else value
            found[read] = value[..., inner.top : inner.bottom, inner.left : inner.right]
        return found, values[self.gram] if self.gram else None


def place(net: Network, reads: Sequence[Read], canvas: int | None, *, gram: bool = False) -> Placement:
    """Find what is to be computed.

    Args:
        net: the network.
        reads: parts of its maps.
        canvas: px of a square picture that is run whole, with padding at its edges; None for a picture of just what
            is seen, in the midst of a larger one.
        gram: whether a tensor is wanted that tells pictures apart: of the last layer before the first one that is read
            of which more than one place is computed.

    Raises:
        CurvesError: a layer sees the whole picture or is wanted everywhere, and there is no canvas; a place is not on
            it; the network cannot run on it; or there is no layer to tell pictures apart.
    """
    parts = _on_canvas(net, reads, canvas) if canvas else _around_a_middle(net, reads)
    wanted: dict[str, Box] = {}
    for tensor, box in parts.values():
        wanted[tensor] = wanted[tensor].union(box) if tensor in wanted else box
    image = (canvas, canvas) if canvas else None
    program = compile_program(net.ops, wanted, image)
    apart = None
    if gram:
        apart = _telling(net, reads[0].layer, program.boxes)
        program = compile_program(net.ops, wanted | {apart: program.boxes[apart]}, image)
    if image:
        check_shapes([step.op for step in program.steps], net.tensors, net._channels, image)
    return Placement(net, program, parts, apart)


def _around_a_middle(net: Network, reads: Sequence[Read]) -> dict[Read, tuple[str, Box]]:
    """Boxes whose middles are as near as strides let them to the middle of what one unit of the deepest layer sees."""
    if everywhere := [read.layer for read in reads if read.extent is None]:
        raise CurvesError(f"{everywhere[0]} can be excited everywhere only in a picture of a given size; give a canvas")
    fields = {read.layer: net.receptive_field(read.layer) for read in reads}
    deepest = max(fields.values(), key=lambda field: (field.stride, field.size))
    middle = deepest.offset + deepest.size / 2
    parts = {}
    for read in reads:
        field = fields[read.layer]
        unit = (middle - field.offset - field.size / 2) / field.stride
        assert read.extent is not None
        first = [math.floor(unit - (extent - 1) / 2 + 0.5) for extent in read.extent]
        parts[read] = (_tensor(net, read), _box(first, read.extent, read.at))
    return parts


def _on_canvas(net: Network, reads: Sequence[Read], canvas: int) -> dict[Read, tuple[str, Box]]:
    parts = {}
    for read in reads:
        tensor = _tensor(net, read)
        needed = upstream(net.ops, tensor)
        size = extents([op for op in net.ops if op.name in needed], canvas, canvas)[tensor]
        extent = read.extent or size
        box = _box([(whole - own + 1) // 2 for whole, own in zip(size, extent, strict=True)], extent, read.at)
        if min(box.top, box.left) < 0 or box.bottom > size[0] or box.right > size[1]:
            raise CurvesError(
                f"{read.layer} has {size[0]} x {size[1]} places in a picture of {canvas} px, and {extent[0]} x "
                f"{extent[1]} of them at {read.at} from the middle are not all there; give a larger canvas"
            )
        parts[read] = (tensor, box)
    return parts


def _tensor(net: Network, read: Read) -> str:
    layer = net.layer(read.layer)
    return layer.pre if read.pre else layer.post


def _box(first: Sequence[int], extent: tuple[int, int], at: tuple[int, int]) -> Box:
    top, left = first[0] + at[0], first[1] + at[1]
    return Box(top, top + extent[0], left, left + extent[1])


def _telling(net: Network, layer: str, boxes: Mapping[str, Box]) -> str:
    before = upstream(net.ops, net.layer(layer).pre)
    for found in reversed(list(net.layers.values())):
        box = boxes.get(found.post)
        earlier = found.name != layer and found.post in before and not is_inner(found.name, net.layers)
        if earlier and box and box.size[0] * box.size[1] > 1:
            return found.post
    raise CurvesError(f"no layer before {layer} tells its pictures apart; draw one picture of each objective")
