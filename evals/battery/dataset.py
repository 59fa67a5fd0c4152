"""The dataset test: what a family does on natural images, as in "Curve Detectors", section on the data set.

How often units fire, how their pre-activations are distributed, whether their larger activations fall off
exponentially, and who fires with whom, over all positions of all pictures; `evals.dataset` does it in one pass.

Uncertainty: the pictures are drawn again, with replacement; of more than 512 pictures, groups of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from circuits import CurvesError, Family, Network
from circuits.pictures import Images
from evals.dataset.records import Settings
from evals.dataset.summary import result
from evals.dataset.walk import survey_images
from evals.progress import Progress
from evals.testing import Test, TestResult

if TYPE_CHECKING:
    from distributed import Client
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["DatasetSurvey"]

QUICK = 100
"""Pictures that the quick test shows."""


@dataclass(frozen=True)
class DatasetSurvey(Test):
    """The test.

    Attributes:
        settings: what is kept of the images.
        most: pictures to be shown at most, evenly spaced in the set's order; None for all.
        client: of a Dask cluster to survey on (`circuits.cluster`): the results are the same, bit for bit.
    """

    settings: Settings = field(default_factory=Settings)
    most: int | None = None
    client: Client | None = None

    name: ClassVar[str] = "dataset"
    about: ClassVar[str] = "firing, its distribution and its company on natural images"

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise CurvesError(f"cannot survey {self.most} pictures; survey at least one")

    def quick(self) -> DatasetSurvey:
        """At most `QUICK` pictures."""
        return replace(self, most=min(self.most or QUICK, QUICK))

    def run(self, net: Network, family: Family, images: Images, progress: Progress | None = None) -> TestResult:
        """Survey the pictures of any image set in one pass."""
        shard = (0, 1 if self.most is None else -(-len(images) // self.most))
        if self.client is None:
            survey = survey_images(net, family, images, shard=shard, settings=self.settings, progress=progress)
        else:
            from evals.dataset.cluster import survey_on

            survey = survey_on(self.client, net, family, images, shard=shard, settings=self.settings, progress=progress)
        return result(survey)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """The units' distributions, what their expected values are made of, and how often each fires."""
        from evals.charts import by_direction, distributions

        assert card.family is not None
        directions = card.family.directions
        edges, share, contribution = (card.data[f"{self.name}.{key}"] for key in ("edges", "share", "contribution"))
        density = share / np.diff(edges, axis=1)
        fires = [card.scores[f"{self.name}.{unit}.firing"] for unit in card.family.units]
        label, across = "positions, share per SD", "pre-activation, standard deviations"
        return {
            "distribution": distributions(
                "Pre-activations on natural images", edges, density, directions, across, label, logarithmic=True
            ),
            "expected-value": distributions(
                "What the expected value is made of",
                edges,
                contribution,
                directions,
                "activation, standard deviations",
                "share",
            ),
            "firing": by_direction("Positions where units fire", directions, {"fires": fires}, "share"),
        }
