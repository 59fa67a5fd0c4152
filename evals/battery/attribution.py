"""The attribution test: which units of the layer before excite and inhibit curve detectors, and whether they should.

"Curve Circuits" reads off the weights that a curve is built from lines along its tangent and from early curves that
face its way, and that opposite early curves inhibit it. Here that is measured where it happens: each unit looks at
drawn curves of its own direction, at those radii at which it fires, and its pre-activation is split among the units of
the layer before, activation times weight, exactly (`circuits.attribution`). What those units are is found by what they
do. Then the same for curves of the opposite direction. In the pixels, the gradient tells where more ink would excite.

Uncertainty: the radii are drawn again, with replacement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import Family, Network
from circuits.images import ImageSet
from evals.attribution_terms import attribution_terms, curves_shown, layer_before
from evals.battery.synthetic import RADII
from evals.families import find_families
from evals.progress import Progress
from evals.stimuli import Curve
from evals.testing import Definition, Sample, Test, TestResult
from evals.undefined import over, ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["AttributionTest"]

Array = NDArray[np.float64]

CURVES = ("early curve", "curve")
"""Kinds that count as curves of the layer before: which it can have follows from its receptive field."""

_OWN = "on curves of its own direction"
_MEAN = "mean over units"
_DEFINITIONS = {
    f"{who}_{what}": Definition(
        "share", f"of what {does} a unit {_OWN}, the part that comes from {text} of the layer before; {_MEAN}"
    )
    for who, text in (("lines", "lines"), ("curves", "curves or early curves"), ("others", "all other units"))
    for what, does in (("excite", "excites"), ("inhibit", "inhibits"))
} | {
    "lines_along": Definition(
        "-1..1",
        "sum of a cos(2 x) over sum of |a|, a being what a line unit contributes from a place and x its angle to the "
        f"curve's tangent there, {_OWN}: 1 if tangent lines excite and perpendicular ones inhibit; {_MEAN}",
        better="higher",
    ),
    "curves_along": Definition(
        "-1..1",
        "the same of early curves or curves, with cos(x), x being their angle to the curve's direction there: 1 if "
        f"those that face its way excite and opposite ones inhibit; {_MEAN}",
        better="higher",
    ),
    "opposite_curves": Definition(
        "-1..1",
        "sum of a over sum of |a| of the early curves or curves, on curves of the opposite direction: -1 if all that "
        f"answer there inhibit; {_MEAN}",
        better="lower",
    ),
    "ink_wanted": Definition(
        "share", f"of the pixels' gradient towards ink, where that would excite, the part on the line; {_MEAN}",
        better="higher",
    ),
    "ink": Definition("share", "of the picture, what the line covers: ink_wanted if the gradient were spread evenly"),
    "incomplete": Definition(
        "ratio", "what the split into units and biases leaves over, as a share of the pre-activation", better="lower"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class AttributionTest(Test):
    """The test with its stimuli.

    Attributes:
        radii: px, of the curves.
        base: everything else about the curves, except direction, size and `filled`, of which both are shown.
    """

    radii: tuple[float, ...] = RADII
    base: Curve = field(default_factory=Curve)

    name: ClassVar[str] = "attribution"
    about: ClassVar[str] = "which units of the layer before excite and inhibit the family on drawn curves"

    def quick(self) -> AttributionTest:
        """Every third radius."""
        return replace(self, radii=self.radii[1::3])

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family.

        Raises:
            CurvesError: no layer lies before the family's.
        """
        before = layer_before(net, family.layer)
        found = {f.name: f for f in find_families(net, before, kinds=("line", *CURVES), images=images)}
        curves = next((found[kind] for kind in CURVES if kind in found), None)
        sources = {"lines": found.get("line"), "curves": curves}
        terms = []
        for unit, direction in zip(family.units, family.directions, strict=True):
            terms.append(attribution_terms(net, unit, direction, before, sources, self.base, self.radii))
            if progress:
                progress(f"attribution to {before}", len(terms), len(family))
        names = sorted(terms[0])
        sums = {name: np.stack([own[name] for own in terms]) for name in names}  # units x radii

        def scores(places: NDArray[np.intp]) -> dict[str, float | None]:
            return _scores(family, sources, {name: values[:, places].sum(axis=1) for name, values in sums.items()})

        grid = curves_shown(net, family.layer, family.directions, self.base, self.radii)
        details = {
            "stimuli": grid.spec(),
            "before": before,
            "families": {name: None if own is None else own.to_json(evidence=False) for name, own in sources.items()},
            "images": {"name": images.name, "hash": images.hash},
        }
        count = len(self.radii)
        identity = f"{asdict(self.base) | {'size': None}} {self.radii}"
        sample = Sample("radii of the curves", count, identity, scores)
        data = {name: values.astype(np.float32) for name, values in sums.items()}
        return TestResult(scores(np.arange(count)), _DEFINITIONS, data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """What excites each unit, by where it comes from."""
        from evals.charts import by_direction

        assert card.family is not None
        values = {
            who: [card.scores[f"{self.name}.{unit}.{who}_excite"] for unit in card.family.units]
            for who in ("lines", "curves", "others")
        }
        title = "What excites the units, by what it is"
        return {"excitation": by_direction(title, card.family.directions, values, "share")}


def _scores(family: Family, sources: Mapping[str, Family | None], sums: Mapping[str, Array]) -> dict[str, float | None]:
    """Of each unit, and their means; `sums` are by unit."""
    told: dict[str, float | None] = {}
    found: dict[str, list[float | None]] = {}
    for number, unit in enumerate(family.units):
        own = {name: float(values[number]) for name, values in sums.items()}
        values = {
            "ink_wanted": ratio(own["wanted_on_line"], own["wanted"]),
            "ink": ratio(own["line"], own["picture"]),
            "incomplete": ratio(own["left"], own["values"]),
            "lines_along": ratio(own["lines_along"], own["lines_size"]),
            "curves_along": ratio(own["curves_along"], own["curves_size"]),
            "opposite_curves": ratio(own["curves_opposite"], own["curves_opposite_size"]),
        }
        for what in ("excite", "inhibit"):
            known = 0.0
            for who, source in sources.items():
                # A layer without such units gives nothing of which there could be a share.
                values[f"{who}_{what}"] = None if source is None else ratio(own[f"{who}_{what}"], own[what])
                known += own[f"{who}_{what}"]
            values[f"others_{what}"] = ratio(own[what] - known, own[what])
        for name, value in values.items():
            told[f"{unit}.{name}"] = value
            found.setdefault(name, []).append(value)
    return told | {name: over(np.mean, values) for name, values in found.items()}
