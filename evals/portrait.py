"""What excites the units of a layer: gratings, straight lines, curves. `evals.kinds` says what to call it.

Everything is drawn to the measure of the receptive field. Each sweep is run when first asked for, and once for all
kinds.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from circuits import Network
from circuits.images import ImageSet
from evals.battery.synthetic import SyntheticCurves
from evals.grid import CurveGrid
from evals.oriented import COLOURS, ORIENTATIONS, POLARITIES, Gratings, Lines
from evals.progress import Progress
from evals.responses import CurveResponse, LineResponse, LobeResponse, NearbyCurveResponse, WaveResponse
from evals.stimuli import Curve
from evals.sweep import CURVE_FIELD, Stimuli, measure_scale, sweep
from evals.tuning import Array, first_harmonic, lobes, preference, radial_tuning

__all__ = ["DIRECTIONS", "Portrait"]

WAVELENGTHS = (3.0, 4.5, 6.75, 10.0, 15.0, 22.5)
"""px, about half an octave apart, from the shortest that pixels show well."""

OFFSETS = (-0.25, -0.125, 0.0, 0.125, 0.25)
"""Where lines are shown, as shares of the receptive field."""

DIRECTIONS = tuple(float(angle) for angle in np.arange(0, 360, 15))
"""Degrees, of curves."""

RADII = tuple(float(radius) for radius in np.geomspace(15, 150, 6) / CURVE_FIELD)
"""Of curves, as shares of the receptive field: on 3b the 15 to 150 px of the synthetic-curve test."""

NEARBY = 1 / 8
"""How far from the middle curves are moved, as a share of the receptive field."""

FEW_DIRECTIONS = tuple(float(angle) for angle in np.arange(0, 360, 22.5))
FEW_RADII = tuple(float(radius) for radius in np.geomspace(15, 150, 4) / CURVE_FIELD)
"""Of curves that are moved about, which makes them many."""


class Portrait:
    """The responses of all units of a layer; None for a unit that answers to nothing of what was shown.

    Args:
        net: the network.
        layer: which layer.
        images: what a standard deviation is taken over.
        progress: told of the sweeps that take long.

    Raises:
        UnknownLayerError: there is no such layer.
        CurvesError: the layer has no receptive field.
    """

    def __init__(self, net: Network, layer: str, images: ImageSet, progress: Progress | None = None) -> None:
        self.layer = layer
        self.field = net.receptive_field(layer).size
        self._net, self._images, self._progress = net, images, progress

    @cached_property
    def waves(self) -> tuple[WaveResponse | None, ...]:
        """By unit, what gratings do."""
        wavelengths = tuple(w for w in WAVELENGTHS if w <= max(1.5 * self.field, WAVELENGTHS[0]))
        gratings = Gratings(self.field, wavelengths)
        return tuple(_waves(heard, gratings) if heard.any() else None for heard in self._responses(gratings))

    @cached_property
    def lines(self) -> tuple[LineResponse | None, ...]:
        """By unit, what straight lines do."""
        curves = np.stack([heard for _, heard in self._curves.values()], axis=1)
        best = curves[..., :-1].max(axis=(1, 2, 3)), curves[..., -1].max(axis=(1, 2))
        return tuple(
            _lines(heard, preference(curve, line)) if heard.any() else None
            for heard, curve, line in zip(self._lines, *best, strict=True)
        )

    @cached_property
    def line_tuning(self) -> Array:
        """Units x `oriented.ORIENTATIONS`: responses to lines of the better polarity at the best offset."""
        best = self._lines.max(axis=(2, 3)).argmax(axis=1)
        tuned: Array = self._lines.max(axis=3)[np.arange(len(best)), best]
        return tuned

    @cached_property
    def curve_tuning(self) -> Array:
        """Units x `DIRECTIONS`: responses to curves of the polarity that excites the unit more, averaged over radii."""
        return np.stack([radial_tuning(heard[:, :-1]) for _, heard in self._chosen])

    @cached_property
    def curves(self) -> tuple[CurveResponse | None, ...]:
        """By unit, what curves do."""
        found = []
        for polarity, heard in self._chosen:
            tuning = self._curves[polarity][0].measure(heard)
            found.append(CurveResponse(tuning, polarity) if tuning else None)
        return tuple(found)

    @cached_property
    def nearby_curves(self) -> tuple[NearbyCurveResponse | None, ...]:
        """By unit, what curves do, wherever near the middle of the field they excite it most."""
        shift = NEARBY * self.field
        places = ((0.0, 0.0), (shift, 0.0), (-shift, 0.0), (0.0, shift), (0.0, -shift))
        tests = {polarity: self._test(polarity, FEW_DIRECTIONS, FEW_RADII) for polarity in POLARITIES}
        responses = []
        for test in tests.values():
            grid = test.stimuli(self._net, self.layer)
            moved = CurveGrid(grid.base, (*grid.axes, ("position", places)))
            responses.append(self._responses(moved).mean(axis=1))  # over line and filled area, as the test does
        found = []
        for maps in np.stack(responses, axis=1):  # polarities x directions x radii x places
            best = int(maps[:, :, :-1].max(axis=-1).sum(axis=(1, 2)).argmax())
            polarity, heard = tuple(POLARITIES)[best], maps[best]
            tuning = tests[polarity].measure(heard.max(axis=-1))
            centring = float(heard[:, :-1, 0].max()) / tuning.peak if tuning else 0.0
            found.append(NearbyCurveResponse(tuning, polarity, centring) if tuning else None)
        return tuple(found)

    @cached_property
    def lobes(self) -> tuple[LobeResponse | None, ...]:
        """By unit, what curves of opposite directions do."""
        directions = np.asarray(DIRECTIONS)
        return tuple(
            LobeResponse(float(curves.max()), lobes(curves, heard[:, -1], directions), polarity)
            if (curves := heard[:, :-1]).any()
            else None
            for polarity, heard in self._chosen
        )

    @cached_property
    def _chosen(self) -> list[tuple[str, Array]]:
        """By unit, the polarity whose curves excite it more, and the responses to those."""
        both = np.stack([heard for _, heard in self._curves.values()], axis=1)
        best = both[..., :-1].sum(axis=(2, 3)).argmax(axis=1)
        return [(tuple(POLARITIES)[i], maps[i]) for i, maps in zip(best, both, strict=True)]

    @cached_property
    def _lines(self) -> Array:
        """Units x polarities x orientations x offsets."""
        return self._responses(Lines(self.field, self._line_width, tuple(share * self.field for share in OFFSETS)))

    @cached_property
    def _curves(self) -> dict[str, tuple[SyntheticCurves, Array]]:
        """By polarity, the test and the responses: units x directions x radii, the last infinite."""
        tests = {polarity: self._test(polarity, DIRECTIONS, RADII) for polarity in POLARITIES}
        return {
            polarity: (test, test.responses(self._net, self.layer, self._images, self._progress)[0])
            for polarity, test in tests.items()
        }

    def _test(self, polarity: str, directions: tuple[float, ...], radii: tuple[float, ...]) -> SyntheticCurves:
        foreground, background = POLARITIES[polarity]
        base = Curve(line_width=self._line_width, foreground=foreground, background=background)
        return SyntheticCurves(directions, tuple(share * self.field for share in radii), base)

    @property
    def _line_width(self) -> float:
        """Of the synthetic-curve test, and narrower where that would fill the field."""
        return min(Curve.line_width, self.field / 4)

    def _responses(self, stimuli: Stimuli) -> Array:
        """Units x the stimuli's axes."""
        scale = measure_scale(self._net, self.layer, self._images)
        heard = sweep(self._net, self.layer, stimuli).clamp(min=0).movedim(-1, 0).double().numpy()
        std = scale.std.double().numpy().reshape(-1, *(1,) * (heard.ndim - 1))
        responses: Array = np.divide(heard, std, out=np.zeros_like(heard), where=std > 0)
        return responses


