"""The network: ops over named tensors, the one representation of real, edited and hand-built networks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from circuits import store
from circuits.devices import describe_device
from circuits.errors import CurvesError, FileDamagedError, UnknownLayerError, UnknownUnitError
from circuits.execution import execute
from circuits.intervention import Intervention, bind, changed_tensors
from circuits.ops import Conv, Linear, Op
from circuits.parts import Layer, Preprocessing, Provenance
from circuits.precision import check_precision
from circuits.regions import INPUT, Box, Program, ReceptiveField, compile_program, receptive_field
from circuits.units import Unit
from circuits.validation import check_images, check_names, check_shapes, check_windows
from circuits.wiring import Link, Piece, kernels, links, pieces

__all__ = ["Network"]


class Network(nn.Module):
    """A vision network as data: ops in order, tensors by name, layers, preprocessing, provenance.

    It takes RGB images in [0, 1], N x 3 x H x W. Weights do not ask for gradients unless `requires_grad_()` says so;
    gradients to the images always work. Networks made from one another by edits share the memory of what is unchanged.

    Args:
        ops: in an order in which each reads only tensors written before it; the image is the tensor `input`.
        tensors: `OP/weight` and `OP/bias` for every conv and linear op.
        layers: by name, the tensors before and after the layer's ReLU, from the image onwards.
        preprocessing: what is done to the image first.
        input_size: rows (= columns) of the images that the network was made for, in px.
        provenance: where it came from.
        precision: in which numbers it is computed, a name from `circuits.precision.PRECISIONS`. It is how the network
            is run and not what it is: no part of its identity or its file.
        memory: bytes that sweeps and passes may use at a time, beside the weights (`circuits.memory`); None for what
            is fastest. No part of identity or file either.

    Attributes:
        precision: as given.
        memory: as given.

    Raises:
        CurvesError: an op reads what is not there, or a tensor is missing, left over or of the wrong shape.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        tensors: Mapping[str, Tensor],
        layers: Mapping[str, tuple[str, str]],
        *,
        preprocessing: Preprocessing | None = None,
        input_size: int = 224,
        provenance: Provenance | None = None,
        precision: str = "float32",
        memory: int | None = None,
    ) -> None:
        super().__init__()
        self.ops = tuple(ops)
        self.preprocessing = preprocessing or Preprocessing()
        self.input_size = input_size
        self.provenance = provenance or Provenance("unnamed", "circuits.Network")
        self.precision = precision
        self.memory = memory
        channels = check_names(self.ops, tensors)
        check_windows(self.ops)
        check_shapes(self.ops, tensors, channels, (input_size, input_size))
        for name, (pre, post) in layers.items():
            if pre not in channels or post not in channels:
                raise CurvesError(
                    f"layer {name!r} names the tensors {pre!r} and {post!r}, which are not both written by an op"
                )
        self._channels = channels
        self._layers = {name: Layer(name, pre, post, channels[pre]) for name, (pre, post) in layers.items()}
        for name, tensor in tensors.items():
            self.register_parameter(name, nn.Parameter(tensor.detach(), requires_grad=False))
        self._programs: dict[Any, Program] = {}
        check_precision(precision, self.device)

    # ------------------------------------------------------------------ what it is

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers by name, from the image onwards."""
        return MappingProxyType(self._layers)

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The weights by name: `OP/weight` and `OP/bias`."""
        return MappingProxyType(self._parameters)  # type: ignore[arg-type]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((tensor.device for tensor in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type, which images must have."""
        return next((tensor.dtype for tensor in self.parameters()), torch.float32)

    @property
    def execution(self) -> dict[str, str]:
        """Where and how it is run, as results say it: `device` (of a GPU with its model) and `precision`."""
        return {"device": describe_device(self.device), "precision": self.precision}

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of ops, layers, preprocessing and tensors: what it computes, not where it came from."""
        digest = hashlib.sha256(json.dumps(self._structure(), sort_keys=True).encode())
        for name, tensor in sorted(self.tensors.items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            # Adding 0 makes -0 the 0 that it is: a removed weight keeps no sign.
            plain = tensor.detach().cpu().add(0).contiguous().flatten()
            digest.update(plain.view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            UnknownLayerError: there is none; the message names near ones.
        """
        if name in self._layers:
            return self._layers[name]
        near = get_close_matches(name, self._layers, n=3, cutoff=0.5) or list(self._layers)
        raise UnknownLayerError(f"{self.provenance.name} has no layer {name!r}; it has {', '.join(near)}")

    def unit(self, name: str | Unit) -> Unit:
        """The unit of that name, checked against this network.

        Raises:
            UnknownUnitError: the name cannot be read or the channel is out of range.
            UnknownLayerError: there is no such layer.
        """
        unit = Unit.parse(name)
        count = self.layer(unit.layer).channels
        if not 0 <= unit.channel < count:
            raise UnknownUnitError(f"{unit.layer} has {count} units (0..{count - 1}); {unit} is out of range")
        return unit

    def units(self, layer: str) -> list[Unit]:
        """All units of a layer."""
        return [Unit(layer, channel) for channel in range(self.layer(layer).channels)]

    def producer(self, unit: str | Unit) -> tuple[str, int]:
        """The conv or linear op that computes a unit's pre-activation, and the unit's row in that op's weight.

        Raises:
            CurvesError: the unit is not computed by weights (a pool's output, say).
        """
        unit = self.unit(unit)
        piece = next(p for p in self.pieces(unit.layer) if unit.channel < p.first + p.count)
        op = next((op for op in self.ops if op.name == piece.op), None)
        if not isinstance(op, Conv | Linear):
            kind = op.kind if op else "image"
            raise CurvesError(f"{unit} is the output of a {kind}, which has no weights; choose a unit of a conv layer")
        return piece.op, unit.channel - piece.first

    def pieces(self, layer: str) -> tuple[Piece, ...]:
        """The ops that compute a layer's pre-activations, and the units that each computes."""
        return pieces(self.ops, self.layer(layer), self._channels)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Which units read which: the weights as connections between layers, in order of the ops.

        Raises:
            CurvesError: an op with weights computes units of no layer.
        """
        return links(self.ops, self._layers, self._channels)

    def kernels(self, op: str) -> Tensor:
        """The weights of a conv or linear op, O x I x kh x kw: a view of its tensor unless the op has groups."""
        found = self.op(op)
        return kernels(found, self.tensors[f"{op}/weight"], self._channels[found.inputs[0]])

    def op(self, name: str) -> Op:
        """The op that writes a tensor."""
        return next(op for op in self.ops if op.name == name)

    def channels(self, tensor: str) -> int:
        """Channels of a tensor that an op writes, or of the image (`input`)."""
        return self._channels[tensor]

    def receptive_field(self, layer: str) -> ReceptiveField:
        """The exact field of a layer's units, in px of the image: size, stride, and first pixel of unit (0, 0)."""
        return receptive_field(self.ops, self.layer(layer).pre)

    # ------------------------------------------------------------------ running it

    def forward(self, images: Tensor, interventions: Sequence[Intervention] = ()) -> Tensor:
        """The last op's output for RGB images in [0, 1], N x 3 x H x W."""
        return self._whole(images, (self.ops[-1].name,), interventions)[self.ops[-1].name]

    def activations(
        self,
        images: Tensor,
        layers: Iterable[str],
        pre: bool = False,
        interventions: Sequence[Intervention] = (),
    ) -> dict[str, Tensor]:
        """Activations of whole layers, computed no deeper than the layers asked for.

        Args:
            images: RGB in [0, 1], N x 3 x H x W.
            layers: names of layers.
            pre: the values before the ReLU instead of after.
            interventions: activations to change in this run, such as `editing.SetActivation("3a:7", 0)`.

        Returns:
            By layer, N x C x H' x W' (N x C for dense layers).

        Raises:
            UnknownLayerError: a layer does not exist.
            CurvesError: the images have the wrong shape, type, range or device; or an intervention does not fit
                or has no effect on the layers.
        """
        if isinstance(layers, str):
            layers = [layers]
        names = {name: self.layer(name).pre if pre else self.layer(name).post for name in layers}
        values = self._whole(images, tuple(dict.fromkeys(names.values())), interventions)
        return {layer: values[tensor] for layer, tensor in names.items()}

    def responses(
        self, patches: Tensor, layer: str, pre: bool = True, interventions: Sequence[Intervention] = ()
    ) -> Tensor:
        """Activations of a layer's units when each patch is just what they see, in the midst of a larger picture.

        Equal to placing the patch in a picture at the receptive field of a unit far from the edges and reading that
        unit, at a fraction of the work: nothing outside the field is computed in any layer.

        Args:
            patches: RGB in [0, 1], N x 3 x S x S with S the size of the layer's receptive field.
            layer: name of a layer.
            pre: the values before the ReLU (default) or after.
            interventions: activations to change in this run; their maps are of the region that the unit sees.

        Returns:
            N x C.

        Raises:
            UnknownLayerError: the layer does not exist.
            CurvesError: the patches have the wrong size, type, range or device; or an intervention does not fit
                or has no effect on the layer.
        """
        found = self.layer(layer)
        target = found.pre if pre else found.post
        program = self._programs.get(target)
        if program is None:
            program = self._programs[target] = compile_program(self.ops, {target: Box(0, 1, 0, 1)})
        check_images(patches, self.device, self.dtype)
        if patches.shape[-2:] != program.inputs[INPUT].size:
            seen, given = (" x ".join(map(str, size)) for size in (program.inputs[INPUT].size, patches.shape[-2:]))
            raise CurvesError(f"units of {layer} see {seen} px, the patches are {given}; crop them to what is seen")
        changed_tensors(self, interventions, program)
        changes = bind(self, interventions, program, len(patches))
        return execute(program, {INPUT: self.preprocessing(patches)}, self.tensors, changes, self.precision)[
            target
        ].flatten(1)

    def _whole(
        self, images: Tensor, targets: tuple[str, ...], interventions: Sequence[Intervention] = ()
    ) -> dict[str, Tensor]:
        check_images(images, self.device, self.dtype)
        size = (images.shape[2], images.shape[3])
        program = self._whole_program(targets, size)
        if interventions:  # what is changed is computed whole, so that maps given by the user line up
            changed = changed_tensors(self, interventions, program)
            program = self._whole_program(tuple(dict.fromkeys((*targets, *changed))), size)
        changes = bind(self, interventions, program, len(images))
        values = execute(program, {INPUT: self.preprocessing(images)}, self.tensors, changes, self.precision)
        return {name: value.contiguous() for name, value in values.items()}

    def _whole_program(self, targets: tuple[str, ...], size: tuple[int, int]) -> Program:
        program = self._programs.get((targets, size))
        if program is None:
            program = compile_program(self.ops, dict.fromkeys(targets), size)
            check_shapes([step.op for step in program.steps], self.tensors, self._channels, size)
            self._programs[targets, size] = program
        return program

    # ------------------------------------------------------------------ deriving and saving

    def evolve(
        self,
        *,
        tensors: Mapping[str, Tensor] | None = None,
        ops: Sequence[Op] | None = None,
        layers: Mapping[str, tuple[str, str]] | None = None,
        provenance: Provenance | None = None,
        precision: str | None = None,
        memory: int | None = None,
    ) -> Network:
        """A new network in which what is given replaces what was; the rest is shared, this one is untouched.

        Tensors of ops that are no longer there are left out.

        Raises:
            CurvesError: ops, tensors and layers do not fit, or the device has no such precision.
        """
        ops = self.ops if ops is None else ops
        available = dict(self.tensors) | dict(tensors or {})
        if ops is not self.ops:
            used = {f"{op.name}/{part}" for op in ops for part in op.tensors}
            available = {name: tensor for name, tensor in available.items() if name in used}
        return Network(
            ops,
            available,
            {layer.name: (layer.pre, layer.post) for layer in self._layers.values()} if layers is None else layers,
            preprocessing=self.preprocessing,
            input_size=self.input_size,
            provenance=provenance or self.provenance,
            precision=precision or self.precision,
            memory=memory or self.memory,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one safetensors file, whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        header = self._structure() | {"provenance": asdict(self.provenance), "identity": self.identity}
        store.write(path, header, self.tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Read a network written by `save`.

        Raises:
            CurvesError: there is no such file.
            FileDamagedError: the file is cut, altered, of another version, or no saved network.
        """
        header, tensors = store.read(path)
        try:
            pre = header["preprocessing"]
            network = cls(
                [Op.from_json(op) for op in header["ops"]],
                tensors,
                {name: (pair[0], pair[1]) for name, pair in header["layers"]},
                preprocessing=Preprocessing(pre["order"], pre["scale"], tuple(pre["mean"]), tuple(pre["std"])),
                input_size=header["input_size"],
                provenance=Provenance(**header["provenance"] | {"edits": tuple(header["provenance"]["edits"])}),
            )
            identity = header["identity"]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise FileDamagedError(f"the header of {path} is damaged ({error}); fetch or save it again") from error
        if network.identity != identity:
            raise FileDamagedError(
                f"{path} was altered after it was saved (its identity does not match); fetch or save it again"
            )
        return network

    def _structure(self) -> dict[str, Any]:
        return {
            "ops": [op.to_json() for op in self.ops],
            "layers": [[layer.name, [layer.pre, layer.post]] for layer in self._layers.values()],
            "preprocessing": asdict(self.preprocessing),
            "input_size": self.input_size,
        }

    def __repr__(self) -> str:
        count = sum(tensor.numel() for tensor in self.tensors.values())
        return f"Network({self.provenance.name}, {len(self._layers)} layers, {count:,} weights, {self.identity[:8]})"
