"""A report's scores and differences as rows for a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.differences import Difference
from evals.resampling import Spread
from evals.scorecard import Scorecard

__all__ = ["difference_records", "score_records"]

SCORE_COLUMNS = ("network", "score", "value", "unit", "standard_error", "low", "high", "better")
DIFFERENCE_COLUMNS = ("network", "reference", "score", "difference", "standard_error", "low", "high", "paired")


def score_records(cards: Mapping[str, Scorecard]) -> list[Sequence[Any]]:
    """Headings, then a row for each score of each network."""
    rows: list[Sequence[Any]] = [SCORE_COLUMNS]
    for name, card in cards.items():
        for score in card.table:
            told = (score.value, score.definition.unit, *_columns(score.spread), score.definition.better)
            rows.append((name, score.name, *told))
    return rows


def difference_records(reference: str, differences: Mapping[str, Mapping[str, Difference]]) -> list[Sequence[Any]]:
    """Headings, then a row for each score of each network but the reference."""
    rows: list[Sequence[Any]] = [DIFFERENCE_COLUMNS]
    for name, by_score in differences.items():
        for score, found in by_score.items():
            rows.append((name, reference, score, found.value, *_columns(found.spread), found.paired))
    return rows


def _columns(spread: Spread | None) -> tuple[float | None, float | None, float | None]:
    return (spread.standard_error, spread.low, spread.high) if spread else (None, None, None)
