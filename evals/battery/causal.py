"""The causal test: what is lost behind a layer when a family, or one of its units, is ablated.

Ablating sets activations (after the ReLU, what the next layers read) to 0, or to their mean over the images. Two things
are looked at. In the next layer, each unit's response to the drawing that it prefers, a curve, a circle or a line. And
the class probabilities on whole pictures, in a network that gives any. Both are told beside a control: as many other
units of the layer that are about as active on photographs, drawn at random several times. What a family's ablation does
beyond that is due to what it detects, and not to how much of the layer is gone.

Source: "Curve Circuits" (Distill, 2021), section on the artificial artificial neural network, which ablates the curve
detectors.

Uncertainty: pictures and radii of the curves are drawn again together, with replacement; kinds and controls stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.ablation import Ablation, controls, mean_activity
from evals.ablation_effects import LEAST, ClassEffects, NextEffects, class_effects, drawings, next_effects
from evals.class_scores import Classifier
from evals.families import find_families
from evals.kinds import KINDS
from evals.progress import Progress
from evals.testing import Definition, Sample, Test, TestResult
from evals.undefined import over

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Causal"]

Places = NDArray[np.intp]

_CHANGE = "relative change of the response to the curve, circle or line that each prefers"
_NATS = "KL divergence from the intact network's class probabilities; mean over pictures"
_CLASS = {
    "kl": Definition("nats", f"{_NATS}; the family, or the unit, set to 0"),
    "kl_control": Definition("nats", f"{_NATS}; as many other units of like activity set to 0; mean over draws"),
    "kl_mean": Definition("nats", f"{_NATS}; the family set to its mean activations"),
    "kl_mean_control": Definition("nats", f"{_NATS}; other units of like activity set to theirs; mean over draws"),
    "top1_changed": Definition("share of pictures", "another class is the most probable one; the family set to 0"),
    "top1_changed_control": Definition("share of pictures", "the same with units of like activity; mean over draws"),
}  # fmt: skip
_LEAST = Definition(
    "ratio",
    f"{_CHANGE}; of the unit with a response of {LEAST:g} SD or more that loses most when this unit is set to 0",
)


@dataclass(frozen=True)
class Causal(Test):
    """The test.

    Attributes:
        kinds: of the next layer's units that are told apart, by name; units of no kind count among all.
        draws: of control units.
        nearest: among how many units of about a member's mean activation its control is drawn.
        seed: of these draws.
        alone: whether each unit is also ablated alone.
        directions: degrees, of the drawn curves.
        radii: of the curves, as shares of the next layer's receptive field; circles and straight lines are
            shown as well.
        most: pictures whose classes are looked at, evenly spaced in the set's order; None for all.
    """

    kinds: tuple[str, ...] = ("line", "curve", "double curve")
    draws: int = 8
    nearest: int = 16
    seed: int = 0
    alone: bool = True
    directions: int = 24
    radii: tuple[float, ...] = (0.16, 0.3, 0.55, 1.0, 1.6)
    most: int | None = None

    name: ClassVar[str] = "causal"
    about: ClassVar[str] = "what ablating the family does to the next layer and to the class probabilities"

    def __post_init__(self) -> None:
        if unknown := [kind for kind in self.kinds if kind not in KINDS]:
            raise CurvesError(f"there is no kind of family {unknown[0]!r}; there are {', '.join(KINDS)}")
        if self.draws < 1 or self.nearest < 1 or (self.most is not None and self.most < 1):
            raise CurvesError("draws, nearest and most must be 1 or more")

    def quick(self) -> Causal:
        """Fewer curves, controls and pictures; kinds of units are not told apart, nor units ablated alone."""
        return replace(self, kinds=(), draws=3, alone=False, directions=12, radii=self.radii[::2], most=self.most or 6)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family.

        Raises:
            CurvesError: nothing lies behind the family's layer.
        """
        behind, shown = self._next(net, family, images, progress), self._shown(images)
        classifier = _classifier(net, family.layer)
        if behind is None and classifier is None:
            raise CurvesError(
                f"{net.provenance.name} has nothing behind {family.layer} to look at, neither a layer with a "
                "receptive field nor class probabilities; test a family of an earlier layer"
            )
        activity = mean_activity(net, family.layer, images, progress)
        drawn = controls(family, activity, self.draws, self.seed, self.nearest)
        ablations = [Ablation.zero(family.channels), Ablation.mean(family.channels, activity)]
        ablations += [Ablation.zero(each) for each in drawn] + [Ablation.mean(each, activity) for each in drawn]
        ablations += [Ablation.zero([channel]) for channel in family.channels] if self.alone else []
        following = None
        if behind is not None:
            layer, kinds = behind
            drawn_curves = drawings(net, layer, self.directions, self.radii)
            following = next_effects(net, family.layer, layer, kinds, ablations, drawn_curves, images, progress)
        classes = None
        if classifier is not None:
            classes = class_effects(classifier, family.layer, shown, ablations, progress)
        measured = _Measured(family, self, len(drawn), following, classes)
        details = {
            "next": None if following is None else following.details(len(drawn)),
            "controls": [list(each) for each in drawn],
            "images": {"name": shown.name, "hash": shown.hash},
            "activity": {"name": images.name, "hash": images.hash},
        }
        data: dict[str, NDArray[Any]] = {}
        if following is not None:
            data["change"] = following.changes.astype(np.float32)
        if classes is not None:
            data |= {"kl": classes.kl.astype(np.float32), "top1_changed": classes.changed}
        every = np.arange(measured.count)
        identity = json.dumps([self.directions, self.radii, shown.hash if classes else None])
        sample = Sample("pictures and radii of the curves", measured.count, identity, measured.scores)
        return TestResult(measured.scores(every), self._definitions(), data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each of the next layer's units, by kind: what it loses with the family, and with the controls."""
        from evals.charts import by_category

        found = card.details[self.name]["next"]
        if not found:
            return {}
        told: dict[str, list[float | None]] = {}
        for kind, units in found["kinds"].items():
            told |= {kind: [each["change"] for each in units], f"{kind}: control": [each["control"] for each in units]}
        return {"next-layer": by_category(f"Responses in {found['layer']} without the family", told, "relative change")}

    def _next(
        self, net: Network, family: Family, images: ImageSet, progress: Progress | None
    ) -> tuple[str, tuple[Family, ...]] | None:
        from evals.ablation import next_layer

        with suppress(CurvesError):
            layer = next_layer(net, family.layer)
            kinds = find_families(net, layer, kinds=self.kinds, images=images, progress=progress) if self.kinds else ()
            return layer, kinds
        return None

    def _shown(self, images: ImageSet) -> ImageSet:
        step = 1 if self.most is None else -(-len(images) // self.most)
        if step == 1:
            return images
        return replace(images, name=f"one in {step} of {images.name}", paths=images.paths[::step])

    def _definitions(self) -> dict[str, Definition]:
        told = dict(_CLASS) | {"largest_loss": _LEAST}
        for kind in ("all", *self.kinds):
            name, what = kind.replace(" ", "_"), "all units" if kind == "all" else f"units that are a {kind}"
            text = f"{_CHANGE}; mean over {what} of the next layer with responses of {LEAST:g} SD or more"
            told[f"{name}_change"] = Definition("ratio", f"{text}; the family set to 0")
            told[f"{name}_control"] = Definition(
                "ratio", f"{text}; other units of like activity set to 0, mean of draws"
            )
        return told


@dataclass(frozen=True)
class _Measured:
    """All scores of a choice of pictures and radii: the pictures come first."""

    family: Family
    test: Causal
    draws: int
    following: NextEffects | None
    classes: ClassEffects | None

    @property
    def pictures(self) -> int:
        return 0 if self.classes is None else self.classes.kl.shape[1]

    @property
    def count(self) -> int:
        return self.pictures + (0 if self.following is None else self.following.before.shape[0])

    def scores(self, places: Places) -> dict[str, float | None]:
        first = 2 + 2 * self.draws  # of the units alone, behind family and controls
        zero, mean = slice(2, 2 + self.draws), slice(2 + self.draws, first)
        told: dict[str, float | None] = {}
        radii = places[places >= self.pictures] - self.pictures
        if self.following is not None:
            changes = self.following.preferred(radii)
            for kind, channels in self.following.members(self.test.kinds):
                own = changes[:, channels]
                told[f"{kind}_change"] = _mean(own[0])
                told[f"{kind}_control"] = over(np.mean, [_mean(each) for each in own[zero]])
        own_pictures = places[places < self.pictures]
        if self.classes is not None:
            kl, changed = self.classes.kl[:, own_pictures], self.classes.changed[:, own_pictures].astype(float)
            told |= {"kl": _mean(kl[0]), "kl_control": _mean(kl[zero]), "kl_mean": _mean(kl[1])}
            told |= {"kl_mean_control": _mean(kl[mean]), "top1_changed": _mean(changed[0])}
            told["top1_changed_control"] = _mean(changed[zero])
        for number, unit in enumerate(self.family.units if self.test.alone else ()):
            if self.following is not None:
                told[f"{unit}.largest_loss"] = _least(changes[first + number])
            if self.classes is not None:
                told[f"{unit}.kl"] = _mean(kl[first + number])
        return told


def _mean(values: NDArray[np.float64]) -> float | None:
    return over(np.mean, list(values[~np.isnan(values)]))


def _least(values: NDArray[np.float64]) -> float | None:
    return over(np.min, list(values[~np.isnan(values)]))


def _classifier(net: Network, layer: str) -> Classifier | None:
    from circuits.regions import upstream

    with suppress(CurvesError):
        found = Classifier(net)
        return found if net.layer(layer).post in upstream(net.ops, found.scores) else None
    return None
