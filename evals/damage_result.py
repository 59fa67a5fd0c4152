"""What `damage` found: every network's numbers picture by picture, and the share of a damage that another undoes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError
from evals.results import save_results

__all__ = ["MEASURES", "Damage", "Recovered", "Variant"]

Array = NDArray[np.float64]

MEASURES = {
    "kl": "KL divergence from the reference's class probabilities to the network's, nats; mean over pictures",
    "unexplained": "squared difference of the layer's activations over their variance, all units, places and pictures",
    "top1": "share of pictures whose class is the most probable one",
    "top5": "share of pictures whose class is among the five most probable",
    "agreement": "share of pictures whose most probable class is the reference's",
}
"""What is measured, by name."""


@dataclass(frozen=True, eq=False)
class Variant:
    """What one network does, picture by picture; all arrays are (N,).

    Attributes:
        name: what to call it.
        identity: SHA-256 of the network.
        kl: KL(reference || network) of the class probabilities, nats.
        error: sum over the layer's units and places of the squared difference to the reference's activations.
        agreement: whether the most probable class is the reference's.
        top1: whether it is the right one; None without labels.
        top5: whether the right one is among the five most probable; None without labels.
    """

    name: str
    identity: str
    kl: Array
    error: Array
    agreement: NDArray[np.bool_]
    top1: NDArray[np.bool_] | None
    top5: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Recovered:
    """A share of the damage, and its interval of 95% by bootstrap over pictures: 1 is all, below 0 is more damage."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Damage:
    """How several changed networks differ from one.

    Attributes:
        reference: the unchanged network.
        variants: the changed ones.
        layer: whose activations were compared.
        variance: sum over all pictures, places and units of the reference's squared deviation from a unit's mean.
        images: name of the image set.
        images_hash: SHA-256 of its contents and scale.
        files: the pictures' names, in the order of the arrays.
        execution: device and precision of the reference, as `Network.execution`.
    """

    reference: Variant
    variants: tuple[Variant, ...]
    layer: str
    variance: float
    images: str
    images_hash: str
    files: tuple[str, ...]
    execution: Mapping[str, str] = field(default_factory=dict)

    def variant(self, name: str) -> Variant:
        """The changed network of that name.

        Raises:
            CurvesError: there is none.
        """
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise CurvesError(f"there is no network {name!r}; there are {', '.join(v.name for v in self.variants)}")

    def scores(self, variant: Variant) -> dict[str, float | None]:
        """A network's numbers by the names in `MEASURES`; None where there are no labels or no variance."""
        shares = {name: getattr(variant, name) for name in ("top1", "top5", "agreement")}
        return {
            "kl": float(variant.kl.mean()),
            "unexplained": float(variant.error.sum()) / self.variance if self.variance else None,
        } | {name: None if right is None else float(right.mean()) for name, right in shares.items()}

    def recovered(self, name: str, of: str = "ablated", *, measure: str = "kl", seed: int = 0) -> Recovered:
        """The share of one network's damage that another does not have: 1 - damage(name) / damage(of).

        Args:
            name: the network in which something was put right.
            of: the network with the whole damage.
            measure: a name in `MEASURES`; the damage to a share of right answers is what the reference has more.
            seed: of the bootstrap.

        Raises:
            CurvesError: there is no such network or measure, there are no labels, or there is no damage.
        """
        ours, whole = (self._lost(self.variant(each), measure) for each in (name, of))
        if whole.sum() <= 0:
            raise CurvesError(
                f"{of!r} does no damage by {measure}, so there is none to recover; compare other networks"
            )
        values = _resampled(ours, whole, np.random.default_rng(seed))
        low, high = np.percentile(values, (2.5, 97.5))
        return Recovered(1 - float(ours.sum() / whole.sum()), float(low), float(high))

    def measures(self, of: str = "ablated") -> tuple[str, ...]:
        """The measures by which a network is damaged, of which a share can be recovered."""
        told = [name for name in MEASURES if name not in {"top1", "top5"} or self.reference.top1 is not None]
        return tuple(name for name in told if self._lost(self.variant(of), name).sum() > 0)

    def to_json(self) -> dict[str, Any]:
        """Everything but the numbers of single pictures."""
        every = [self.reference, *self.variants]
        return {
            "reference": self.reference.name,
            "layer": self.layer,
            "images": {"name": self.images, "hash": self.images_hash, "count": len(self.files)},
            "measures": MEASURES,
            **self.execution,
            "networks": {v.name: {"identity": v.identity, "scores": self.scores(v)} for v in every},
        }

    def save(self, folder: str | os.PathLike[str], extra: Mapping[str, Any] | None = None) -> tuple[Path, Path]:
        """Write `damage.csv` (a row for each picture of each network) and `damage.json`, each whole or not at all.

        Args:
            folder: where to; it is made if need be.
            extra: what else `damage.json` should hold.

        Returns:
            The two paths.

        Raises:
            CurvesError: the place cannot be written to.
        """
        return save_results(folder, "damage", self._rows(), {**self.to_json(), **(extra or {})})

    def _rows(self) -> list[dict[str, str]]:
        """A row for each picture of each network."""
        rows = []
        for variant in (self.reference, *self.variants):
            arrays = {column: getattr(variant, column) for column in ("kl", "error", "agreement", "top1", "top5")}
            for i, file in enumerate(self.files):
                numbers = {name: "" if array is None else f"{array[i]:.9g}" for name, array in arrays.items()}
                rows.append({"network": variant.name, "identity": variant.identity, "picture": file, **numbers})
        return rows

    def _lost(self, variant: Variant, measure: str) -> Array:
        """The damage by picture."""
        if measure not in MEASURES:
            raise CurvesError(f"there is no measure {measure!r}; there are {', '.join(MEASURES)}")
        if measure in {"kl", "unexplained"}:
            return variant.kl if measure == "kl" else variant.error
        before, after = (getattr(each, measure) for each in (self.reference, variant))
        if before is None:
            raise CurvesError(f"{measure} needs labels, and {self.images} has none; give labels to evals.damage")
        lost: Array = before.astype(float) - after
        return lost


def _resampled(ours: Array, whole: Array, random: np.random.Generator, times: int = 2000) -> Array:
    """The share recovered in sets of pictures drawn with replacement; sets without damage are left out."""
    count = len(ours)
    block = max(1, 2**22 // count)
    values = []
    for start in range(0, times, block):
        drawn = random.multinomial(count, np.full(count, 1 / count), size=min(block, times - start))
        above, below = drawn @ ours, drawn @ whole
        values.append(1 - above[below > 0] / below[below > 0])
    return np.concatenate(values)
