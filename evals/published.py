"""What has been published of InceptionV1's units: groups of units by number, and directions where there are any.

The numbers are those of inception5h (the network `inceptionv1`). Nothing here asks which network they are used on: with
another one of the same architecture, such as bvlc_googlenet, the same numbers are other units, so that taking them
there is the caller's own doing. Directions of a group can be measured on the network that it is of:

    group, = published_groups(layer="3a", kind="line")
    lines = measure_family(net, group.kind, group.units, source=group.source)
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from circuits import CurvesError, Family, Member, Unit

__all__ = ["PublishedGroup", "published_families", "published_groups"]


@dataclass(frozen=True)
class PublishedGroup:
    """Units that an article names together.

    Attributes:
        name: as in the article.
        layer: where they are.
        units: in the article's order.
        source: `published: WHERE`, as in `Family.source`.
        kind: the kind of family (`evals.KINDS`) that the group answers to; None where there is none.
    """

    name: str
    layer: str
    units: tuple[Unit, ...]
    source: str
    kind: str | None


def published_groups(layer: str | None = None, kind: str | None = None) -> tuple[PublishedGroup, ...]:
    """The published neuron groups of conv2d0 to 4a: units without directions.

    Args:
        layer: only of this layer.
        kind: only those that answer to this kind of family.

    Raises:
        CurvesError: nothing has been published of that layer, or there is no group of that kind at all.
    """
    groups = tuple(
        PublishedGroup(
            group["name"],
            group["layer"],
            tuple(Unit(group["layer"], channel) for channel in group["units"]),
            _source(group),
            group.get("kind"),
        )
        for group in _data()["group"]
    )
    layers = tuple(dict.fromkeys(group.layer for group in groups))
    kinds = tuple(dict.fromkeys(group.kind for group in groups if group.kind))
    if layer is not None and layer not in layers:
        raise CurvesError(f"no groups are published of a layer {layer!r}; there are {', '.join(layers)}")
    if kind is not None and kind not in kinds:
        raise CurvesError(f"no groups are published of a kind {kind!r}; there are {', '.join(kinds)}")
    return tuple(g for g in groups if layer in (None, g.layer) and kind in (None, g.kind))


def published_families() -> tuple[Family, ...]:
    """The families whose directions are published too: the ten curve detectors of 3b.

    How the published orientations become directions, and what of it is inferred, is said beside the data
    (evals/data/inceptionv1.toml).
    """
    families = []
    for family in _data()["family"]:
        members = tuple(
            Member(Unit(family["layer"], int(channel)), -orientation % 360.0, {"published_orientation": orientation})
            for channel, orientation in family["orientations"].items()
        )
        families.append(Family(family["name"], family["layer"], members, source=_source(family)))
    return tuple(families)


def _source(entry: dict[str, Any]) -> str:
    return f"published: {_data()['sources'][entry['source']]}"


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files("evals").joinpath("data/inceptionv1.toml").read_text("utf-8"))
