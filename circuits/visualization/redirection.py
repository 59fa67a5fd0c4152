"""Gradients where all is silent: ReLUs that let through what would wake them.

Source: Lucid's redirected ReLU. In a grey picture all units of a layer may be below their thresholds, above all in a
hand-built network, and no gradient comes through. Values are not changed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from circuits.execution import Change
from circuits.ops import ReLU
from circuits.regions import INPUT, Program, Step

__all__ = ["redirected"]


def redirected(program: Program) -> dict[str, Change]:
    """The changes of tensors with which a program's gradients are redirected; for one run."""
    heard: dict[str, Tensor] = {}
    changes: dict[str, Change] = {}
    for step in program.steps:
        source = step.op.inputs[0]
        if isinstance(step.op, ReLU) and source != INPUT and source not in program.inputs:
            changes[source] = _Kept(heard, source)
            changes[step.op.name] = _Replaced(heard, step)
    return changes


class _Kept:
    """Keeps a tensor as it goes by."""

    def __init__(self, heard: dict[str, Tensor], name: str) -> None:
        self._heard, self._name = heard, name

    def __call__(self, value: Tensor) -> Tensor:
        self._heard[self._name] = value
        return value


class _Replaced:
    """The ReLU of a tensor that was kept, with another gradient."""

    def __init__(self, heard: dict[str, Tensor], step: Step) -> None:
        self._heard, self._name, self._crop = heard, step.op.inputs[0], step.crops[0]

    def __call__(self, _: Tensor) -> Tensor:
        x, crop = self._heard[self._name], self._crop
        x = x if crop is None else x[..., crop.top : crop.bottom, crop.left : crop.right]
        redirected: Tensor = _Redirected.apply(x)
        return redirected


class _Redirected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 (torch's own)
        ctx.save_for_backward(x)
        return torch.relu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        """The ReLU's own, but for pictures for which that is nothing: what would lift silent units."""
        (x,) = ctx.saved_tensors
        own = torch.where(x > 0, gradient, 0)
        lifting = torch.where((x < 0) & (gradient > 0), 0, gradient)  # a loss goes down against its gradient
        nothing = (own == 0).flatten(1).all(dim=1)
        return torch.where(nothing.reshape(-1, *[1] * (x.dim() - 1)), lifting, own)
