"""Finding families by behaviour: which units of a layer are curve detectors, and which of them cover the circle."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from circuits import CurvesError, Family, Member, Network, Unit
from circuits.angles import difference
from evals.images import ImageSet
from evals.synthetic import Progress, SyntheticCurves
from evals.tuning import Tuning

__all__ = ["Criteria", "find_curve_family"]


@dataclass(frozen=True)
class Criteria:
    """What a unit must do to count as a curve detector.

    Attributes:
        peak: standard deviations that its best curve must reach.
        first_harmonic: least tuning to one direction.
        echo: largest response to the opposite direction, as a share of its best.
        curve_over_line: least preference of curves to straight lines; 1/3 is twice the response.
        radius_tolerance: octaves of radius over which it must respond.
        separation: degrees between members; of two that are closer, the one of larger amplitude is taken.
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


def find_curve_family(
    net: Network,
    layer: str,
    *,
    test: SyntheticCurves | None = None,
    criteria: Criteria | None = None,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> Family:
    """Find the curve detectors of a layer by what they respond to, and choose a family around the circle.

    All units that meet the criteria are candidates. They are taken in order of amplitude (`Tuning.amplitude`), each
    unless a member taken before points the same way within `criteria.separation`.

    Returns:
        A family named `curve`, ordered by direction; each member says what was measured and why it is in.

    Raises:
        UnknownLayerError: there is no such layer.
        CurvesError: no unit meets the criteria; the message says which comes nearest and where it fails.
    """
    test, criteria = test or SyntheticCurves(), criteria or Criteria()
    responses, _ = test.responses(net, layer, ImageSet.photographs() if images is None else images, progress)
    tunings = {Unit(layer, i): t for i, r in enumerate(responses) if (t := test.measure(r))}
    ranked = sorted(tunings, key=lambda unit: (-tunings[unit].amplitude, unit))
    candidates = [unit for unit in ranked if criteria.met(tunings[unit])]
    if not candidates:
        best = f"; the nearest is {ranked[0]}: {_measured(tunings[ranked[0]])}" if ranked else ", none responds at all"
        raise CurvesError(f"no unit of {layer} is a curve detector{best}; try another layer or looser criteria")
    taken: list[Unit] = []
    for unit in candidates:
        if all(_apart(tunings[unit], tunings[other]) >= criteria.separation for other in taken):
            taken.append(unit)
    members = []
    for unit in taken:
        t = tunings[unit]
        close = [other for other in candidates if _apart(t, tunings[other]) < criteria.separation]
        rivals = [other for other in close if other not in taken]
        why = f"answers to curves of {round(t.preferred_direction) % 360} degrees: {_measured(t)}"
        if rivals:
            why += f"; strongest of {len(rivals) + 1} that point this way"
        members.append(Member(unit, t.preferred_direction, asdict(t), why))
    return Family("curve", layer, tuple(members))


def _apart(a: Tuning, b: Tuning) -> float:
    return float(abs(difference(a.preferred_direction, b.preferred_direction)))


def _measured(t: Tuning) -> str:
    line = np.inf if t.curve_over_line >= 1 else (1 + t.curve_over_line) / (1 - t.curve_over_line)
    times = "ignores straight lines" if np.isinf(line) else f"{line:.1f} times its response to a straight line"
    return (
        f"peak {t.peak:.1f} SD over {t.radius_tolerance:.1f} octaves of radius, "
        f"first harmonic {t.first_harmonic:.2f}, echo {t.echo:.3f}, {times}"
    )
