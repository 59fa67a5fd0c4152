"""A device that is not there: tensors that say they are on it, while their numbers lie in the CPU's memory.

What a GPU would refuse is refused here, so that tests of code for devices run on any machine: tensors of two devices in
one op (a CPU tensor without dimensions is a number, and CPU tensors may index, as on CUDA), NumPy's view of what is on
the device, and double precision, which Apple's GPUs do not have. What is not refused gives the CPU's own numbers, bit
for bit. Results that silently stay on the wrong device are found because the next op refuses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

__all__ = ["DEVICE", "pretend_device"]

DEVICE = torch.device("lazy", 0)
"""Of torch's device types one that needs no driver, and whose gradients are computed as on the CPU."""

_ACROSS = {torch.ops.aten.copy_.default, torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default}
"""Ops that take tensors of two devices."""


class DeviceError(RuntimeError):
    """What a GPU would refuse."""


class _There(Tensor):
    """A tensor on the device; `here` has its numbers."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> _There:
        if here.dtype == torch.float64:
            raise DeviceError("the device has no double precision")
        made = Tensor._make_wrapper_subclass(
            cls, here.shape, here.stride(), here.storage_offset(), dtype=here.dtype, device=DEVICE
        )
        made.here = here
        return made

    def __repr__(self) -> str:
        return f"There({self.here})"

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is Tensor.tolist:  # torch refuses it for all subclasses
            return args[0].here.tolist()
        return torch._C._disabled_torch_function_impl(func, types, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in given if isinstance(tensor, _There)]
    if there and func not in _ACROSS and any(t.dim() for t in given if not isinstance(t, _There)):
        raise DeviceError(f"{func} was given tensors of two devices")
    leaves, form = tree_flatten((args, kwargs))
    asked = next((leaf for leaf in leaves if isinstance(leaf, torch.device)), None)
    to_device = asked.type == DEVICE.type if asked else bool(there)
    if func is torch.ops.aten.copy_.default:
        to_device = isinstance(args[0], _There)
    bare_args, bare_kwargs = tree_unflatten([_here(leaf) for leaf in leaves], form)
    found = func(*bare_args, **bare_kwargs)
    own = {id(tensor.here): tensor for tensor in there}  # ops in place return what they were given

    def wrapped(value):
        if not isinstance(value, Tensor) or not to_device:
            return value
        return own[id(value)] if id(value) in own else _There(value)

    return tree_map(wrapped, found)


def _here(leaf):
    """The same on the CPU."""
    return leaf.here if isinstance(leaf, _There) else torch.device("cpu") if isinstance(leaf, torch.device) else leaf


@contextmanager
def pretend_device() -> Iterator[torch.device]:
    """While the block runs there is a device; its tensors are of no use afterwards."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=...) goes over the CPU, through the mode
    try:
        with _Mode():
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(before)
