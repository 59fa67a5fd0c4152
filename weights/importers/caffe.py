"""Caffe models: `.caffemodel` (protobuf), and the same weights as safetensors under Caffe's names.

A caffemodel is the whole net as trained: data layers, automatic `Split`s, losses, and (GoogLeNet) auxiliary heads
beside the main path. The network imported is what the last layer of the file depends on; the rest is named in the
provenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, FileDamagedError, Network, Preprocessing, Provenance
from circuits.ops import Linear, Op
from circuits.regions import INPUT
from weights.importers.caffe_layers import ALIASES, DATA, IGNORED, OPS, Layer, kind
from weights.importers.caffe_pb2 import LayerParameter, NetParameter
from weights.importers.draft import Draft, describe, needed, read_bytes, to_network, to_tensor
from weights.importers.googlenet import caffe_names, published_layers
from weights.importers.messages import read_message

__all__ = ["import_caffe_safetensors", "import_caffemodel"]

Blobs = Mapping[str, Sequence[NDArray[np.float32]]]

_MEAN = (104.0, 117.0, 123.0)
"""BGR, as Caffe's reference models were trained with; a data layer in the file may say otherwise."""


def import_caffemodel(path: str | Path, *, provenance: Provenance | None = None) -> Network:
    """The network of a `.caffemodel`, old (V1) or new messages, up to the last layer of the file.

    GoogLeNet's layers get the articles' names (conv2d0, 3a, 3a/3x3_bottleneck ... softmax), others keep theirs.

    Raises:
        CurvesError: there is no such file, or it has a layer that is not supported.
        FileDamagedError: it is no caffemodel or is cut. (Cut exactly between two layers it is a valid, shorter file:
            only a checksum tells, which is in the provenance.)
    """
    data, net = read_message(path, NetParameter, "caffemodel")
    layers: list[Layer] = [*net.layer, *net.layers]
    if not layers:
        raise FileDamagedError(f"{path} has no layers; give a .caffemodel (the .prototxt has no weights)")
    blobs = {layer.name: [_array(path, layer.name, blob) for blob in layer.blobs] for layer in layers}
    return _import(path, data, layers, blobs, "import_caffemodel", provenance, net)


def import_caffe_safetensors(path: str | Path, *, provenance: Provenance | None = None) -> Network:
    """GoogLeNet from safetensors with the keys `CAFFE LAYER.weight` (O, I, kh, kw) and `.bias`.

    Such a file has no topology: that of the published bvlc_googlenet is taken. The same weights give the same network
    (identity and all) as through `import_caffemodel`.

    Raises:
        CurvesError: there is no such file, or a tensor is missing or of the wrong shape.
        FileDamagedError: it is no safetensors file or is cut.
    """
    data = read_bytes(path)
    try:
        tensors = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise FileDamagedError(f"{path} is no safetensors file or is cut short ({error}); fetch it again") from error
    blobs: dict[str, list[NDArray[np.float32]]] = {}
    layers: list[Layer] = [*published_layers()]
    for layer in layers:
        if layer.type in {"Convolution", "InnerProduct"}:
            keys = [f"{layer.name}.weight", f"{layer.name}.bias"]
            if missing := [key for key in keys if key not in tensors]:
                raise CurvesError(
                    f"{path} has no tensor {missing[0]!r}; only a GoogLeNet with Caffe's names can be imported"
                )
            blobs[layer.name] = [tensors.pop(key) for key in keys]
    return _import(path, data, layers, blobs, "import_caffe_safetensors", provenance, NetParameter(), sorted(tensors))


def _array(path: str | Path, layer: str, blob: Any) -> NDArray[np.float32]:  # noqa: ANN401 - a BlobProto
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    values = np.asarray(blob.data, dtype=np.float32)
    if values.size != np.prod(shape):
        raise FileDamagedError(
            f"a blob of layer {layer!r} in {path} has {values.size} values for {shape}; fetch it again"
        )
    return values.reshape(shape)


