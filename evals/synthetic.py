"""The synthetic-curve test: every direction x radius, as in "Curve Detectors", sections on synthetic and radial tuning.

Each unit looks straight at drawn curves (the middle of the arc at the exact middle of its receptive field). A response
is the unit's activation (after the ReLU: what the next layer sees) in standard deviations of its pre-activation over a
set of images, averaged over the styles: a light line on dark, and a light area that ends in the curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import ClassVar

import numpy as np

from circuits import Family, Network
from circuits.images import ImageSet
from evals.grid import CurveGrid
from evals.scorecard import Definition, TestResult
from evals.stimuli import Curve
from evals.sweep import Scale, measure_scale, sweep
from evals.tuning import Array, Tuning, coverage, radial_tuning, tuning

__all__ = ["Progress", "SyntheticCurves"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

DIRECTIONS = tuple(float(d) for d in np.arange(0, 360, 7.5))
RADII = tuple(round(float(r), 1) for r in np.geomspace(15, 150, 9))

_DEFINITIONS = {
    "peak": Definition("standard deviations", "largest response to any curve; median over units", 24.0),
    "first_harmonic": Definition(
        "0..1", "|sum f e^(i direction)| / sum f, f being the radial tuning curve; mean over units", 0.917
    ),
    "amplitude": Definition("standard deviations", "|mean over directions of f e^(i direction)|; median over units"),
    "width": Definition("degrees", "full width at half maximum of the radial tuning curve; median over units", 49.5),
    "echo": Definition(
        "share of the peak", "largest response within 45 degrees of the opposite direction; mean over units", 0.009
    ),
    "coverage": Definition(
        "0..1", "least over directions of the family's best response, each unit's largest being 1", 0.307
    ),
    "radius_tolerance": Definition("octaves", "radii that get at least half of the best response; median over units"),
    "curve_over_line": Definition(
        "-1..1", "(curve - line) / (curve + line) in the preferred direction; mean over units"
    ),
    "preferred_direction": Definition("degrees", "angle of the first circular harmonic; only of units"),
    "units": Definition("count", "units of the family"),
    "responding": Definition("share", "units that respond to any curve at all; no mean or median counts the others"),
}


@dataclass(frozen=True)
class SyntheticCurves:
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

    def stimuli(self, net: Network, layer: str) -> CurveGrid:
        """The pictures, each the size of the receptive field: filled x direction x radius, the last radius infinite."""
        base = replace(self.base, size=net.receptive_field(layer).size)
        return CurveGrid.of(base, filled=(False, True), direction=self.directions, radius=(*self.radii, math.inf))

    def responses(
        self, net: Network, layer: str, images: ImageSet, progress: Progress | None = None
    ) -> tuple[Array, Scale]:
        """Responses of all units of a layer: units x directions x radii (the last infinite), standard deviations."""
        grid = self.stimuli(net, layer)
        scale = measure_scale(
            net, layer, images, progress=_counted(progress, f"photographs through {layer}", len(images))
        )
        values = sweep(net, layer, grid, progress=_counted(progress, f"curves through {layer}", len(grid)))
        heard = values.clamp(min=0).mean(dim=0).permute(2, 0, 1).double().numpy()
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
        heard = [t for t in found if t]
        scores: dict[str, float | None] = {
            "peak": _over(np.median, [t.peak for t in heard]),
            "first_harmonic": _over(np.mean, [t.first_harmonic for t in heard]),
            "amplitude": _over(np.median, [t.amplitude for t in heard]),
            "width": _over(np.median, [t.width for t in heard]),
            "echo": _over(np.mean, [t.echo for t in heard]),
            "coverage": coverage(curves),
            "radius_tolerance": _over(np.median, [t.radius_tolerance for t in heard]),
            "curve_over_line": _over(np.mean, [t.curve_over_line for t in heard]),
            "units": float(len(found)),
            "responding": len(heard) / len(found),
        }
        for unit, t in zip(family.units, found, strict=True):
            for part in fields(Tuning):
                scores[f"{unit}.{part.name}"] = getattr(t, part.name) if t else None
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
        return TestResult(scores, _DEFINITIONS, data, details)


def _over(statistic: Callable[[list[float]], np.floating], values: list[float]) -> float | None:
    return float(statistic(values)) if values else None


def _counted(progress: Progress | None, what: str, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(what, done, total)

    return advance
