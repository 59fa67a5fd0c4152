"""What a report's tables say, as text: values with their standard errors, and differences with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from evals.differences import Difference
from evals.scorecard import Scorecard
from evals.testing import Definition

__all__ = ["DifferenceRow", "Row", "ScoreRow", "by_test", "difference_rows", "score_rows"]

R = TypeVar("R", bound="Row")

_MOST = 4  # decimals


@dataclass(frozen=True)
class Row:
    """One family score.

    Attributes:
        score: `TEST.SCORE`.
        definition: what it means.
    """

    score: str
    definition: Definition

    @property
    def label(self) -> str:
        """The score's name for people."""
        return self.score.partition(".")[2].replace("_", " ")

    @property
    def test(self) -> str:
        """The test that it is of."""
        return self.score.partition(".")[0]


@dataclass(frozen=True)
class ScoreRow(Row):
    """One family score of all networks.

    Attributes:
        values: as text, one for each network; a dash where it is undefined.
        errors: standard errors as text, one for each network; empty where there is none.
        published: InceptionV1's value as text; empty where none is published.
    """

    values: tuple[str, ...]
    errors: tuple[str, ...]
    published: str

    @property
    def cells(self) -> list[str]:
        """Values with their errors."""
        return [f"{v} ± {e}" if e else v for v, e in zip(self.values, self.errors, strict=True)]


@dataclass(frozen=True)
class DifferenceRow(Row):
    """One family score of all networks but the reference, less the reference's.

    Attributes:
        values: as text with a sign, one for each network; a dash where there is none.
        intervals: of 95%, as text; empty where there is none.
        unpaired: for each network, whether the interval takes the two for independent.
    """

    values: tuple[str, ...]
    intervals: tuple[str, ...]
    unpaired: tuple[bool, ...]

    @property
    def cells(self) -> list[str]:
        """Values with their intervals, and a star where they are unpaired."""
        parts = zip(self.values, self.intervals, self.unpaired, strict=True)
        return [f"{v} ({i}){'*' if star else ''}" if i else v for v, i, star in parts]


def score_rows(cards: Mapping[str, Scorecard]) -> list[ScoreRow]:
    """The family scores, in the order of the cards' scores."""
    rows = []
    for score, definition in family_definitions(cards).items():
        values = [card.scores.get(score) for card in cards.values()]
        spreads = [card.spreads.get(score) for card in cards.values()]
        errors = [spread.standard_error if spread else None for spread in spreads]
        places = _decimals([*values, definition.published], errors, definition.unit)
        published = "" if definition.published is None else _text(definition.published, places)
        texts = tuple(_text(value, places) for value in values)
        told = tuple("" if error is None else _error(error, places) for error in errors)
        rows.append(ScoreRow(score, definition, texts, told, published))
    return rows


def difference_rows(
    cards: Mapping[str, Scorecard], differences: Mapping[str, Mapping[str, Difference]]
) -> list[DifferenceRow]:
    """The family scores of all but the reference, less the reference's.

    Args:
        cards: all of the report.
        differences: by network and score.
    """
    rows = []
    for score, definition in family_definitions(cards).items():
        found = [by_score.get(score) for by_score in differences.values()]
        values = [each.value if each else None for each in found]
        spreads = [each.spread if each else None for each in found]
        errors = [spread.standard_error if spread else None for spread in spreads]
        places = _decimals(values, errors, definition.unit)
        intervals = [f"{_signed(s.low, places)} to {_signed(s.high, places)}" if s else "" for s in spreads]
        unpaired = [bool(each and each.spread and not each.paired) for each in found]
        if any(value is not None for value in values):
            texts = tuple(_signed(value, places) for value in values)
            rows.append(DifferenceRow(score, definition, texts, tuple(intervals), tuple(unpaired)))
    return rows


def by_test(rows: Sequence[R]) -> list[tuple[str, list[R]]]:
    """The rows of each test, under its name; under none if there is but one test."""
    groups = [(test, list(own)) for test, own in groupby(rows, key=lambda row: row.test)]
    return groups if len(groups) > 1 else [("", own) for _, own in groups]


def family_definitions(cards: Mapping[str, Scorecard]) -> dict[str, Definition]:
    """What the family scores of all cards mean, in the order in which they come first."""
    found: dict[str, Definition] = {}
    for card in cards.values():
        for score in card.family_scores:
            found.setdefault(score, card.definitions[score])
    return found


def _decimals(values: Sequence[float | None], errors: Sequence[float | None], unit: str) -> int:
    """As many as the largest value needs, so that a row can be compared at a glance, and the least error."""
    if unit == "count":
        return 0
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    places = 3 if largest < 0.1 else 2 if largest < 10 else 1
    told = [error for error in errors if error]
    return max(places, min(_MOST, math.ceil(-math.log10(min(told))))) if told else places


def _text(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def _error(error: float, places: int) -> str:
    least = 10.0**-places
    return f"<{_text(least, places)}" if 0 < error < least / 2 else _text(error, places)


def _signed(value: float | None, places: int) -> str:
    """With a sign that is as wide as a plus; nothing has none."""
    if value is None:
        return "–"
    rounded = round(value, places)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded):.{places}f}"
