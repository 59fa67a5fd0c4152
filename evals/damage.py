"""Damage: how far a changed network's outputs are from what the unchanged one says of the same pictures.

Source: "Curve Circuits", section on the artificial artificial neural network, which ablates InceptionV1's curve
detectors, puts hand-made ones in their place, and asks how much of what was lost comes back. Accuracy needs labels; two
measures need none: the divergence of class probabilities, and what is changed in the layer that comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Network
from circuits.images import ImageSet
from evals.class_scores import Classifier, batches_of_middles, divergence, within_best
from evals.damage_result import Damage, Variant
from evals.progress import Progress

__all__ = ["damage"]

NEXT_LAYER = "4a"
"""The layer behind the articles' curve detectors."""


def damage(
    reference: Network,
    changed: Mapping[str, Network],
    images: ImageSet,
    *,
    layer: str | None = None,
    labels: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> Damage:
    """Show the middles of pictures to a network and to changed ones, and compare what they say.

    Each network sees every picture once. Nothing is kept of a picture but a few numbers.

    Args:
        reference: the unchanged network, a classifier.
        changed: others with as many classes, by name.
        images: the pictures. The shorter side is scaled to the set's, but no less than the network's input size, and
            the middle is shown.
        layer: whose activations are compared; `4a` by default.
        labels: the class of each picture, from 0, such as `class_labels` reads from folders.
        progress: called as the work goes on.

    Raises:
        UnknownLayerError: a network has no such layer.
        CurvesError: there is nothing to compare, a network is no classifier, networks differ in classes or in the
            shape of the layer, or labels do not fit.
    """
    layer = layer or NEXT_LAYER
    if not changed:
        raise CurvesError("there is nothing to compare with; give at least one changed network")
    first = Classifier(reference, layer)
    others = {name: Classifier(net, layer) for name, net in changed.items()}
    for name, other in others.items():
        _check_alike(first, other, layer, name)
    if labels is not None and (len(labels) != len(images) or not all(0 <= n < first.classes for n in labels)):
        raise CurvesError(
            f"labels must be a class from 0 to {first.classes - 1} for each of the {len(images)} pictures, in order"
        )
    right = None if labels is None else torch.tensor(labels)
    spread = _Spread(reference.layer(layer).channels)
    columns = {name: _Columns() for name in (*others, None)}
    done = 0
    most = min(each.at_once for each in (first, *others.values()))
    for pictures in batches_of_middles(images, reference.input_size, most):
        own = None if right is None else right[done : done + len(pictures)]
        said, maps = first.run(pictures)
        assert maps is not None
        spread.add(maps)
        columns[None].add(said, maps, said, maps, own)
        for name, other in others.items():
            columns[name].add(*other.run(pictures), said, maps, own)
        done += len(pictures)
        if progress:
            progress(f"pictures through {len(others) + 1} networks", done, len(images))
    files = tuple(picture.name for picture in images.pictures())
    variants = tuple(columns[name].variant(name, net.identity) for name, net in changed.items())
    unchanged = columns[None].variant(reference.provenance.name, reference.identity)
    return Damage(unchanged, variants, layer, spread.total, images.name, images.hash, files, reference.execution)


def _check_alike(first: Classifier, other: Classifier, layer: str, name: str) -> None:
    for what, a, b in (
        ("classes", first.classes, other.classes),
        (f"units in {layer}", first.net.layer(layer).channels, other.net.layer(layer).channels),
        ("px of input size", first.net.input_size, other.net.input_size),
    ):
        if a != b:
            raise CurvesError(f"{name!r} has {b} {what}, the reference {a}; compare a network with edited copies of it")


class _Columns:
    """The numbers of one network, batch by batch."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[NDArray[Any]]] = {"kl": [], "error": [], "agreement": [], "top1": [], "top5": []}

    def add(self, said: Tensor, maps: Tensor | None, reference: Tensor, before: Tensor, labels: Tensor | None) -> None:
        """Take in log-probabilities and activations of a batch, the reference's of the same, and labels."""
        assert maps is not None
        error = ((maps - before) ** 2).flatten(1).sum(dim=1)
        self._numbers["kl"].append(divergence(reference, said))
        self._numbers["error"].append(error.numpy())
        self._numbers["agreement"].append((said.argmax(dim=1) == reference.argmax(dim=1)).numpy())
        if labels is not None:
            self._numbers["top1"].append(within_best(said, labels, 1))
            self._numbers["top5"].append(within_best(said, labels, 5))

    def variant(self, name: str, identity: str) -> Variant:
        """All batches together."""
        arrays: dict[str, Any] = {key: np.concatenate(parts) if parts else None for key, parts in self._numbers.items()}
        return Variant(name, identity, **arrays)


class _Spread:
    """Sum of squared deviations from the units' means, over batches (the merging formula of Chan and others, 1979)."""

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._mean = torch.zeros(channels, dtype=torch.float64)
        self._squares = torch.zeros(channels, dtype=torch.float64)

    def add(self, maps: Tensor) -> None:
        """Take in N x C x H x W."""
        values = maps.transpose(0, 1).flatten(1)
        count, mean = values.shape[1], values.mean(dim=1)
        step, total = mean - self._mean, self._count + count
        self._squares += ((values - mean[:, None]) ** 2).sum(dim=1) + step**2 * (self._count * count / total)
        self._mean += step * (count / total)
        self._count = total

    @property
    def total(self) -> float:
        """Over all units."""
        return float(self._squares.sum())
