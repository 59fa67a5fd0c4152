"""What all importers share: from ops in a file's own names to a [Network][circuits.Network] in ours.

An importer reads its format into a list of ops and tensors under the file's names. Two things then differ between
formats and do not matter: in which order ReLU and concatenation are written, and what things are called. `to_network`
settles both, so that the same weights give the same network whatever file they came in:

- a concatenation of ReLUs becomes a ReLU of the concatenation, so that a mixed layer is one layer with one
  pre-activation tensor;
- the op before a ReLU is called `LAYER/pre`, the ReLU `LAYER`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, FileDamagedError, Network, Preprocessing, Provenance
from circuits.ops import Concat, Conv, Linear, Op, ReLU, Softmax
from circuits.regions import extents
from circuits.validation import check_windows

__all__ = ["Draft", "decimal", "describe", "needed", "read_bytes", "to_network", "to_tensor"]


@dataclass(frozen=True)
class Draft:
    """What an importer read.

    Attributes:
        ops: in running order, under the file's names (dots allowed); the last one is the network's output.
        tensors: `OP/weight` and `OP/bias` for every conv and linear op, for N x C x H x W.
        names: our names for ops, by the file's; where a ReLU follows, either it or the op before may be named.
    """

    ops: Sequence[Op]
    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]


def to_network(draft: Draft, *, preprocessing: Preprocessing, input_size: int = 224, provenance: Provenance) -> Network:
    """Normalise and name what was read.

    Layers are the ReLUs, the dense and convolutional ops without one, the softmaxes, and the output.

    Raises:
        CurvesError: the tensors do not fit the ops, or a softmax is taken over a map.
        FileDamagedError: a weight is NaN or infinite.
    """
    try:
        check_windows(draft.ops)
    except CurvesError as error:
        raise FileDamagedError(f"{provenance.source} is damaged: {error}, or fetch it again") from error
    ops = _hoist_relus(draft.ops)
    given = dict(draft.names)
    for op in draft.ops:
        if isinstance(op, ReLU) and op.name in given:  # the ReLU may be gone by now
            given.setdefault(op.inputs[0], given[op.name])
    names, layers = _name(ops, given)
    renamed = [replace(op, name=names[op.name], inputs=tuple(names.get(i, i) for i in op.inputs)) for op in ops]
    tensors = {}
    for op in ops:
        for part in op.tensors:
            tensor = draft.tensors[f"{op.name}/{part}"]
            if not torch.isfinite(tensor).all():
                raise FileDamagedError(
                    f"the {part} of {op.name!r} in {provenance.source} has NaN or infinite values; fetch it again"
                )
            tensors[f"{names[op.name]}/{part}"] = tensor
    try:
        network = Network(
            renamed, tensors, layers, preprocessing=preprocessing, input_size=input_size, provenance=provenance
        )
    except CurvesError as error:
        raise CurvesError(f"{provenance.source} does not describe a network that can run: {error}") from error
    sizes = extents(network.ops, input_size, input_size)
    for op in network.ops:
        if isinstance(op, Softmax) and sizes[op.inputs[0]] != (1, 1):
            # Importers drop flattening, which only a dense layer and a single position do not notice.
            raise CurvesError(
                f"{op.name!r} in {provenance.source} is a softmax over a map of {sizes[op.inputs[0]]}; "
                "only one over a single position is supported"
            )
    return network


def needed(ops: Sequence[Op], output: str) -> tuple[list[Op], list[str]]:
    """The ops that `output` depends on, in the same order, and the names of the others."""
    wanted = {output}
    for op in reversed(ops):
        if op.name in wanted:
            wanted.update(op.inputs)
    return [op for op in ops if op.name in wanted], [op.name for op in ops if op.name not in wanted]


def _hoist_relus(ops: Sequence[Op]) -> list[Op]:
    """Concat(ReLU(a), ReLU(b)) -> ReLU(Concat(a, b)), where nothing else reads the ReLUs; the values are the same."""
    readers = Counter(name for op in ops for name in op.inputs)
    relus = {op.name: op for op in ops if isinstance(op, ReLU) and readers[op.name] == 1}
    result: list[Op] = []
    moved: dict[str, str] = {}
    for op in ops:
        op = replace(op, inputs=tuple(moved.get(name, name) for name in op.inputs))  # noqa: PLW2901
        if isinstance(op, Concat) and all(name in relus for name in op.inputs):
            dropped = set(op.inputs)
            result = [other for other in result if other.name not in dropped]
            result.append(replace(op, inputs=tuple(relus[name].inputs[0] for name in op.inputs)))
            moved[op.name] = f"{op.name}/relu"
            result.append(ReLU(moved[op.name], (op.name,)))
        else:
            result.append(op)
    return result


def _name(ops: Sequence[Op], given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Our name of every op, and the layers."""
    by_name = {op.name: op for op in ops}
    joined = {name for op in ops if isinstance(op, Concat) for name in op.inputs}
    names: dict[str, str] = {}
    layers: dict[str, tuple[str, str]] = {}
    relu_of = {op.inputs[0]: op.name for op in reversed(ops) if isinstance(op, ReLU) and op.inputs[0] in by_name}
    for op in ops:
        if op.name in names:
            continue
        relu = relu_of.get(op.name)
        name = given.get(relu or op.name) or given.get(op.name) or op.name.replace(".", "/")
        if relu:
            names[op.name], names[relu] = f"{name}/pre", name
            layers[name] = (f"{name}/pre", name)
        elif isinstance(op, ReLU):  # of the image itself, or a second one of the same op
            names[op.name] = name
            layers[name] = (names.get(op.inputs[0], op.inputs[0]), name)
        else:
            names[op.name] = name
            if op is ops[-1] or isinstance(op, Softmax) or (isinstance(op, Conv | Linear) and op.name not in joined):
                layers[name] = (name, name)
    order = {names[op.name]: place for place, op in enumerate(ops)}
    return names, dict(sorted(layers.items(), key=lambda item: order[item[1][1]]))


def read_bytes(path: str | Path) -> bytes:
    """A whole file.

    Raises:
        CurvesError: there is none, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise CurvesError(f"there is no file {path}; check the name or fetch it first") from None
    except OSError as error:
        raise CurvesError(
            f"cannot read {path}: {error.strerror or error}; check the path and its permissions"
        ) from error


def to_tensor(values: NDArray[np.float32]) -> Tensor:
    """A float32 tensor with memory of its own, in C order (files' buffers are read-only, transposes are views)."""
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))


def decimal(value: float) -> float:
    """The short decimal that a float32 attribute was written as (0.0001 rather than 9.99999974e-05)."""
    return float(f"{value:.7g}")


def describe(
    path: str | Path,
    data: bytes,
    importer: str,
    provenance: Provenance | None,
    left_out: Sequence[str] = (),
) -> Provenance:
    """Provenance of an import: what the caller knows, with the file's SHA-256, the importer and what was left out."""
    given = provenance or Provenance(re.sub(r"\..*", "", Path(path).name), str(path))
    details = {"importer": importer, "file_sha256": hashlib.sha256(data).hexdigest(), "left_out": list(left_out)}
    return replace(given, details=details | dict(given.details))
