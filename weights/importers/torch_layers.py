"""torch's modules as ops, and function calls as the modules that they equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circuits import CurvesError
from circuits.ops import AvgPool, Conv, Linear, LocalResponseNorm, MaxPool, Op, Padding, ReLU, Softmax

__all__ = ["ALIASES", "FUNCTIONS", "METHODS", "OPS", "fold_batch_norm", "weights_of"]

ALIASES = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity, nn.Flatten)
"""Modules that do nothing in a trained network; flattening is done by our linear op itself."""


def _flatten(start_dim: int = 0, end_dim: int = -1) -> nn.Module:
    return nn.Flatten(start_dim, end_dim)


def _dropout(*_: object, **__: object) -> nn.Module:
    return nn.Dropout()


def _softmax(dim: int | None = None, *_: object, **__: object) -> nn.Module:
    return nn.Softmax(dim)


def _relu_in_place() -> nn.Module:
    return nn.ReLU(inplace=True)


FUNCTIONS: dict[Callable[..., Any], Callable[..., nn.Module]] = {
    F.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    F.avg_pool2d: nn.AvgPool2d,
    F.dropout: _dropout,
    F.local_response_norm: nn.LocalResponseNorm,
    F.max_pool2d: nn.MaxPool2d,
    F.relu: nn.ReLU,
    F.softmax: _softmax,
    torch.flatten: _flatten,
    torch.relu: nn.ReLU,
    torch.relu_: _relu_in_place,
    torch.softmax: _softmax,
}
"""For each function, what makes its module from the arguments after the tensor."""

METHODS: dict[str, Callable[..., nn.Module]] = {
    "flatten": _flatten,
    "relu": nn.ReLU,
    "relu_": _relu_in_place,
    "softmax": _softmax,
}
"""The same for methods of tensors."""


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, int) else value
    return int(rows), int(columns)


def _padding(value: int | Sequence[int]) -> Padding:
    rows, columns = _pair(value)
    return Padding(rows, rows, columns, columns)


def _conv(module: nn.Conv2d, name: str, inputs: tuple[str, ...]) -> Op:
    if _pair(module.dilation) != (1, 1):
        raise CurvesError(f"the convolution {name!r} is dilated by {module.dilation}; only dilation 1 is supported")
    if module.padding_mode != "zeros":
        raise CurvesError(f"the convolution {name!r} pads with {module.padding_mode!r}; only zeros are supported")
    kernel = _pair(module.kernel_size)
    if module.padding == "same":  # torch puts the odd row or column at the end
        rows, columns = kernel[0] - 1, kernel[1] - 1
        padding = Padding(rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    else:
        padding = Padding() if isinstance(module.padding, str) else _padding(module.padding)
    return Conv(name, inputs, kernel, _pair(module.stride), padding, module.groups)


def _max_pool(module: nn.MaxPool2d, name: str, inputs: tuple[str, ...]) -> Op:
    if _pair(module.dilation) != (1, 1) or module.return_indices:
        raise CurvesError(f"{name!r} is a max-pooling with dilation or indices; only the plain one is supported")
    stride = _pair(module.stride or module.kernel_size)
    return MaxPool(name, inputs, _pair(module.kernel_size), stride, _padding(module.padding), module.ceil_mode)


def _avg_pool(module: nn.AvgPool2d, name: str, inputs: tuple[str, ...]) -> Op:
    if module.divisor_override:
        raise CurvesError(f"{name!r} divides by {module.divisor_override}; only the mean is supported")
    return AvgPool(
        name,
        inputs,
        _pair(module.kernel_size),
        _pair(module.stride or module.kernel_size),
        _padding(module.padding),
        module.ceil_mode,
        module.count_include_pad,
    )


def _adaptive(module: nn.AdaptiveAvgPool2d, name: str, inputs: tuple[str, ...]) -> Op:
    size = module.output_size
    if size is None or (not isinstance(size, int) and None in size):
        raise CurvesError(f"{name!r} pools to the size {size}; only sizes given in full are supported")
    return AvgPool(name, inputs, output=_pair(size))  # type: ignore[arg-type]


def _lrn(module: nn.LocalResponseNorm, name: str, inputs: tuple[str, ...]) -> Op:
    return LocalResponseNorm(name, inputs, module.size, module.alpha, module.beta, module.k)


def _relu(_: nn.ReLU, name: str, inputs: tuple[str, ...]) -> Op:
    return ReLU(name, inputs)


def _linear(_: nn.Linear, name: str, inputs: tuple[str, ...]) -> Op:
    return Linear(name, inputs)


def _softmax_op(module: nn.Softmax, name: str, inputs: tuple[str, ...]) -> Op:
    if module.dim not in {1, -1, None}:
        raise CurvesError(f"{name!r} is a softmax over dimension {module.dim}; only the channels (1) are supported")
    return Softmax(name, inputs)


OPS: dict[type[nn.Module], Callable[[Any, str, tuple[str, ...]], Op]] = {
    nn.AdaptiveAvgPool2d: _adaptive,
    nn.AvgPool2d: _avg_pool,
    nn.Conv2d: _conv,
    nn.Linear: _linear,
    nn.LocalResponseNorm: _lrn,
    nn.MaxPool2d: _max_pool,
    nn.ReLU: _relu,
    nn.Softmax: _softmax_op,
}
"""The op of a module, from its name and the tensors it reads."""


def weights_of(module: nn.Conv2d | nn.Linear) -> dict[str, Tensor]:
    """Copies of `weight` and `bias` (zeros if there is none) in float32 on the CPU."""
    weight = module.weight.detach().to("cpu", torch.float32, copy=True)
    bias = torch.zeros(len(weight)) if module.bias is None else module.bias.detach().to("cpu", torch.float32, copy=True)
    return {"weight": weight, "bias": bias}


def fold_batch_norm(norm: nn.BatchNorm2d, name: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weight (O, I / groups, kh, kw) and bias (O) of a convolution with the batch norm after it, as in evaluation.

    Raises:
        CurvesError: the norm has no running statistics.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise CurvesError(f"the batch norm {name!r} has no running statistics; only a norm with them can be folded")
    # In double precision, so that what is lost is float32's rounding of the result and nothing more.
    mean, variance = norm.running_mean.cpu().double(), norm.running_var.cpu().double()
    scale = (variance + norm.eps).rsqrt()
    shift = -mean * scale
    if norm.affine:
        scale = scale * norm.weight.detach().cpu().double()
        shift = -mean * scale + norm.bias.detach().cpu().double()
    return {
        "weight": (weights["weight"].double() * scale[:, None, None, None]).float(),
        "bias": (weights["bias"].double() * scale + shift).float(),
    }
