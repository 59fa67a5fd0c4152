"""The human comparison: does a unit fire at what people call curves? "Curve Detectors", section of that name.

People label crops that were drawn by lot from every bin of a unit's pre-activation (`curves label page`). The labels
are of the crops: another network, such as an edited one or the hand-built one, can be judged by the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, Member, Network
from circuits.angles import difference
from circuits.images import ImageSet
from evals.human.plots import stack_figures
from evals.human.reading import Labelled, read_folder
from evals.human.sample import LabelSample
from evals.human.shares import DEFINITIONS, label_scores, picture_sample, plot_data
from evals.maps import family_maps
from evals.progress import Progress
from evals.sweep import measure_scale
from evals.testing import Test, TestResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["HumanLabels"]

NEAR = 22.5
"""Degrees that another network's unit may point away from the labelled one."""


@dataclass(frozen=True)
class HumanLabels(Test):
    """The test.

    Attributes:
        labels: the folder that `curves label page` wrote, with files of labels in it.
    """

    labels: str | None = None

    name: ClassVar[str] = "human"
    about: ClassVar[str] = "whether a unit fires at what people label as curves; needs labels (curves label)"

    def read(self) -> Labelled:
        """The labels of the folder.

        Raises:
            CurvesError: no folder was named, it has no labels, or they do not fit.
            FileDamagedError: the sample in it is damaged.
        """
        if self.labels is None:
            raise CurvesError(
                "the test human needs labels: `curves label page NET -o DIR` makes a page to label on, and `curves "
                "eval NET --tests human --human DIR` takes the folder; in Python, HumanLabels(labels=DIR)"
            )
        return read_folder(self.labels)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Compare with the labels of a folder; a network that they were not made for is run on the same crops.

        Raises:
            CurvesError: there are no labels, they are damaged or of something else, the network sees other crops, or
                the images lack a picture.
        """
        labelled = self.read()
        sample = labelled.sample
        own = net.identity == sample.network["identity"]
        member = sample.member if own else _partner(sample, family)
        values = None if own else _measured(net, replace(family, members=(member,)), images, sample, progress)
        details = {
            "labels": sample.identity,
            "unit": str(member.unit),
            "labelled_unit": f"{sample.unit} of {sample.network['name']}",
            "images": dict(sample.images),
        }
        return TestResult(
            label_scores(labelled, values),
            DEFINITIONS,
            plot_data(labelled, values),
            details,
            picture_sample(labelled, values),
        )

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """The labels by activation, by probability and by expected value."""
        start = f"{self.name}."
        data = {key.removeprefix(start): array for key, array in card.data.items() if key.startswith(start)}
        return stack_figures(f"Human labels of what {card.details[self.name]['unit']} sees", data)


def _partner(sample: LabelSample, family: Family) -> Member:
    """The unit that answers to the labelled one: the same, or else that which points most nearly in its direction."""
    for member in family:
        if member.unit == sample.unit:
            return member
    nearest = family.nearest(sample.member.direction)
    if abs(difference(nearest.direction, sample.member.direction)) > NEAR:
        raise CurvesError(
            f"the labels are of curves at {sample.member.direction:.0f} degrees, and no unit of {family.layer} points "
            f"within {NEAR} degrees of that; make a page for a unit of this network with `curves label page`"
        )
    return nearest


def _measured(
    net: Network, unit: Family, images: ImageSet, sample: LabelSample, progress: Progress | None
) -> NDArray[np.float64]:
    """A unit's pre-activations at the crops, in its standard deviations over the images."""
    field = asdict(net.receptive_field(unit.layer))
    if field != dict(sample.field):
        raise CurvesError(
            f"{unit.layer} sees crops of {field['size']} px every {field['stride']} px, and those labelled are of "
            f"{sample.field['size']} px every {sample.field['stride']}; make a page for this network as well"
        )
    wanted: dict[str, list[int]] = {}
    for number, crop in enumerate(sample.crops):
        wanted.setdefault(crop.picture, []).append(number)
    found, total = np.zeros(len(sample.crops)), len(wanted)
    for picture in images.pictures():
        if not (numbers := wanted.pop(picture.name, [])):
            continue
        maps = family_maps(net, unit, picture.scaled(sample.short_side))[0]
        for number in numbers:
            found[number] = maps[sample.crops[number].row, sample.crops[number].column]
        if progress:
            progress("labelled pictures", total - len(wanted), total)
    if wanted:
        raise CurvesError(
            f"{images.name} lacks {next(iter(wanted))}, which was labelled; give the images of the labels"
        )
    deviation = float(measure_scale(net, unit.layer, images).std[unit.channels[0]])
    return found / deviation if deviation > 0 else np.zeros(len(found))
