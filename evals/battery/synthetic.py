"""The synthetic-curve test: every direction x radius, as in "Curve Detectors", sections on synthetic and radial tuning.

Each unit looks straight at drawn curves (the middle of the arc at the exact middle of its receptive field). A response
is the unit's activation (after the ReLU: what the next layer sees) in standard deviations of its pre-activation over a
set of images, averaged over the styles: a light line on dark, and a light area that ends in the curve.

Uncertainty: the radii are drawn again, with replacement; the directions stay, since a tuning curve needs its circle.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import Family, Network
from circuits.images import ImageSet
from evals.grid import CurveGrid
from evals.progress import Progress, counted
from evals.stimuli import Curve
from evals.sweep import Scale, measure_scale, sweep
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array, Tuning, coverage, radial_tuning, tuning
from evals.undefined import over

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["SyntheticCurves"]

DIRECTIONS = tuple(float(d) for d in np.arange(0, 360, 7.5))
RADII = tuple(round(float(r), 1) for r in np.geomspace(15, 150, 9))

QUICK_DIRECTIONS = tuple(float(d) for d in range(0, 360, 15))
QUICK_RADII = (20.0, 30.0, 45.0, 70.0, 110.0)

_SD = "standard deviations"
_DEFINITIONS = {
    "peak": Definition(_SD, "largest response to any curve; median over units", 24.0, "higher"),
    "first_harmonic": Definition(
        "0..1", "|sum f e^(i direction)| / sum f, f being the radial tuning curve; mean over units", 0.917, "higher"
    ),
    "amplitude": Definition(_SD, "|mean over directions of f e^(i direction)|; median over units", better="higher"),
    "width": Definition(
        "degrees", "full width at half maximum of the radial tuning curve; median over units", 49.5, "target"
    ),
    "echo": Definition(
        "share of the peak", "largest response within 45 degrees of the opposite direction; mean over units", 0.009,
        "lower",
    ),
    "coverage": Definition(
        "0..1", "least over directions of the family's best response, each unit's largest being 1", 0.307, "higher"
    ),
    "radius_tolerance": Definition(
        "octaves", "radii that get at least half of the best response; median over units", better="higher"
    ),
    "curve_over_line": Definition(
        "-1..1", "(curve - line) / (curve + line) in the preferred direction; mean over units", better="higher"
    ),
    "preferred_direction": Definition(
        "degrees", "angle of the first circular harmonic; only of units", better="target", period=360.0
    ),
    "units": Definition("count", "units of the family"),
    "responding": Definition(
        "share", "units that respond to any curve at all; no mean or median counts the others", better="higher"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class SyntheticCurves(Test):
    """The test with its stimuli.

    Attributes:
        directions: degrees, evenly spaced over the circle.
        radii: px, ascending; straight lines are always shown as well.
        base: everything else about the curves but `filled`, of which both are shown.
    """

    directions: tuple[float, ...] = DIRECTIONS
    radii: tuple[float, ...] = RADII
    base: Curve = field(default_factory=Curve)

    name: ClassVar[str] = "synthetic"
    about: ClassVar[str] = "tuning to drawn curves of every direction and radius"

    def quick(self) -> SyntheticCurves:
        """Half of the directions and of the radii; the curves' other parameters stay."""
        return replace(self, directions=QUICK_DIRECTIONS, radii=QUICK_RADII)

    @property
    def identity(self) -> str:
        """The same for the same curves, whatever the size of the pictures."""
        base = asdict(self.base) | {"size": None}
        return json.dumps([base, self.directions, self.radii], sort_keys=True)

    def stimuli(self, net: Network, layer: str) -> CurveGrid:
        """The pictures, each the size of the receptive field: filled x direction x radius, the last radius infinite."""
        base = replace(self.base, size=net.receptive_field(layer).size)
        return CurveGrid.of(base, filled=(False, True), direction=self.directions, radius=(*self.radii, math.inf))

    def responses(
        self, net: Network, layer: str, images: ImageSet, progress: Progress | None = None
    ) -> tuple[Array, Scale]:
        """Responses of all units of a layer: units x directions x radii (the last infinite), standard deviations."""
        heard, scale = self.responses_by_style(net, layer, images, progress)
        mean: Array = heard.mean(axis=0)
        return mean, scale

    def responses_by_style(
        self, net: Network, layer: str, images: ImageSet, progress: Progress | None = None
    ) -> tuple[Array, Scale]:
        """The same for lines and for filled areas apart: these two come first."""
        grid = self.stimuli(net, layer)
        scale = measure_scale(
            net, layer, images, progress=counted(progress, f"photographs through {layer}", len(images))
        )
        values = sweep(net, layer, grid, progress=counted(progress, f"curves through {layer}", len(grid)))
        heard = values.clamp(min=0).permute(0, 3, 1, 2).double().numpy()
        std = scale.std.double().numpy()[:, None, None]
        return np.divide(heard, std, out=np.zeros_like(heard), where=std > 0), scale

    def measure(self, responses: Array) -> Tuning | None:
        """The tuning of one unit from its directions x radii (the last infinite)."""
        axes = np.asarray(self.directions), np.asarray(self.radii)
        return tuning(responses[:, :-1], responses[:, -1], *axes)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        everything, scale = self.responses(net, family.layer, images, progress)
        maps = everything[list(family.channels)]
        found = [self.measure(responses) for responses in maps]
        curves = np.stack([radial_tuning(responses[:, :-1]) for responses in maps])
        scores = _summary(found, curves) | {
            "units": float(len(found)),
            "responding": sum(t is not None for t in found) / len(found),
        }
        for unit, t in zip(family.units, found, strict=True):
            scores |= _of_unit(str(unit), t)
        details = {
            "stimuli": self.stimuli(net, family.layer).spec(),
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        data = {
            "responses": maps.astype(np.float32),
            "radial_tuning": curves.astype(np.float32),
            "directions": np.asarray(self.directions),
            "radii": np.asarray((*self.radii, np.inf)),
        }
        return TestResult(scores, _DEFINITIONS, data, details, self._sample(family, maps))

    def _sample(self, family: Family, maps: Array) -> Sample:
        """The radii."""

        def scores(places: NDArray[Any]) -> dict[str, float | None]:
            axes = np.asarray(self.directions), np.asarray(self.radii)[places]
            found = [tuning(heard[:, places], heard[:, -1], *axes) for heard in maps]
            told = _summary(found, np.stack([radial_tuning(heard[:, places]) for heard in maps]))
            for unit, t in zip(family.units, found, strict=True):
                told |= _of_unit(str(unit), t)
            return told

        return Sample("radii of the curves", len(self.radii), self.identity, scores)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """The units' radial tuning curves."""
        from evals.charts import tuning_curves

        assert card.family is not None
        curves, directions = (card.data[f"{self.name}.{key}"] for key in ("radial_tuning", "directions"))
        return {"radial-tuning": tuning_curves("Radial tuning", directions, curves, card.family.directions, _SD)}


def _summary(found: Sequence[Tuning | None], curves: Array) -> dict[str, float | None]:
    """The family's scores that follow from its units' tuning."""
    heard = [t for t in found if t]
    return {
        "peak": over(np.median, [t.peak for t in heard]),
        "first_harmonic": over(np.mean, [t.first_harmonic for t in heard]),
        "amplitude": over(np.median, [t.amplitude for t in heard]),
        "width": over(np.median, [t.width for t in heard]),
        "echo": over(np.mean, [t.echo for t in heard]),
        "coverage": coverage(curves),
        "radius_tolerance": over(np.median, [t.radius_tolerance for t in heard]),
        "curve_over_line": over(np.mean, [t.curve_over_line for t in heard]),
    }


def _of_unit(unit: str, found: Tuning | None) -> dict[str, float | None]:
    return {f"{unit}.{part.name}": getattr(found, part.name) if found else None for part in fields(Tuning)}
