"""Kinds of units that detect curves: early curves, curves, double curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from evals.orientation_kinds import WAVE_FIELD
from evals.portrait import Portrait
from evals.responses import CurveResponse, LobeResponse, NearbyCurveResponse
from evals.tuning import Tuning

__all__ = ["Criteria", "CurveCriteria", "DoubleCurveCriteria", "EarlyCurveCriteria"]

EARLY_FIELD = 75
"""px: the largest receptive field of an early curve. Half-way between those of InceptionV1's 3a (59) and 3b (91), of
whose curves the Overview says that they "detect larger radii curves than their predecessors"."""


@dataclass(frozen=True)
class Criteria:
    """What a unit must do to count as a curve detector.

    Attributes:
        peak: standard deviations that its best curve must reach.
        first_harmonic: least tuning to one direction.
        echo: largest response to the opposite direction, as a share of its best.
        curve_over_line: least preference of curves to straight lines; 1/3 is twice the response.
        radius_tolerance: octaves of radius over which it must respond.
        separation: degrees between members of a family chosen by `find_curve_family`; of two that are closer, the one
            of larger amplitude is taken.
    """

    peak: float = 2.0
    first_harmonic: float = 0.75
    echo: float = 0.2
    curve_over_line: float = 1 / 3
    radius_tolerance: float = 0.75
    separation: float = 10.0

    def met(self, t: Tuning) -> bool:
        """Whether the tuning meets all of them."""
        return (
            t.peak >= self.peak
            and t.first_harmonic >= self.first_harmonic
            and t.echo <= self.echo
            and t.curve_over_line >= self.curve_over_line
            and t.radius_tolerance >= self.radius_tolerance
        )


@dataclass(frozen=True)
class EarlyCurveCriteria:
    """An early curve: a small curve detector, less strict than a later one ("Curve Circuits", of 3a).

    As the first that do "not slightly fire for curves rotated 180 degrees" are the curves of 3b ("Overview"), an echo
    is allowed; and as many of the "tiny curves" of conv2d2 respond "all the way from a flat line to a curve", so is
    some response to lines. In exchange it must keep its direction wherever near the middle of its field the curve
    lies: small fields have many units that only want something on one side.

    Attributes:
        criteria: as of a curve, but looser, each curve being shown at its best place: a direction as sharp as a
            Gabor's orientation (0.4), an echo of half its best, 1.5 times its response to a straight line (0.2).
        centring: least response to a curve in the middle of the field, as a share of its best at any place.
        fields: receptive fields, px, above the first and up to the second.
    """

    criteria: Criteria = Criteria(first_harmonic=0.4, echo=0.5, curve_over_line=0.2)
    centring: float = 0.75
    fields: tuple[float, float] = (WAVE_FIELD, EARLY_FIELD)

    name: ClassVar[str] = "early curve"
    period: ClassVar[float] = 360.0

    def responses(self, portrait: Portrait) -> tuple[NearbyCurveResponse | None, ...]:
        """What curves do, wherever near the middle."""
        return portrait.nearby_curves

    def met(self, response: NearbyCurveResponse) -> bool:
        """Whether the unit is tuned to curves of one direction in the middle of its field."""
        return self.criteria.met(response.tuning) and response.centring >= self.centring


@dataclass(frozen=True)
class CurveCriteria:
    """A curve detector ("Curve Detectors", of 3b): all that meet the criteria of `find_curve_family`, unthinned.

    Attributes:
        criteria: those of `find_curve_family`; `separation` is not used.
        fields: receptive fields, px, above the first and up to the second.
    """

    criteria: Criteria = Criteria()
    fields: tuple[float, float] = (EARLY_FIELD, math.inf)

    name: ClassVar[str] = "curve"
    period: ClassVar[float] = 360.0

    def responses(self, portrait: Portrait) -> tuple[CurveResponse | None, ...]:
        """What curves do."""
        return portrait.curves

    def met(self, response: CurveResponse) -> bool:
        """Whether the unit is tuned to curves of one direction."""
        return self.criteria.met(response.tuning)


@dataclass(frozen=True)
class DoubleCurveCriteria:
    """A double curve: as if "two curve detectors added together" ("Overview", 3b), here two that face opposite ways.

    Attributes:
        peak: standard deviations that its best curve must reach.
        sharpness: least second harmonic by direction; 1/2 is the tuning of a raised cosine.
        balance: least response to the weaker of the two directions, as a share of the stronger; below it is an echo.
        over_line: least preference of the weaker direction's curves to straight lines; 1/3 is twice the response.
        fields: receptive fields, px, above the first and up to the second.
    """

    peak: float = 2.0
    sharpness: float = 0.5
    balance: float = 0.5
    over_line: float = 1 / 3
    fields: tuple[float, float] = (WAVE_FIELD, math.inf)

    name: ClassVar[str] = "double curve"
    period: ClassVar[float] = 180.0

    def responses(self, portrait: Portrait) -> tuple[LobeResponse | None, ...]:
        """What curves of opposite directions do."""
        return portrait.lobes

    def met(self, response: LobeResponse) -> bool:
        """Whether the unit is tuned to two opposite directions and to no straight line."""
        lobes = response.lobes
        return (
            response.peak >= self.peak
            and lobes.sharpness >= self.sharpness
            and lobes.balance >= self.balance
            and lobes.over_line >= self.over_line
        )
