"""What a classifier says of whole pictures: the middle of each, and the logarithms of its class probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Network
from circuits.execution import execute
from circuits.images import ImageSet
from circuits.memory import pictures_at_once
from circuits.ops import Softmax
from circuits.regions import INPUT, compile_program, extents

__all__ = ["Classifier", "batches_of_middles", "divergence", "within_best"]

BATCH = 16
"""Pictures at a time, if the network's budget has room for so many."""


class Classifier:
    """A network that gives class probabilities for pictures of its input size, and activations of a layer on the way.

    The probabilities are taken from what its softmax reads, in double precision, so that none is rounded to 0.

    Args:
        net: a network whose last op writes a number for each class: probabilities, or what a softmax makes them of.
        layer: whose activations are wanted as well.

    Attributes:
        classes: how many there are.
        scores: the tensor whose softmax the probabilities are.

    Raises:
        UnknownLayerError: there is no such layer.
        CurvesError: the network is no classifier.
    """

    def __init__(self, net: Network, layer: str | None = None) -> None:
        self.net = net
        last = net.ops[-1]
        size = (net.input_size, net.input_size)
        rows, columns = extents(net.ops, *size)[last.name]
        if (rows, columns) != (1, 1) or net.channels(last.name) < 2:
            raise CurvesError(
                f"{net.provenance.name} gives no class probabilities: it ends in {last.name!r}, "
                f"{net.channels(last.name)} maps of {rows} x {columns}; give a classifier, such as bvlc_googlenet"
            )
        self.classes = net.channels(last.name)
        self.scores = last.inputs[0] if isinstance(last, Softmax) else last.name
        self._maps = net.layer(layer).post if layer else None
        wanted = [self.scores, *([self._maps] if self._maps else [])]
        self._program = compile_program(net.ops, dict.fromkeys(wanted), size)

    @property
    def at_once(self) -> int:
        """Pictures that `run` may be given at a time.

        Raises:
            CurvesError: the network's budget has no room for one.
        """
        return pictures_at_once(self.net, self._program, BATCH)

    def run(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities, N x classes, and activations of the layer, N x C x H x W; both double, on the CPU.

        Args:
            pictures: RGB in [0, 1], N x 3 x the network's input size.
        """
        with torch.inference_mode():
            image = self.net.preprocessing(pictures.to(self.net.device, self.net.dtype))
            found = execute(self._program, {INPUT: image}, self.net.tensors, precision=self.net.precision)
            scores = found[self.scores].flatten(1).cpu().double().log_softmax(dim=1)
            return scores, found[self._maps].cpu().double() if self._maps else None


def batches_of_middles(images: ImageSet, size: int, count: int = BATCH) -> Iterator[Tensor]:
    """The middle `size` x `size` px of every picture, N x 3 x size x size at a time, N at most `count`.

    The shorter side is what the image set says (256 gives the usual margin around 224), but no less than `size`.
    """
    pictures = iter(images if images.short_side >= size else replace(images, short_side=size))
    while batch := list(itertools.islice(pictures, count)):
        yield torch.stack([_middle(picture, size) for picture in batch])


def divergence(reference: Tensor, said: Tensor) -> NDArray[np.float64]:
    """KL(reference || said) in nats, (N,), from log-probabilities, N x classes."""
    found: NDArray[np.float64] = (reference.exp() * (reference - said)).sum(dim=1).clamp(min=0).numpy()
    return found


def within_best(scores: Tensor, labels: Tensor, count: int) -> NDArray[np.bool_]:
    """Whether each label, (N,), is among the `count` classes with the highest scores, N x classes.

    Of classes with equal scores the first is taken to be higher, so that saying the same of all classes is no success.
    """
    own = scores.gather(1, labels[:, None])
    earlier = torch.arange(scores.shape[1])[None] < labels[:, None]
    rank = ((scores > own) | ((scores == own) & earlier)).sum(dim=1)
    found: NDArray[np.bool_] = (rank < count).numpy()
    return found


def _middle(picture: Tensor, size: int) -> Tensor:
    top, left = ((side - size) // 2 for side in picture.shape[1:])
    return picture[:, top : top + size, left : left + size]
