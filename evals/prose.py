"""What a comparison found, in sentences computed from the scorecards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evals.figures import Maps
from evals.scorecard import Scorecard, edited_from

__all__ = ["edit_sentence", "lead", "parent_of", "sentences", "warnings"]

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
UNCOVERED = 0.05
"""Share of a unit's best response below which a family counts as not answering to a direction."""


def lead(cards: Mapping[str, Scorecard]) -> str:
    """What was compared, in one or two sentences."""
    if len(cards) == 1:
        first = "One network was tested"
    else:
        first = f"{count(len(cards)).capitalize()} networks were tested in the same way"
    if not (shown := [maps for card in cards.values() if (maps := Maps.of(card))]):
        return f"{first}."
    directions, radii = len(shown[0].directions), len(shown[0].radii) - 1
    return (
        f"{first}: each looked at drawn curves of {directions} directions and {radii} radii, and at straight lines. "
        "A curve detector should answer to one direction, at any radius, and to nothing else; "
        "a family of them should leave no direction out."
    )


def sentences(cards: Mapping[str, Scorecard]) -> dict[str, str]:
    """What was found, by network: its name is not repeated."""
    return {name: _found(name, card, cards) for name, card in cards.items()}


def _found(name: str, card: Scorecard, cards: Mapping[str, Scorecard]) -> str:
    family, maps = card.family, Maps.of(card)
    parent = parent_of(name, cards)
    if parent is not None:
        edits = card.network["edits"]
        done = join([edit_summary(edit) for edit in edits])
        begin = f"is {parent} after {plural(len(edits), 'edit')} ({done})"
        begin += f", judged on the same {len(family)} units" if family else ""
    elif family is None:
        begin = "was tested as a whole"
    else:
        begin = f"has {plural(len(family), 'unit')} in {family.layer} that detect {family.name}s"
    if family is None or maps is None:
        return f"{begin}."
    heard = len(family) - sum(maps.silent)
    if heard == 0:
        return f"{begin}. None of them answers to any curve."
    still = "" if parent is None else "still "
    middle = "" if heard == len(family) else f"; only {heard} of {len(family)} {still}answer to any curve"
    return f"{begin}{middle}. {_tuned(card)} {_covered(card, maps)}"


def _tuned(card: Scorecard) -> str:
    width, echo = card.scores.get("synthetic.width"), card.scores.get("synthetic.echo")
    if width is None or echo is None:
        return ""
    opposite = "nothing" if echo < 0.0005 else f"{100 * echo:.1f}% of their best response"
    return f"Their tuning is {width:.0f}° wide at half height; the opposite direction brings {opposite}."


def _covered(card: Scorecard, maps: Maps) -> str:
    coverage = card.scores.get("synthetic.coverage") or 0.0
    if gap := _gap(maps):
        return f"No unit answers to curves from {gap[0]:.0f}° to {gap[1]:.0f}°."
    return f"In the worst direction some unit still gives {100 * coverage:.0f}% of its best response."


def _gap(maps: Maps) -> tuple[float, float] | None:
    """The widest run of directions that no unit answers to: its first and last."""
    best = maps.tuning.max(axis=1, keepdims=True)
    answers = np.divide(maps.tuning, best, out=np.zeros_like(maps.tuning), where=best > 0).max(axis=0)
    deaf = answers < UNCOVERED
    if not deaf.any() or deaf.all():
        return None
    start = int(np.flatnonzero(~deaf)[0])
    turned = np.roll(deaf, -start)  # begins with a direction that is heard, so that no run passes the end
    runs, length = [], 0
    for place, value in enumerate(turned):
        length = length + 1 if value else 0
        runs.append((length, place))
    length, last = max(runs, key=lambda run: (run[0], -run[1]))
    places = [(start + place) % len(deaf) for place in (last - length + 1, last)]
    return float(maps.directions[places[0]]), float(maps.directions[places[1]])


def parent_of(name: str, cards: Mapping[str, Scorecard]) -> str | None:
    """The name of the network that this one was edited from, if it is in the report and the units are the same."""
    card = cards[name]
    for other, candidate in cards.items():
        if other != name and edited_from(card.network, candidate.network) and candidate.family == card.family:
            return other
    return None


def warnings(cards: Mapping[str, Scorecard]) -> list[str]:
    """Reasons why the scores should not be compared."""
    found = []
    tests = [card.details.get("synthetic") for card in cards.values()]
    if any(tests) and not all(tests):
        names = [name for (name, _), test in zip(cards.items(), tests, strict=True) if not test]
        found.append(f"The synthetic-curve test was not run on {', '.join(names)}.")
    quick = [name for name, card in cards.items() if card.conditions.get("quick")]
    if quick:
        found.append(f"{join(quick)} {'was' if len(quick) == 1 else 'were'} tested quickly, with fewer stimuli.")
    ran = [test for test in tests if test]
    if len({str(_apart_from_size(test["stimuli"])) for test in ran}) > 1:
        found.append("The networks were shown different curves, so their scores do not compare.")
    if len({test["images"]["hash"] for test in ran}) > 1:
        found.append("The standard deviations were taken over different image sets, so strengths do not compare.")
    if len({card.network["precision"] for card in cards.values()}) > 1:
        told = ", ".join(f"{name} in {card.network['precision']}" for name, card in cards.items())
        found.append(f"The networks ran in different precisions ({told}), so small differences may be rounding.")
    return found


def _apart_from_size(stimuli: Mapping[str, Any]) -> dict[str, Any]:
    return {"base": {**stimuli["base"], "size": None}, "axes": stimuli["axes"]}


def edit_summary(edit: Mapping[str, Any]) -> str:
    """An edit in two or three words."""
    units = edit.get("units")
    kind = str(edit.get("kind", "edit")).replace("_", " ")
    return f"{kind} {plural(len(units), 'unit')}" if isinstance(units, list | tuple) else kind


def edit_sentence(edit: Mapping[str, Any]) -> str:
    """An edit in plain words: its kind, then what it names."""
    parts = []
    for key, value in edit.items():
        if key == "kind":
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        parts.append(text if key == "units" else f"{key} {text}")
    return f"{str(edit.get('kind', 'edit')).replace('_', ' ')} {'; '.join(parts)}".strip()


def join(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def count(number: int) -> str:
    """A number as a word up to twelve, then in digits."""
    return _WORDS[number] if number < len(_WORDS) else str(number)


def plural(number: int, noun: str) -> str:
    """`one edit`, `17 units`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
