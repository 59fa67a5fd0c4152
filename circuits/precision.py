"""Precision: in which numbers a network is computed. What it costs in accuracy is in `docs/performance.md`.

- `float32`: every op in the weights' own type. On NVIDIA GPUs that is not torch's default, which rounds what
  convolutions multiply to the 10 bits of TensorFloat-32 and is wrong in the fourth digit.
- `tf32`: that rounding, for convolutions and dense layers; sums in float32. GPUs of Ampere and later.
- `bfloat16`, `float16`: mixed precision. Weights of convolutions and the maps between ops are rounded to 8 or 11 bits;
  sums of products are float32. Dense layers, normalisation, mean pools and the softmax are computed in float32: the
  square of an activation of 256 is beyond float16, and what a dense layer says is read as it is. Results come back in
  the weights' type.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from circuits.errors import CurvesError

__all__ = ["PRECISIONS", "arithmetic", "check_precision", "rounded_type"]

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
"""By the bits of their fractions, most first; float16 has as many as tf32 and a narrower range."""

_ROUNDED = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_AMPERE = (8, 0)


def check_precision(precision: str, device: torch.device) -> None:
    """Check that a device can compute in a precision.

    Raises:
        CurvesError: there is no such precision, or not there.
    """
    if precision not in PRECISIONS:
        raise CurvesError(f"there is no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    if precision == "tf32" and (device.type != "cuda" or torch.cuda.get_device_capability(device) < _AMPERE):
        raise CurvesError(f"{device} has no tf32, which is of NVIDIA's GPUs from Ampere on; use float32 or bfloat16")


def rounded_type(precision: str) -> torch.dtype | None:
    """What maps and weights are rounded to in mixed precision; None where they keep their type."""
    return _ROUNDED.get(precision)


@contextmanager
def arithmetic(precision: str = "float32") -> Iterator[None]:
    """In this block NVIDIA's GPUs multiply float32 as it is, or rounded to `tf32`, and the same way every time.

    Networks run in such a block by themselves. Gradients need one around `backward`, since torch computes them there.
    These are settings of the whole process, put back at the end: threads must not differ in them.
    """
    if torch.compiler.is_compiling() or not _initialised():
        yield
        return
    cudnn: Any = torch.backends.cudnn
    before = cudnn.conv.fp32_precision, torch.get_float32_matmul_precision(), cudnn.deterministic, cudnn.benchmark
    tf32 = precision == "tf32"
    _set("tf32" if tf32 else "ieee", "high" if tf32 else "highest", deterministic=True, benchmark=False)
    try:
        yield
    finally:
        _set(before[0], before[1], deterministic=before[2], benchmark=before[3])


def _set(convolutions: str, products: str, *, deterministic: bool, benchmark: bool) -> None:
    cudnn: Any = torch.backends.cudnn
    cudnn.conv.fp32_precision, cudnn.deterministic, cudnn.benchmark = convolutions, deterministic, benchmark
    torch.set_float32_matmul_precision(products)


def _initialised() -> bool:
    """Whether tensors can be on NVIDIA's GPUs."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
