"""Labels as people gave them: read from the files that the page saves, and checked against the sample."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError
from evals.human.labels import NAMES
from evals.human.sample import FILES, LabelSample, load_sample

__all__ = ["COLUMNS", "Labelled", "read_folder", "read_labels"]

COLUMNS = ("sample", "crop", "label", "labeller", "time")
"""Of the files; `sample` is the sample's identity, `time` when the label was given (ISO 8601)."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A sample and what people said of it.

    Attributes:
        sample: what was labelled.
        labellers: by name, in alphabetical order.
        given: labellers x crops: the number of the label in `LABELS`, -1 where there is none.
    """

    sample: LabelSample
    labellers: tuple[str, ...]
    given: NDArray[np.int64]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many labellers gave each label, crops x 4."""
        return np.stack([(self.given == number).sum(axis=0) for number in range(len(NAMES))], axis=1)

    @cached_property
    def votes(self) -> NDArray[np.float64]:
        """The share of a crop's labellers that gave each label, crops x 4; all 0 where nobody did."""
        shares: NDArray[np.float64] = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return shares


def read_folder(folder: str | os.PathLike[str]) -> Labelled:
    """A folder that `curves label page` wrote, with the files `labels-*.csv` that the page saved put into it.

    Raises:
        CurvesError: there is no sample, no file of labels, or one does not fit, see `read_labels`.
        FileDamagedError: the sample is damaged.
    """
    sample, files = load_sample(folder), sorted(Path(folder).glob(FILES))
    if not files:
        raise CurvesError(
            f"{folder} holds no labels; open label.html there in a browser, label, and put the {FILES} that it saves "
            f"beside it"
        )
    return read_labels(files, sample)


def read_labels(paths: Sequence[str | os.PathLike[str]], sample: LabelSample) -> Labelled:
    """Read files of labels, of one labeller or several; a later file of the same labeller must not say otherwise.

    Raises:
        CurvesError: a file is not there or is no table of labels, is of another sample, names a crop or a label that
            there is not, names nobody, or a labeller gave a crop two labels; or there are no labels at all.
    """
    place = {crop.name: number for number, crop in enumerate(sample.crops)}
    said: dict[tuple[str, int], int] = {}
    for path in map(Path, paths):
        for line, row in enumerate(_rows(path), start=2):
            where = f"line {line} of {path}"
            if row["sample"] != sample.identity:
                raise CurvesError(
                    f"{path} has labels of another sample ({row['sample'][:8]}, not {sample.identity[:8]}); give files "
                    f"that were saved from the page of this one"
                )
            if row["crop"] not in place:
                raise CurvesError(
                    f"{where} names a crop {row['crop']!r} that the sample does not have; remove the line"
                )
            if row["label"] not in NAMES:
                raise CurvesError(f"{where} has a label {row['label']!r}; labels are {', '.join(NAMES)}")
            if not row["labeller"].strip():
                raise CurvesError(f"{where} does not say who labelled; write a name into the column labeller")
            key, label = (row["labeller"].strip(), place[row["crop"]]), NAMES.index(row["label"])
            if said.setdefault(key, label) != label:
                raise CurvesError(f"{where}: {key[0]} gave {row['crop']} another label before; keep one of the two")
    if not said:
        raise CurvesError(f"{', '.join(map(str, paths)) or 'no file'} holds no labels; label some crops first")
    labellers = tuple(sorted({who for who, _ in said}))
    given = np.full((len(labellers), len(sample.crops)), -1, np.int64)
    for (who, crop), label in said.items():
        given[labellers.index(who), crop] = label
    return Labelled(sample, labellers, given)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CurvesError(f"{path} cannot be read as labels ({error}); give a file that the page saved") from None
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise CurvesError(
            f"{path} is no table of labels; it needs the columns {', '.join(COLUMNS)}, as the page saves it"
        )
    return rows
