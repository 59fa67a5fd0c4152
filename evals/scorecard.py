"""What the tests say of one network: scores with definitions, the data behind them, and what produced them."""

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

__all__ = ["Definition", "Scorecard", "TestResult", "edited_from", "provenance"]

_VERSION = 1


@dataclass(frozen=True)
class Definition:
    """What a score means.

    Attributes:
        unit: such as `degrees`, `standard deviations` or `share`.
        text: how it is computed, in a sentence.
        published: the articles' value for InceptionV1's curve detectors, where there is one.
    """

    unit: str
    text: str
    published: float | None = None


@dataclass(frozen=True)
class TestResult:
    """What one test found.

    Attributes:
        scores: by name, without the test's own. A name may start with a unit, as in `3b:379.echo`; None is undefined
            (the echo of a silent unit).
        definitions: by the last part of a score's name.
        data: arrays behind the scores, by name.
        details: what the test ran on: stimuli, image set, axes; JSON-able.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    scores: Mapping[str, float | None]
    definitions: Mapping[str, Definition]
    data: Mapping[str, NDArray[Any]]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Scorecard:
    """What the tests say of one network and one family of its units, or of the network as a whole.

    Attributes:
        network: name, identity (SHA-256) and provenance of the network; device and precision it was run with.
        family: the units tested; None if no test was about units.
        scores: flat, by `TEST.SCORE` for the family and `TEST.UNIT.SCORE` for a unit; None where undefined.
        definitions: by `TEST.SCORE`.
        data: arrays behind the scores, by `TEST.NAME`.
        details: by test, what it ran on; and the versions of what ran.
    """

    network: Mapping[str, Any]
    family: Family | None
    scores: Mapping[str, float | None]
    definitions: Mapping[str, Definition]
    data: Mapping[str, NDArray[Any]] = field(repr=False)
    details: Mapping[str, Any] = field(repr=False)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `scorecard.json` and `data.npz` into `folder`, each whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        root = Path(folder)
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, **dict(self.data))
        with replacing(root / "data.npz") as temporary:
            temporary.write_bytes(file.getvalue())
        # The two files belong together: a crash between them must not leave new data under old scores.
        found = self.to_json() | {"data_sha256": hashlib.sha256(file.getvalue()).hexdigest()}
        write_text(root / "scorecard.json", json.dumps(found, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Scorecard:
        """Read a scorecard written by `save`.

        Raises:
            CurvesError: there is none.
            FileDamagedError: a file is damaged or of another version.
        """
        root = Path(folder)
        if not (root / "scorecard.json").is_file():
            raise CurvesError(
                f"{root} holds no scorecard.json; name a folder written by Scorecard.save or `curves eval`"
            )
        try:
            found = json.loads((root / "scorecard.json").read_text(encoding="utf-8"))
            if found["version"] != _VERSION:
                raise FileDamagedError(
                    f"{root} is a scorecard of version {found['version']}, not {_VERSION}; run it again"
                )
            content = (root / "data.npz").read_bytes()
            if hashlib.sha256(content).hexdigest() != found["data_sha256"]:
                raise ValueError("data.npz is not what the scores were computed from")
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                data = {name: file[name] for name in file.files}
            return cls(
                network=found["network"],
                family=None if found["family"] is None else Family.from_json(found["family"]),
                scores=found["scores"],
                definitions={name: Definition(**d) for name, d in found["definitions"].items()},
                data=data,
                details=found["details"],
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, CurvesError):
                raise
            raise FileDamagedError(f"the scorecard in {root} is damaged ({error}); run the tests again") from error

    def to_json(self) -> dict[str, Any]:
        """Everything but the data."""
        return {
            "version": _VERSION,
            "network": dict(self.network),
            "family": self.family.to_json() if self.family else None,
            "scores": dict(self.scores),
            "definitions": {name: vars(d) for name, d in self.definitions.items()},
            "details": dict(self.details),
        }

    @property
    def family_scores(self) -> dict[str, float | None]:
        """The scores of the family as a whole."""
        return {name: value for name, value in self.scores.items() if name in self.definitions}


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
