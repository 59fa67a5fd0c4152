"""A network as plain torch modules, as anyone would write it: the peer of the benchmarks, the slow twin of the tests.

It shares no code with `circuits.execution`: padding, ceil pooling and normalisation are torch's own modules.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from circuits import Network
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, ReLU, Softmax
from circuits.regions import upstream

__all__ = ["PlainTorch", "ShiftedLRN", "knowing", "linearised"]


class PlainTorch(nn.Module):
    """The same ops as `net`, one torch module for each, named as the ops with `/` as `__`.

    Args:
        net: the network.
        keep: the tensors that are returned; ops that none of them needs are left out, and other tensors are forgotten
            when the last op has read them. None: all tensors.

    Attributes:
        memory: torch's format that the preprocessed image is brought into, and all that follows keeps.
    """

    def __init__(self, net: Network, keep: Sequence[str] | None = None) -> None:
        super().__init__()
        self.keep = [op.name for op in net.ops] if keep is None else list(keep)
        needed = set().union(*(upstream(net.ops, name) for name in self.keep))
        self.ops = [op for op in net.ops if op.name in needed]
        self.last = {name: i for i, op in enumerate(self.ops) for name in op.inputs}
        self.memory = torch.contiguous_format
        self.order = net.preprocessing.order
        self.scale = net.preprocessing.scale
        for part in ("mean", "std"):
            values = torch.tensor(getattr(net.preprocessing, part), dtype=net.dtype, device=net.device)
            self.register_buffer(part, values.view(1, 3, 1, 1))
        for op in self.ops:
            self.add_module(self.key(op.name), _module(op, net))

    @staticmethod
    def key(name: str) -> str:
        return "op_" + name.replace("/", "__")

    def module(self, name: str) -> nn.Module:
        """The module that writes a tensor."""
        return getattr(self, self.key(name))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = images[:, [2, 1, 0]] if self.order == "BGR" else images
        values = {"input": ((x * self.scale - self.mean) / self.std).contiguous(memory_format=self.memory)}
        for i, op in enumerate(self.ops):
            inputs = [values[name] for name in op.inputs]
            values[op.name] = self.module(op.name)(torch.cat(inputs, 1) if isinstance(op, Concat) else inputs[0])
            for name in op.inputs:
                if self.last[name] == i and name not in self.keep:
                    values.pop(name, None)
        return {name: values[name] for name in self.keep}


class ShiftedLRN(nn.Module):
    """What a knowing user would put in the place of `nn.LocalResponseNorm`: neighbours added up by shifting."""

    def __init__(self, op: LocalResponseNorm) -> None:
        super().__init__()
        self.op = op

    def forward(self, x: Tensor) -> Tensor:
        op = self.op
        squares = x * x
        total = squares.clone()
        for offset in range(1, op.size // 2 + 1):  # of an odd size
            total[:, offset:].add_(squares[:, :-offset])
            total[:, :-offset].add_(squares[:, offset:])
        root = total.mul_(op.alpha / op.size).add_(op.k).rsqrt_()
        return root.sqrt().mul_(root).mul_(x) if op.beta == 0.75 else root.pow_(2 * op.beta).mul_(x)


def knowing(net: Network, keep: Sequence[str]) -> PlainTorch:
    """The plain modules with all that we know: torch's slow LRN replaced, and channels last."""
    plain = PlainTorch(net, keep)
    plain.memory = torch.channels_last
    for op in plain.ops:
        if isinstance(op, LocalResponseNorm):
            setattr(plain, plain.key(op.name), ShiftedLRN(op))
    return plain


class _Scaled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def linearised(net: Network, keep: Sequence[str] | None = None) -> PlainTorch:
    """Plain modules: no ReLU, mean instead of max, normalisation at zero activation."""
    plain = PlainTorch(net, keep)
    for op in plain.ops:
        key = plain.key(op.name)
        module = getattr(plain, key)
        if isinstance(op, LocalResponseNorm):
            setattr(plain, key, _Scaled(op.k**-op.beta))
        elif isinstance(module, nn.ReLU):
            setattr(plain, key, nn.Identity())
        elif isinstance(module, nn.MaxPool2d):
            setattr(plain, key, nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode))
        elif isinstance(module, nn.Sequential):
            for i, part in enumerate(module):
                if isinstance(part, nn.ConstantPad2d):
                    module[i] = nn.ZeroPad2d(part.padding)
                elif isinstance(part, nn.MaxPool2d):
                    module[i] = nn.AvgPool2d(part.kernel_size, part.stride, ceil_mode=part.ceil_mode)
    return plain


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
