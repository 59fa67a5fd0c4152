"""Scores as a Parquet table: a row for each, with what it means, for programs that read many cards at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evals.scorecard import Scorecard

__all__ = ["write_scores"]


def write_scores(card: Scorecard, path: Path) -> None:
    """Write a card's scores; the same bytes for the same card.

    Columns: network, identity, score (its full name), test, unit_of_network (null for the family or the network as a
    whole), quantity, value, standard_error, low, high, unit, better, target, published, definition. The table's
    metadata has the card's provenance as JSON under `curve_circuits`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    text, number = pa.string(), pa.float64()
    kinds = {
        "network": text, "identity": text, "score": text, "test": text, "unit_of_network": text, "quantity": text,
        "value": number, "standard_error": number, "low": number, "high": number, "unit": text, "better": text,
        "target": number, "published": number, "definition": text,
    }  # fmt: skip
    rows = []
    for score in card.table:
        meaning, spread = score.definition, score.spread
        rows.append(
            {
                "network": card.network["name"],
                "identity": card.network["identity"],
                "score": score.name,
                "test": score.test,
                "unit_of_network": score.of or None,
                "quantity": score.name.rpartition(".")[2],
                "value": score.value,
                "standard_error": spread.standard_error if spread else None,
                "low": spread.low if spread else None,
                "high": spread.high if spread else None,
                "unit": meaning.unit,
                "better": meaning.better,
                "target": meaning.target,
                "published": meaning.published,
                "definition": meaning.text,
            }
        )
    schema = pa.schema(list(kinds.items()), metadata={"curve_circuits": json.dumps(card.provenance, sort_keys=True)})
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)
