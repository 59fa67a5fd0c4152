"""What the tests say of one network: scores with definitions and uncertainty, the data behind them, their origin."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, FileDamagedError, Network
from circuits.files import replacing, write_text
from evals.resampling import Replicates, Spread
from evals.testing import Definition

__all__ = ["Score", "Scorecard", "edited_from", "provenance"]

_VERSION = 2
_DRAWN = "replicates/"
"""Starts the names of the arrays in data.npz that are not the tests'."""


@dataclass(frozen=True)
class Score:
    """One number of a scorecard with all that is known of it.

    Attributes:
        name: `TEST.SCORE`, or `TEST.UNIT.SCORE` for one unit.
        value: None where it is undefined.
        definition: what it means.
        spread: its uncertainty; None where nothing was drawn again, or it is undefined in most draws.
    """

    name: str
    value: float | None
    definition: Definition
    spread: Spread | None

    @property
    def test(self) -> str:
        """The test that it is of."""
        return self.name.partition(".")[0]

    @property
    def of(self) -> str:
        """The unit that it is of; empty for the family or the network as a whole."""
        return self.name.partition(".")[2].rpartition(".")[0]

    @property
    def label(self) -> str:
        """What is measured, for people."""
        return self.name.rpartition(".")[2].replace("_", " ")


