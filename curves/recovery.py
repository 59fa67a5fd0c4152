"""The articles' last experiment: take a network's curve detectors away, put hand-built ones there, see what comes back.

Source: "Curve Circuits", section on the artificial artificial neural network. Beside the ablation and the graft there
are controls: the units' means in their place (a graft must do better than constants), as many other units of the layer
ablated (is it these units that matter?), and hand-built units drawn at random, scaled by the same rule (is it what they
respond to that helps?). No picture that anything was fitted on is tested on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import evals
import handbuilt
from circuits import CurvesError, Family, Network, Unit
from circuits.images import ImageSet
from editing import Ablate, Plan
from evals.class_scores import Classifier
from evals.progress import Progress

__all__ = ["ABLATED", "PUT_RIGHT", "Recovery", "Variants", "fit_and_test", "recovery", "variants"]

ABLATED = "ablated"
"""The network whose damage is to be recovered."""

PUT_RIGHT = ("mean-ablated", "grafted", "random units grafted")
"""The networks in which something takes the place of what was ablated."""


@dataclass(frozen=True)
class Variants:
    """The networks of the experiment.

    Attributes:
        networks: by name, without the unedited one.
        fit: of the graft.
        random: of the control with hand-built units drawn at random.
    """

    networks: dict[str, Network]
    fit: handbuilt.GraftFit
    random: handbuilt.GraftFit


@dataclass(frozen=True)
class Recovery:
    """What the experiment found.

    Attributes:
        variants: the networks, and how they were made.
        damage: what each of them does.
        seed: of the controls and of the intervals.
    """

    variants: Variants
    damage: evals.Damage
    seed: int

    def rows(self) -> list[dict[str, Any]]:
        """By network, its scores; and by measure what it recovers of the ablation's damage, with the interval."""
        measures = self.damage.measures(ABLATED)
        rows: list[dict[str, Any]] = []
        for variant in (self.damage.reference, *self.damage.variants):
            recovered = {
                measure: asdict(self.damage.recovered(variant.name, ABLATED, measure=measure, seed=self.seed))
                for measure in (measures if variant.name in PUT_RIGHT else ())
            }
            rows.append({"network": variant.name, **self.damage.scores(variant), "recovered": recovered})
        return rows

    def to_json(self) -> dict[str, Any]:
        """Everything but the numbers of single pictures."""
        return self.damage.to_json() | {
            "seed": self.seed,
            "rows": self.rows(),
            "fit": self.variants.fit.to_json(),
            "random": self.variants.random.to_json(),
        }

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write `damage.csv` (a row for each picture of each network) and `damage.json`, each whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        return self.damage.save(folder, self.to_json())


def recovery(
    net: Network,
    hand: Network,
    units: Family | Sequence[str | Unit],
    *,
    layer: str = "3b",
    fit: ImageSet,
    test: ImageSet,
    read: str | None = None,
    labels: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Recovery:
    """Run the experiment.

    Args:
        net: a classifier of InceptionV1's geometry.
        hand: the hand-built network.
        units: the family that is taken away, of one layer of `net`.
        layer: the layer of `hand` that units are taken from.
        fit: the pictures that the graft, its control and the means are fitted on.
        test: the pictures that damage is measured on; none of them may be among the others.
        read: the layer whose activations are compared; `4a` by default.
        labels: the classes of the test's pictures, from 0, where they are known.
        seed: of what is drawn at random, and of the intervals.
        progress: called as the work goes on.

    Raises:
        UnknownLayerError: a network has no such layer.
        UnknownUnitError: a network has no such unit.
        CurvesError: the two sets share a picture, or the units cannot be grafted.
    """
    Classifier(net, read)  # refuses what is none, before anything is fitted
    if both := test.shared(fit):
        raise CurvesError(
            f"{both[0]} is among the pictures of {fit.name} that are fitted on; test on others ({len(both)} are shared)"
        )
    made = variants(net, hand, units, layer=layer, images=fit, seed=seed, progress=progress)
    found = evals.damage(net, made.networks, test, layer=read, labels=labels, progress=progress)
    return Recovery(made, found, seed)


def fit_and_test(fit: ImageSet | None, test: ImageSet | None) -> tuple[ImageSet, ImageSet]:
    """The pictures to fit and those to test on: scikit-image's where none are given, and half of them each for both."""
    if fit is None and test is None:
        return ImageSet.photographs().halves()
    return fit or ImageSet.photographs(), test or ImageSet.photographs()


def variants(
    net: Network,
    hand: Network,
    units: Family | Sequence[str | Unit],
    *,
    layer: str = "3b",
    images: ImageSet,
    seed: int = 0,
    progress: Progress | None = None,
) -> Variants:
    """The networks of the experiment: `recovery` says what the arguments are.

    Raises:
        UnknownLayerError: a network has no such layer.
        UnknownUnitError: a network has no such unit.
        CurvesError: the units cannot be grafted, or the layer has too few others for the control.
    """
    fit = handbuilt.fit_graft(net, hand, layer, units, images=images, progress=progress)
    gone = [match.unit for match in fit.matches]
    others = [unit for unit in net.units(gone[0].layer) if unit not in set(gone)]
    if len(others) < len(gone):
        raise CurvesError(
            f"{gone[0].layer} has {len(others)} units besides these {len(gone)}, too few to ablate as many at random; "
            f"name fewer units"
        )
    random = np.random.default_rng(seed)
    drawn = [others[i] for i in sorted(random.choice(len(others), len(gone), replace=False))]
    donors = handbuilt.family_units(hand, layer)
    pairs = {str(unit): donors[i] for unit, i in zip(gone, random.choice(len(donors), len(gone)), strict=True)}
    control = handbuilt.fit_graft(net, hand, layer, gone, images=images, candidates=pairs, progress=_control(progress))
    networks = {
        ABLATED: Plan([Ablate(*gone)]).apply(net),
        "mean-ablated": Plan([Ablate.mean(net, *gone, images=images)]).apply(net),
        "grafted": fit.apply(net),
        "random units ablated": Plan([Ablate(*drawn)]).apply(net),
        "random units grafted": control.apply(net),
    }
    return Variants(networks, fit, control)


def _control(progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    return lambda what, done, total: progress(f"control: {what}", done, total)
