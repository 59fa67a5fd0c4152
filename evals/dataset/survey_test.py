"""The dataset test: what a family does on natural images ("Curve Detectors", section on the data set)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from circuits import Family, Network
from circuits.pictures import Images
from evals.dataset.records import Settings
from evals.dataset.summary import result
from evals.dataset.walk import survey_images
from evals.testing import TestResult
from evals.progress import Progress

__all__ = ["DatasetSurvey"]


@dataclass(frozen=True)
class DatasetSurvey:
    """The test.

    Attributes:
        settings: what is kept of the images.
    """

    settings: Settings = field(default_factory=Settings)

    name: ClassVar[str] = "dataset"

    def run(self, net: Network, family: Family, images: Images, progress: Progress | None = None) -> TestResult:
        """Survey all pictures of an image set in one pass."""
        return result(survey_images(net, family, images, settings=self.settings, progress=progress))
