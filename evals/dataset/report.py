"""A survey's results as files: a table of units, and everything for a program."""

from __future__ import annotations

import os
from pathlib import Path

from evals.dataset.summary import result
from evals.dataset.survey import Survey
from evals.resampling import replicates, spreads
from evals.results import save_results
from evals.testing import TestResult

__all__ = ["save_summary", "unit_rows"]


def save_summary(survey: Survey, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write `dataset.csv` (a row for each unit) and `dataset.json`, each whole or not at all.

    Raises:
        CurvesError: the place cannot be written to.
    """
    found = result(survey)
    assert found.sample is not None
    again = replicates(found.sample, seed=survey.settings.seed)
    uncertainty = spreads(again, found.scores, lambda name: found.definitions[name.rpartition(".")[2]])
    summary = {
        "network": dict(survey.network),
        "family": survey.family.to_json(),
        "scores": dict(found.scores),
        "uncertainty": {name: vars(spread) for name, spread in uncertainty.items()},
        "drawn": again.to_json(),
        "definitions": {name: vars(definition) for name, definition in found.definitions.items()},
        "details": dict(found.details),
        "data": {name: array.tolist() for name, array in found.data.items()},
    }
    return save_results(folder, "dataset", unit_rows(survey, found), summary)


def unit_rows(survey: Survey, found: TestResult) -> list[dict[str, float | str | None]]:
    """The scores of each unit, in order of direction."""
    rows: list[dict[str, float | str | None]] = []
    for member in survey.family:
        begin = f"{member.unit}."
        own = {name.removeprefix(begin): value for name, value in found.scores.items() if name.startswith(begin)}
        rows.append({"unit": str(member.unit), "direction": member.direction, **own})
    return rows
