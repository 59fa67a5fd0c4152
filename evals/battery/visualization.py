"""The visualisation test: do units' feature visualisations point where the units do?

Source: "Curve Detectors", section on feature visualisation, where what a unit likes best looks like a curve of its
direction; here that is measured, and not by the unit itself, which its own picture excites by construction.

Each member's picture (`circuits.visualize`) is turned in steps before all other members. One of direction d answers
most when the picture points to d; it then points to d less the turn. The others' answers, each as a share of the unit's
largest response to drawn curves, make a tuning curve of the picture; its first circular harmonic is the picture's
direction. The others know their directions from drawn curves alone.

Uncertainty: the members that look are drawn again, with replacement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import Family, Network
from circuits.angles import difference
from circuits.images import ImageSet
from circuits.visualization import visualize
from evals.battery.synthetic import SyntheticCurves
from evals.pointing import pointing
from evals.progress import Progress, counted
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array, first_harmonic
from evals.turned import heard_turned
from evals.undefined import over, ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Visualizations"]

NEAR = 20.0
"""Degrees within which two directions agree."""

_DEFINITIONS = {
    "apart": Definition(
        "degrees",
        "between a picture's direction, as the other members see it turned, and its unit's; median over units",
        better="lower",
    ),
    "agreeing": Definition("share", f"units whose pictures point within {NEAR:g} degrees of them", better="higher"),
    "clarity": Definition(
        "0..1",
        "|sum f e^(i direction)| / sum f, f being the others' answers by the picture's direction; mean over units",
        better="higher",
    ),
    "peak": Definition(
        "standard deviations", "response of a unit to its own picture; median over units", better="higher"
    ),
    "over_curves": Definition(
        "ratio", "response of a unit to its own picture over its largest to a drawn curve; median over units",
        better="higher",
    ),
    "direction": Definition("degrees", "of a unit's picture, as the other members see it; only of units", period=360.0),
}  # fmt: skip


@dataclass(frozen=True)
class Visualizations(Test):
    """The test with its settings.

    Attributes:
        steps: of the optimisation.
        turns: degrees, evenly spaced over the circle.
        fade: width of the faded edge of the window that pictures are turned behind, as a share of its radius.
        seed: of the pictures.
    """

    steps: int = 128
    turns: tuple[float, ...] = tuple(float(turn) for turn in range(0, 360, 15))
    fade: float = 0.2
    seed: int = 0

    name: ClassVar[str] = "visualization"
    about: ClassVar[str] = "whether units' feature visualisations point where the units do, in the others' eyes"

    def quick(self) -> Visualizations:
        """A quarter of the steps."""
        return replace(self, steps=32)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        drawn, scale = SyntheticCurves().quick().responses(net, family.layer, images, progress)
        peaks = drawn.reshape(len(drawn), -1).max(axis=1)[list(family.channels)]
        told = counted(progress, f"steps of {len(family)} visualisations", self.steps)
        pictures = visualize(net, family, steps=self.steps, seed=self.seed, progress=told).images
        told = counted(progress, "turned visualisations", len(pictures) * len(self.turns))
        turns, channels = torch.tensor(self.turns), list(family.channels)
        every = [heard_turned(net, family.layer, picture, turns, self.fade, told=told) for picture in pictures]
        heard = np.maximum(np.stack(every)[..., channels], 0)
        std = scale.std.double().numpy()[list(family.channels)]
        own = np.divide(heard[range(len(family)), 0, range(len(family))], std, out=np.zeros(len(std)), where=std > 0)
        # Of each unit's largest response to curves: N pictures x N who look x turns.
        loudest = (peaks * std)[:, None]
        answers = pointing(heard, self.turns, family.directions)
        shares = np.divide(answers, loudest, out=np.zeros_like(answers), where=loudest > 0)

        def directions(places: NDArray[Any]) -> dict[str, float | None]:
            looks = np.bincount(places, minlength=len(family)).astype(float)
            return _directions(family, own, shares, looks, self.turns)

        everyone = np.arange(len(family))
        loud = {
            str(unit): (float(heard) if heard > 0 else None, ratio(heard, peak))
            for unit, heard, peak in zip(family.units, own, peaks, strict=True)
        }
        scores = directions(everyone) | {
            "peak": over(np.median, [peak for peak, _ in loud.values()]),
            "over_curves": over(np.median, [share for _, share in loud.values()]),
        }
        for unit, (peak, share) in loud.items():
            scores |= {f"{unit}.peak": peak, f"{unit}.over_curves": share}
        known = json.dumps([family.to_json(evidence=False), self.turns])
        sample = Sample("members that look", len(family), known, directions)
        data = {
            "pictures": (pictures * 255).round().byte().numpy(),
            "tuning": _seen(shares, np.ones(len(family))).astype(np.float32),
            "turns": np.asarray(self.turns),
        }
        details = {
            "steps": self.steps,
            "fade": self.fade,
            "seed": self.seed,
            "images": {"name": scale.images, "hash": scale.images_hash},
        }
        return TestResult(scores, _DEFINITIONS, data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """What the others say of each unit's picture, by the direction it may have."""
        from evals.charts import tuning_curves

        assert card.family is not None
        curves, turns = (card.data[f"{self.name}.{key}"] for key in ("tuning", "turns"))
        label = "others' answer, share of their largest to curves"
        return {"tuning": tuning_curves("Directions of visualisations", turns, curves, card.family.directions, label)}


def _seen(shares: Array, looks: Array) -> Array:
    """Mean answer of the others, pictures x directions; `looks` says how often each of them counts."""
    counts = np.tile(looks, (len(shares), 1))
    np.fill_diagonal(counts, 0)
    total = counts.sum(axis=1, keepdims=True)
    seen: Array = np.einsum("pl,plt->pt", counts, shares) / np.maximum(total, 1)
    return seen


def _directions(
    family: Family, own: Array, shares: Array, looks: Array, turns: tuple[float, ...]
) -> dict[str, float | None]:
    """The scores that follow from who looks; undefined for what does not excite its unit, or no other."""
    scores: dict[str, float | None] = {}
    apart: list[float | None] = []
    clarity: list[float | None] = []
    for member, loud, curve in zip(family, own, _seen(shares, looks), strict=True):
        angle, clear = (None, None)
        if loud > 0 and curve.max() > 0:
            angle, clear = first_harmonic(curve, np.asarray(turns), family.period)
        apart.append(None if angle is None else float(abs(difference(angle, member.direction, family.period))))
        clarity.append(clear)
        scores |= {f"{member.unit}.direction": angle, f"{member.unit}.apart": apart[-1]}
        scores[f"{member.unit}.clarity"] = clear
    near = [None if value is None else float(value <= NEAR) for value in apart]
    return scores | {
        "apart": over(np.median, apart), "agreeing": over(np.mean, near), "clarity": over(np.mean, clarity),
    }  # fmt: skip