def _import(
    path: str | Path,
    data: bytes,
    layers: Sequence[Layer],
    blobs: Blobs,
    importer: str,
    provenance: Provenance | None,
    net: NetParameter,
    unused: Sequence[str] = (),
) -> Network:
    reader = _Reader(str(path), blobs, net)
    for layer in layers:
        reader.read(layer)
    if not reader.ops:
        raise FileDamagedError(f"{path} has data layers only; fetch it again")
    ops, left_out = needed(reader.ops, reader.ops[-1].name)
    return to_network(
        Draft(ops, reader.tensors, caffe_names(op.name for op in ops)),
        preprocessing=reader.preprocessing,
        input_size=reader.input_size,
        provenance=describe(path, data, importer, provenance, [*left_out, *unused]),
    )


class _Reader:
    """Turns layers into ops one by one, keeping which op last wrote each blob (a top may be a bottom: "in place")."""

    def __init__(self, path: str | Path, blobs: Blobs, net: NetParameter) -> None:
        self.path = path
        self.blobs = blobs
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.preprocessing = Preprocessing("BGR", 255.0, _MEAN)
        self.input_size = 224
        self.writer = dict.fromkeys(net.input[:1], INPUT)
        self.labels = set(net.input[1:])
        for dims in (net.input_dim, *(shape.dim for shape in net.input_shape)):
            self._resize(dims)

    def read(self, layer: Layer) -> None:
        what = kind(layer)
        if what in DATA:
            self._data(layer)
        elif what in IGNORED:
            pass
        elif what == "Split" and layer.bottom[0] in self.labels:
            self.labels.update(layer.top)
        elif what in ALIASES:
            self.writer.update(dict.fromkeys(layer.top, self._inputs(layer)[0]))
        elif what in OPS:
            op = OPS[what](layer, self._inputs(layer))
            if op.tensors:
                self._weigh(layer, op)
            self.ops.append(op)
            self.writer.update(dict.fromkeys(layer.top, op.name))
        else:
            supported = ", ".join(sorted({*OPS, *ALIASES, *DATA, *IGNORED}))
            raise CurvesError(f"layer {layer.name!r} of {self.path} is of type {what!r}; supported are {supported}")

    def _inputs(self, layer: Layer) -> tuple[str, ...]:
        inputs = [name for name in layer.bottom if name not in self.labels]
        if unknown := [name for name in inputs if name not in self.writer] or not inputs:
            what = repr(unknown[0]) if isinstance(unknown, list) else "nothing"
            raise FileDamagedError(
                f"layer {layer.name!r} of {self.path} reads {what}, which no earlier layer writes; fetch the file again"
            )
        return tuple(self.writer[name] for name in inputs)

    def _data(self, layer: Layer) -> None:
        self.writer.update(dict.fromkeys(layer.top[:1], INPUT))
        self.labels.update(layer.top[1:])
        if isinstance(layer, LayerParameter):
            for shape in layer.input_param.shape:
                self._resize(shape.dim)
        transform = layer.transform_param
        if transform.crop_size:
            self.input_size = transform.crop_size
        if len(transform.mean_value) == 3:
            blue, green, red = transform.mean_value
            scale = 1 / transform.scale
            self.preprocessing = Preprocessing("BGR", 255.0, (blue, green, red), (scale, scale, scale))

    def _resize(self, dims: Sequence[int]) -> None:
        if len(dims) == 4:  # N, C, H, W
            self.input_size = dims[2]

    def _weigh(self, layer: Layer, op: Op) -> None:
        """Take a layer's weight (Caffe's O, I / groups, kh, kw or 1, 1, O, I or O, I) and bias, if it has one."""
        flat = isinstance(op, Linear)
        has_bias = layer.inner_product_param.bias_term if flat else layer.convolution_param.bias_term
        blobs = self.blobs.get(layer.name, [])
        if len(blobs) != 1 + has_bias:
            raise CurvesError(
                f"layer {layer.name!r} of {self.path} has {len(blobs)} blobs of weights, not {1 + has_bias}; "
                "give the trained model"
            )
        weight = blobs[0].reshape(-1, blobs[0].shape[-1]) if flat else blobs[0]
        if flat and layer.inner_product_param.transpose:
            weight = weight.T
        bias = blobs[1].ravel() if has_bias else np.zeros(len(weight), np.float32)
        self.tensors |= {f"{op.name}/weight": to_tensor(weight), f"{op.name}/bias": to_tensor(bias)}
