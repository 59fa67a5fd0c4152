"""What a comparison found: scorecards side by side, as a table, as files, and as a page to read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits import CurvesError
from circuits.files import write_text
from evals.differences import Difference, difference
from evals.report_rows import DifferenceRow, Row, ScoreRow, by_test, difference_rows, score_rows
from evals.report_tables import difference_records, score_records
from evals.results import csv_text
from evals.scorecard import Scorecard

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PUBLISHED", "Report", "unique"]

PUBLISHED = "InceptionV1, published"
"""The heading over the articles' own values."""

_VERSION = 2


@dataclass(frozen=True)
class Report:
    """Scorecards side by side.

    Attributes:
        cards: by the name of the network.
        notes: sentences for the reader, such as what could not be tested and why.
        reference: the network that the others are compared with; the first by default.

    Raises:
        CurvesError: there is no card, or none of the reference's name.
    """

    cards: Mapping[str, Scorecard]
    notes: Sequence[str] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        if not self.cards:
            raise CurvesError("there is nothing to report; give at least one scorecard")
        object.__setattr__(self, "reference", self.reference or next(iter(self.cards)))
        if self.reference not in self.cards:
            raise CurvesError(
                f"there is no network {self.reference!r} to compare with; there are {', '.join(self.cards)}"
            )

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the report into `folder`, each file whole or not at all, and the same bytes for the same cards.

        Writes `report.html` (needs no other file and no network), `scores.csv` (a row for each score of each network),
        `differences.csv` (a row for each score of each network but the reference), `report.json` (all that the cards
        hold but their data, and the differences) and a scorecard in `cards/` for each network.

        Returns:
            The path of `report.html`.

        Raises:
            CurvesError: the place cannot be written to.
        """
        from evals.page import page

        root = Path(folder)
        html = page(self)
        for card, place in zip(self.cards.values(), self.folders, strict=True):
            card.save(root / place)
        write_text(root / "report.json", json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")
        write_text(root / "scores.csv", csv_text(score_records(self.cards)))
        write_text(root / "differences.csv", csv_text(difference_records(self.reference, self.differences)))
        write_text(root / "report.html", html)
        return root / "report.html"

    def to_json(self) -> dict[str, Any]:
        """Everything but the data behind the scores."""
        cards = {name: card.to_json() for name, card in self.cards.items()}
        differences = {
            name: {score: asdict(found) for score, found in by_score.items()}
            for name, by_score in self.differences.items()
        }
        return {
            "version": _VERSION,
            "notes": list(self.notes),
            "reference": self.reference,
            "differences": differences,
            "cards": cards,
        }

    @cached_property
    def differences(self) -> dict[str, dict[str, Difference]]:
        """All scores that a network and the reference both have, the one's less the other's, by network and score."""
        other = self.cards[self.reference]
        return {
            name: {score: difference(card, other, score) for score in card.scores if score in other.scores}
            for name, card in self.cards.items()
            if name != self.reference
        }

    def table(self) -> Table:
        """The family scores for a terminal, with their standard errors; published ones are InceptionV1's."""
        rows = self.rows
        published = any(row.published for row in rows)
        headings = [*self.cards, *(["published"] if published else [])]
        cells = {row.score: [*row.cells, *([row.published] if published else [])] for row in rows}
        return _table(headings, rows, cells)

    def difference_table(self) -> Table | None:
        """Differences of the family scores to the reference's, for a terminal; None if there is but one network."""
        rows = self.difference_rows
        return _table(list(self.differences), rows, {row.score: row.cells for row in rows}) if rows else None

    @property
    def remarks(self) -> list[str]:
        """The notes, why scores should not be compared where that is so, and which tests were not run."""
        from evals.prose import warnings

        refused = [
            f"{name}: the test {test} was not run: {reason}"
            for name, card in self.cards.items()
            for test, reason in card.refused.items()
        ]
        return [*self.notes, *warnings(self.cards), *refused]

    @property
    def folders(self) -> list[str]:
        """Where in the report's folder each card is saved."""
        return [f"cards/{name}" for name in unique(re.sub(r"[^\w-]+", "-", n).strip("-") or "card" for n in self.cards)]

    @property
    def rows(self) -> list[ScoreRow]:
        """The family scores as text, in the order of the cards' scores."""
        return score_rows(self.cards)

    @property
    def difference_rows(self) -> list[DifferenceRow]:
        """The differences of the family scores as text."""
        return difference_rows(self.cards, self.differences)


def _table(headings: Sequence[str], rows: Sequence[Row], cells: Mapping[str, Sequence[str]]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("score")
    for heading in headings:
        made.add_column(escape(heading), justify="right", overflow="fold")
    made.add_column("unit", style="dim")
    for test, own in by_test(rows):
        if test:
            made.add_row(f"[bold]{escape(test)}[/bold]")
        for row in own:
            made.add_row(escape(row.label), *cells[row.score], escape(row.definition.unit))
    return made


def unique(names: Iterable[str]) -> list[str]:
    """The names in order, the second of two equal ones with -2 behind it; case does not matter, as on some disks."""
    taken: dict[str, None] = {}
    result = []
    for name in names:
        number, found = 1, name
        while found.casefold() in taken:
            number += 1
            found = f"{name}-{number}"
        taken[found.casefold()] = None
        result.append(found)
    return result
