"""Combing: how far curve detectors are excited by small lines perpendicular to their curve.

"Curve Circuits" (Cammarata et al., Distill, 2021) found it in the weights of InceptionV1's curve detectors and only
supposed what it does. Here it is measured on drawings: every unit looks at combs along the curves that it detects, in
its own direction, light on dark and dark on light. A response is the unit's activation in standard deviations of its
pre-activation over a set of images, averaged over both polarities, over lengths and spacings of the ticks, and over
those radii at which the plain curve excites the unit at least half as much as at its best.

Attribution is linear: pixel, as its difference to the background, x gradient of the pre-activation. It is looked at in
two ways. Its orientation energy across the curve, on curves with ticks against plain ones, needs no knowledge of the
drawing; but pooling, strides and contrast normalisation give the map a grain of its own (on plain curves the share is
0.2 in VGG16, but 0.5 to 0.6 in GoogLeNet), so that it says little. Dividing it by the strokes of the drawing, which are
known, has no such grain.

Uncertainty: the combs (colours, lengths and spacings of ticks) are drawn again, with replacement, and with each comb
the plain curve of its colours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import Family, Network, Unit
from circuits.attribution import attribution
from circuits.images import ImageSet
from circuits.regions import INPUT
from evals.comb_scores import CombResponses
from evals.combs import CombGrid
from evals.grid import CurveGrid
from evals.orientation_energy import perpendicular_share
from evals.progress import Progress
from evals.stimuli import Curve
from evals.sweep import BATCH, measure_scale, sweep
from evals.testing import Definition, Sample, Test, TestResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Combing"]

Array = NDArray[np.float64]

_SD = "standard deviations"
_OVER = "mean over the units that the plain curve excites"
_DEFINITIONS = {
    "curve": Definition(
        _SD, "response to the plain curve of the preferred direction; mean over units", better="higher"
    ),
    "ticks": Definition(_SD, "response to ticks across that curve, without the curve; mean over units", better="lower"),
    "ticks_over_curve": Definition(
        "ratio", f"response to ticks alone over that to the plain curve; {_OVER}", better="lower"
    ),
    "combed_over_curve": Definition(
        "ratio", f"response to the curve with ticks over that to the plain curve; {_OVER}", better="target", target=1.0
    ),
    "dashes_over_curve": Definition(
        "ratio", f"the control: response to the same ticks turned along the curve over that to the plain curve; {_OVER}"
    ),
    "perpendicular_curve": Definition(
        "share",
        "of the orientation energy of the attribution (pixel x gradient) on the plain curve, that of lines across it; "
        "mean over units",
    ),
    "perpendicular_combed": Definition("share", "the same on the curve with ticks; mean over units", better="lower"),
    "excitation_on_ticks": Definition(
        "share",
        "of the positive attribution (pixel x gradient) on the curve with ticks, what lies on ticks and off the curve; "
        "a plain curve has none there; mean over units",
        better="lower",
    ),
    "ink_on_ticks": Definition(
        "share",
        "of the drawing, what lies on ticks and off the curve: excitation_on_ticks if all strokes excited alike",
    ),
}


@dataclass(frozen=True)
class Combing(Test):
    """The test with its stimuli.

    Attributes:
        radii: px, of the curves.
        tick_lengths: px.
        spacings: px along the curve, from tick to tick.
        base: everything else about the curves, except direction (the family's) and size (the receptive field's).
            Every picture is shown a second time with its colours exchanged.
    """

    radii: tuple[float, ...] = (22.0, 42.0, 80.0)
    tick_lengths: tuple[float, ...] = (7.0, 12.0)
    spacings: tuple[float, ...] = (8.0, 12.0)
    base: Curve = field(default_factory=Curve)

    name: ClassVar[str] = "combing"
    about: ClassVar[str] = "excitation by small lines across the curve"

    def quick(self) -> Combing:
        """The middle radius alone, with all combs."""
        return replace(self, radii=self.radii[len(self.radii) // 2 :][:1])

    def stimuli(self, net: Network, family: Family) -> dict[str, tuple[CurveGrid | CombGrid, ...]]:
        """By kind (curve, ticks, combed, dashes) a grid for either polarity; its last axes are members and radii."""
        curves = tuple(
            CurveGrid.of(base, direction=family.directions, radius=self.radii)
            for base in self._polarities(net, family.layer)
        )
        return {
            "curve": curves,
            "ticks": tuple(self._combs(grid) for grid in curves),
            "combed": tuple(self._combs(grid, with_curve=True) for grid in curves),
            "dashes": tuple(self._combs(grid, tick_angle=0.0) for grid in curves),
        }

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family."""
        scale = measure_scale(net, family.layer, images)
        std = scale.std[list(family.channels)].double().numpy()[:, None, None]
        heard: dict[str, Array] = {}
        stimuli = self.stimuli(net, family)
        for done, (kind, grids) in enumerate(stimuli.items()):
            if progress:
                progress(f"combs through {family.layer}", done, len(stimuli))
            by_colours = [_own(sweep(net, family.layer, grid), family) for grid in grids]
            values = np.concatenate([np.repeat(v, self._combs_each // v.shape[2], axis=2) for v in by_colours], axis=2)
            heard[kind] = np.divide(values, std, out=np.zeros_like(values), where=std > 0)
        best = [self.radii[i] for i in heard["curve"].mean(axis=2).argmax(axis=1)]
        places = zip(family.units, family.directions, best, strict=True)
        attributed = [self._attributed(net, unit, direction, radius) for unit, direction, radius in places]
        if progress:
            progress(f"combs through {family.layer}", len(stimuli), len(stimuli))
        measured = CombResponses(heard, *(np.stack(parts) for parts in zip(*attributed, strict=True)))
        details = {
            "stimuli": {kind: [grid.spec() for grid in grids] for kind, grids in stimuli.items()},
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        data = {kind: values.mean(axis=2).astype(np.float32) for kind, values in heard.items()}
        data |= {"directions": np.asarray(family.directions), "radii": np.asarray(self.radii)}
        count = heard["ticks"].shape[2]
        sample = Sample("combs", count, self._identity, lambda places: measured.scores(family, places))
        return TestResult(measured.scores(family, np.arange(count)), _DEFINITIONS, data, details, sample)

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:
        """Each unit's response to ticks, to the curve with ticks and to dashes over that to the plain curve."""
        from evals.charts import by_direction

        assert card.family is not None
        kinds = {"ticks": "ticks alone", "combed": "curve with ticks", "dashes": "dashes along the curve"}
        values = {
            label: [card.scores[f"{self.name}.{unit}.{kind}_over_curve"] for unit in card.family.units]
            for kind, label in kinds.items()
        }
        title = "Response over that to the plain curve"
        return {"response-over-curve": by_direction(title, card.family.directions, values, "ratio")}

    @property
    def _combs_each(self) -> int:
        """Combs of either polarity."""
        return len(self.tick_lengths) * len(self.spacings)

    @property
    def _identity(self) -> str:
        """The same for the same combs, whatever the picture's size and the direction that each unit sees them in."""
        base = asdict(self.base) | {"size": None}
        return json.dumps([base, self.radii, self.tick_lengths, self.spacings], sort_keys=True)

    def _polarities(self, net: Network, layer: str) -> tuple[Curve, Curve]:
        base = replace(self.base, size=net.receptive_field(layer).size)
        return base, replace(base, foreground=base.background, background=base.foreground)

    def _combs(self, curves: CurveGrid, *, tick_angle: float = 90.0, with_curve: bool = False) -> CombGrid:
        return CombGrid(curves, self.tick_lengths, self.spacings, tick_angle, with_curve)

    def _attributed(self, net: Network, unit: Unit, direction: float, radius: float) -> tuple[Array, Array]:
        """What the unit's attribution is on, in its best curve.

        Returns:
            combs x 2 x 2: of the curve with ticks the positive attribution and the ink, on ticks and on the curve; and
            2 x 2: for both polarities the perpendicular shares on the plain curve and on that with ticks.
        """
        sums, energy = [], []
        for base in self._polarities(net, unit.layer):
            grid = CurveGrid.of(replace(base, direction=direction, radius=radius))
            drawn = grid.with_base(foreground=(1.0, 1.0, 1.0), background=(0.0, 0.0, 0.0))
            curve, ticks = _draw(drawn, net)[:, 0], _draw(self._combs(drawn), net)[:, 0]
            strokes = torch.stack(((ticks - curve).clamp(min=0), curve.expand_as(ticks)))
            plain, combed = (
                _attribution(net, unit, _draw(pictures, net), base)
                for pictures in (grid, self._combs(grid, with_curve=True))
            )
            energy.append([perpendicular_share(maps, grid[0]) for maps in (plain, combed)])
            inked = strokes.sum(dim=0)
            parts = torch.stack((combed.clamp(min=0) * strokes / inked.clamp(min=1e-6), strokes))
            sums.append(parts.sum(dim=(3, 4)).permute(2, 0, 1).cpu().double())
        return torch.cat(sums).numpy(), np.array(energy)


def _draw(grid: CurveGrid | CombGrid, net: Network) -> Tensor:
    return torch.cat(list(grid.batches(BATCH, net.device)))


def _attribution(net: Network, unit: Unit, pictures: Tensor, curve: Curve) -> Tensor:
    """Pixel x gradient of the unit's pre-activation, N x size x size; a pixel is its difference to the background."""
    gradient = attribution(net, unit, INPUT, patches=pictures, method="gradient").tensor
    background = torch.tensor(curve.background, device=pictures.device)[:, None, None]
    return ((pictures - background) * gradient).sum(dim=1)


def _own(values: Tensor, family: Family) -> Array:
    """Activations by members x radii x combs, of each member to its own direction.

    Args:
        values: ... x members x radii x units, the axes before being those of the combs, if there are any.
        family: the members.
    """
    heard = values.clamp(min=0).reshape(-1, *values.shape[-3:])
    own: Array = heard[:, torch.arange(len(family)), :, list(family.channels)].permute(0, 2, 1).double().numpy()
    return own
