"""The families of a network layer by layer, from the first filters to 4a, and what share of weights each has."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from circuits import CurvesError, Family, Network, Unit, expanded_weights
from circuits.angles import difference
from circuits.images import ImageSet
from evals.families import find_families
from evals.gallery.subject import Subject
from evals.kinds import KINDS
from evals.progress import Progress
from evals.sweep import field_sizes
from evals.tuning import Array

__all__ = ["OTHER", "Shares", "evenly", "exemplar", "families_by_layer", "family_colours", "shares", "stations"]

FIELDS = (7, 11, 19, 59, 91, 171)
"""px: the receptive fields of InceptionV1's conv2d0, conv2d1, conv2d2, 3a, 3b and 4a."""

MUTED_SCHEME = ("#332288", "#88ccee", "#ddcc77", "#cc6677", "#44aa99", "#882255", "#999933", "#117733", "#aa4499")

OTHER = "other"
"""Units of no family."""


def stations(net: Network) -> tuple[str, ...]:
    """The layers that stand for InceptionV1's conv2d0 to 4a: those with the nearest fields, by ratio, in order.

    Of several with the same field the last; two of the fields may have one layer.

    Raises:
        CurvesError: no layer has a receptive field.
    """
    sizes = field_sizes(net, inner=False)
    if not sizes:
        raise CurvesError(f"{net.provenance.name} has no layer with a receptive field; show another network")
    chosen = set()
    for field in FIELDS:
        apart = {name: abs(math.log(size / field)) for name, size in sizes.items()}
        chosen.add([name for name in apart if apart[name] == min(apart.values())][-1])
    return tuple(name for name in sizes if name in chosen)


def families_by_layer(
    subject: Subject,
    images: ImageSet,
    progress: Progress | None = None,
    *,
    kinds: Iterable[str] | None = None,
    before: str | None = None,
    only: str | None = None,
) -> dict[str, tuple[Family, ...]]:
    """The families of each layer of `stations`, all members of each: no layer is left out, but may have none.

    Families of one name and layer, such as curves of several bands of radii, are one.

    Args:
        subject: the network.
        images: what a standard deviation is taken over where families are to be found.
        progress: called as the work goes on.
        kinds: only families of these names; those that are only ever built are not looked for.
        before: only layers before this one.
        only: this layer alone.
    """
    layers = stations(subject.net) if only is None else (only,)
    if before is not None:
        order = list(subject.net.layers)
        layers = tuple(layer for layer in layers if order.index(layer) < order.index(before))
    if subject.families is None:
        kinds = None if kinds is None else [kind for kind in kinds if kind in KINDS]
        every = find_families(subject.net, layers, kinds=kinds, images=images, progress=progress)
    else:
        every = tuple(family for family in subject.families if kinds is None or family.name in kinds)
    found: dict[str, tuple[Family, ...]] = {}
    for layer in layers:
        own = [family for family in every if family.layer == layer]
        named = itertools.groupby(sorted(own, key=lambda f: [o.name for o in own].index(f.name)), lambda f: f.name)
        found[layer] = tuple(_joined(list(bands)) for _, bands in named)
    return found


def evenly(count: int, most: int) -> list[int]:
    """At most so many places of a family of `count` units in order of direction, evenly spaced."""
    return [int(place) for place in np.unique(np.linspace(0, count, most, endpoint=False).astype(int))]


def exemplar(family: Family) -> int:
    """The place of the unit of a curve family that is shown for all: which curves excite most, as far as is known.

    Where nothing was measured, since the family is known by construction, the one that points most nearly to 45°.
    """
    if all("amplitude" in member.evidence for member in family):
        return int(np.argmax([member.evidence["amplitude"] for member in family]))
    return int(np.abs(difference(family.directions, 45)).argmin())


def family_colours(found: Mapping[str, Sequence[Family]]) -> dict[str, str]:
    """A colour for each name of a family, those that come first in the network first, and grey for `OTHER`.

    Of Paul Tol's muted scheme, which colour-blind readers can tell apart; beyond nine names colours come again.
    """
    names = dict.fromkeys(family.name for families in found.values() for family in families)
    return {name: MUTED_SCHEME[i % len(MUTED_SCHEME)] for i, name in enumerate(names)} | {OTHER: "#d5d9de"}


def _joined(bands: list[Family]) -> Family:
    return replace(bands[0], members=tuple(member for band in bands for member in band))


@dataclass(frozen=True, eq=False)
class Shares:
    """How the weights of some units are spread over the families of an earlier layer.

    Attributes:
        layer: the earlier layer.
        names: the families' names, and last `OTHER` for the layer's other units.
        positive: units x names: sum of positive weights over the sum of all absolute weights, 0..1.
        negative: the same of negative weights, 0 or less.
        counts: how many of the layer's units each has.

    The shares of a unit sum to 1, or to 0 if it reads nothing of that layer.
    """

    layer: str
    names: tuple[str, ...]
    positive: Array
    negative: Array
    counts: tuple[int, ...]

    @property
    def of_unit(self) -> Array:
        """Units x names: absolute weights, 0..1."""
        return self.positive - self.negative

    @property
    def mean(self) -> Array:
        """By name, the mean over units that read anything of the layer."""
        reading = self.of_unit.sum(axis=1) > 0
        mean: Array = self.of_unit[reading].mean(axis=0) if reading.any() else np.zeros(len(self.names))
        return mean


def shares(net: Network, units: Sequence[Unit], layer: str, families: Sequence[Family]) -> Shares:
    """Spread the expanded weights with which units read a layer over its families.

    Args:
        net: the network.
        units: of one later layer.
        layer: the layer that is read.
        families: of it; a unit of two is counted with the first.

    Raises:
        CurvesError: the units do not read the layer.
    """
    kernels = expanded_weights(net, layer, units).detach().cpu().double().flatten(2)
    parts = [kernels.clamp(min=0).sum(2).numpy(), kernels.clamp(max=0).sum(2).numpy()]
    whole = (parts[0] - parts[1]).sum(axis=1, keepdims=True)
    of = np.full(kernels.shape[1], len(families))
    for number, family in reversed(list(enumerate(families))):
        of[list(family.channels)] = number
    member = np.eye(len(families) + 1)[of]
    positive, negative = (np.divide(part, whole, out=np.zeros_like(part), where=whole > 0) @ member for part in parts)
    counts = tuple(int(count) for count in member.sum(axis=0))
    return Shares(layer, (*(family.name for family in families), OTHER), positive, negative, counts)
