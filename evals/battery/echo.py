"""The echo test: who answers to curves that face the opposite way, at which radii, and whether to lines or to areas.

"Curve Circuits" calls the response to the opposite direction an echo, and shows that negative weights between opposite
directions keep it away. The pictures are those of the synthetic-curve test, whose score `echo` is `mean` here.

Uncertainty: the radii are drawn again, with replacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuits import Family, Network
from circuits.images import ImageSet
from evals.battery.synthetic import SyntheticCurves
from evals.progress import Progress
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning import Array, first_harmonic, opposite, radial_tuning
from evals.undefined import over, ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Echo"]

LOUD = 0.1
"""An echo of more than this share of the peak is counted."""

_SHARE = "share of the peak"
_WITHIN = "largest response within 45 degrees of the opposite direction"
_DEFINITIONS = {
    "mean": Definition(
        _SHARE, f"{_WITHIN}, of the radial tuning curve, over its peak; mean over units", 0.009, "lower"
    ),
    "lines": Definition(_SHARE, "the same for light lines on dark alone; mean over units", better="lower"),
    "filled": Definition(_SHARE, "the same for filled areas alone; mean over units", better="lower"),
    "largest": Definition(
        _SHARE, f"{_WITHIN} at the radius where that is largest, over the largest response of all; mean over units",
        better="lower",
    ),
    "loud": Definition(
        "share of units", f"units whose echo of the radial tuning curve is above {LOUD:.0%}", better="lower"
    ),
}  # fmt: skip
_OF_UNIT = ("mean", "lines", "filled", "largest")


@dataclass(frozen=True)
class Echo(Test):
    """The test.

    Attributes:
        curves: the synthetic-curve test whose pictures are shown.
    """

    curves: SyntheticCurves = field(default_factory=SyntheticCurves)

    name: ClassVar[str] = "echo"
    about: ClassVar[str] = "response to curves of the opposite direction, by radius and by kind of drawing"

    def quick(self) -> Echo:
        """The pictures of the quick synthetic-curve test."""
        return replace(self, curves=self.curves.quick())

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        everything, scale = self.curves.responses_by_style(net, family.layer, images, progress)
        heard = everything[:, list(family.channels), :, :-1]  # styles x units x directions x radii
        directions = np.asarray(self.curves.directions)
        by_radius = np.stack([_by_radius(own, directions) for own in heard.mean(axis=0)])
        radii = {f"radius_{radius:g}": i for i, radius in enumerate(self.curves.radii)}
        definitions = _DEFINITIONS | {
            name: Definition(
                _SHARE,
                f"{_WITHIN} at a radius of {self.curves.radii[i]:g} px, over the largest of all; mean over units",
                better="lower",
            )
            for name, i in radii.items()
        }  # fmt: skip

        def scores(places: NDArray[np.intp]) -> dict[str, float | None]:
            """The scores if these radii are shown."""
            return _scores(family, heard[..., places], directions)

        at = {name: over(np.mean, _defined(by_radius[:, i])) for name, i in radii.items()}
        details = {
            "stimuli": self.curves.stimuli(net, family.layer).spec(),
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        data = {"by_radius": by_radius.astype(np.float32), "radii": np.asarray(self.curves.radii)}
        count = len(self.curves.radii)
        sample = Sample("radii of the curves", count, self.curves.identity, scores)
        return TestResult(scores(np.arange(count)) | at, definitions, data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's echo on lines and on areas."""
        from evals.charts import by_direction

        assert card.family is not None
        values = {
            style: [card.scores[f"{self.name}.{unit}.{style}"] for unit in card.family.units]
            for style in ("lines", "filled")
        }
        return {"by-style": by_direction("Response to the opposite direction", card.family.directions, values, _SHARE)}


def _scores(family: Family, heard: Array, directions: Array) -> dict[str, float | None]:
    """All scores but those of single radii; `heard` is styles x units x directions x radii."""
    told: dict[str, float | None] = {}
    found: dict[str, list[float | None]] = {name: [] for name in _OF_UNIT}
    for number, unit in enumerate(family.units):
        own = heard[:, number]
        curve = radial_tuning(own.mean(axis=0))
        angle = first_harmonic(curve, directions)[0] if curve.any() else 0.0
        by_radius = _by_radius(own.mean(axis=0), directions)
        values = {
            "mean": _echo(curve, directions, angle),
            "lines": _echo(radial_tuning(own[0]), directions, angle),
            "filled": _echo(radial_tuning(own[1]), directions, angle),
            "largest": over(np.max, _defined(by_radius)),
        }
        for name, value in values.items():
            found[name].append(value)
            told[f"{unit}.{name}"] = value
    loud = [float(value > LOUD) for value in found["mean"] if value is not None]
    return {**told, **{name: over(np.mean, values) for name, values in found.items()}, "loud": over(np.mean, loud)}


def _echo(curve: Array, directions: Array, angle: float) -> float | None:
    """Of a tuning curve; undefined if the unit is silent."""
    return ratio(float(opposite(curve, directions, angle)), float(curve.max()))


def _by_radius(heard: Array, directions: Array) -> Array:
    """The echo at each radius over the largest response of all, from directions x radii; NaN for silent units."""
    if not heard.any():
        return np.full(heard.shape[1], np.nan)
    angle, _ = first_harmonic(radial_tuning(heard), directions)
    echoes: Array = opposite(heard, directions, angle) / heard.max()
    return echoes


def _defined(values: Array) -> Sequence[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
