"""Likeness in behaviour: which unit of one network does most nearly what a unit of another does, and how nearly.

The question is put to hand-built detectors: for each learned unit, the hand-built one that answers most alike to
synthetic curves, and then whether the two agree on photographs, which nothing was matched on. Two controls say what of
that is specific: positions are shared by all curve detectors (edges excite many of them), so the same numbers are given
for a detector of the opposite direction; and of the places of a unit's largest activations, chance shares 5%.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network, Unit
from circuits.angles import difference
from circuits.images import ImageSet
from evals.agreement import correlation, correlations, rank_correlation, shared_top
from evals.battery.synthetic import SyntheticCurves
from evals.dataset.floats import name_hash
from evals.dataset.smallest import Smallest, lots, place_grid
from evals.likeness_result import TOP, WITHIN, Agreement, Likeness, Pair
from evals.maps import family_maps
from evals.progress import Progress
from evals.scorecard import provenance
from evals.tuning import radial_tuning

__all__ = ["PLACES", "likeness", "merged", "responsive_maps"]

Array = NDArray[np.float64]

PLACES = 2**17
"""How many positions of all images are compared at most: some 100 MB for a hundred units."""


def likeness(
    net: Network,
    family: Family,
    other: Network,
    others: Family | Sequence[Family],
    *,
    images: ImageSet | None = None,
    test: SyntheticCurves | None = None,
    places: int = PLACES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Likeness:
    """Find for each unit of a family the unit of another network that behaves most alike, and compare the two.

    The partner is the one with the best correlation of direction x radius maps (straight lines left out), each drawn
    curve being centred in either unit's own receptive field. Beside it stands a control: of the partner's family, the
    unit that points the opposite way (for lines, which have none, at a right angle).

    On images, unit by unit position, the two layers' positions are paired that have the nearest field centres; rows and
    columns of the one that have no partner in the other are dropped. Nothing is dropped at the edges of a picture,
    where units see padding: both networks see it, and their classifiers use such units.

    Args:
        net: the network of the units in question, such as a learned one.
        family: those units.
        other: the network in which partners are sought, such as the hand-built one.
        others: the units among which they are sought: families of one layer.
        images: what to agree on, and what a standard deviation is taken over; scikit-image's photographs by default.
        test: the synthetic curves; directions x radii of the standard test by default.
        places: of more positions than so many, a random sample of this size is compared, evenly over all images.
        seed: of the sample and of the bootstrap over units.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: a network has no such unit.
        CurvesError: less than one place is wanted, no family is given or they are of several layers, the layers'
            strides differ, or a unit answers to no curve at all.
    """
    if places < 1:
        raise CurvesError(f"cannot compare {places} positions; give at least 1")
    found = merged(others)
    for network, members in ((net, family), (other, found)):
        for unit in members.units:
            network.unit(unit)
    shift = _shift(net, family.layer, other, found.layer)
    images, test = images or ImageSet.photographs(), test or SyntheticCurves()
    ours = responsive_maps(net, family, test, images, progress)
    theirs = responsive_maps(other, found, test, images, progress, silent=True)
    alike = correlations(*(maps.reshape(len(maps), -1) for maps in (ours, theirs)))
    tunings = correlations(*(np.stack([radial_tuning(m) for m in maps]) for maps in (ours, theirs)))
    sample, seen = Smallest(places, 1, len(family) + len(found)), 0
    for done, picture in enumerate(images.pictures(), 1):
        image = picture.scaled(images.short_side)
        both = np.concatenate(_paired(family_maps(net, family, image), family_maps(other, found, image), shift))
        rows, columns = both.shape[1:]
        place = place_grid(rows, columns)
        own = np.full(len(place), name_hash(picture.name), np.uint64)
        sample.draw(lots(seed, own, place), own, place, both.reshape(len(both), -1))
        seen += len(place)
        if progress:
            progress("photographs through both networks", done, len(images))
    values = sample.rows["value"].T
    if not values.shape[1]:
        raise CurvesError(f"no positions of {family.layer} and {found.layer} can be paired; give larger images")

    def agreement(i: int, j: int) -> Agreement:
        own, partner = values[i], values[len(family) + j]
        return Agreement(
            unit=found.units[j],
            direction=found.directions[j],
            map_correlation=float(alike[i, j]),
            tuning_correlation=float(tunings[i, j]),
            rank_correlation=rank_correlation(own, partner),
            top_share=shared_top(own, partner, TOP, WITHIN),
            activation_correlation=correlation(np.maximum(own, 0), np.maximum(partner, 0)),
        )

    pairs = []
    for i, member in enumerate(family):
        best = int(np.nanargmax(alike[i]))
        control = _opposite(others, found.units[best])
        pairs.append(Pair(member.unit, member.direction, agreement(i, best), agreement(i, found.units.index(control))))
    return Likeness(
        pairs=tuple(pairs),
        layers=(family.layer, found.layer),
        networks=(provenance(net), provenance(other)),
        images={"name": images.name, "hash": images.hash, "count": len(images)},
        positions={"compared": values.shape[1], "of": seen, "seed": seed, "shift": shift},
        stimuli=tuple(test.stimuli(n, f.layer).spec() for n, f in ((net, family), (other, found))),
    )


def merged(families: Family | Sequence[Family]) -> Family:
    """All units of several families of one layer, each once, as one family.

    Raises:
        CurvesError: there are none, or they are of several layers.
    """
    given = [families] if isinstance(families, Family) else list(families)
    layers = sorted({family.layer for family in given})
    if len(layers) != 1:
        raise CurvesError(
            f"partners are sought in one layer, not in {', '.join(layers) or 'none'}; give families of one"
        )
    members = {member.unit: member for family in given for member in family}
    name, source = (
        " or ".join(dict.fromkeys(words)) for words in zip(*((f.name, f.source) for f in given), strict=True)
    )
    return Family(name, layers[0], tuple(members.values()), max(family.period for family in given), source)


def responsive_maps(
    net: Network,
    family: Family,
    test: SyntheticCurves,
    images: ImageSet,
    progress: Progress | None = None,
    *,
    silent: bool = False,
) -> Array:
    """Direction x radius maps of a family's units, N x D x R, straight lines left out.

    Args:
        net: the network.
        family: its units.
        test: the curves that are shown.
        images: what a standard deviation is taken over.
        progress: called as the work goes on.
        silent: whether some, though not all, may answer to nothing.

    Raises:
        CurvesError: units answer the same to all curves, so that nothing can be said to be like them.
    """
    maps = test.responses(net, family.layer, images, progress)[0][list(family.channels), :, :-1]
    flat = np.ptp(maps, axis=(1, 2)) == 0
    if flat.all() if silent else flat.any():
        names = ", ".join(str(unit) for unit, same in zip(family.units, flat, strict=True) if same)
        raise CurvesError(f"no curve excites {names}, so that nothing can be said to behave alike; leave it out")
    return maps


def _shift(net: Network, layer: str, other: Network, other_layer: str) -> int:
    """Rows and columns to add to a position of the first layer for the second's that looks at the nearest point."""
    one, two = net.receptive_field(layer), other.receptive_field(other_layer)
    if one.stride != two.stride:
        raise CurvesError(
            f"positions of {layer} are {one.stride} px apart and those of {other_layer} {two.stride} px, so that they "
            f"cannot be paired; choose layers of the same stride"
        )
    apart = (one.offset + one.size / 2) - (two.offset + two.size / 2)
    return round(apart / one.stride)


def _paired(
    first: NDArray[np.float32], second: NDArray[np.float32], shift: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two layers' maps at all positions that both have, N x H x W and M x H x W."""
    starts = max(0, -shift), max(0, shift)
    rows, columns = (
        max(0, min(a - starts[0], b - starts[1])) for a, b in zip(first.shape[1:], second.shape[1:], strict=True)
    )
    parts = [
        maps[:, start : start + rows, start : start + columns]
        for maps, start in zip((first, second), starts, strict=True)
    ]
    return parts[0], parts[1]


def _opposite(families: Family | Sequence[Family], unit: Unit) -> Unit:
    """Of the family that the unit is in, the unit that points most nearly the opposite way."""
    given = [families] if isinstance(families, Family) else families
    family = next(family for family in given if unit in family.units)
    direction = family.directions[family.units.index(unit)] + family.period / 2
    return family.units[int(np.abs(difference(family.directions, direction, family.period)).argmin())]
