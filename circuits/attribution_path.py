"""The way from an earlier layer, or from the pixels, to the one number of each picture that is attributed to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from circuits.capture import Capture
from circuits.errors import CurvesError
from circuits.execution import execute
from circuits.network import Network
from circuits.regions import INPUT, Box, ReceptiveField, compile_program, downstream, extents, upstream
from circuits.units import Unit

__all__ = ["Objective", "Path"]

Objective = Literal["pre", "squares"]
"""What is attributed: the sum of pre-activations, or of squared activations."""


class Path:
    """From activations of the source to the one number for each picture that is attributed."""

    def __init__(
        self,
        net: Network,
        units: Sequence[Unit],
        source: str,
        size: tuple[int, int] | None,
        place: tuple[int, int] | None,
        objective: Objective,
        scales: Tensor | None,
    ) -> None:
        layer = net.layer(units[0].layer)
        self.net, self.objective = net, objective
        self._rows = torch.tensor([unit.channel for unit in units], device=net.device)
        self._target = layer.post if objective == "squares" else layer.pre
        self._start = INPUT if source == INPUT else net.layer(source).post
        self._scales = None if scales is None else scales.to(net.device, net.dtype)
        read = upstream(net.ops, self._target)
        self._sizes = extents([op for op in net.ops if op.name in read], *size) if size else None
        box = self._box(layer.name, place)
        behind = downstream(net.ops, [self._start])
        around = [op.name for op in net.ops if op.name not in behind]  # taken as they are, whatever made them so
        self._rest = compile_program(net.ops, {self._target: box}, size, given=[self._start, *around])
        if self._start not in self._rest.inputs or self._start == self._target:
            raise CurvesError(f"{units[0]} does not depend on {source}; attribute it to an earlier layer")
        self._others = [name for name in self._rest.inputs if name != self._start]
        self._capture = Capture(net, [self._rest.inputs], size)
        self._seen = compile_program(net.ops, {self._target: box}, size).inputs[INPUT]
        self.biases = [f"{step.op.name}/bias" for step in self._rest.steps if step.op.tensors]
        self.field = self._field(source)

    def start(self, pictures: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the source does, and what goes around it."""
        if pictures.shape[-2:] != self._seen.size:
            seen, given = (" x ".join(map(str, size)) for size in (self._seen.size, pictures.shape[-2:]))
            raise CurvesError(f"the units see {seen} px, the patches are {given}; crop them, or give them as images")
        if self._start == INPUT:
            return pictures, ()
        read = self._capture.box.within(self._seen)
        with torch.no_grad():
            captured = self._capture.run(pictures[..., read.top : read.bottom, read.left : read.right])
        found = [captured.crop(name, self._rest.inputs[name]) for name in (self._start, *self._others)]
        return found[0], tuple(found[1:])

    def __call__(self, source: Tensor, *others: Tensor, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """N values."""
        return self.after(self.prepared(source), *others, tensors=tensors)

    def prepared(self, source: Tensor) -> Tensor:
        """What the ops read of the source: of pixels, the preprocessed image."""
        return self.net.preprocessing(source) if self._start == INPUT else source

    def after(self, prepared: Tensor, *others: Tensor, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """N values, from what is prepared."""
        inputs = {self._start: prepared, **dict(zip(self._others, others, strict=True))}
        weights = {**self.net.tensors, **(tensors or {})}
        found = execute(self._rest, inputs, weights, precision=self.net.precision)[self._target]
        chosen = found.index_select(1, self._rows)
        if self.objective == "squares":
            if self._scales is not None:
                chosen = chosen / self._scales.view(-1, *(1 for _ in chosen.shape[2:]))
            chosen = chosen * chosen
        return chosen.flatten(1).sum(1)

    def placed(self, tensor: Tensor) -> Tensor:
        """Whole maps, where pictures were whole: nothing flows from where nothing is read."""
        box = self._rest.inputs[self._start]
        if self._sizes is None or tensor.dim() < 4 or tensor.shape[-2:] == self._sizes[self._start]:
            return tensor
        whole = tensor.new_zeros(*tensor.shape[:2], *self._sizes[self._start])
        whole[..., box.top : box.bottom, box.left : box.right] = tensor
        return whole

    def _box(self, layer: str, place: tuple[int, int] | None) -> Box | None:
        if self._sizes is None:
            if place is not None:
                raise CurvesError("a patch is what a unit sees, so it has no places; leave place out, or give images")
            return Box(0, 1, 0, 1)
        if place is None:
            return None
        (row, column), (rows, columns) = place, self._sizes[self._target]
        if not (0 <= row < rows and 0 <= column < columns):
            raise CurvesError(f"{layer} has {rows} x {columns} places on these images; ({row}, {column}) is none")
        return Box(row, row + 1, column, column + 1)

    def _field(self, source: str) -> ReceptiveField | None:
        if source == INPUT:
            return ReceptiveField(1, 1, 0)
        try:
            field = self.net.receptive_field(source)
        except CurvesError:
            return None
        if self._sizes is not None:
            return field
        first = field.offset + field.stride * self._rest.inputs[self._start].top - self._seen.top
        return ReceptiveField(field.size, field.stride, first)
