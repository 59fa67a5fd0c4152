"""Accuracy on labelled pictures: does the network as a whole still know what it sees?

"Curve Circuits" ends with it: without its curve detectors InceptionV1 loses accuracy on ImageNet, and with hand-made
ones in their place it gets most of that back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.class_labels import class_labels
from evals.class_scores import Classifier, batches_of_middles, within_best
from evals.progress import Progress
from evals.testing import Definition, Sample, Test, TestResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Classification"]

QUICK = 200
"""Pictures that the quick test shows."""

_MIDDLE = "pictures are scaled to the image set's shorter side, and the middle is shown"
_DEFINITIONS = {
    "top1": Definition("share", f"pictures whose class is the network's most probable one; {_MIDDLE}", better="higher"),
    "top5": Definition(
        "share", f"pictures whose class is among the network's five most probable; {_MIDDLE}", 0.886, better="higher"
    ),
    "images": Definition("count", "pictures shown"),
    "classes": Definition("count", "classes that the pictures are of"),
}


@dataclass(frozen=True)
class Classification(Test):
    """The test. It is about the network as a whole, and needs no family.

    Attributes:
        most: pictures to be shown at most, evenly spaced in the set's order; None for all.
    """

    most: int | None = None

    name: ClassVar[str] = "classification"
    about: ClassVar[str] = "top-1 and top-5 accuracy on pictures that lie in a folder for each class"
    needs_family: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise CurvesError(f"cannot classify {self.most} pictures; show at least one")

    def quick(self) -> Classification:
        """At most `QUICK` pictures."""
        return replace(self, most=min(self.most or QUICK, QUICK))

    def run(
        self, net: Network, family: Family | None, images: ImageSet, progress: Progress | None = None
    ) -> TestResult:
        """Test a classifier.

        Raises:
            CurvesError: the network is no classifier, or the folders do not say which picture is of which class.
        """
        del family  # the network as a whole is tested
        classifier = Classifier(net)
        labels, shown = self._shown(class_labels(images, classifier.classes), images)
        first, best = [], []
        done = 0
        for pictures in batches_of_middles(shown, net.input_size, classifier.at_once):
            scores, _ = classifier.run(pictures)
            own = labels[done : done + len(pictures)]
            first.append(within_best(scores, own, 1))
            best.append(within_best(scores, own, 5))
            done += len(pictures)
            if progress:
                progress("pictures classified", done, len(shown))
        data = {"label": labels.numpy(), "top1": np.concatenate(first), "top5": np.concatenate(best)}
        details = {
            "images": {"name": shown.name, "hash": shown.hash},
            "size": net.input_size,
            "short_side": max(shown.short_side, net.input_size),
        }
        counts = {"images": float(len(shown)), "classes": float(len(set(labels.tolist())))}

        def accuracy(places: NDArray[Any]) -> dict[str, float]:
            return {name: float(data[name][places].mean()) for name in ("top1", "top5")}

        sample = Sample("pictures", len(shown), shown.hash, accuracy)
        return TestResult(accuracy(np.arange(len(shown))) | counts, _DEFINITIONS, data, details, sample)

    def _shown(self, labels: tuple[int, ...], images: ImageSet) -> tuple[torch.Tensor, ImageSet]:
        step = 1 if self.most is None else -(-len(images) // self.most)
        if step == 1:
            return torch.tensor(labels), images
        name = f"one in {step} of {images.name}"
        return torch.tensor(labels[::step]), replace(images, name=name, paths=images.paths[::step])

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Accuracy by class, the classes in order of accuracy."""
        from evals.charts import ranked

        label, right = (card.data[f"{self.name}.{key}"] for key in ("label", "top5"))
        shares = [float(right[label == number].mean()) for number in np.unique(label)]
        return {"by-class": ranked("Pictures whose class is among the five most probable", shares, "class", "share")}
