"""Kinds of units with an orientation: Gabors, complex Gabors, lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from evals.portrait import Portrait
from evals.responses import LineResponse, WaveResponse

__all__ = ["WAVE_FIELD", "ComplexGaborCriteria", "GaborCriteria", "LineCriteria"]

WAVE_FIELD = 16
"""px: the largest receptive field in which waves are looked for, and above which lines and curves are. Between those
of InceptionV1's conv2d1 (11), where the Overview has its complex Gabors, and conv2d2 (19), where it has lines, tiny
curves and "Gabor textures"."""


@dataclass(frozen=True)
class _Waves:
    peak: float = 2.0
    selectivity: float = 0.4
    cycles: float = 1.0
    modulation: float = 1.0
    fields: tuple[float, float] = (0, WAVE_FIELD)

    period: ClassVar[float] = 180.0

    def responses(self, portrait: Portrait) -> tuple[WaveResponse | None, ...]:
        """What gratings do."""
        return portrait.waves

    def _tuned(self, response: WaveResponse) -> bool:
        return (
            response.peak >= self.peak and response.selectivity >= self.selectivity and response.cycles >= self.cycles
        )


@dataclass(frozen=True)
class GaborCriteria(_Waves):
    """A Gabor filter: it wants bars of one orientation, and in their place ("Overview", conv2d0: "Gabor Filters").

    Attributes:
        peak: standard deviations that its best grating must reach.
        selectivity: least 1 - circular variance by orientation. What goes plainly from light to dark across the field
            has 1/3, the tuning of |cos|: a Gabor must be sharper.
        cycles: least number of its waves that fit the field. With less than one it is an edge or a contrast.
        modulation: F1/F0 to exceed. 1 divides simple cells from complex ones (Skottun et al., 1991).
        fields: receptive fields, px, above the first and up to the second.
    """

    name: ClassVar[str] = "Gabor"

    def met(self, response: WaveResponse) -> bool:
        """Whether the unit is tuned and simple."""
        return self._tuned(response) and response.modulation > self.modulation


@dataclass(frozen=True)
class ComplexGaborCriteria(_Waves):
    """A complex Gabor: as a Gabor, but "fairly invariant to the exact position" ("Overview", conv2d1).

    Attributes:
        peak: as of `GaborCriteria`.
        selectivity: as of `GaborCriteria`.
        cycles: as of `GaborCriteria`.
        modulation: largest F1/F0; as of `GaborCriteria`.
        fields: as of `GaborCriteria`.
    """

    name: ClassVar[str] = "complex Gabor"

    def met(self, response: WaveResponse) -> bool:
        """Whether the unit is tuned and complex."""
        return self._tuned(response) and response.modulation <= self.modulation


@dataclass(frozen=True)
class LineCriteria:
    """A line: it looks for "a single primary line" ("Overview", conv2d2; also 3a and 3b), curved no more than straight.

    Attributes:
        peak: standard deviations that its best line must reach.
        selectivity: least 1 - circular variance by orientation; 1/2 is the tuning of a raised cosine.
        curve_over_line: largest preference of curves; 0.1 is 1.2 times the response. 0 would be too strict: what
            stands a shift of the line takes a gentle curve for one.
        fields: receptive fields, px, above the first and up to the second.
    """

    peak: float = 2.0
    selectivity: float = 0.5
    curve_over_line: float = 0.1
    fields: tuple[float, float] = (WAVE_FIELD, math.inf)

    name: ClassVar[str] = "line"
    period: ClassVar[float] = 180.0

    def responses(self, portrait: Portrait) -> tuple[LineResponse | None, ...]:
        """What straight lines do."""
        return portrait.lines

    def met(self, response: LineResponse) -> bool:
        """Whether the unit is tuned to straight lines."""
        return (
            response.peak >= self.peak
            and response.selectivity >= self.selectivity
            and response.curve_over_line <= self.curve_over_line
        )
