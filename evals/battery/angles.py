"""The angle test: corners, and the series from a corner to a curve.

Source: "Curve Detectors", section on synthetic angles: units that answer to curves answer less to corners, more the
rounder these are, and where one of the legs lies along the curve.

A corner is a line that turns at a point, between two legs that go on out of the picture; its direction is that of the
bisector, as a curve's is the way to its centre. Rounding replaces the point by an arc, whose middle stays in the middle
of the receptive field. Responses are as in the test `synthetic`: activations in standard deviations, averaged over a
light line on dark and a light area that ends in it.

Uncertainty: the openings are drawn again, with replacement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.angles import difference
from circuits.images import ImageSet
from evals.battery.synthetic import QUICK_DIRECTIONS, QUICK_RADII
from evals.grid import CurveGrid
from evals.progress import Progress, counted
from evals.stimuli import Curve
from evals.sweep import measure_scale, sweep
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array, first_harmonic, first_reaching
from evals.undefined import ratio
from evals.unit_scores import of_units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Angles"]

_BEST = "over directions and openings; median over units"
_DEFINITIONS = {
    "corner_over_curve": Definition(
        "ratio", f"best response to a sharp corner over that to a curve, {_BEST}", better="lower"
    ),
    "best_opening": Definition("degrees", "between the legs of the sharp corner with the best response; median"),
    "opening_at_half": Definition(
        "degrees", "narrowest sharp corner that gets half of the best corner's response; median over units"
    ),
    "rounding_at_half": Definition(
        "px", "radius of rounding from which on the response is half of that to a curve; median over units"
    ),
    "direction_offset": Definition(
        "degrees",
        "between the preferred directions of sharp corners and of curves (first harmonics); median over units",
        better="lower",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Angles(Test):
    """The test with its stimuli.

    Attributes:
        directions: degrees, evenly spaced over the circle.
        openings: degrees between the legs, ascending, from above 0 to below 180.
        roundings: px, radii of the corners, ascending; the first is 0.
        radii: px, of the curves that corners are compared with; small ones among them, since corners are like these.
        base: everything else about the lines but `filled` and `extended`.

    Raises:
        CurvesError: the sharp corner is missing, or an opening is out of its range.
    """

    directions: tuple[float, ...] = tuple(float(d) for d in range(0, 360, 10))
    openings: tuple[float, ...] = (20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 175.0)
    roundings: tuple[float, ...] = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0)
    radii: tuple[float, ...] = (10.0, 15.0, *QUICK_RADII)
    base: Curve = field(default_factory=Curve)

    name: ClassVar[str] = "angles"
    about: ClassVar[str] = "answers to corners, and to the series from a corner to a curve"

    def __post_init__(self) -> None:
        if not self.roundings or self.roundings[0] != 0:
            raise CurvesError(f"roundings start with 0, the sharp corner; give (0, ...) and not {self.roundings}")
        if not all(0 < opening < 180 for opening in self.openings):
            raise CurvesError(f"openings are above 0 and below 180 degrees, not {self.openings}")

    def quick(self) -> Angles:
        """Two thirds of the directions, half of the openings and of the roundings."""
        return replace(
            self, directions=QUICK_DIRECTIONS, openings=self.openings[::2], roundings=self.roundings[::2],
            radii=self.radii[::2],
        )  # fmt: skip

    def stimuli(self, size: int) -> tuple[CurveGrid, CurveGrid]:
        """Corners, filled x rounding x opening x direction, and curves, filled x radius x direction; of `size` px."""
        base = replace(self.base, size=size)
        turns = [180 - opening for opening in self.openings]
        corners = CurveGrid.of(
            replace(base, extended=True), filled=(False, True), radius=self.roundings, max_angle=turns,
            direction=self.directions,
        )  # fmt: skip
        return corners, CurveGrid.of(base, filled=(False, True), radius=self.radii, direction=self.directions)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        scale = measure_scale(net, family.layer, images)
        std = scale.std[list(family.channels)].double().numpy()
        grids = self.stimuli(net.receptive_field(family.layer).size)
        told = counted(progress, f"corners through {family.layer}", sum(map(len, grids)))
        heard = []
        for grid in grids:
            values = sweep(net, family.layer, grid, progress=told)[..., list(family.channels)].clamp(min=0).mean(dim=0)
            own = np.moveaxis(values.double().numpy(), -1, 0)
            spread = std.reshape(-1, *[1] * (own.ndim - 1))
            heard.append(np.divide(own, spread, out=np.zeros_like(own), where=spread > 0))
        corners, curves = heard

        def scores(places: NDArray[Any]) -> dict[str, float | None]:
            found = [self._of_unit(own[:, places], other, places) for own, other in zip(corners, curves, strict=True)]
            return of_units(family, found)

        identity = json.dumps([asdict(self) | {"base": asdict(self.base) | {"size": None}}], sort_keys=True)
        sample = Sample("openings of the corners", len(self.openings), identity, scores)
        data = {
            "corners": corners.astype(np.float32),
            "curves": curves.astype(np.float32),
            "directions": np.asarray(self.directions),
            "openings": np.asarray(self.openings),
            "roundings": np.asarray(self.roundings),
            "radii": np.asarray(self.radii),
        }
        details = {
            "stimuli": {name: grid.spec() for name, grid in zip(("corners", "curves"), grids, strict=True)},
            "images": {"name": scale.images, "hash": scale.images_hash},
        }
        return TestResult(scores(np.arange(len(self.openings))), _DEFINITIONS, data, details, sample)

    def _of_unit(self, corners: Array, curves: Array, places: NDArray[Any]) -> dict[str, float | None]:
        """Scores of one unit.

        Args:
            corners: roundings x openings x directions.
            curves: radii x directions.
            places: of the openings.
        """
        openings, directions = np.asarray(self.openings)[places], np.asarray(self.directions)
        best = float(curves.max())
        sharp = corners[0].max(axis=1)
        found: dict[str, float | None] = dict.fromkeys(_DEFINITIONS)
        found["corner_over_curve"] = ratio(float(sharp.max()), best)
        if best > 0:
            found["rounding_at_half"] = first_reaching(corners.max(axis=(1, 2)), np.asarray(self.roundings), best / 2)
        if sharp.max() > 0:
            found["best_opening"] = float(openings[sharp.argmax()])
            found["opening_at_half"] = first_reaching(sharp, openings, float(sharp.max()) / 2)
        if sharp.max() > 0 and best > 0:
            (corner, _), (curve, _) = (first_harmonic(h.mean(axis=0), directions) for h in (corners[0], curves))
            found["direction_offset"] = float(abs(difference(corner, curve)))
        return found

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's response to its best corner over that to its best curve."""
        from evals.charts import by_direction

        assert card.family is not None
        values = [card.scores[f"{self.name}.{unit}.corner_over_curve"] for unit in card.family.units]
        title = "Sharp corners over curves"
        return {"corner-over-curve": by_direction(title, card.family.directions, {"corner": values}, "ratio")}
