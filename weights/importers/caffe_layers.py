"""Caffe's layers as ops. Where Caffe and torch differ: pooling rounds up, and padding counts in a mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from circuits import CurvesError
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, Op, Padding, ReLU, Softmax
from weights.importers.caffe_pb2 import LayerParameter, LRNParameter, PoolingParameter, V1LayerParameter
from weights.importers.draft import decimal

__all__ = ["ALIASES", "DATA", "IGNORED", "OPS", "Layer", "kind"]

Layer = LayerParameter | V1LayerParameter

_V1 = V1LayerParameter.LayerType
_V1_KINDS = {
    _V1.ACCURACY: "Accuracy",
    _V1.CONCAT: "Concat",
    _V1.CONVOLUTION: "Convolution",
    _V1.DATA: "Data",
    _V1.DROPOUT: "Dropout",
    _V1.FLATTEN: "Flatten",
    _V1.HDF5_DATA: "HDF5Data",
    _V1.IMAGE_DATA: "ImageData",
    _V1.INNER_PRODUCT: "InnerProduct",
    _V1.LRN: "LRN",
    _V1.MEMORY_DATA: "MemoryData",
    _V1.POOLING: "Pooling",
    _V1.RELU: "ReLU",
    _V1.SILENCE: "Silence",
    _V1.SOFTMAX: "Softmax",
    _V1.SOFTMAX_LOSS: "SoftmaxWithLoss",
    _V1.SPLIT: "Split",
}

DATA = {"Data", "HDF5Data", "ImageData", "Input", "MemoryData"}
"""Layers whose first top is the image and whose second is the labels."""

ALIASES = {"Dropout", "Flatten", "Split"}
"""Layers whose tops are their bottom: nothing happens in a trained net, or our linear op flattens by itself."""

IGNORED = {"Accuracy", "Silence"}
"""Layers that compute nothing which the network needs."""


def kind(layer: Layer) -> str:
    """The layer's type under its new name; the old enum's name for old types that are not supported."""
    if isinstance(layer, LayerParameter):
        return layer.type
    return _V1_KINDS.get(layer.type) or _V1.Name(layer.type)


def _convolution(layer: Layer, inputs: tuple[str, ...]) -> Op:
    shape = layer.convolution_param
    if any(step != 1 for step in shape.dilation):
        raise CurvesError(f"layer {layer.name!r} is dilated by {list(shape.dilation)}; only dilation 1 is supported")
    rows, columns = _pair(shape.pad, shape.pad_h, shape.pad_w)
    return Conv(
        layer.name,
        inputs,
        _pair(shape.kernel_size, shape.kernel_h, shape.kernel_w),
        _pair(shape.stride, shape.stride_h or 1, shape.stride_w or 1),
        Padding(rows, rows, columns, columns),
        shape.group,
    )


def _pooling(layer: Layer, inputs: tuple[str, ...]) -> Op:
    shape = layer.pooling_param
    ceil = shape.round_mode == PoolingParameter.CEIL
    if shape.pool == PoolingParameter.AVE and shape.global_pooling:
        return AvgPool(layer.name, inputs)
    kernel = (shape.kernel_h or shape.kernel_size, shape.kernel_w or shape.kernel_size)
    stride = (shape.stride_h or shape.stride, shape.stride_w or shape.stride)
    rows, columns = shape.pad_h or shape.pad, shape.pad_w or shape.pad
    padding = Padding(rows, rows, columns, columns)
    if shape.pool == PoolingParameter.AVE:
        return AvgPool(layer.name, inputs, kernel, stride, padding, ceil, count_padding=True)
    if shape.pool == PoolingParameter.STOCHASTIC or shape.global_pooling:
        raise CurvesError(
            f"layer {layer.name!r} pools by {PoolingParameter.PoolMethod.Name(shape.pool)}"
            f"{' globally' if shape.global_pooling else ''}; supported are MAX in windows, and AVE"
        )
    return MaxPool(layer.name, inputs, kernel, stride, padding, ceil)


def _pair(both: Sequence[int], rows: int, columns: int) -> tuple[int, int]:
    """Caffe gives one number for both directions, or two, or names them one by one."""
    return (both[0], both[-1]) if both else (rows, columns)


def _lrn(layer: Layer, inputs: tuple[str, ...]) -> Op:
    norm = layer.lrn_param
    if norm.norm_region != LRNParameter.ACROSS_CHANNELS:
        raise CurvesError(f"layer {layer.name!r} normalises within channels; only ACROSS_CHANNELS is supported")
    return LocalResponseNorm(
        layer.name, inputs, norm.local_size, decimal(norm.alpha), decimal(norm.beta), decimal(norm.k)
    )


def _relu(layer: Layer, inputs: tuple[str, ...]) -> Op:
    if layer.relu_param.negative_slope:
        raise CurvesError(
            f"layer {layer.name!r} is a leaky ReLU of slope {layer.relu_param.negative_slope:.3g}; only 0 is supported"
        )
    return ReLU(layer.name, inputs)


def _concat(layer: Layer, inputs: tuple[str, ...]) -> Op:
    if (layer.concat_param.axis, layer.concat_param.concat_dim) != (1, 1):
        raise CurvesError(f"layer {layer.name!r} does not join channels; only concatenation along axis 1 is supported")
    return Concat(layer.name, inputs)


def _inner_product(layer: Layer, inputs: tuple[str, ...]) -> Op:
    if layer.inner_product_param.axis != 1:
        raise CurvesError(f"layer {layer.name!r} multiplies along axis {layer.inner_product_param.axis}, not 1")
    return Linear(layer.name, inputs)


def _softmax(layer: Layer, inputs: tuple[str, ...]) -> Op:
    if layer.softmax_param.axis != 1:
        raise CurvesError(
            f"layer {layer.name!r} is a softmax over axis {layer.softmax_param.axis}; only 1 is supported"
        )
    return Softmax(layer.name, inputs[:1])  # a loss reads the labels too


OPS: dict[str, Callable[[Layer, tuple[str, ...]], Op]] = {
    "Concat": _concat,
    "Convolution": _convolution,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "Pooling": _pooling,
    "ReLU": _relu,
    "Softmax": _softmax,
    "SoftmaxWithLoss": _softmax,
}
"""The op of a layer that reads the tensors named."""
