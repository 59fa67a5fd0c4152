"""Finding families by behaviour: which units of a layer detect what, in which direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from circuits import CurvesError, Family, Member, Network, Unit
from circuits.angles import difference
from circuits.images import ImageSet
from evals.battery.synthetic import SyntheticCurves
from evals.curve_kinds import Criteria
from evals.kinds import KINDS, Kind
from evals.portrait import Portrait
from evals.progress import Progress
from evals.responses import Response
from evals.sweep import field_sizes
from evals.tuning import Tuning, describe

__all__ = ["LARGEST_FIELD", "find_curve_family", "find_families", "measure_family", "searchable"]

LARGEST_FIELD = 171
"""px: the receptive field of InceptionV1's 4a, beyond which no layer is searched unless it is named."""


def find_families(
    net: Network,
    layers: str | Iterable[str] | None = None,
    *,
    kinds: str | Iterable[str | Kind[Any]] | None = None,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> tuple[Family, ...]:
    """Find all units that are Gabors, complex Gabors, lines, early curves, curves or double curves, by what they do.

    All units that meet a kind's criteria are members, however many point the same way; `find_curve_family` chooses
    among them.

    Args:
        net: any network.
        layers: by default all with a receptive field of up to `LARGEST_FIELD` px, without bottlenecks.
        kinds: names from `KINDS`, or criteria of your own; all of `KINDS` by default.
        images: what a standard deviation is taken over; the photographs of scikit-image by default.
        progress: called as the sweeps go on.

    Returns:
        The families by layer, in the order of `layers` and `kinds`; a layer without such units has no such family.

    Raises:
        UnknownLayerError: there is no such layer.
        CurvesError: there is no such kind, or a layer has no receptive field.
    """
    kinds = [kinds] if isinstance(kinds, str) else KINDS if kinds is None else kinds
    layers = [layers] if isinstance(layers, str) else layers
    chosen = [_kind(kind) for kind in kinds]
    images = ImageSet.photographs() if images is None else images
    names = searchable(net) if layers is None else tuple(layers)
    portraits = [Portrait(net, name, images, progress) for name in names]  # all names are checked before any sweep
    families = []
    for portrait in portraits:
        for kind in chosen:
            least, most = kind.fields
            if least < portrait.field <= most:
                heard = enumerate(kind.responses(portrait))
                found = {channel: response for channel, response in heard if response and kind.met(response)}
                if found:
                    families.append(_family(kind, portrait.layer, found, _measured(net)))
    return tuple(families)


def measure_family(
    net: Network,
    kind: str | Kind[Any],
    units: Iterable[Unit | str],
    *,
    source: str,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> Family:
    """Measure the directions of units whose membership is given, such as a published group's.

    The units are members whatever the criteria say; directions and evidence are what this network does.

    Args:
        net: the network whose units they are.
        kind: what they are taken to be: a name from `KINDS`, or criteria of your own.
        units: of one layer.
        source: who says that they belong, such as `published: WHERE`; the family's source says both.
        images: what a standard deviation is taken over; the photographs of scikit-image by default.
        progress: called as the sweeps go on.

    Raises:
        UnknownUnitError: the network has no such unit.
        CurvesError: there are no units, they are of several layers, or one answers to nothing that was shown.
    """
    kind = _kind(kind)
    given = [net.unit(str(unit)) for unit in ([units] if isinstance(units, str) else units)]
    layers = sorted({unit.layer for unit in given})
    if len(layers) != 1:
        raise CurvesError(f"a family is of one layer, not of {', '.join(layers) or 'none'}; give units of one")
    portrait = Portrait(net, layers[0], ImageSet.photographs() if images is None else images, progress)
    responses = kind.responses(portrait)
    found = {unit.channel: response for unit in given if (response := responses[unit.channel])}
    if silent := [str(unit) for unit in given if unit.channel not in found]:
        raise CurvesError(f"no {kind.name} excites {', '.join(silent)}, which therefore has no direction; leave it out")
    return _family(kind, layers[0], found, f"{source}; directions measured on {net.provenance.name}")


def find_curve_family(
    net: Network,
    layer: str,
    *,
    test: SyntheticCurves | None = None,
    criteria: Criteria | None = None,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> Family:
    """Find the curve detectors of a layer by what they respond to, and choose a family around the circle.

    All units that meet the criteria are candidates. They are taken in order of amplitude (`Tuning.amplitude`), each
    unless a member taken before points the same way within `criteria.separation`.

    Returns:
        A family named `curve`, ordered by direction; each member says what was measured and why it is in.

    Raises:
        UnknownLayerError: there is no such layer.
        CurvesError: no unit meets the criteria; the message says which comes nearest and where it fails.
    """
    test, criteria = test or SyntheticCurves(), criteria or Criteria()
    responses, _ = test.responses(net, layer, ImageSet.photographs() if images is None else images, progress)
    tunings = {Unit(layer, i): t for i, r in enumerate(responses) if (t := test.measure(r))}
    ranked = sorted(tunings, key=lambda unit: (-tunings[unit].amplitude, unit))
    candidates = [unit for unit in ranked if criteria.met(tunings[unit])]
    if not candidates:
        best = f"; the nearest is {ranked[0]}: {describe(tunings[ranked[0]])}" if ranked else ", none responds at all"
        raise CurvesError(f"no unit of {layer} is a curve detector{best}; try another layer or looser criteria")
    taken: list[Unit] = []
    for unit in candidates:
        if all(_apart(tunings[unit], tunings[other]) >= criteria.separation for other in taken):
            taken.append(unit)
    members = []
    for unit in taken:
        t = tunings[unit]
        close = [other for other in candidates if _apart(t, tunings[other]) < criteria.separation]
        rivals = [other for other in close if other not in taken]
        why = f"answers to curves of {round(t.preferred_direction) % 360} degrees: {describe(t)}"
        if rivals:
            why += f"; strongest of {len(rivals) + 1} that point this way"
        members.append(Member(unit, t.preferred_direction, asdict(t), why))
    return Family("curve", layer, tuple(members), source=_measured(net))


def _kind(kind: str | Kind[Any]) -> Kind[Any]:
    if not isinstance(kind, str):
        return kind
    if kind not in KINDS:
        raise CurvesError(f"there is no kind of family {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind]


def searchable(net: Network) -> tuple[str, ...]:
    """Layers that can be searched: not bottlenecks, which are named after the layer that they are inside."""
    return tuple(name for name, size in field_sizes(net, inner=False).items() if size <= LARGEST_FIELD)


def _family(kind: Kind[Any], layer: str, found: dict[int, Response], source: str) -> Family:
    """The units by channel; angles to a thousandth of a degree, which spares 179.999999 beside 0."""
    members = [
        Member(Unit(layer, channel), round(response.angle, 3) % kind.period, response.evidence(), str(response))
        for channel, response in found.items()
    ]
    return Family(kind.name, layer, tuple(members), kind.period, source)


def _measured(net: Network) -> str:
    """The source of a family that was found; what ran other than on the CPU in float32 says so."""
    device, precision = net.execution.values()
    return "measured" if (device, precision) == ("cpu", "float32") else f"measured in {precision} on {device}"


def _apart(a: Tuning, b: Tuning) -> float:
    return float(abs(difference(a.preferred_direction, b.preferred_direction)))
