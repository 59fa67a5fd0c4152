"""The page of a report: one HTML file that needs no other file and no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evals.figures import Maps, hues, radial_tuning, samples
from evals.heat_maps import colour_scale, heat_maps
from evals.prose import edit_sentence, join, lead, parent_of, sentences
from evals.report_rows import by_test
from evals.scorecard import Scorecard

if TYPE_CHECKING:
    from evals.report import Report

__all__ = ["page"]


def page(report: Report) -> str:
    """The report as HTML; the same text for the same report."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    from evals.report import PUBLISHED

    cards = report.cards
    mapped = {name: maps for name, card in cards.items() if (maps := Maps.of(card))}
    environment = Environment(
        loader=PackageLoader("evals"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    polar = _polar(cards, mapped)
    return environment.get_template("report.html").render(
        title=_title(cards),
        lead=lead(cards),
        found=sentences(cards),
        remarks=report.remarks,
        rows=report.rows,
        row_groups=by_test(report.rows),
        reference=report.reference,
        compared=list(report.differences),
        difference_groups=by_test(report.difference_rows),
        drawn=_drawn(cards),
        drawings=_drawings(cards),
        names=list(cards),
        published=PUBLISHED if any(row.published for row in report.rows) else "",
        strips=_strips(cards, mapped),
        sizes=_sizes(cards),
        gradient=", ".join(f"{colour} {100 * place:.1f}%" for place, colour in colour_scale()),
        largest=max((float(maps.responses.max()) for maps in mapped.values()), default=0.0),
        heat=bool(mapped),
        polar=polar,
        figures=[*([heat_maps(mapped)] if mapped else []), *(chart["figure"] for chart in polar)],
        networks=[_network(name, cards, mapped) for name in cards],
        images=_images(cards),
        versions=_versions(cards) | {"plotly.js": get_plotlyjs_version()},
        plotly=get_plotlyjs(),
    )


def _title(cards: Mapping[str, Scorecard]) -> str:
    names = join(list(cards))
    return f"The curve detectors of {names}" if any(card.family for card in cards.values()) else f"Tests of {names}"


def _drawn(cards: Mapping[str, Scorecard]) -> list[str]:
    """What the uncertainty is over, by test and by card where these differ."""
    told = [
        f"{test}: {found.what}, {found.count} of them, {len(found.values)} draws, seed {found.seed}"
        for card in cards.values()
        for test, found in card.replicates.items()
    ]
    return list(dict.fromkeys(told))


def _drawings(cards: Mapping[str, Scorecard]) -> list[dict[str, str]]:
    """The figures of all tests but the one that the page draws itself, as pictures."""
    from evals.catalogue import find_test, known_tests
    from evals.charts import data_uri

    known = set(known_tests()) - {"synthetic"}
    return [
        {"name": name, "test": test, "title": figure_name.replace("-", " "), "picture": data_uri(figure)}
        for name, card in cards.items()
        for test in card.details
        if test in known and any(key.startswith(f"{test}.") for key in card.data)
        for figure_name, figure in find_test(test)().figures(card).items()
    ]


def _tested(cards: Mapping[str, Scorecard]) -> dict[str, Scorecard]:
    return {name: card for name, card in cards.items() if "synthetic" in card.details}


def _images(cards: Mapping[str, Scorecard]) -> list[tuple[str, str]]:
    """Name and hash of each image set; two sets may have one name."""
    sets = [card.details["synthetic"]["images"] for card in _tested(cards).values()]
    return list(dict.fromkeys((images["name"], images["hash"]) for images in sets))


def _strips(cards: Mapping[str, Scorecard], mapped: Mapping[str, Maps]) -> list[list[tuple[str, str]]]:
    for name in mapped:
        return samples(cards[name].details["synthetic"]["stimuli"])
    return []


def _sizes(cards: Mapping[str, Scorecard]) -> str:
    """The sizes of the pictures, and of whose fields where they differ."""
    sizes: dict[int, list[str]] = {}
    for name, card in _tested(cards).items():
        sizes.setdefault(card.details["synthetic"]["receptive_field"]["size"], []).append(name)
    if len(sizes) == 1:
        return f"{next(iter(sizes))} px"
    return ", ".join(f"{size} px for {join(names)}" for size, names in sizes.items())


def _polar(cards: Mapping[str, Scorecard], mapped: Mapping[str, Maps]) -> list[dict[str, Any]]:
    """A chart for each network. An edited network and its parent have one scale; others are as strong as they are."""
    charts = []
    ancestor = {name: _ancestor(name, cards) for name in mapped}
    for number, (name, maps) in enumerate(mapped.items(), start=1):
        related = [mapped[other].tuning.max() for other in mapped if ancestor[other] == ancestor[name]]
        chips = [
            {"unit": str(member.unit), "direction": round(member.direction) % 360, "hue": hue, "silent": silent}
            for member, hue, silent in zip(
                maps.members, hues([m.direction for m in maps.members]), maps.silent, strict=True
            )
        ]
        figure = radial_tuning(number, maps, 1.03 * float(max(related)))
        charts.append({"name": name, "layer": maps.members[0].unit.layer, "figure": figure, "chips": chips})
    return charts


def _ancestor(name: str, cards: Mapping[str, Scorecard]) -> str:
    parent = parent_of(name, cards)
    return name if parent is None else _ancestor(parent, cards)


def _network(name: str, cards: Mapping[str, Scorecard], mapped: Mapping[str, Maps]) -> dict[str, Any]:
    card = cards[name]
    origin = card.network
    details = dict(origin["details"])
    facts = {"licence": details.pop("licence", "not stated")}
    facts["run"] = f"on {origin['device']}, {origin['precision']}"
    facts |= {key: value for key, value in details.items() if isinstance(value, str | int | float)}
    nested = {key: value for key, value in details.items() if key not in facts}
    return {
        "name": name,
        "origin": origin,
        "parent": parent_of(name, cards),
        "facts": {key.replace("_", " "): value for key, value in facts.items()},
        "nested": {key.replace("_", " "): json.dumps(value, indent=1) for key, value in nested.items()},
        "edits": [edit_sentence(edit) for edit in origin["edits"]],
        "layer": card.family.layer if card.family else "",
        "field": card.details.get("synthetic", {}).get("receptive_field"),
        "members": _members(card, mapped.get(name)),
        "family": card.family.name if card.family else "",
    }


def _members(card: Scorecard, maps: Maps | None) -> list[dict[str, Any]]:
    if card.family is None:
        return []
    colours = hues(card.family.directions)
    peaks = [f"{r.max():.1f}" if r.max() > 0 else "silent" for r in maps.responses] if maps else [""] * len(colours)
    return [
        {"unit": str(m.unit), "direction": round(m.direction) % 360, "hue": hue, "peak": peak, "why": m.why}
        for m, hue, peak in zip(card.family, colours, peaks, strict=True)
    ]


def _versions(cards: Mapping[str, Scorecard]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for card in cards.values():
        for package, version in card.network["versions"].items():
            found.setdefault(package, set()).add(version)
    return {package: " and ".join(sorted(versions)) for package, versions in found.items()}
