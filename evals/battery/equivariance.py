"""Equivariance: do the weights into a family turn with its units?

From the expanded weights of each unit those of every other can be predicted by turning them (`circuits.motifs`). The
score is how right the prediction from all other units is, over the weights from all families that are found in the
layer before; what chance gives is the same score after the units' weights have been dealt out at random.

Uncertainty: the family's units are drawn again, with replacement; nothing is shown to them here.

Source: "Naturally Occurring Equivariance in Neural Networks" (Distill 2020); "Curve Circuits" (Distill 2021), section
on equivariance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network, family_weights
from circuits.images import ImageSet
from circuits.motifs import FamilyWeights, leave_one_out, permuted
from evals.families import find_families, searchable
from evals.progress import Progress
from evals.testing import Definition, Sample, Test, TestResult
from evals.undefined import over

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Equivariance"]

Array = NDArray[np.float64]

_COSINE = (
    "cosine between units' expanded weights from all families of the layer before and what the other units' weights, "
    "turned, say of them"
)
_DEFINITIONS = {
    "equivariance": Definition("cosine", _COSINE, better="higher"),
    "chance": Definition("cosine", "the same after units' weights were dealt out at random; mean over deals"),
    "sources": Definition("count", "units in the families of the layer before"),
}


@dataclass(frozen=True)
class Equivariance(Test):
    """The test.

    Attributes:
        sources: the families whose weights into the tested one are looked at, such as `find_families` finds; by default
            all that are found in the last layer before the family's.
        permutations: how many deals at random give the chance level.
        seed: of the first of them.
    """

    sources: tuple[Family, ...] | None = None
    permutations: int = 8
    seed: int = 0

    name: ClassVar[str] = "equivariance"
    about: ClassVar[str] = "whether the weights into the family turn with its units"

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family.

        Raises:
            CurvesError: the family points in one direction only, or the layer before has no family that does not.
        """
        sources = self._sources(net, family, images, progress) if self.sources is None else self.sources
        weights = _weights(net, sources, family)
        own = _products(weights)
        seeds = range(self.seed, self.seed + self.permutations)
        dealt = np.array([_products([permuted(w, seed) for w in weights]) for seed in seeds])

        def scores(places: NDArray[Any]) -> dict[str, float | None]:
            return {
                "equivariance": _cosine(own[places].sum(axis=0)),
                "chance": over(np.mean, [_cosine(products[places].sum(axis=0)) for products in dealt]),
            }

        every = np.arange(len(family))
        found = scores(every) | {"sources": float(sum(len(w.source) for w in weights))}
        found |= {f"{unit}.equivariance": _cosine(own[i]) for i, unit in enumerate(family.units)}
        details = {
            "sources": [w.source.to_json(evidence=False) for w in weights],
            "images": {"name": images.name, "hash": images.hash},
            "permutations": self.permutations,
            "seed": self.seed,
        }
        data = {f"matrix_{number}": w.matrix.detach().cpu().numpy() for number, w in enumerate(weights)}
        sample = Sample("units of the family", len(family), " ".join(map(str, family.units)), scores)
        return TestResult(found, _DEFINITIONS, data, details, sample)

    def _sources(self, net: Network, family: Family, images: ImageSet, progress: Progress | None) -> tuple[Family, ...]:
        layers = searchable(net)
        before = layers[: layers.index(family.layer)] if family.layer in layers else ()
        if not before:
            raise CurvesError(
                f"no layer before {family.layer} can be searched for families, so that its weights have no directions; "
                f"give Equivariance(sources=...)"
            )
        return find_families(net, before[-1], images=images, progress=progress)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's score by direction, beside what chance gives."""
        from evals.charts import by_direction

        assert card.family is not None
        own = [card.scores[f"{self.name}.{unit}.equivariance"] for unit in card.family.units]
        chance = [card.scores[f"{self.name}.chance"]] * len(own)
        values = {"by its own weights": own, "family's by chance": chance}
        return {"by-unit": by_direction("Equivariance of the weights", card.family.directions, values, "cosine")}


def _weights(net: Network, sources: Sequence[Family], family: Family) -> list[FamilyWeights]:
    """The weights from each family that points in two directions or more."""
    found, refused = [], "it has none"
    for source in sources:
        try:
            found.append(family_weights(net, source, family))
        except CurvesError as error:
            refused = str(error)
    if not found:
        raise CurvesError(f"the weights into the family {family.name!r} of {family.layer} do not compare: {refused}")
    return found


def _products(weights: Sequence[FamilyWeights]) -> Array:
    """Targets x 3: of each target's weights and their prediction the inner product and both squared lengths."""
    total = np.zeros((len(weights[0].target), 3))
    for each in weights:
        own, said = (w.kernels.detach().cpu().flatten(1).double() for w in (each, leave_one_out(each)))
        total += torch.stack([(own * said).sum(1), (own * own).sum(1), (said * said).sum(1)], dim=1).numpy()
    return total


def _cosine(products: Array) -> float | None:
    inner, own, said = products
    return float(inner / np.sqrt(own * said)) if own * said > 0 else None