def _waves(heard: Array, gratings: Gratings) -> WaveResponse:
    """From colours x orientations x wavelengths x phases."""
    colour, best, wavelength, _ = np.unravel_index(heard.argmax(), heard.shape)
    own = heard[colour, :, wavelength]
    orientation, selectivity = first_harmonic(own.max(axis=1), np.asarray(gratings.orientations), 180)
    # F0 is the mean response as the bars drift by, F1 the amplitude at which it follows them: twice the first harmonic.
    _, harmonic = first_harmonic(own[best], np.asarray(gratings.phases))
    return WaveResponse(
        angle=orientation,
        peak=float(heard.max()),
        selectivity=selectivity,
        modulation=2 * harmonic,
        wavelength=gratings.wavelengths[wavelength],
        cycles=gratings.size / gratings.wavelengths[wavelength],
        colour=tuple(COLOURS)[colour],
    )


def _lines(heard: Array, curve_over_line: float) -> LineResponse:
    """From polarities x orientations x offsets."""
    polarity = int(heard.max(axis=(1, 2)).argmax())
    orientation, selectivity = first_harmonic(heard[polarity].max(axis=1), np.asarray(ORIENTATIONS), 180)
    return LineResponse(orientation, float(heard.max()), selectivity, curve_over_line, tuple(POLARITIES)[polarity])
