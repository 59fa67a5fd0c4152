"""Surveys as files: one each, whole or not at all, so that a killed pass goes on from the last one."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, FileDamagedError
from circuits.files import replacing
from evals.dataset.groups import Groups
from evals.dataset.histogram import Histogram
from evals.dataset.records import Piece, Settings
from evals.dataset.smallest import Smallest
from evals.dataset.survey import STRATA, Survey

__all__ = ["SUFFIX", "load_survey", "packed", "save_survey", "survey_files", "unpacked"]

SUFFIX = ".survey.npz"

_VERSION = 1


def save_survey(survey: Survey, path: str | os.PathLike[str]) -> None:
    """Write a survey, whole or not at all.

    Raises:
        CurvesError: the place cannot be written to.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(packed(survey))


def packed(survey: Survey) -> bytes:
    """A survey as the content of its file."""
    survey.forget()
    header = {
        "version": _VERSION,
        "network": dict(survey.network),
        "family": survey.family.to_json(),
        "field": dict(survey.field),
        "short_side": survey.short_side,
        "settings": asdict(survey.settings),
        "pieces": [asdict(piece) for piece in survey.pieces],
        "images": survey.images,
        "content": f"{survey.content:064x}",
        "names": {f"{image:016x}": name for image, name in survey.names.items()},
    }
    parts = {"histogram": survey.histogram.to_arrays(), "groups": survey.groups.to_arrays()}
    arrays = {f"{part}.{name}": array for part, own in parts.items() for name, array in own.items()}
    arrays |= {"together": survey.together, "sample": survey.sample.rows}
    arrays |= {"top": survey.top.rows, "strata": survey.strata.rows}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def load_survey(path: str | os.PathLike[str]) -> Survey:
    """Read a survey written by `save_survey`.

    Raises:
        CurvesError: there is no such file.
        FileDamagedError: it is cut, altered or of another version.
    """
    place = Path(path)
    if not place.is_file():
        raise CurvesError(f"there is no survey {place}; `curves dataset NET -o DIR` writes one")
    try:
        content = place.read_bytes()
    except OSError as error:
        raise FileDamagedError(f"the survey {place} cannot be read ({error}); remove it and survey again") from error
    return unpacked(content, str(place))


def unpacked(content: bytes, place: str = "survey") -> Survey:
    """The survey that `packed` gave the content of; `place` is what errors call it.

    Raises:
        FileDamagedError: it is cut, altered or of another version.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays["header"].tobytes())
        if header["version"] != _VERSION:
            raise FileDamagedError(f"{place} is a survey of version {header['version']}, not {_VERSION}; run it again")
        settings = Settings(**header["settings"])
        family = Family.from_json(header["family"])
        pieces = tuple(Piece(**piece) for piece in header["pieces"])
        survey = Survey(header["network"], family, header["field"], header["short_side"], settings, pieces)
        survey.images, survey.content = header["images"], int(header["content"], 16)
        survey.names = {int(image, 16): name for image, name in header["names"].items()}
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in arrays.items():
            parts.setdefault(name.partition(".")[0], {})[name.partition(".")[2]] = array
        survey.histogram = Histogram.from_arrays(len(family), parts["histogram"])
        survey.groups = Groups.from_arrays(parts["groups"])
        survey.together = arrays["together"]
        survey.sample = Smallest.from_rows(settings.places, 1, arrays["sample"])
        survey.top = Smallest.from_rows(settings.top, len(family), arrays["top"])
        survey.strata = Smallest.from_rows(settings.per_stratum, len(family) * STRATA, arrays["strata"])
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, CurvesError):
            raise
        raise FileDamagedError(f"the survey {place} is damaged ({error}); remove it and survey again") from error
    return survey


def survey_files(folder: str | os.PathLike[str]) -> list[Path]:
    """All surveys in a folder, in order of name."""
    return sorted(Path(folder).glob(f"*{SUFFIX}"))
