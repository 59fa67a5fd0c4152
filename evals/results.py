"""Files with results: tables for a spreadsheet, and everything for a program."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from circuits.files import write_text

__all__ = ["csv_text", "defined", "save_results"]


def save_results(
    folder: str | os.PathLike[str], name: str, rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]
) -> tuple[Path, Path]:
    """Write `NAME.csv` and `NAME.json`, each whole or not at all; what is not defined (NaN) is empty or null.

    Args:
        folder: where to; it is made if need be.
        name: of the files.
        rows: of the table, at least one; all have the names of the first.
        summary: JSON-able.

    Raises:
        CurvesError: the place cannot be written to.
    """
    table, whole = (Path(folder) / f"{name}.{kind}" for kind in ("csv", "json"))
    write_text(table, csv_text([list(rows[0]), *([defined(row[name]) for name in rows[0]] for row in rows)]))
    write_text(whole, json.dumps(defined(summary), indent=1, allow_nan=False) + "\n")
    return table, whole


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV; None is empty."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def defined(data: Any) -> Any:  # noqa: ANN401 (whatever json takes)
    """The same data with None for NaN, which JSON does not have."""
    if isinstance(data, Mapping):
        return {key: defined(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [defined(value) for value in data]
    return None if isinstance(data, float) and math.isnan(data) else data
