"""Responses of a layer to a grid of stimuli, and the scale they are measured in.

Both are remembered by content (network identity, where and how it runs, layer, stimuli or images), so that finding a
family and testing it costs one sweep. An edited network has another identity and never gets its parent's results.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from circuits import CurvesError, Network
from circuits.images import ImageSet
from circuits.memory import ImageRoom, patches_at_once
from circuits.wiring import is_inner

T = TypeVar("T")

__all__ = ["Scale", "Stimuli", "curve_layer", "field_sizes", "forget", "measure_scale", "sweep"]

BATCH = 32
"""Stimuli at a time, if the network's budget has room for so many: enough to fill the convolutions, small enough to
stay in cache (docs/performance.md)."""

GPU_BATCH = 512
"""The same on a GPU: enough work for all of it; 3b of InceptionV1 takes about 1 GB."""

CURVE_FIELD = 91
"""Receptive field in px of InceptionV1's 3b, the layer of the articles' curve detectors."""


class Stimuli(Protocol):
    """A grid of pictures that is drawn when asked for, such as a `CurveGrid`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        ...

    def spec(self) -> dict[str, Any]:
        """What is drawn, in JSON's types: the same for equal grids, and for no others."""
        ...

    def batches(self, batch_size: int = ..., device: torch.device | str | None = ...) -> Iterator[Tensor]:
        """The pictures in C order over the axes, N x 3 x size x size at a time."""
        ...


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation, each (C,), of a layer's pre-activations over all positions of an image set."""

    mean: Tensor
    std: Tensor
    images: str
    images_hash: str


class _Remembered(Generic[T]):
    """The last few results by content."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        if key not in self._results:
            self._results[key] = compute()
            if len(self._results) > self._size:
                self._results.popitem(last=False)
        self._results.move_to_end(key)
        return self._results[key]

    def clear(self) -> None:
        self._results.clear()


_sweeps = _Remembered[Tensor](size=8)
_scales = _Remembered[Scale](size=32)


def forget() -> None:
    """Forget all results, so that the next sweep and scale are measured anew."""
    _sweeps.clear()
    _scales.clear()


def sweep(net: Network, layer: str, stimuli: Stimuli, *, progress: Callable[[int], None] | None = None) -> Tensor:
    """Pre-activations of a layer's units, each looking straight at every stimulus.

    Stimuli must be as large as the layer's receptive field: only that is run, and the middle of the picture is the
    middle of the field, exactly. The result is the same as in a large picture, far from the edges.

    Args:
        net: the network.
        layer: which layer.
        stimuli: pictures of the receptive field's size.
        progress: called with the number of stimuli done after each batch.

    Returns:
        One axis for each of the grid's, then units; on the CPU.

    Raises:
        CurvesError: the stimuli are not of the receptive field's size, or the network's budget has no room for the
            result and one of them.
    """

    def compute() -> Tensor:
        count = math.prod(stimuli.shape)
        result = torch.empty(count, net.layer(layer).channels, dtype=net.dtype, device="meta")
        most = BATCH if net.device.type == "cpu" else GPU_BATCH
        most = patches_at_once(net, layer, min(most, count), result.nbytes)
        result = torch.empty_like(result, device="cpu")
        done = 0
        with torch.inference_mode():
            for batch in stimuli.batches(most, device=net.device):
                result[done : done + len(batch)] = net.responses(batch, layer)
                done += len(batch)
                if progress:
                    progress(len(batch))
        return result.reshape(*stimuli.shape, result.shape[1])

    return _sweeps.get(
        (net.identity, *net.execution.values(), layer, json.dumps(stimuli.spec(), sort_keys=True)), compute
    )


def measure_scale(
    net: Network, layer: str, images: ImageSet, *, progress: Callable[[int], None] | None = None
) -> Scale:
    """Mean and standard deviation of a layer's pre-activations over all positions of `images`.

    Raises:
        CurvesError: the network's budget has no room for one of them.
    """

    def compute() -> Scale:
        count = 0
        total = torch.zeros(net.layer(layer).channels, dtype=torch.float64)
        squares = torch.zeros_like(total)
        room = ImageRoom(net, [layer], copies=4)  # in double precision, and squared
        with torch.inference_mode():
            for image in images:
                room.check(*image.shape[1:])
                values = net.activations(image[None].to(net.device), [layer], pre=True)[layer][0]
                values = values.flatten(1).cpu().double()
                count += values.shape[1]
                total += values.sum(1)
                squares += (values * values).sum(1)
                if progress:
                    progress(1)
        mean = total / count
        std = (squares / count - mean * mean).clamp(min=0).sqrt()
        return Scale(mean.float(), std.float(), images.name, images.hash)

    return _scales.get((net.identity, *net.execution.values(), layer, images.name, images.hash), compute)


def field_sizes(net: Network, inner: bool = True) -> dict[str, int]:
    """Receptive fields in px by layer, from the image onwards, without layers that see the whole image or no square.

    Args:
        net: the network.
        inner: with layers that are a part of another, such as bottlenecks.
    """
    sizes = {}
    for name in net.layers:
        if not inner and is_inner(name, net.layers):
            continue
        with suppress(CurvesError):  # it has no field
            sizes[name] = net.receptive_field(name).size
    return sizes


def curve_layer(net: Network) -> str:
    """The layer whose receptive field is nearest to that of InceptionV1's 3b, where curve detectors are to be expected.

    Of several with the same field, the last: a bottleneck comes before the layer that it feeds.

    Raises:
        CurvesError: no layer has a receptive field.
    """
    sizes = field_sizes(net)
    if not sizes:
        raise CurvesError(f"{net.provenance.name} has no layer with a receptive field; name the layer to test")
    nearest = min(abs(size - CURVE_FIELD) for size in sizes.values())
    return [name for name, size in sizes.items() if abs(size - CURVE_FIELD) == nearest][-1]
