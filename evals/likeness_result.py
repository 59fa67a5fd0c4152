"""What `likeness` found: pairs of units with their agreement, means over units, and files."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from circuits import Unit
from circuits.files import write_text
from evals.agreement import Mean, mean_over_units

__all__ = ["AGREEMENTS", "TOP", "WITHIN", "Agreement", "Likeness", "Pair", "defined"]

TOP = 0.01
"""The share of positions that counts as a unit's largest pre-activations."""

WITHIN = 0.05
"""The share of the partner's largest ones in which those positions are looked for, and so what chance gives."""

AGREEMENTS = {
    "map_correlation": "Pearson's correlation of the direction x radius maps of synthetic curves",
    "tuning_correlation": "Pearson's correlation of the radial tuning curves over directions",
    "rank_correlation": "Spearman's correlation of pre-activations over positions of the images",
    "top_share": f"of the positions of the unit's top {TOP:.0%}, the share in the partner's top {WITHIN:.0%}; "
    f"chance gives {WITHIN:g}",
    "activation_correlation": "Pearson's correlation of activations (after the ReLU) over positions of the images",
}
"""What is measured of a pair, by name."""


@dataclass(frozen=True)
class Agreement:
    """How far a unit of the other network agrees; the numbers are those of `AGREEMENTS`, NaN where one is not defined.

    Attributes:
        unit: the other network's.
        direction: that way it points, degrees.
        map_correlation: -1..1.
        tuning_correlation: -1..1.
        rank_correlation: -1..1.
        top_share: 0..1.
        activation_correlation: -1..1.
    """

    unit: Unit
    direction: float
    map_correlation: float
    tuning_correlation: float
    rank_correlation: float
    top_share: float
    activation_correlation: float


@dataclass(frozen=True)
class Pair:
    """A unit and its partner.

    Attributes:
        unit: the one in question.
        direction: that way it points, degrees.
        best: the partner with the best correlation of maps.
        opposite: the control: of the partner's family, the unit that points the opposite way.
    """

    unit: Unit
    direction: float
    best: Agreement
    opposite: Agreement


@dataclass(frozen=True)
class Likeness:
    """How much the units of a family are like their partners in another network.

    Attributes:
        pairs: one for each unit, in order of direction.
        layers: of the units, and of their partners.
        networks: what they are of, as from `evals.scorecard.provenance`.
        images: name, hash and count of the image set.
        positions: how many were compared, of how many, the sample's seed, and the rows and columns that lie between
            paired positions.
        stimuli: what was drawn, for either layer.
    """

    pairs: tuple[Pair, ...]
    layers: tuple[str, str]
    networks: tuple[Mapping[str, Any], Mapping[str, Any]]
    images: Mapping[str, Any]
    positions: Mapping[str, int]
    stimuli: tuple[Mapping[str, Any], ...]

    def means(self, which: str = "best") -> dict[str, Mean]:
        """The means over units of all `AGREEMENTS`, with bootstrap intervals.

        Args:
            which: `best` partners, or the `opposite` ones.
        """
        partners = [getattr(pair, which) for pair in self.pairs]
        return {
            name: mean_over_units([getattr(partner, name) for partner in partners], self.positions["seed"])
            for name in AGREEMENTS
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON-able data; what is not defined is None."""
        found: dict[str, Any] = defined(
            {
                "measures": AGREEMENTS,
                "means": {
                    which: {name: asdict(mean) for name, mean in self.means(which).items()}
                    for which in ("best", "opposite")
                },
                "pairs": [
                    {"unit": str(pair.unit), "direction": pair.direction}
                    | {which: _row(getattr(pair, which)) for which in ("best", "opposite")}
                    for pair in self.pairs
                ],
                "layers": list(self.layers),
                "networks": list(self.networks),
                "images": self.images,
                "positions": self.positions,
                "stimuli": list(self.stimuli),
            }
        )
        return found

    def save(self, folder: str | os.PathLike[str], extra: Mapping[str, Any] | None = None) -> tuple[Path, Path]:
        """Write `likeness.csv` (two rows for each unit) and `likeness.json`, each whole or not at all.

        Args:
            folder: where to; it is made if need be.
            extra: what else `likeness.json` should hold.

        Raises:
            CurvesError: the place cannot be written to.
        """
        table, summary = (Path(folder) / f"likeness.{kind}" for kind in ("csv", "json"))
        write_text(table, self._csv())
        write_text(summary, json.dumps({**self.to_json(), **(extra or {})}, indent=1, allow_nan=False) + "\n")
        return table, summary

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("unit", "direction", "which", "partner", "partner_direction", *AGREEMENTS))
        for pair in self.pairs:
            for which in ("best", "opposite"):
                partner = getattr(pair, which)
                numbers = (getattr(partner, name) for name in AGREEMENTS)
                cells = ("" if math.isnan(number) else f"{number:.6g}" for number in numbers)
                writer.writerow(
                    (pair.unit, f"{pair.direction:g}", which, partner.unit, f"{partner.direction:g}", *cells)
                )
        return text.getvalue()


def defined(data: Any) -> Any:  # noqa: ANN401 (whatever json takes)
    """The same data with None for NaN, which JSON does not have."""
    if isinstance(data, Mapping):
        return {key: defined(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [defined(value) for value in data]
    return None if isinstance(data, float) and math.isnan(data) else data


def _row(agreement: Agreement) -> dict[str, Any]:
    return asdict(agreement) | {"unit": str(agreement.unit)}