@dataclass(frozen=True)
class Scorecard:
    """What the tests say of one network and one family of its units, or of the network as a whole.

    Attributes:
        network: name, identity (SHA-256) and provenance of the network; device and precision it was run with.
        family: the units tested; None if no test was about units.
        scores: flat, by `TEST.SCORE` for the family and `TEST.UNIT.SCORE` for a unit; None where undefined.
        definitions: by `TEST.SCORE`.
        data: arrays behind the scores, by `TEST.NAME`.
        details: by test, what it ran on.
        spreads: how uncertain scores are, by the scores' names.
        replicates: the scores draw by draw, by test.
        conditions: of the run: the image set, the seed, how many draws, and whether fewer stimuli were shown.
        refused: tests that were asked for as part of all and cannot be run, and why.
    """

    network: Mapping[str, Any]
    family: Family | None
    scores: Mapping[str, float | None]
    definitions: Mapping[str, Definition]
    data: Mapping[str, NDArray[Any]] = field(repr=False)
    details: Mapping[str, Any] = field(repr=False)
    spreads: Mapping[str, Spread] = field(default_factory=dict, repr=False)
    replicates: Mapping[str, Replicates] = field(default_factory=dict, repr=False)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `scorecard.json`, `scores.parquet` and `data.npz` into `folder`, each whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        from evals.parquet import write_scores

        root = Path(folder)
        file = io.BytesIO()
        drawn = {f"{_DRAWN}{test}": found.values for test, found in self.replicates.items()}
        np.savez_compressed(file, allow_pickle=False, **dict(self.data), **drawn)
        with replacing(root / "data.npz") as temporary:
            temporary.write_bytes(file.getvalue())
        with replacing(root / "scores.parquet") as temporary:
            write_scores(self, temporary)
        # The files belong together: a crash between them must not leave new data under old scores.
        found = self.to_json() | {"data_sha256": hashlib.sha256(file.getvalue()).hexdigest()}
        write_text(root / "scorecard.json", json.dumps(found, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Scorecard:
        """Read a scorecard written by `save`.

        Args:
            path: the folder, or a `scorecard.json` under any name. One that does not lie beside its `data.npz` has all
                scores and their uncertainty, but neither data nor draws.

        Raises:
            CurvesError: there is none.
            FileDamagedError: a file is damaged or of another version.
        """
        given = Path(path)
        alone = given.is_file()
        file = given if alone else given / "scorecard.json"
        if not file.is_file():
            raise CurvesError(
                f"{given} holds no scorecard.json; name a folder written by Scorecard.save or `curves eval`"
            )
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["version"] != _VERSION:
                raise FileDamagedError(
                    f"{given} is a scorecard of version {found['version']}, and this program reads version {_VERSION}; "
                    f"run the tests again with `curves eval`"
                )
            arrays = _arrays(file.parent / "data.npz", found["data_sha256"], may_lack=alone)
            return cls(
                network=found["network"],
                family=None if found["family"] is None else Family.from_json(found["family"]),
                scores=dict(found["scores"].items()),
                definitions={name: Definition(**d) for name, d in found["definitions"].items()},
                data={name: array for name, array in arrays.items() if not name.startswith(_DRAWN)},
                details=found["details"],
                spreads={name: Spread(**spread) for name, spread in found["uncertainty"].items()},
                replicates={
                    test: Replicates.from_json(drawn, arrays[f"{_DRAWN}{test}"])
                    for test, drawn in found["replicates"].items()
                    if arrays
                },
                conditions=found["conditions"],
                refused=found.get("refused", {}),  # cards were written before there was any
            )
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, CurvesError):
                raise
            raise FileDamagedError(f"the scorecard in {given} is damaged ({error}); run the tests again") from error

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays."""
        return {
            "version": _VERSION,
            "network": dict(self.network),
            "conditions": dict(self.conditions),
            "refused": dict(self.refused),
            "family": self.family.to_json() if self.family else None,
            "scores": dict(self.scores),
            "uncertainty": {name: vars(spread) for name, spread in self.spreads.items()},
            "replicates": {test: drawn.to_json() for test, drawn in self.replicates.items()},
            "definitions": {name: vars(d) for name, d in self.definitions.items()},
            "details": dict(self.details),
        }

    @property
    def family_scores(self) -> dict[str, float | None]:
        """The scores of the family as a whole."""
        return {name: value for name, value in self.scores.items() if name in self.definitions}

    def score(self, name: str) -> Score:
        """A score with its definition and uncertainty.

        Raises:
            CurvesError: there is no such score.
        """
        if name not in self.scores:
            raise CurvesError(f"the scorecard of {self.network['name']} has no score {name!r}; see its `scores`")
        kind = f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"
        if kind not in self.definitions:
            raise CurvesError(f"the score {name!r} has no definition; let its test define {kind.partition('.')[2]!r}")
        return Score(name, self.scores[name], self.definitions[kind], self.spreads.get(name))

    @property
    def table(self) -> list[Score]:
        """All scores, in order."""
        return [self.score(name) for name in self.scores]

    @property
    def provenance(self) -> dict[str, Any]:
        """What produced the scores: the network by hash, its plan (edits), how it ran, stimuli and images, seed."""
        known = {test: details.get("stimuli") for test, details in self.details.items()}
        return {
            "network": self.network["name"],
            "identity": self.network["identity"],
            "parent": self.network["parent"],
            "plan": self.network["edits"],
            "device": self.network["device"],
            "precision": self.network["precision"],
            "versions": self.network["versions"],
            "stimuli": {test: stimuli for test, stimuli in known.items() if stimuli is not None},
            **self.conditions,
        }


def _arrays(path: Path, digest: str, *, may_lack: bool) -> dict[str, NDArray[Any]]:
    """What is in `data.npz`; nothing if that is not the scorecard's own, and it may be so."""
    if may_lack and not path.is_file():
        return {}
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        if may_lack:
            return {}
        raise ValueError("data.npz is not what the scores were computed from")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def provenance(net: Network) -> dict[str, Any]:
    """Name, identity and provenance of a network, and where and how it runs, as JSON-able data."""
    origin = net.provenance
    return {
        "name": origin.name,
        "identity": net.identity,
        "source": origin.source,
        "details": dict(origin.details),
        "parent": origin.parent,
        "edits": [dict(edit) for edit in origin.edits],
        **net.execution,
        "versions": {name: importlib.metadata.version(name) for name in ("curve-circuits", "torch", "numpy")},
    }


def edited_from(network: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a network was made from another by edits, both described as by `provenance`."""
    # An edit may change nothing; then the copy has its parent's identity, and is not its own parent.
    return bool(other["identity"] == network["parent"] != other["parent"])
