"""A network as plain torch modules, as anyone would write it: the peer of the benchmarks, the slow twin of the tests.

It shares no code with `circuits.execution`: padding, ceil pooling and normalisation are torch's own modules.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from circuits import Network
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, ReLU, Softmax

__all__ = ["PlainTorch"]


class PlainTorch(nn.Module):
    """The same ops as `net`, one torch module for each, named as the ops with `/` as `__`."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.preprocessing = net.preprocessing
        self.ops = net.ops
        for op in net.ops:
            self.add_module(self.key(op.name), _module(op, net))

    @staticmethod
    def key(name: str) -> str:
        return "op_" + name.replace("/", "__")

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        p = self.preprocessing
        x = images[:, [2, 1, 0]] if p.order == "BGR" else images
        mean, std = (torch.tensor(v, dtype=x.dtype, device=x.device).view(1, 3, 1, 1) for v in (p.mean, p.std))
        values = {"input": (x * p.scale - mean) / std}
        for op in self.ops:
            inputs = [values[name] for name in op.inputs]
            module = getattr(self, self.key(op.name))
            values[op.name] = module(torch.cat(inputs, 1) if isinstance(op, Concat) else inputs[0])
        return values


def _module(op, net: Network) -> nn.Module:
    if isinstance(op, Conv | Linear):
        weight, bias = (net.tensors[f"{op.name}/{part}"].detach() for part in op.tensors)
        if isinstance(op, Linear):
            layer: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(weight.shape[1], weight.shape[0]))
            layer[1].weight.data, layer[1].bias.data = weight, bias
            return layer
        pad = op.padding
        symmetric = pad.top == pad.bottom and pad.left == pad.right
        conv = nn.Conv2d(
            weight.shape[1] * op.groups, weight.shape[0], op.kernel, op.stride,
            padding=(pad.top, pad.left) if symmetric else 0, groups=op.groups,
        )  # fmt: skip
        conv.weight.data, conv.bias.data = weight, bias
        return conv if symmetric else nn.Sequential(nn.ZeroPad2d((pad.left, pad.right, pad.top, pad.bottom)), conv)
    if isinstance(op, MaxPool):
        pad = op.padding
        if pad.top == pad.bottom and pad.left == pad.right and 2 * pad.top <= op.kernel[0]:  # torch pads no more
            return nn.MaxPool2d(op.kernel, op.stride, (pad.top, pad.left), ceil_mode=op.ceil)
        infinite = nn.ConstantPad2d((pad.left, pad.right, pad.top, pad.bottom), -torch.inf)
        return nn.Sequential(infinite, nn.MaxPool2d(op.kernel, op.stride, ceil_mode=op.ceil))
    if isinstance(op, AvgPool):
        if op.kernel is None:
            return nn.AdaptiveAvgPool2d(op.output)
        return nn.AvgPool2d(op.kernel, op.stride, (op.padding.top, op.padding.left), op.ceil, op.count_padding)
    if isinstance(op, LocalResponseNorm):
        return nn.LocalResponseNorm(op.size, op.alpha, op.beta, op.k)
    return {ReLU: nn.ReLU, Concat: nn.Identity, Softmax: lambda: nn.Softmax(1)}[type(op)]()
