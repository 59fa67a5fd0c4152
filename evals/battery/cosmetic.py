"""The cosmetic test: do units say the same of the same curves in another look?

Source: "Curve Detectors", section on cosmetic properties: its units hardly mind fill, colour, brightness and contrast.

Each unit looks straight at curves of every direction and radius, as white lines on black and in each of the variants of
`evals.variants`. Its two maps of activations by direction and radius are compared by Pearson's correlation, which asks
for the same preferences, and by their peaks, which asks for the same strength.

Uncertainty: the radii are drawn again, with replacement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import Family, Network
from circuits.images import ImageSet
from evals.battery.synthetic import QUICK_DIRECTIONS, QUICK_RADII
from evals.grid import CurveGrid
from evals.progress import Progress, counted
from evals.stimuli import Curve
from evals.sweep import sweep
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array
from evals.undefined import over, ratio
from evals.variants import VARIANTS, DisturbedCurves, Variant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Cosmetic"]

_STRENGTH = "_strength"

_DEFINITIONS = {
    name: Definition(
        "correlation",
        f"between activations by direction and radius to {variant.about} and to a white line; mean over units",
        better="higher",
    )
    for name, variant in VARIANTS.items()
} | {
    name + _STRENGTH: Definition(
        "ratio", f"largest activation to {variant.about} over that to a white line; median over units", target=1.0
    )
    for name, variant in VARIANTS.items()
}


@dataclass(frozen=True)
class Cosmetic(Test):
    """The test with its stimuli.

    Attributes:
        directions: degrees, evenly spaced over the circle.
        radii: px, ascending.
        seed: of textures and noise.
    """

    directions: tuple[float, ...] = QUICK_DIRECTIONS
    radii: tuple[float, ...] = QUICK_RADII
    seed: int = 0

    name: ClassVar[str] = "cosmetic"
    about: ClassVar[str] = (
        "whether fill, colour, contrast, width, texture, blur, noise or a bar across changes anything"
    )

    def quick(self) -> Cosmetic:
        """Half of the directions, three radii."""
        return replace(self, directions=self.directions[::2], radii=self.radii[::2])

    def stimuli(self, size: int, variant: Variant | None = None) -> CurveGrid | DisturbedCurves:
        """Pictures of `size` px, direction x radius, in a variant."""
        base = Curve(size=size, **(variant.changes if variant else {}))
        grid = CurveGrid.of(base, direction=self.directions, radius=self.radii)
        disturbance = variant.disturbance if variant else None
        return DisturbedCurves(grid, disturbance, self.seed) if disturbance else grid

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:  # noqa: ARG002 (activations of one unit are compared, in whatever unit)
        """Test a family."""
        size = net.receptive_field(family.layer).size
        grids = {"base": self.stimuli(size)} | {name: self.stimuli(size, v) for name, v in VARIANTS.items()}
        told = counted(progress, f"variants of curves through {family.layer}", sum(map(len, grids.values())))
        heard = {name: sweep(net, family.layer, grid, progress=told) for name, grid in grids.items()}
        maps = {
            name: values[..., list(family.channels)].clamp(min=0).permute(2, 0, 1).double().numpy()
            for name, values in heard.items()
        }
        base = maps.pop("base")

        def scores(places: NDArray[Any]) -> dict[str, float | None]:
            found: dict[str, float | None] = {}
            for name, own in maps.items():
                alike = [_correlation(a, b) for a, b in zip(own[..., places], base[..., places], strict=True)]
                louder = [ratio(a.max(), b.max()) for a, b in zip(own[..., places], base[..., places], strict=True)]
                found |= {name: over(np.mean, alike), name + _STRENGTH: over(np.median, louder)}
                for unit, one, other in zip(family.units, alike, louder, strict=True):
                    found |= {f"{unit}.{name}": one, f"{unit}.{name}{_STRENGTH}": other}
            return found

        count = len(self.radii)
        sample = Sample("radii of the curves", count, json.dumps([self.directions, self.radii, self.seed]), scores)
        data = {"base": base.astype(np.float32)} | {name: own.astype(np.float32) for name, own in maps.items()}
        data |= {"directions": np.asarray(self.directions), "radii": np.asarray(self.radii)}
        details = {"stimuli": {name: grid.spec() for name, grid in grids.items()}, "seed": self.seed}
        return TestResult(scores(np.arange(count)), _DEFINITIONS, data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """How like the white line each variant is, by unit."""
        from evals.charts import by_category

        assert card.family is not None
        values = {name: [card.scores[f"{self.name}.{unit}.{name}"] for unit in card.family.units] for name in VARIANTS}
        label = "correlation with the white line, by unit; bar: mean"
        return {"variants": by_category("Cosmetic variants", values, label)}


def _correlation(own: Array, base: Array) -> float | None:
    """None where a unit says the same of everything."""
    if own.std() == 0 or base.std() == 0:
        return None
    return float(np.corrcoef(own.ravel(), base.ravel())[0, 1])
