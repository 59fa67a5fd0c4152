"""Small random networks for property tests."""

import torch
from hypothesis import strategies as st

from circuits import Network, Preprocessing
from circuits.ops import Concat, Conv, LocalResponseNorm, MaxPool, Op, Padding, ReLU


@st.composite
def paddings(draw: st.DrawFn, kernel: int) -> Padding:
    most = kernel - 1
    if draw(st.booleans()):
        return Padding.same(draw(st.integers(0, kernel // 2)))
    a, b = draw(st.integers(0, most)), draw(st.integers(0, most))
    return Padding(a, b, a, b)


@st.composite
def random_networks(draw: st.DrawFn, *, normalised: bool = True) -> Network:
    """Two to four stages of conv, pool, LRN or an Inception-like block; every stage is a layer."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    ops: list[Op] = []
    tensors: dict[str, torch.Tensor] = {}
    layers: dict[str, tuple[str, str]] = {}

    def conv(name: str, source: str, inputs: int, outputs: int, kernel: int, stride: int, padding: Padding) -> str:
        ops.append(Conv(name, (source,), (kernel, kernel), (stride, stride), padding))
        tensors[f"{name}/weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=generator) / kernel
        tensors[f"{name}/bias"] = torch.randn(outputs, generator=generator) * 0.1
        return name

    x, channels = "input", 3
    for i in range(draw(st.integers(2, 4))):
        stage = f"s{i}"
        kind = draw(st.sampled_from(["conv", "pool", "block"] + ["lrn"] * normalised))
        if i == 0 or kind == "conv":
            kernel, width = draw(st.sampled_from([1, 2, 3, 5])), draw(st.integers(1, 5))
            conv(f"{stage}/pre", x, channels, width, kernel, draw(st.integers(1, 2)), draw(paddings(kernel)))
            channels = width
        elif kind == "pool":
            kernel = draw(st.sampled_from([2, 3]))
            stride = draw(st.integers(1, kernel))
            if draw(st.booleans()):
                ops.append(MaxPool(f"{stage}/pre", (x,), (kernel, kernel), (stride, stride), draw(paddings(kernel))))
            else:
                pad = Padding.same(draw(st.integers(0, kernel // 2)))
                ops.append(MaxPool(f"{stage}/pre", (x,), (kernel, kernel), (stride, stride), pad, ceil=True))
        elif kind == "lrn":
            size = draw(st.integers(1, 6))
            beta = draw(st.sampled_from([0.5, 0.75, 0.6]))
            ops.append(LocalResponseNorm(f"{stage}/pre", (x,), size, 0.5, beta, draw(st.sampled_from([1.0, 2.0]))))
        else:
            conv(f"{stage}/1x1", x, channels, 2, 1, 1, Padding())
            bottleneck = f"{stage}/5x5_bottleneck"
            conv(f"{bottleneck}/pre", x, channels, 2, 1, 1, Padding())
            ops.append(ReLU(bottleneck, (f"{bottleneck}/pre",)))
            layers[bottleneck] = (f"{bottleneck}/pre", bottleneck)
            conv(f"{stage}/5x5", bottleneck, 2, 3, 5, 1, Padding.same(2))
            ops.append(MaxPool(f"{stage}/pool", (x,), (3, 3), (1, 1), Padding.same(1)))
            conv(f"{stage}/pool_reduce", f"{stage}/pool", channels, 1, 1, 1, Padding())
            branches = (f"{stage}/1x1", f"{stage}/5x5", f"{stage}/pool_reduce")
            ops.append(Concat(f"{stage}/pre", branches))
            channels = 6
        ops.append(ReLU(stage, (f"{stage}/pre",)))
        layers[stage] = (f"{stage}/pre", stage)
        x = stage
    order = draw(st.sampled_from(["RGB", "BGR"]))
    preprocessing = Preprocessing(order, 2.0, (0.5, 0.4, 0.3), (1.0, 0.5, 2.0))
    return Network(ops, tensors, layers, preprocessing=preprocessing, input_size=64)


def small_network() -> Network:
    """A fixed network: conv, pool, block-free, of two layers."""
    generator = torch.Generator().manual_seed(0)
    ops = [
        Conv("a/pre", ("input",), (3, 3), (2, 2), Padding.same(1)),
        ReLU("a", ("a/pre",)),
        Conv("b/pre", ("a",), (3, 3), (1, 1), Padding.same(1)),
        ReLU("b", ("b/pre",)),
    ]
    tensors = {
        "a/pre/weight": torch.randn(4, 3, 3, 3, generator=generator),
        "a/pre/bias": torch.randn(4, generator=generator),
        "b/pre/weight": torch.randn(5, 4, 3, 3, generator=generator),
        "b/pre/bias": torch.randn(5, generator=generator),
    }
    return Network(ops, tensors, {"a": ("a/pre", "a"), "b": ("b/pre", "b")}, input_size=32)
