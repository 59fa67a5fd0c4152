"""What is to be labelled: crops of natural images from every bin of a unit's pre-activation, drawn by lot.

The lots are those of the dataset survey (`evals.dataset.strata`): every position of a bin is as likely as any other,
and nobody chooses. A crop's name is a hash that says nothing of the bin, and crops are shown in the order of these
names.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, FileDamagedError, Member, Unit
from circuits.files import write_text
from evals.dataset.records import Example
from evals.dataset.strata import place_of, stratified
from evals.dataset.survey import Survey

__all__ = [
    "BINS",
    "FILES",
    "PER_BIN",
    "SAMPLE",
    "LabelBin",
    "LabelCrop",
    "LabelSample",
    "draw_sample",
    "load_sample",
    "save_sample",
]

FILES = "labels-*.csv"
"""What the page calls the files of labels that it saves."""

SAMPLE = "sample.json"
"""The file in a folder of labels that says what the crops are. Labellers need not see it."""

BINS, PER_BIN = 30, 20
"""Bins at most, and crops of each. The article has 18 bins and about 850 crops."""

_VERSION = 1


@dataclass(frozen=True)
class LabelBin:
    """A range of the unit's pre-activation.

    Attributes:
        low: from which on, in standard deviations.
        high: up to which.
        share: of all positions of the images.
    """

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class LabelCrop:
    """A receptive field in a picture.

    Attributes:
        name: says nothing of the unit's response.
        bin: which, from 0.
        value: the unit's pre-activation, in standard deviations.
        picture: name of the picture in its set.
        row: of the layer's map.
        column: of the layer's map.
    """

    name: str
    bin: int
    value: float
    picture: str
    row: int
    column: int


@dataclass(frozen=True)
class LabelSample:
    """Crops of one unit, to be labelled by people who see nothing but them.

    Attributes:
        network: what the unit is of, as from `evals.scorecard.provenance`.
        member: the unit and its direction.
        images: name of the image set, hash of what was seen, number of pictures.
        field: receptive field: size, stride, offset in px.
        short_side: px that the pictures' shorter side was scaled to.
        deviation: of the unit's pre-activation over all positions, in the network's own numbers.
        seed: of the lots.
        bins: those that have positions, from the lowest.
        crops: in the order of labelling.
    """

    network: Mapping[str, Any]
    member: Member
    images: Mapping[str, Any]
    field: Mapping[str, int]
    short_side: int
    deviation: float
    seed: int
    bins: tuple[LabelBin, ...]
    crops: tuple[LabelCrop, ...]

    @property
    def unit(self) -> Unit:
        """Whose crops they are."""
        return self.member.unit

    @cached_property
    def identity(self) -> str:
        """SHA-256 (hex) of all that is asked: it tells whether labels are of this sample."""
        asked = [
            self.network["identity"],
            str(self.unit),
            self.images["hash"],
            self.seed,
            *(c.name for c in self.crops),
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The unit's pre-activation at each crop, standard deviations, (crops,)."""
        return np.array([crop.value for crop in self.crops])

    def example(self, crop: LabelCrop) -> Example:
        """Where a crop lies, as the survey's examples say it."""
        return Example(self.unit, crop.picture, crop.row, crop.column, crop.value * self.deviation)


def draw_sample(survey: Survey, unit: Unit | str, *, bins: int = BINS, per_bin: int = PER_BIN) -> LabelSample:
    """Take crops from every bin of a unit's pre-activation, all positions of a bin being equally likely.

    Args:
        survey: of at least one picture; its seed is that of the lots.
        unit: one of the survey's family.
        bins: of about equal width, a multiple of half a standard deviation; at most so many.
        per_bin: crops of each bin; all positions of a bin that has fewer.

    Raises:
        CurvesError: the unit is not in the survey, there is one bin or no crop, the survey kept too few positions, the
            unit never varies, or its family is not of curves.
    """
    if bins < 2 or per_bin < 1:
        raise CurvesError(f"cannot take {per_bin} crops from each of {bins} bins; give 1 crop and 2 bins at least")
    if per_bin > survey.settings.per_stratum:
        raise CurvesError(
            f"the survey kept {survey.settings.per_stratum} positions of each range, fewer than {per_bin}; take at "
            f"most as many from each bin, or survey with `curves dataset --per-stratum {per_bin}`"
        )
    if survey.family.period != 360:
        raise CurvesError(
            f"the labels are about curves, and the units are of the family {survey.family.name!r}; survey curves"
        )
    place = place_of(survey, unit)
    _, deviation = survey.histogram.moments(place)
    if not deviation:
        raise CurvesError(
            f"{survey.family.units[place]} never varies on these images, so that there are no bins; choose another"
        )
    columns = stratified(survey, unit, bins)
    crops = [
        LabelCrop(
            _name(survey, example), number, example.value / deviation, example.picture, example.row, example.column
        )
        for number, column in enumerate(columns)
        for example in column.examples[:per_bin]
    ]
    sets = " and ".join(dict.fromkeys(piece.images for piece in survey.pieces))
    return LabelSample(
        dict(survey.network),
        replace(survey.family.members[place], evidence={}),
        {"name": sets, "hash": f"{survey.content:064x}", "count": survey.images},
        dict(survey.field),
        survey.short_side,
        deviation,
        survey.settings.seed,
        tuple(LabelBin(column.low, column.high, column.share) for column in columns),
        tuple(sorted(crops, key=lambda crop: crop.name)),
    )


def save_sample(sample: LabelSample, folder: str | os.PathLike[str]) -> Path:
    """Write `sample.json`, whole or not at all, and say where.

    Raises:
        CurvesError: the place cannot be written to, or has labels of another sample.
    """
    path = Path(folder) / SAMPLE
    if any(Path(folder).glob(FILES)) and path.is_file() and load_sample(folder).identity != sample.identity:
        raise CurvesError(f"{folder} has labels of other crops; name another folder, or move {FILES} away")
    member = asdict(sample.member) | {"unit": str(sample.unit)}
    data = {"version": _VERSION, "identity": sample.identity, **asdict(sample), "member": member}
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")
    return path


def load_sample(folder: str | os.PathLike[str]) -> LabelSample:
    """Read the sample of a folder that `curves label page` wrote.

    Raises:
        CurvesError: there is none.
        FileDamagedError: it is cut, altered or of another version.
    """
    path = Path(folder) / SAMPLE
    if not path.is_file():
        raise CurvesError(f"{folder} holds no {SAMPLE}; name a folder that `curves label page NET -o DIR` wrote")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version, identity = data.pop("version"), data.pop("identity")
        if version != _VERSION:
            raise ValueError(f"it is of version {version}, not {_VERSION}")
        data["member"] = Member(**{**data["member"], "unit": Unit.parse(data["member"]["unit"])})
        data["bins"] = tuple(LabelBin(**each) for each in data["bins"])
        data["crops"] = tuple(LabelCrop(**each) for each in data["crops"])
        sample = LabelSample(**data)
        if sample.identity != identity:
            raise ValueError("it is not what was written")
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileDamagedError(f"{path} is damaged ({error}); write the page again with `curves label page`") from error
    return sample


def _name(survey: Survey, example: Example) -> str:
    text = f"{survey.settings.seed}/{example.unit}/{example.picture}/{example.row}/{example.column}"
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
