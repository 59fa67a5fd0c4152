"""Replacing one channel at a time: what downstream units become, for many replacements at once.

Only what lies downstream of the change is computed again, in three parts:

- carried: behind ReLUs and pools the replaced channel is still one channel, so it is computed alone;
- convolutions that read it are linear in it: their output is the intact one plus the change of that one channel;
- the rest runs on a batch of (replacement, stimulus) pairs. Pairs in which nothing changed by the time it is read (a
  unit that was silent anyway) are left out.

What mixes channels otherwise (normalisation, dense layers) is run on copies with the one channel replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.capture import Captured
from circuits.errors import CurvesError
from circuits.execution import execute
from circuits.memory import peak
from circuits.network import Network
from circuits.ops import Concat, Conv, Op
from circuits.precision import rounded_type
from circuits.regions import INPUT, Box, Step, compile_program
from circuits.slicing import Slice, is_channelwise, slice_channels
from circuits.wiring import kernels

__all__ = ["Replacements"]


@dataclass(frozen=True)
class _Route:
    """How a replacement travels.

    Attributes:
        carried: tensors in which it is one channel, by how many places further on than in the source.
        fronts: convolutions that read those.
        dense: all tensors in which it is anything else, `fronts` among them.
    """

    carried: Mapping[str, int]
    fronts: Collection[str]
    dense: Collection[str]

    @classmethod
    def through(cls, part: Slice, source: str, cut: Collection[str]) -> _Route:
        carried, fronts, dense = {source: 0}, set[str](), set[str]()
        for op in part.ops:
            one = [name for name in op.inputs if name in carried]
            reached = one or dense.intersection(op.inputs)
            if not reached or op.name in cut:
                continue
            if len(one) == 1 and is_channelwise(op):
                carried[op.name] = carried[one[0]]
            elif len(one) == 1 and isinstance(op, Concat) and not dense.intersection(op.inputs):
                before = op.inputs[: op.inputs.index(one[0])]
                carried[op.name] = carried[one[0]] + sum(len(part.channels[name]) for name in before)
            else:
                dense.add(op.name)
                if isinstance(op, Conv) and one:
                    fronts.add(op.name)
        return cls(carried, fronts, dense)

    def given(self, part: Slice, target: str) -> list[str]:
        """What the dense part starts from: the fronts, and what else it reads that is not dense."""
        read = {name for op in part.ops if op.name in self.dense and op.name not in self.fronts for name in op.inputs}
        start = (read | {target}) - set(self.dense) | set(self.fronts)
        return [name for name in (INPUT, *(op.name for op in part.ops)) if name in start]

    def alone(self, part: Slice) -> list[Op]:
        """The ops as the one channel passes them: a concat joins it to nothing."""
        ops = []
        for op in part.ops:
            one = tuple(name for name in op.inputs if name in self.carried)
            ops.append(replace(op, inputs=one) if one and op.name in self.carried else op)
        return ops


class Replacements:
    """Chosen channels of `target`, when one channel of `source` at a time has another map.

    Args:
        net: the network.
        source: the tensor whose channels are replaced.
        channels: the channel that each of A replacements is of.
        target: the tensor that is read.
        rows: the channels of `target` that are read.
        box: the part of `target` that is read; None for all of it.
        image: rows and columns of the images; None for patches.
        cut: tensors that do not feel the replacement: paths through them see the intact source.

    Attributes:
        source: as given.
        needs: what must be captured of the intact network; of the source, the part that is to be replaced.
        bytes: in use at a time for each image.

    Raises:
        CurvesError: the rows do not depend on the source, or not on one of the channels.
    """

    def __init__(
        self,
        net: Network,
        source: str,
        channels: Sequence[int],
        target: str,
        rows: Sequence[int],
        box: Box | None,
        image: tuple[int, int] | None,
        cut: Collection[str] = (),
    ) -> None:
        part = slice_channels(net, target, rows)
        self._precision = net.precision
        route = _Route.through(part, source, cut)
        if target == source or not (target in route.carried or target in route.dense):
            between = " other than through layers between" if cut else ""
            raise CurvesError(f"{target!r} does not read {source!r}{between}; choose a source that it reads")
        self.source, self._target = source, target
        self._part = part
        self._rows = self._places(target, rows)
        self._rest = compile_program(part.ops, {target: box}, image, route.given(part, target))
        affected = {n: b for n, b in self._rest.inputs.items() if n in route.carried or n in route.fronts}
        self._fronts = compile_program(part.ops, affected, image, route.carried)
        self._alone = compile_program(route.alone(part), self._fronts.inputs, image, [source])
        first = self._places(source, channels)
        self._columns = {name: first + route.carried[name] for name in self._fronts.inputs}
        self._kernels = {}  # by convolution, for each of its input channels, outputs x kernel
        for step in self._fronts.steps:
            whole = kernels(step.op, part.tensors[f"{step.op.name}/weight"], self._count(step.op.inputs[0]))
            self._kernels[step.op.name] = whole.flatten(2).transpose(0, 1).contiguous()
        # Each program's boxes hold those that the one before it in this line asks for.
        self.needs = {**self._rest.inputs, **self._fronts.inputs, **self._alone.inputs}
        area = sum(box.size[0] * box.size[1] for box in self._fronts.inputs.values())
        self.bytes = 3 * len(channels) * area * _number(part)

    @cached_property
    def pair_bytes(self) -> int:
        """Bytes in use at a time for each pair of replacement and image in which something changed."""
        weights = {name: tensor.to("meta") for name, tensor in self._part.tensors.items()}
        shapes = {name: (self._count(name), *box.size) for name, box in self._rest.inputs.items()}
        precision = self._precision if rounded_type(self._precision) else "float32"

        def run(pairs: Tensor) -> object:
            values = {name: torch.empty(len(pairs), *shape, device="meta") for name, shape in shapes.items()}
            return execute(self._rest, values, weights, precision=precision)

        two, three = (peak(run, count, 0) for count in (2, 3))
        gathered = sum(kernel[0].numel() for kernel in self._kernels.values())  # and the windows that they go over
        for step in self._fronts.steps:
            assert isinstance(step.op, Conv)
            gathered += step.op.kernel[0] * step.op.kernel[1] * step.box.size[0] * step.box.size[1]
        return three - two + gathered * _number(self._part)

    def changes(self, captured: Captured, maps: Tensor, memory: int) -> Tensor:
        """How the target changes: replaced minus intact.

        Args:
            captured: the intact network's `needs`.
            maps: what each is replaced by, N x A x h x w; or A numbers, one for all images and places.
            memory: bytes to use at a time, results not counted.

        Returns:
            A x R x N x h' x w'; A x R x N for what has no rows and columns.
        """
        columns = self._columns
        before = {name: self._intact(captured, name, box) for name, box in self._fronts.inputs.items()}
        if maps.dim() == 1:
            places = captured.crop(self.source, self.needs[self.source]).shape[2:]
            maps = maps.view(1, -1, *(1 for _ in places)).expand(1, -1, *places)
        after = Captured(execute(self._alone, {self.source: maps}, {}), self._alone.boxes)
        moved = {
            name: after.crop(name, box) - before[name].index_select(1, columns[name])
            for name, box in self._fronts.inputs.items()
        }
        changed = torch.stack([(move != 0).reshape(*move.shape[:2], -1).any(2) for move in moved.values()]).any(0)
        start = {name: self._intact(captured, name, box) for name, box in self._rest.inputs.items()}
        intact = self._read(start)
        result = intact.new_zeros(maps.shape[1], intact.shape[1], len(intact), *intact.shape[2:])
        at_once = max(1, memory // self.pair_bytes)
        for pairs in torch.split(changed.t().nonzero(), at_once):
            which, image = pairs.unbind(1)
            values = {name: value.index_select(0, image) for name, value in start.items()}
            for step in self._fronts.steps:
                source = step.op.inputs[0]
                move, kernel = moved[source][image, which], self._kernels[step.op.name][columns[source][which]]
                values[step.op.name] = _add_contribution(values[step.op.name], step, move, kernel)
            for name in self._rest.inputs.keys() & columns.keys():
                new = after.crop(name, self._rest.inputs[name])
                row = torch.arange(len(pairs), device=image.device)
                values[name][row, columns[name][which]] = new[image if len(new) > 1 else 0, which]
            result[which, :, image] = self._read(values) - intact.index_select(0, image)
        return result

    def _count(self, tensor: str) -> int:
        return len(self._part.channels[tensor])

    def _places(self, tensor: str, channels: Sequence[int]) -> Tensor:
        """Where channels of the network's tensor are in the part's."""
        computed, asked = self._part.channels[tensor], self._part.channels[tensor].new_tensor(channels)
        if missing := set(channels) - set(computed.tolist()):
            raise CurvesError(f"{self._target!r} does not depend on channel {min(missing)} of {tensor!r}; leave it out")
        return torch.searchsorted(computed, asked)

    def _intact(self, captured: Captured, name: str, box: Box) -> Tensor:
        value = captured.crop(name, box)
        return value if self._count(name) == value.shape[1] else value.index_select(1, self._part.channels[name])

    def _read(self, values: Mapping[str, Tensor]) -> Tensor:
        found = execute(self._rest, values, self._part.tensors, precision=self._precision)
        return found[self._target].index_select(1, self._rows)


def _add_contribution(intact: Tensor, step: Step, move: Tensor, kernel: Tensor) -> Tensor:
    """The output of a convolution when one input channel has moved.

    Args:
        intact: the output before, P x O x h' x w'.
        step: the convolution.
        move: what is added to the channel, P x h x w.
        kernel: the weights that read the channel, P x O x (kh kw).
    """
    (crop,), op = step.crops, step.op
    assert isinstance(op, Conv)
    if crop is not None:
        move = move[:, crop.top : crop.bottom, crop.left : crop.right]
    top, bottom, left, right = step.padding
    move = F.pad(move, (left, right, top, bottom))
    if op.kernel == (1, 1):  # an outer product, which needs neither windows nor a product of matrices
        windows = move[:, None, :: op.stride[0], :: op.stride[1]].flatten(2)
        return torch.addcmul(intact.flatten(2), kernel, windows).view_as(intact)
    windows = F.unfold(move[:, None], op.kernel, stride=op.stride)
    return torch.baddbmm(intact.flatten(2), kernel, windows).view_as(intact)


def _number(part: Slice) -> int:
    return next((tensor.element_size() for tensor in part.tensors.values()), 4)
