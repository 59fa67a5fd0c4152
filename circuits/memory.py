"""Memory: what a computation takes, found without running it, and how many pictures at a time fit a budget.

A network carries its budget as it carries its precision (`Network.evolve(memory=...)`), and whoever runs it in batches
asks here how large they may be. The computation is done on torch's meta tensors, which have shapes and no numbers, and
the storages that are alive at a time are added up: all maps, temporaries, pools' indices and copies of weights.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from circuits.errors import CurvesError
from circuits.execution import execute
from circuits.network import Network
from circuits.precision import rounded_type
from circuits.regions import INPUT, Box, Program, compile_program

__all__ = [
    "ImageRoom",
    "for_tensors",
    "in_use",
    "patches_at_once",
    "peak",
    "pictures_at_once",
    "program_peak",
    "too_small",
]

SLACK, SPARE = 1.25, 32 * 2**20
"""What is in use beside tensors: convolutions' own workspace, and what the allocator cannot give back. Measured on
bvlc_googlenet, vgg16_hed and the hand-built network: up to 17% of tensors and 33 MB (docs/performance.md)."""


def peak(run: Callable[[Tensor], object], *shape: int) -> int:
    """Bytes of tensors that are alive at a time while `run` works on a tensor, itself and results among them.

    Args:
        run: must do the same whatever the numbers are; tensors that it has beside its argument are not counted.
        shape: of float32 numbers.
    """
    given = torch.empty(*shape, device="meta")
    ledger = _Ledger()
    ledger.note(given)
    with torch.inference_mode(), ledger:
        run(given)
    return ledger.peak


def program_peak(net: Network, program: Program, shape: tuple[int, ...]) -> int:
    """Bytes of tensors that are alive at a time while a program of a network runs on pictures, and these themselves.

    Args:
        net: its weights are not counted.
        program: that begins with the image.
        shape: of the pictures, N x 3 x H x W.
    """
    empty = {name: tensor.detach().to("meta") for name, tensor in net.tensors.items()}
    precision = net.precision if rounded_type(net.precision) else "float32"  # tf32 takes no other memory

    def run(images: Tensor) -> object:
        return execute(program, {INPUT: net.preprocessing(images)}, empty, precision=precision)

    return peak(run, *shape)


def in_use(tensors: int) -> int:
    """Bytes of memory that a computation takes whose tensors are so many bytes at its peak."""
    return int(SLACK * tensors) + SPARE


def for_tensors(memory: int) -> int:
    """Bytes of tensors that fit so much memory: the inverse of `in_use`."""
    return int((memory - SPARE) / SLACK)


def too_small(net: Network, what: str, need: int) -> CurvesError:
    """The error for a budget that something does not fit."""
    assert net.memory is not None
    have, least = (f"{size / 1e6:,.0f} MB" for size in (net.memory, need + 500_000))
    return CurvesError(f"{what} needs {least} of memory, and the budget is {have}; give a larger one (--memory)")


def patches_at_once(net: Network, layer: str, most: int, beside: int = 0) -> int:
    """How many patches `net.responses` may be given at a time.

    Args:
        net: its budget is asked, if it has one.
        layer: as for `responses`.
        most: more than that gain nothing.
        beside: bytes of tensors that are kept meanwhile, such as results.

    Raises:
        CurvesError: the budget is too small for a single one.
    """
    pre = net.layer(layer).pre
    return pictures_at_once(net, compile_program(net.ops, {pre: Box(0, 1, 0, 1)}), most, beside)


def pictures_at_once(net: Network, program: Program, most: int, beside: int = 0) -> int:
    """How many pictures a program of the network may be run on at a time; as `patches_at_once`."""
    if net.memory is None:
        return most
    budget, size = net.memory, program.inputs[INPUT].size

    def need(count: int) -> int:
        return in_use(beside + program_peak(net, program, (count, 3, *size)))

    def fits(count: int) -> bool:
        return need(count) <= budget

    if fits(most):
        return most
    if not fits(1):
        raise too_small(net, f"one picture, with {beside / 1e6:,.0f} MB of results,", need(1))
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


class ImageRoom:
    """Refuses whole pictures that do not fit a network's budget, one at a time, before they are run.

    Args:
        net: its budget is asked, if it has one.
        layers: whose activations are computed.
        beside: bytes of tensors that are kept meanwhile.
        copies: how often what is computed of the layers is held as well, in float32.
    """

    def __init__(self, net: Network, layers: Sequence[str], beside: int = 0, copies: int = 0) -> None:
        self._net, self._beside, self._copies = net, beside, copies
        self._layers = [net.layer(name) for name in layers]
        self._fine: set[tuple[int, int]] = set()

    def check(self, height: int, width: int, name: str = "a picture") -> None:
        """Check a picture of so many px.

        Raises:
            CurvesError: it does not fit; the message names it.
        """
        net = self._net
        if net.memory is None or any(height <= rows and width <= columns for rows, columns in self._fine):
            return
        program = compile_program(net.ops, dict.fromkeys(layer.pre for layer in self._layers), (height, width))
        boxes = [program.boxes[layer.pre].size for layer in self._layers]
        held = 4 * sum(layer.channels * rows * cols for layer, (rows, cols) in zip(self._layers, boxes, strict=True))
        need = in_use(self._beside + self._copies * held + program_peak(net, program, (1, 3, height, width)))
        if need > net.memory:
            raise too_small(net, f"{name}, {height} x {width} px,", need)
        self._fine.add((height, width))


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that are alive, as ops make them and Python forgets them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, Tensor):
                self.note(value)
        return made

    def note(self, value: Tensor) -> None:
        """Count what a tensor lies in, once, until it is forgotten."""
        storage = value.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        weakref.finalize(storage, self._forget, key, size)
        self._alive += size
        self.peak = max(self.peak, self._alive)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._alive -= size
