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
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import Family, Network, Unit
from circuits.images import ImageSet
from circuits.precision import arithmetic
from evals.combs import CombGrid
from evals.grid import CurveGrid
from evals.orientation_energy import perpendicular_share
from evals.scorecard import Definition, TestResult
from evals.stimuli import Curve
from evals.sweep import BATCH, measure_scale, sweep
from evals.synthetic import Progress

__all__ = ["Combing"]

Array = NDArray[np.float64]

_SD = "standard deviations"
_OVER = "mean over the units that the plain curve excites"
_DEFINITIONS = {
    "curve": Definition(_SD, "response to the plain curve of the preferred direction; mean over units"),
    "ticks": Definition(_SD, "response to ticks across that curve, without the curve; mean over units"),
    "ticks_over_curve": Definition("ratio", f"response to ticks alone over that to the plain curve; {_OVER}"),
    "combed_over_curve": Definition("ratio", f"response to the curve with ticks over that to the plain curve; {_OVER}"),
    "dashes_over_curve": Definition(
        "ratio", f"the control: response to the same ticks turned along the curve over that to the plain curve; {_OVER}"
    ),
    "perpendicular_curve": Definition(
        "share",
        "of the orientation energy of the attribution (pixel x gradient) on the plain curve, that of lines across it; "
        "mean over units",
    ),
    "perpendicular_combed": Definition("share", "the same on the curve with ticks; mean over units"),
    "excitation_on_ticks": Definition(
        "share",
        "of the positive attribution (pixel x gradient) on the curve with ticks, what lies on ticks and off the curve; "
        "a plain curve has none there; mean over units",
    ),
    "ink_on_ticks": Definition(
        "share",
        "of the drawing, what lies on ticks and off the curve: excitation_on_ticks if all strokes excited alike",
    ),
}


@dataclass(frozen=True)
class Combing:
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
        std = scale.std[list(family.channels)].double().numpy()[:, None]
        heard: dict[str, Array] = {}
        stimuli = self.stimuli(net, family)
        for done, (kind, grids) in enumerate(stimuli.items()):
            if progress:
                progress(f"combs through {family.layer}", done, len(stimuli))
            values = np.mean([_own(sweep(net, family.layer, grid), family) for grid in grids], axis=0)
            heard[kind] = np.divide(values, std, out=np.zeros_like(values), where=std > 0)
        preferred = heard["curve"] >= heard["curve"].max(axis=1, keepdims=True) / 2
        found = {kind: np.mean(values, axis=1, where=preferred).tolist() for kind, values in heard.items()}
        best = [self.radii[i] for i in heard["curve"].argmax(axis=1)]
        places = zip(family.units, family.directions, best, strict=True)
        attributed = [self._attributed(net, unit, direction, radius) for unit, direction, radius in places]
        shares = np.array([on_ticks for on_ticks, _ in attributed])

        units: dict[str, list[float | None]] = {"curve": found["curve"], "ticks": found["ticks"]}
        for kind in ("ticks", "combed", "dashes"):
            units[f"{kind}_over_curve"] = [_ratio(*pair) for pair in zip(found[kind], found["curve"], strict=True)]
        units["excitation_on_ticks"], units["ink_on_ticks"] = (
            [_ratio(a, a + b) for a, b in s] for s in shares.swapaxes(0, 1)
        )
        for i, kind in enumerate(("curve", "combed")):
            units[f"perpendicular_{kind}"] = [None if np.isnan(energy[i]) else energy[i] for _, energy in attributed]
        scores = {name: _mean(values) for name, values in units.items()}
        for i, unit in enumerate(family.units):
            scores |= {f"{unit}.{name}": values[i] for name, values in units.items()}
        details = {
            "stimuli": {kind: [grid.spec() for grid in grids] for kind, grids in stimuli.items()},
            "images": {"name": scale.images, "hash": scale.images_hash},
            "receptive_field": asdict(net.receptive_field(family.layer)),
        }
        data = {kind: values.astype(np.float32) for kind, values in heard.items()}
        data |= {"directions": np.asarray(family.directions), "radii": np.asarray(self.radii)}
        return TestResult(scores, _DEFINITIONS, data, details)

    def _polarities(self, net: Network, layer: str) -> tuple[Curve, Curve]:
        base = replace(self.base, size=net.receptive_field(layer).size)
        return base, replace(base, foreground=base.background, background=base.foreground)

    def _combs(self, curves: CurveGrid, *, tick_angle: float = 90.0, with_curve: bool = False) -> CombGrid:
        return CombGrid(curves, self.tick_lengths, self.spacings, tick_angle, with_curve)

    def _attributed(
        self, net: Network, unit: Unit, direction: float, radius: float
    ) -> tuple[Array, tuple[float, float]]:
        """What the unit's attribution is on, in its best curve, over both polarities.

        Returns:
            Of the curve with ticks the positive attribution and the ink (rows), on ticks and on the curve (columns);
            and the perpendicular shares on the plain curve and on that with ticks.
        """
        sums = torch.zeros(2, 2, dtype=torch.float64)
        energy = []
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
            sums += parts.sum(dim=(2, 3, 4)).cpu()
        found: Array = sums.numpy()
        plain_share, combed_share = np.mean(energy, axis=0)
        return found, (float(plain_share), float(combed_share))


def _draw(grid: CurveGrid | CombGrid, net: Network) -> Tensor:
    return torch.cat(list(grid.batches(BATCH, net.device)))


def _attribution(net: Network, unit: Unit, pictures: Tensor, curve: Curve) -> Tensor:
    """Pixel x gradient of the unit's pre-activation, N x size x size; a pixel is its difference to the background."""
    pixels = pictures.clone().requires_grad_()
    with torch.enable_grad(), arithmetic(net.precision):
        (gradient,) = torch.autograd.grad(net.responses(pixels, unit.layer)[:, unit.channel].sum(), pixels)
    background = torch.tensor(curve.background, device=pixels.device)[:, None, None]
    return ((pictures - background) * gradient).sum(dim=1)


def _own(values: Tensor, family: Family) -> Array:
    """Mean activations by members x radii, of each member to its own direction, from ... x members x radii x units."""
    heard = values.clamp(min=0).reshape(-1, *values.shape[-3:]).mean(dim=0)
    own: Array = heard[torch.arange(len(family)), :, list(family.channels)].double().numpy()
    return own


def _ratio(a: float, b: float) -> float | None:
    return float(a / b) if b > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
