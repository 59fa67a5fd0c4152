"""Grafting: hand-built units in the place of learned ones, each as strong as the one that it replaces.

Source: "Curve Circuits", section on the artificial artificial neural network, whose last experiment puts the hand-made
family into InceptionV1 in the place of the learned one.

The rule, fitted on activations alone: a learned unit is replaced by the candidate, the scale > 0 and the shift with
which relu(scale * candidate's pre-activation + shift) has the least squared error to the learned unit's activation,
over all places of all images; scale and shift are then multiplied by the number that gives it the learned unit's mean
square, as least squares makes what it cannot explain too quiet. The network's outputs are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network, Unit
from circuits.images import ImageSet
from circuits.transplant import fitting_donor
from handbuilt.build import family_units
from handbuilt.graft_fit import GraftFit, Match
from handbuilt.rectified import Rectified, Sorted, as_loud

__all__ = ["fit_graft", "graft"]

Units = str | Unit | Family | Iterable[str | Unit]
Progress = Callable[[str, int, int], None]
Array = NDArray[np.float32]


def graft(
    net: Network,
    hand: Network,
    layer: str = "3b",
    units: Units = (),
    *,
    images: ImageSet | None = None,
    candidates: Units | Mapping[str, Units] | None = None,
    progress: Progress | None = None,
) -> Network:
    """Put hand-built units in the place of units of a network; the rest of it is untouched.

    `fit_graft` chooses and scales them, which says what the arguments are; `GraftFit.apply` puts them there.

    Returns:
        The network, whose provenance holds the graft as the edit of a plan.

    Raises:
        UnknownLayerError: a network has no such layer.
        UnknownUnitError: a network has no such unit.
        CurvesError: the two networks' units do not see the same pixels, or there is nothing to fit.
    """
    return fit_graft(net, hand, layer, units, images=images, candidates=candidates, progress=progress).apply(net)


def fit_graft(
    net: Network,
    hand: Network,
    layer: str = "3b",
    units: Units = (),
    *,
    images: ImageSet | None = None,
    candidates: Units | Mapping[str, Units] | None = None,
    progress: Progress | None = None,
) -> GraftFit:
    """Find the hand-built unit, the scale and the shift that come nearest to each of a network's units.

    Args:
        net: the host.
        hand: the donor.
        layer: the donor's layer that units are taken from.
        units: the host's units to replace, of one layer: names, units, or a family.
        images: what activations are compared on; the photographs of scikit-image by default. Activations of all
            candidates are kept: about 0.4 MB for an image of 224 px and 100 candidates.
        candidates: the donor's units to choose from, for all or by the host's unit; by default all units of the
            layer that are in a family of `handbuilt.families`.
        progress: called with what is being done, how many are done, and of how many.

    Raises:
        UnknownLayerError: a network has no such layer.
        UnknownUnitError: a network has no such unit.
        CurvesError: the two networks' units do not see the same pixels, a unit or all its candidates are the same
            everywhere, or there are no units or candidates.
    """
    replaced = _listed(net, units)
    if len({unit.layer for unit in replaced}) != 1:
        raise CurvesError(
            "name the units to replace, all of one layer, such as units=['3b:379'] or a family of "
            f"evals.find_curve_family; these are {', '.join(map(str, replaced)) or 'none'}"
        )
    chosen = _candidates(net, hand, layer, replaced, candidates)
    every = list(dict.fromkeys(donor for donors in chosen.values() for donor in donors))
    try:
        fitting = fitting_donor(net, hand, [(replaced[0], donor) for donor in every])
    except CurvesError as error:
        raise CurvesError(
            f"{net.provenance.name} cannot take these units: {error} (hand-built ones fit networks of InceptionV1's "
            f"geometry, such as inceptionv1 and bvlc_googlenet)"
        ) from error
    images = ImageSet.photographs() if images is None else images
    heard, said = _activations(net, fitting, replaced, every, images, progress)
    targets = heard.astype(np.float64)
    fits: dict[Unit, tuple[Unit, Rectified]] = {}
    for done, (donor, values) in enumerate(zip(every, said, strict=True), start=1):
        ready = Sorted(values.astype(np.float64))
        for unit, target in zip(replaced, targets, strict=True):
            found = ready.fit(target) if donor in chosen[unit] else None
            if found and (unit not in fits or found.explained > fits[unit][1].explained):
                fits[unit] = donor, found
        if progress:
            progress(f"candidates for {replaced[0].layer}", done, len(every))
    if silent := [str(unit) for unit in replaced if unit not in fits]:
        raise CurvesError(
            f"{silent[0]} or all candidates for it say the same everywhere in {images.name}; "
            f"leave it out, or give other images"
        )
    matches = tuple(
        _match(unit, *fits[unit], said[every.index(fits[unit][0])], target)
        for unit, target in zip(replaced, targets, strict=True)
    )
    return GraftFit(hand, hand.identity, net.identity, matches, images.name, images.hash, heard.shape[1])


def _match(unit: Unit, donor: Unit, fit: Rectified, said: Array, target: NDArray[np.float64]) -> Match:
    gain = as_loud(fit, said.astype(np.float64), target)
    return Match(unit, donor, gain * fit.scale, gain * fit.shift, fit.explained)


def _listed(net: Network, units: Units) -> list[Unit]:
    """The units, each once, checked."""
    if isinstance(units, Family):
        units = units.units
    return [net.unit(unit) for unit in dict.fromkeys([units] if isinstance(units, str | Unit) else units)]


def _candidates(
    net: Network, hand: Network, layer: str, units: list[Unit], given: Units | Mapping[str, Units] | None
) -> dict[Unit, list[Unit]]:
    """By unit of the host, the donor's units to choose from."""
    if isinstance(given, Mapping):
        own = {net.unit(unit): _listed(hand, donors) for unit, donors in given.items()}
    else:
        if given is None:
            hand.layer(layer)
            given = family_units(hand, layer)
        own = dict.fromkeys(units, _listed(hand, given))
    if lacking := [str(unit) for unit in units if not own.get(unit)]:
        raise CurvesError(f"there are no candidates for {lacking[0]} in {layer} of {hand.provenance.name}; name some")
    return {unit: own[unit] for unit in units}


def _activations(
    net: Network,
    donor: Network,
    units: list[Unit],
    candidates: list[Unit],
    images: ImageSet,
    progress: Progress | None,
) -> tuple[Array, Array]:
    """The units' activations and the candidates' pre-activations at all places of all images: rows x places."""
    layer = units[0].layer
    layers = list(dict.fromkeys(unit.layer for unit in candidates))
    heard, said = [], []
    for done, image in enumerate(images, start=1):
        with torch.inference_mode():
            own = net.activations(image[None].to(net.device, net.dtype), [layer])[layer][0]
            theirs = donor.activations(image[None].to(donor.device, donor.dtype), layers, pre=True)
        heard.append(_rows([own[unit.channel] for unit in units]))
        said.append(_rows([theirs[unit.layer][0, unit.channel] for unit in candidates]))
        if progress:
            progress(f"photographs through {layer} of both networks", done, len(images))
    return np.concatenate(heard, axis=1), np.concatenate(said, axis=1)


def _rows(maps: list[torch.Tensor]) -> Array:
    rows: Array = torch.stack(maps).flatten(1).float().cpu().numpy()
    return rows
