"""GoogLeNet as published with Caffe: its topology, and our names for its layers.

The topology follows models/bvlc_googlenet/deploy.prototxt of https://github.com/BVLC/caffe; widths are not repeated
here because the weights have them.
"""

from __future__ import annotations

from collections.abc import Iterable

from weights.importers.caffe_pb2 import (
    ConvolutionParameter,
    LayerParameter,
    LRNParameter,
    PoolingParameter,
)

__all__ = ["BRANCHES", "caffe_names", "published_layers"]

BRANCHES = {
    "1x1": "1x1",
    "3x3_reduce": "3x3_bottleneck",
    "3x3": "3x3",
    "5x5_reduce": "5x5_bottleneck",
    "5x5": "5x5",
    "pool": "pool",
    "pool_proj": "pool_reduce",
}
"""Our names (the articles') for the ops of a mixed layer, by Caffe's."""

_STEM = {
    "conv1/7x7_s2": "conv2d0",
    "conv2/3x3_reduce": "conv2d1",
    "conv2/3x3": "conv2d2",
    "loss3/classifier": "classifier",
    "prob": "softmax",
    "loss3/loss": "softmax",
    "loss3/loss3": "softmax",
}
_MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


def caffe_names(layers: Iterable[str]) -> dict[str, str]:
    """Our names for those of `layers` (Caffe's names) that are GoogLeNet's."""
    names = dict(_STEM)
    for module in _MODULES:
        names |= {f"inception_{module}/{theirs}": f"{module}/{ours}" for theirs, ours in BRANCHES.items()}
        names[f"inception_{module}/output"] = module
    return {layer: names[layer] for layer in layers if layer in names}


def published_layers() -> list[LayerParameter]:
    """The layers from the image (`data`) to the softmax (`prob`), without weights."""
    layers: list[LayerParameter] = [LayerParameter(name="data", type="Input", top=["data"])]

    def add(kind: str, name: str, *bottoms: str, layer: LayerParameter | None = None) -> str:
        layer = layer or LayerParameter()
        layer.name, layer.type = name, kind
        layer.bottom.extend(bottoms)
        layer.top.append(name)
        layers.append(layer)
        return name

    def conv(name: str, bottom: str, size: int, stride: int = 1) -> str:
        shape = ConvolutionParameter(kernel_size=[size], pad=[size // 2], stride=[stride])
        add("Convolution", name, bottom, layer=LayerParameter(convolution_param=shape))
        return add("ReLU", f"{name}/relu", name)

    def pool(name: str, bottom: str, size: int, stride: int, pad: int = 0, method: str = "MAX") -> str:
        shape = PoolingParameter(pool=method, kernel_size=size, stride=stride, pad=pad)
        return add("Pooling", name, bottom, layer=LayerParameter(pooling_param=shape))

    def lrn(name: str, bottom: str) -> str:
        return add("LRN", name, bottom, layer=LayerParameter(lrn_param=LRNParameter(alpha=1e-4, beta=0.75)))

    last = conv("conv1/7x7_s2", "data", 7, 2)
    last = lrn("pool1/norm1", pool("pool1/3x3_s2", last, 3, 2))
    last = conv("conv2/3x3_reduce", last, 1)
    last = lrn("conv2/norm2", conv("conv2/3x3", last, 3))
    last = pool("pool2/3x3_s2", last, 3, 2)
    for module in _MODULES:
        if module in {"4a", "5a"}:
            last = pool(f"pool{int(module[0]) - 1}/3x3_s2", last, 3, 2)
        prefix = f"inception_{module}"
        one = conv(f"{prefix}/1x1", last, 1)
        three = conv(f"{prefix}/3x3", conv(f"{prefix}/3x3_reduce", last, 1), 3)
        five = conv(f"{prefix}/5x5", conv(f"{prefix}/5x5_reduce", last, 1), 5)
        reduced = conv(f"{prefix}/pool_proj", pool(f"{prefix}/pool", last, 3, 1, 1), 1)
        last = add("Concat", f"{prefix}/output", one, three, five, reduced)
    last = pool("pool5/7x7_s1", last, 7, 1, method="AVE")
    add("Softmax", "prob", add("InnerProduct", "loss3/classifier", last))
    return layers
