"""What a comparison found: scorecards side by side, as a table, as files, and as a page to read."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits import CurvesError
from circuits.files import write_text
from evals.scorecard import Definition, Scorecard

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["PUBLISHED", "Report", "ScoreRow", "unique"]

PUBLISHED = "InceptionV1, published"
"""The heading over the articles' own values."""

_VERSION = 1


@dataclass(frozen=True)
class ScoreRow:
    """One family score of all networks.

    Attributes:
        score: `TEST.SCORE`.
        definition: what it means.
        values: as text, one for each network; a dash where it is undefined.
        published: InceptionV1's value as text; empty where none is published.
    """

    score: str
    definition: Definition
    values: tuple[str, ...]
    published: str

    @property
    def label(self) -> str:
        """The score's name for people."""
        return self.score.partition(".")[2].replace("_", " ")


@dataclass(frozen=True)
class Report:
    """Scorecards side by side.

    Attributes:
        cards: by the name of the network.
        notes: sentences for the reader, such as what could not be tested and why.
    """

    cards: Mapping[str, Scorecard]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.cards:
            raise CurvesError("there is nothing to report; give at least one scorecard")

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the report into `folder`, each file whole or not at all, and the same bytes for the same cards.

        Writes `report.html` (needs no other file and no network), `scores.csv` (a row for each score of each network),
        `report.json` (all that the cards hold but their data) and a scorecard in `cards/` for each network.

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
        write_text(root / "scores.csv", self._csv())
        write_text(root / "report.html", html)
        return root / "report.html"

    def to_json(self) -> dict[str, Any]:
        """Everything but the data behind the scores."""
        cards = {name: card.to_json() for name, card in self.cards.items()}
        return {"version": _VERSION, "notes": list(self.notes), "cards": cards}

    def table(self) -> Table:
        """The family scores for a terminal."""
        from rich.markup import escape
        from rich.table import Table

        rows = self.rows
        published = any(row.published for row in rows)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("score")
        for heading in (*self.cards, *([PUBLISHED] if published else [])):
            table.add_column(escape(heading), justify="right", overflow="fold")
        table.add_column("unit", style="dim")
        for row in rows:
            table.add_row(row.label, *row.values, *([row.published] if published else []), row.definition.unit)
        return table

    @property
    def remarks(self) -> list[str]:
        """The notes, and why scores should not be compared where that is so."""
        from evals.prose import warnings

        return [*self.notes, *warnings(self.cards)]

    @property
    def folders(self) -> list[str]:
        """Where in the report's folder each card is saved."""
        return [f"cards/{name}" for name in unique(re.sub(r"[^\w-]+", "-", n).strip("-") or "card" for n in self.cards)]

    @property
    def rows(self) -> list[ScoreRow]:
        """The family scores as text, in the order of the cards' scores."""
        definitions: dict[str, Definition] = {}
        for card in self.cards.values():
            for score in card.family_scores:
                definitions.setdefault(score, card.definitions[score])
        rows = []
        for score, definition in definitions.items():
            values = [card.scores.get(score) for card in self.cards.values()]
            texts = _texts([*values, definition.published], definition.unit)
            rows.append(
                ScoreRow(score, definition, tuple(texts[:-1]), "" if definition.published is None else texts[-1])
            )
        return rows

    def _csv(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("network", "score", "value", "unit"))
        for name, card in self.cards.items():
            for score, value in card.scores.items():
                kind = f"{score.partition('.')[0]}.{score.rpartition('.')[2]}"
                unit = card.definitions[kind].unit if kind in card.definitions else ""
                writer.writerow((name, score, "" if value is None else value, unit))
        return file.getvalue()


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


def _texts(values: Sequence[float | None], unit: str) -> list[str]:
    """Values of one row with as many decimals as the largest needs, so that they can be compared at a glance."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    decimals = 0 if unit == "count" else 3 if largest < 0.1 else 2 if largest < 10 else 1
    return ["–" if value is None else f"{value:.{decimals}f}" for value in values]
