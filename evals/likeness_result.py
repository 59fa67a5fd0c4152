"""What `likeness` found: pairs of units with their agreement, means over units, and files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from circuits import Unit
from evals.agreement import Mean, mean_over_units
from evals.results import defined, save_results

__all__ = ["AGREEMENTS", "TOP", "WITHIN", "Agreement", "Likeness", "Pair"]

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
        rows = [_flat(pair, which) for pair in self.pairs for which in ("best", "opposite")]
        return save_results(folder, "likeness", rows, {**self.to_json(), **(extra or {})})


def _row(agreement: Agreement) -> dict[str, Any]:
    return asdict(agreement) | {"unit": str(agreement.unit)}


def _flat(pair: Pair, which: str) -> dict[str, Any]:
    """A row of the table."""
    partner: Agreement = getattr(pair, which)
    names = {"unit": str(pair.unit), "direction": pair.direction, "which": which}
    angle = {"partner": str(partner.unit), "partner_direction": partner.direction}
    return names | angle | {name: getattr(partner, name) for name in AGREEMENTS}
