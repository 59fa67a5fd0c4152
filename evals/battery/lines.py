"""The line test: which straight lines excite a unit, of what orientation, and where in its receptive field.

Source: "Curve Circuits", section on line families: curve detectors are excited by lines along their tangent, with a
tolerance of 10 to 45 degrees.

Lines that cross the whole field are shown in every orientation at several distances from the middle, light on dark and
dark on light; short ones in every orientation at the places of a grid. What a short line does is told as the change of
the pre-activation from that to the empty picture, so that it may inhibit. Units are told by the polarity of the long
line that excites them most. For families of orientations (period 180) lines are the very feature.

Uncertainty: the units are drawn again, with replacement, since lines are laid out evenly and not chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from circuits import Family, Network
from circuits.angles import difference
from circuits.images import ImageSet
from evals.battery.synthetic import QUICK_DIRECTIONS
from evals.curve_table import CurveTable
from evals.grid import CurveGrid
from evals.oriented import POLARITIES, Lines
from evals.preferred import preferred_curves
from evals.progress import Progress, counted
from evals.stimuli import Curve
from evals.sweep import CURVE_FIELD, Stimuli, measure_scale, sweep
from evals.testing import Definition, Test, TestResult
from evals.tuning import Array, first_harmonic, full_width_at_half_maximum, width_above_half
from evals.undefined import ratio
from evals.unit_scores import of_units, unit_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["LineTolerance"]

_HALF = "at half maximum, interpolated; median over units"
_DEFINITIONS = {
    "line_over_curve": Definition("ratio", "best response to a line over that to a curve; median over units"),
    "orientation_tolerance": Definition(
        "degrees", f"full width of the response by orientation, each at its best place, {_HALF}"
    ),
    "position_tolerance": Definition("px", f"full width of the response by distance from the middle, {_HALF}"),
    "position_share": Definition("share", "the same of the receptive field"),
    "tangent_offset": Definition(
        "degrees", "between the best lines' orientation (first harmonic) and the unit's own tangent; median over units",
        better="lower",
    ),
    "short_tolerance": Definition(
        "degrees",
        "half width at half maximum of what a short line does by orientation, mean over the places that do at least "
        "half of the most; median over units; the article tells 10 to 45",
    ),
    "short_tangent_offset": Definition(
        "degrees",
        "between the best orientation of a short line and the tangent there of curves around the unit's centre; mean "
        "over those places; median over units",
        better="lower",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class LineTolerance(Test):
    """The test with its stimuli. Lengths are shares of the receptive field.

    Attributes:
        orientations: degrees, evenly spaced over 180, of long lines.
        offsets: of long lines from the middle, ascending.
        short_orientations: degrees, evenly spaced over 180, of short lines.
        places: of short lines' middles from the middle, in x and in y.
        short_length: of short lines.
        radii: of the curves that lines are compared with.
        line_width: px.
    """

    orientations: tuple[float, ...] = tuple(float(a) for a in np.arange(0, 180, 7.5))
    offsets: tuple[float, ...] = tuple(float(x) for x in np.linspace(-0.5, 0.5, 33))
    short_orientations: tuple[float, ...] = tuple(float(a) for a in np.arange(0, 180, 15))
    places: tuple[float, ...] = tuple(float(x) for x in np.linspace(-3 / 7, 3 / 7, 7))
    short_length: float = 0.2
    radii: tuple[float, ...] = tuple(r / CURVE_FIELD for r in (20.0, 30.0, 45.0, 70.0, 110.0))
    line_width: float = 3.0

    name: ClassVar[str] = "lines"
    about: ClassVar[str] = "which straight lines excite units, by orientation and place"

    def quick(self) -> LineTolerance:
        """Half of the orientations and of the offsets, five places a side."""
        return replace(
            self, orientations=self.orientations[::2], offsets=self.offsets[::2],
            places=tuple(float(x) for x in np.linspace(-0.4, 0.4, 5)),
        )  # fmt: skip

    def stimuli(self, size: int) -> dict[str, list[Stimuli]]:
        """By kind: `long`, light or dark x orientation x offset; `short`, `empty` and `curve`, one for either polarity.

        Those of `short` are orientation x y (from above) x x.
        """
        long = Lines(size, self.line_width, tuple(share * size for share in self.offsets), self.orientations)
        found: dict[str, list[Stimuli]] = {"long": [long], "short": [], "empty": [], "curve": []}
        places = np.asarray(self.places) * size
        x, y = np.meshgrid(places, places[::-1])
        turned = np.asarray(self.short_orientations)[:, None, None] + 90
        for foreground, background in POLARITIES.values():
            base = Curve(line_width=self.line_width, foreground=foreground, background=background, size=size)
            short = replace(base, radius=math.inf, arc_length=self.short_length * size)
            found["short"].append(CurveTable(short, {"direction": turned, "position": np.stack([x, y], axis=-1)}))
            found["empty"].append(CurveTable(replace(base, foreground=background), {"direction": [0.0]}))
            radii = [share * size for share in self.radii]
            found["curve"].append(CurveGrid.of(base, radius=radii, direction=QUICK_DIRECTIONS))
        return found

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        size = net.receptive_field(family.layer).size
        scale = measure_scale(net, family.layer, images)
        std = scale.std[list(family.channels)].double().numpy()
        shown = self.stimuli(size)
        total = sum(math.prod(one.shape) for some in shown.values() for one in some) + 2 * len(family) * len(self.radii)
        told = counted(progress, f"lines through {family.layer}", total)
        heard = {}
        for kind, some in shown.items():
            values = [sweep(net, family.layer, one, progress=told)[..., list(family.channels)] for one in some]
            own = np.moveaxis((values[0] if kind == "long" else torch.stack(values)).double().numpy(), -1, 0)
            heard[kind] = own / np.where(std > 0, std, np.inf).reshape(-1, *[1] * (own.ndim - 1))
        long, curves = np.maximum(heard["long"], 0), np.maximum(heard["curve"], 0)
        short = heard["short"] - heard["empty"][..., None, None]
        best = long.max(axis=(2, 3)).argmax(axis=1)
        each = np.arange(len(family))
        base = Curve(line_width=self.line_width, size=size)
        own_curves = preferred_curves(net, family, [share * size for share in self.radii], base, told)
        found = []
        for i, curve in enumerate(own_curves):
            scores = self._long(long[i, best[i]], size, curve) | self._short(short[i, best[i]], size, curve)
            found.append({"line_over_curve": ratio(float(long[i].max()), float(curves[i].max()))} | scores)
        data = {
            "long": long[each, best].astype(np.float32),
            "short": short[each, best].astype(np.float32),
            "orientations": np.asarray(self.orientations),
            "offsets": np.asarray(self.offsets) * size,
            "short_orientations": np.asarray(self.short_orientations),
            "places": np.asarray(self.places) * size,
            "dark": best.astype(np.int8),
        }
        details = {
            "stimuli": asdict(self),
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        return TestResult(of_units(family, found), _DEFINITIONS, data, details, unit_sample(family, found))

    def _long(self, heard: Array, size: int, curve: Curve) -> dict[str, float | None]:
        """What one unit says of long lines: orientations x offsets."""
        if heard.max() <= 0:
            return dict.fromkeys(("orientation_tolerance", "position_tolerance", "position_share", "tangent_offset"))
        orientations, by_orientation = np.asarray(self.orientations), heard.max(axis=1)
        angle, _ = first_harmonic(by_orientation, orientations, 180)
        width = width_above_half(heard[int(by_orientation.argmax())], np.asarray(self.offsets) * size)
        return {
            # The function's circle is of 360 degrees, that of orientations of 180.
            "orientation_tolerance": full_width_at_half_maximum(by_orientation, orientations) / 2,
            "position_tolerance": width,
            "position_share": width / size,
            "tangent_offset": float(abs(difference(angle, curve.direction + 90, 180))),
        }

    def _short(self, effect: Array, size: int, curve: Curve) -> dict[str, float | None]:
        """What short lines do to one unit: orientations x y (from above) x x."""
        strongest = effect.max(axis=0)
        if strongest.max() <= 0:
            return dict.fromkeys(("short_tolerance", "short_tangent_offset"))
        orientations = np.asarray(self.short_orientations)
        widths, turns = [], []
        for row, column in zip(*np.nonzero(strongest >= strongest.max() / 2), strict=True):
            at = effect[:, row, column]
            widths.append(full_width_at_half_maximum(at, orientations) / 4)
            x, y = self.places[column] * size, self.places[len(self.places) - 1 - row] * size
            angle, _ = first_harmonic(np.maximum(at, 0), orientations, 180)
            turns.append(float(abs(difference(angle, tangent(curve, x, y), 180))))
        return {"short_tolerance": float(np.mean(widths)), "short_tangent_offset": float(np.mean(turns))}

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's tuning to the orientation of long lines."""
        from evals.charts import by_direction

        assert card.family is not None
        names = {"orientation_tolerance": "full width", "tangent_offset": "offset from the tangent"}
        values = {
            label: [card.scores[f"{self.name}.{unit}.{name}"] for unit in card.family.units]
            for name, label in names.items()
        }
        return {"orientations-of-lines": by_direction("Long lines", card.family.directions, values, "degrees")}


def tangent(curve: Curve, x: float, y: float) -> float:
    """Orientation, degrees, of the arc around a curve's centre through a place in px from the picture's middle."""
    if math.isinf(curve.radius):
        return curve.direction + 90
    angle = math.radians(curve.direction)
    return math.degrees(math.atan2(y - curve.radius * math.sin(angle), x - curve.radius * math.cos(angle))) + 90
