"""Capture: parts of tensors of a network's run, kept so that other computations can start from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from circuits.execution import execute
from circuits.memory import program_peak
from circuits.network import Network
from circuits.regions import INPUT, Box, compile_program

__all__ = ["Capture", "Captured"]


@dataclass(frozen=True)
class Captured:
    """Tensors of one run of the intact network, each the part of it that lies in its box."""

    values: Mapping[str, Tensor]
    boxes: Mapping[str, Box]

    def crop(self, name: str, box: Box) -> Tensor:
        """The part of a tensor in `box`, N x C x h x w; N x C for what has no rows and columns."""
        value, have = self.values[name], self.boxes[name]
        if box == have:
            return value
        inner = box.within(have)
        return value[..., inner.top : inner.bottom, inner.left : inner.right]


class Capture:
    """A run of the intact network up to all that is asked for, each tensor once and no more of it.

    Args:
        net: the network.
        needs: the boxes that are needed, by tensor.
        image: rows and columns of the images; None for patches.
    """

    def __init__(self, net: Network, needs: Sequence[Mapping[str, Box]], image: tuple[int, int] | None) -> None:
        wanted: dict[str, Box] = {}
        for boxes in needs:
            for name, box in boxes.items():
                wanted[name] = wanted[name].union(box) if name in wanted else box
        self._net = net
        self._program = compile_program(net.ops, dict(wanted), image)
        self._boxes = self._program.boxes

    @property
    def box(self) -> Box:
        """The box of the image that is read."""
        return self._boxes[INPUT]

    @property
    def bytes(self) -> int:
        """Bytes in use at a time for each image, which is among them."""
        size = self.box.size
        two, three = (program_peak(self._net, self._program, (count, 3, *size)) for count in (2, 3))
        return three - two

    def run(self, images: Tensor) -> Captured:
        """Run on RGB images in [0, 1], N x 3 x the size of `box`."""
        values = execute(
            self._program, {INPUT: self._net.preprocessing(images)}, self._net.tensors, precision=self._net.precision
        )
        return Captured({name: value.contiguous() for name, value in values.items()}, self._boxes)
