"""The position test: each unit's own curve moved about its receptive field, and pieces of it.

The curve is a line in the unit's own direction, of the radius and polarity that excite it most. It is moved along its
tangent and along its normal, which is the way to its centre; then pieces of it are shown in their place, short to
long, in the middle and towards either end. For families of orientations (period 180) it is a straight line.
Responses are activations in standard deviations.

Uncertainty: the units are drawn again, with replacement, since places are laid out evenly and not chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from circuits import Family, Network
from circuits.images import ImageSet
from evals.curve_table import CurveTable
from evals.preferred import each_own, preferred_curves
from evals.progress import Progress, counted
from evals.stimuli import Curve, along_arc
from evals.sweep import CURVE_FIELD, measure_scale
from evals.testing import Definition, Test, TestResult
from evals.tuning import Array, first_reaching, width_above_half
from evals.unit_scores import of_units, unit_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Positions"]

_THROUGH = "full width at half maximum, through the best place, interpolated; median over units"
_DEFINITIONS = {
    "normal_width": Definition("px", f"of the response to the curve moved along its normal: {_THROUGH}"),
    "normal_share": Definition("share", "the same of the receptive field"),
    "tangent_width": Definition("px", f"of the response to the curve moved along its tangent: {_THROUGH}"),
    "tangent_share": Definition("share", "the same of the receptive field"),
    "centre_offset": Definition(
        "px", "from the middle of the field to the centroid of the places that get half of the best response; median "
        "over units", better="lower",
    ),
    "half_length": Definition(
        "px", "arc length from which on a piece in the middle gets half of the best such piece's response; "
        "median over units",
    ),
    "piece_width": Definition(
        "px", "of the places along the arc where a short piece gets half of its best response; median over units",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Positions(Test):
    """The test with its stimuli. Lengths are shares of the receptive field.

    Attributes:
        shifts: of the curve along its tangent and along its normal, ascending.
        lengths: of pieces along the arc, ascending.
        places: of pieces' middles along the arc, ascending; 0 is among them.
        short: which of the lengths `piece_width` is of.
        radii: to choose each unit's own from.
        line_width: px.
    """

    shifts: tuple[float, ...] = tuple(float(x) for x in np.linspace(-0.4, 0.4, 13))
    lengths: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 0.9, 1.2)
    places: tuple[float, ...] = tuple(float(x) for x in np.linspace(-0.5, 0.5, 9))
    short: int = 3
    radii: tuple[float, ...] = tuple(r / CURVE_FIELD for r in (20.0, 30.0, 45.0, 70.0, 110.0))
    line_width: float = 3.0

    name: ClassVar[str] = "positions"
    about: ClassVar[str] = "where in the field a unit's own curve excites it, and which pieces of it do"

    def quick(self) -> Positions:
        """Half of the shifts, lengths and places."""
        return replace(
            self, shifts=self.shifts[::2], lengths=self.lengths[1::2], places=self.places[::2], short=self.short // 2
        )

    def stimuli(self, curves: tuple[Curve, ...]) -> tuple[CurveTable, CurveTable]:
        """Curves, members x along the normal x along the tangent; and pieces, members x lengths x places."""
        size = curves[0].size
        every = np.arange(len(curves))[:, None, None]
        own = {
            name: np.array([getattr(curve, name) for curve in curves])[every]
            for name in ("direction", "radius", "foreground", "background")
        }
        angles = np.radians(own["direction"])
        across, along = np.array(self.shifts)[:, None] * size, np.array(self.shifts) * size
        x = np.cos(angles) * across + np.sin(angles) * along
        y = np.sin(angles) * across - np.cos(angles) * along
        moved = CurveTable(curves[0], own | {"position": np.stack([x, y], axis=-1)})
        places, directions = zip(*(along_arc(curve, np.array(self.places) * size) for curve in curves), strict=True)
        pieces = own | {
            "arc_length": np.array(self.lengths)[:, None] * size,
            "position": np.stack(places)[:, None],
            "direction": np.stack(directions)[:, None],
        }
        return moved, CurveTable(curves[0], pieces)

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        size = net.receptive_field(family.layer).size
        scale = measure_scale(net, family.layer, images)
        std = scale.std[list(family.channels)].double().numpy()[:, None, None]
        each = 2 * len(self.radii) + len(self.shifts) ** 2 + len(self.lengths) * len(self.places)
        told = counted(progress, f"moved curves through {family.layer}", len(family) * each)
        base = Curve(line_width=self.line_width, size=size)
        curves = preferred_curves(net, family, [share * size for share in self.radii], base, told)
        moved, pieces = (
            np.maximum(each_own(net, family, table, told), 0) / np.where(std > 0, std, np.inf)
            for table in self.stimuli(curves)
        )
        found = [self._moved(m, size) | self._pieces(p, size) for m, p in zip(moved, pieces, strict=True)]
        data = {
            "moved": moved.astype(np.float32),
            "pieces": pieces.astype(np.float32),
            "shifts": np.asarray(self.shifts) * size,
            "lengths": np.asarray(self.lengths) * size,
            "places": np.asarray(self.places) * size,
            "radii": np.array([curve.radius for curve in curves]),
        }
        details = {
            "stimuli": asdict(self),
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        return TestResult(of_units(family, found), _DEFINITIONS, data, details, unit_sample(family, found))

    def _moved(self, heard: Array, size: int) -> dict[str, float | None]:
        """What one unit says of its curve: along the normal x along the tangent."""
        if heard.max() <= 0:
            return dict.fromkeys(("normal_width", "normal_share", "tangent_width", "tangent_share", "centre_offset"))
        shifts = np.asarray(self.shifts) * size
        across, along = np.unravel_index(int(heard.argmax()), heard.shape)
        normal, tangent = width_above_half(heard[:, along], shifts), width_above_half(heard[across], shifts)
        weights = np.where(heard >= heard.max() / 2, heard, 0)
        centre = np.array([(weights.sum(axis=1) @ shifts), (weights.sum(axis=0) @ shifts)]) / weights.sum()
        return {
            "normal_width": normal,
            "normal_share": normal / size,
            "tangent_width": tangent,
            "tangent_share": tangent / size,
            "centre_offset": float(np.hypot(*centre)),
        }

    def _pieces(self, heard: Array, size: int) -> dict[str, float | None]:
        """What one unit says of pieces: lengths x places."""
        middle, short = heard[:, self.places.index(0.0)], heard[self.short]
        lengths, places = np.asarray(self.lengths) * size, np.asarray(self.places) * size
        return {
            "half_length": first_reaching(middle, lengths, middle.max() / 2) if middle.max() > 0 else None,
            "piece_width": width_above_half(short, places) if short.max() > 0 else None,
        }

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """How far each unit's curve may be moved."""
        from evals.charts import by_direction

        assert card.family is not None
        names = {"normal_width": "along the normal", "tangent_width": "along the tangent"}
        values = {
            label: [card.scores[f"{self.name}.{unit}.{name}"] for unit in card.family.units]
            for name, label in names.items()
        }
        return {"tolerance-of-place": by_direction("Tolerance of place", card.family.directions, values, "px")}
