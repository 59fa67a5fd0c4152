"""Comparing networks: the same tests on each, every network on a family of its own units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.battery.synthetic import SyntheticCurves
from evals.catalogue import make_tests
from evals.families import find_curve_family
from evals.harness import need_family, run
from evals.progress import Progress
from evals.report import Report
from evals.resampling import DRAWS
from evals.scorecard import Scorecard, edited_from, provenance
from evals.sweep import curve_layer
from evals.testing import Test

__all__ = ["compare"]


def compare(
    networks: Mapping[str, Network | Scorecard],
    *,
    families: Mapping[str, Family] | None = None,
    layers: Mapping[str, str] | None = None,
    tests: str | Sequence[str | Test] = ("synthetic",),
    images: ImageSet | None = None,
    quick: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
    reference: str = "",
    progress: Progress | None = None,
) -> Report:
    """Run the same tests on several networks.

    A network is judged on its family of `families`; without one, an edited network whose parent is compared as well
    is judged on its parent's units, so that what an edit broke is seen; any other on the family found in it. Where no
    test is about a family, none is looked for.

    Args:
        networks: by the names to call them in the report. A scorecard is taken as it is.
        families: by network; for networks that need no search.
        layers: by network, where to search; by default where the receptive field is nearest to InceptionV1's 3b.
        tests: names from `known_tests()`, tests with settings of your own, or `"all"`, as in `run`. A `SyntheticCurves`
            among them is also what families are searched with.
        images: the image set that standard deviations are taken over; scikit-image's photographs by default.
        quick: whether each test, and the search for families, shows fewer stimuli.
        seed: of the draws that tell how uncertain the scores are.
        draws: how many of them; 0 for no uncertainty.
        reference: the network whose scores are taken from those of the others; the first by default.
        progress: called as the work goes on, with the network's name before what is being done.

    Raises:
        CurvesError: there is nothing to compare, a name is unknown, a network lacks the layer or a unit of its
            family, or no family is found in it; the message begins with the network's name.
    """
    if not networks:
        raise CurvesError("there is nothing to compare; name at least one network")
    for argument, names in (("families", families or {}), ("layers", layers or {})):
        if stray := [name for name in names if not isinstance(networks.get(name), Network)]:
            raise CurvesError(f"{argument} speaks of {', '.join(map(repr, stray))}, which is no network to be tested")
    if reference and reference not in networks:
        raise CurvesError(f"there is no network {reference!r} to compare with; there are {', '.join(networks)}")
    images = ImageSet.photographs() if images is None else images
    chosen = make_tests(tests, quick=quick)
    usual = SyntheticCurves().quick() if quick else SyntheticCurves()
    search = next((test for test in chosen if isinstance(test, SyntheticCurves)), usual)
    cards = {name: given for name, given in networks.items() if isinstance(given, Scorecard)}
    origins = {name: provenance(net) if isinstance(net, Network) else net.network for name, net in networks.items()}
    for name in _parents_first(origins):
        net = networks[name]
        if isinstance(net, Scorecard):
            continue
        named = _named(progress, name)
        try:
            layer = (layers or {}).get(name)
            family = (families or {}).get(name)
            if not family and (parent := _parent(name, origins)):
                family = _inherited(net, layer, cards[parent].family)
            if not family and need_family(chosen):
                layer = layer or curve_layer(net)
                family = find_curve_family(net, layer, test=search, images=images, progress=named)
            cards[name] = run(net, family, tests, images=images, quick=quick, seed=seed, draws=draws, progress=named)
        except CurvesError as error:
            raise type(error)(f"{name}: {error}") from error
    return Report({name: cards[name] for name in networks}, reference=reference)


def _parent(name: str, origins: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The name of the network that this one was edited from, if it is compared as well."""
    return next((other for other in origins if other != name and edited_from(origins[name], origins[other])), None)


def _parents_first(origins: Mapping[str, Mapping[str, Any]]) -> list[str]:
    order: list[str] = []
    for name in origins:
        line = []
        step: str | None = name
        while step is not None and step not in order:
            line.append(step)
            step = _parent(step, origins)
        order += reversed(line)
    return order


def _inherited(net: Network, layer: str | None, family: Family | None) -> Family | None:
    """The family of the network that this one was edited from, if it is wanted and still there."""
    if family is None or layer not in {None, family.layer} or family.layer not in net.layers:
        return None
    count = net.layer(family.layer).channels
    return family if all(channel < count for channel in family.channels) else None


def _named(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda what, done, total: progress(f"{name}: {what}", done, total)
