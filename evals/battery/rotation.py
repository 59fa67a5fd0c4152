"""The rotation test: natural examples turned through the circle: the joint tuning curves of "Curve Detectors".

For each unit the crops of photographs that excite it most, each from another picture, are turned in steps
counter-clockwise, and all units of the family look at them. A crop is the unit's receptive field, seen through a round
window as wide as the field, which fades to the crop's mean colour; so the same pixels stay in sight at every angle.
Turning is bicubic; quarter turns only move pixels. How much that interpolation costs is told by `control`.

An example shows the direction of the unit that it excites when it is turned so that it excites it most (the circular
mean of its tuning curve). From there, each degree of turn is one of direction, and all other units' responses are laid
on that circle. Responses are activations in standard deviations.

Uncertainty: the examples are drawn again by rank (each unit's strongest, second ...), with replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.battery.synthetic import SyntheticCurves
from evals.joint_tuning import JointTuning
from evals.natural import NaturalExamples, natural_examples
from evals.preferred import straight
from evals.progress import Progress, counted
from evals.sweep import measure_scale
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array, radial_tuning
from evals.turned import heard_turned, through_window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Rotation"]

_DEFINITIONS = {
    "width": Definition(
        "degrees", "full width at half maximum of the mean of the unit's responses to its own examples, aligned; "
        "of the family: of the mean over units",
    ),
    "spread": Definition(
        "share of the peak", "standard deviation over examples of the aligned curves, each over its largest value; "
        "mean over angles; of the family alone", better="lower",
    ),
    "coverage": Definition(
        "0..1", "least over directions of the family's best mean response to the others' examples, each unit's largest "
        "being 1", better="higher",
    ),
    "direction_offset": Definition(
        "degrees", "from the unit's direction to that of its responses to the other units' examples (first harmonic), "
        "without sign; median over units", better="lower",
    ),
    "synthetic_correlation": Definition(
        "correlation", "between the mean response to the other units' examples and the radial tuning curve of drawn "
        "curves; mean over units", better="higher",
    ),
    "control": Definition(
        "ratio", "response to an example turned there and back over that to the same unturned, mean over the controls' "
        "turns and examples; median over units: what interpolation alone does", target=1.0,
    ),
    "responding": Definition(
        "share", "units that an example excites at all; no mean or median counts the others", better="higher"
    ),
}  # fmt: skip

CONTROLS = tuple(float(angle) for angle in np.arange(7, 360, 32))
"""Degrees by which examples are turned there and back: few, and at no round angle."""


@dataclass(frozen=True)
class Rotation(Test):
    """The test.

    Attributes:
        step: degrees from turn to turn, a divisor of 360.
        examples: pictures for each unit.
        fade: width of the window's faded edge, as a share of its radius.
        synthetic: the drawn curves that natural tuning is compared with.

    Raises:
        CurvesError: a setting is out of its range.
    """

    step: int = 1
    examples: int = 3
    fade: float = 0.2
    synthetic: SyntheticCurves = field(default_factory=lambda: SyntheticCurves().quick())

    name: ClassVar[str] = "rotation"
    about: ClassVar[str] = "tuning to natural examples that are turned through the circle"

    def __post_init__(self) -> None:
        if self.step < 1 or 360 % self.step:
            raise CurvesError(f"a step of {self.step} degrees does not divide the circle; give 1, 2, 5, 10 ...")
        if self.examples < 1:
            raise CurvesError(f"cannot turn {self.examples} examples; give at least one")
        if not 0 < self.fade <= 1:
            raise CurvesError(f"the edge fades over a share of the radius above 0 and up to 1, not {self.fade}")

    def quick(self) -> Rotation:
        """Steps of 10 degrees, two examples."""
        return replace(self, step=10, examples=min(self.examples, 2))

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family.

        Raises:
            CurvesError: the receptive field fits into no picture.
        """
        scale = measure_scale(net, family.layer, images)
        std = scale.std[list(family.channels)].double().numpy()
        found = natural_examples(net, family, images, self.examples, progress)
        angles = np.arange(0, 360, self.step, dtype=np.float64)
        count = found.values.size
        told = counted(progress, f"turned examples through {family.layer}", count * (len(angles) + len(CONTROLS) + 1))
        per_unit = np.where(std > 0, std, np.inf)
        joint, control = self._responses(net, family, found, angles, told)
        joint, control = np.maximum(joint, 0) / per_unit, np.maximum(control, 0)
        synthetic, _ = self.synthetic.responses(net, family.layer, images, progress)
        drawn = np.stack([radial_tuning(synthetic[channel][:, :-1]) for channel in family.channels])
        tuning = JointTuning.of(family, angles, joint, control, self._drawn(family, drawn, angles))
        ranks = np.arange(joint.shape[1])
        data: dict[str, NDArray[Any]] = {
            "joint": joint.astype(np.float32),
            "natural": tuning.natural(ranks).astype(np.float32),
            "aligned": tuning.aligned.astype(np.float32),
            "angles": angles,
            "crops": (through_window(found.crops[:, 0], self.fade) * 255).round().to(torch.uint8).numpy(),
            "synthetic": drawn.astype(np.float32),
            "synthetic_directions": np.asarray(self.synthetic.directions),
        }
        details = {
            "images": {"name": images.name, "hash": images.hash},
            "examples": {"pictures": found.pictures.tolist(), "corners": found.corners.tolist()},
            "step": self.step,
            "fade": self.fade,
            "interpolation": "bicubic; quarter turns move pixels",
            "controls": list(CONTROLS),
            "synthetic": self.synthetic.stimuli(net, family.layer).spec(),
        }
        identity = f"{images.hash} {family.units} {self}"
        sample = Sample("examples of each unit, by rank", len(ranks), identity, tuning.scores)
        return TestResult(tuning.scores(ranks), _DEFINITIONS, data, details, sample)

    def _drawn(self, family: Family, curves: Array, angles: Array) -> Array:
        """Tuning curves to drawn curves at the angles; of straight features, to curves along which these run."""
        shown = angles + 90 * straight(family)
        return np.stack([np.interp(shown, self.synthetic.directions, curve, period=360) for curve in curves])

    def _responses(
        self, net: Network, family: Family, found: NaturalExamples, angles: Array, told: Callable[[int], None] | None
    ) -> tuple[Array, Array]:
        """Pre-activations of all units to all turned examples, and of each example's own unit to the controls.

        Returns:
            units whose examples they are x examples x angles x units; and units x examples x (1 + controls), the first
            of which is unturned.
        """
        channels = list(family.channels)

        def heard(crop: Tensor, degrees: Tensor, *, back: bool = False) -> Array:
            every = heard_turned(net, family.layer, crop, degrees, self.fade, back=back, told=told)
            own: Array = every[:, channels]
            return own

        turns, back = torch.from_numpy(angles), torch.tensor([0.0, *CONTROLS])
        joint = np.stack([[heard(crop, turns) for crop in own] for own in found.crops])
        control = np.stack([[heard(crop, back, back=True) for crop in own] for own in found.crops])
        return joint, np.stack([control[i, ..., i] for i in range(len(family))])

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's responses to the other units' examples."""
        from evals.charts import tuning_curves

        assert card.family is not None
        natural, angles = (card.data[f"{self.name}.{key}"] for key in ("natural", "angles"))
        title, label = "Natural examples, turned", "standard deviations"
        return {"joint-tuning": tuning_curves(title, angles, natural, card.family.directions, label)}
