"""What a family's units say of examples that are turned: the joint tuning curve of "Curve Detectors"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import Family
from circuits.angles import difference
from evals.tuning import Array, coverage, first_harmonic, full_width_at_half_maximum
from evals.undefined import over, ratio

__all__ = ["JointTuning"]


@dataclass(frozen=True, eq=False)
class JointTuning:
    """Responses to turned examples, laid on one circle.

    Attributes:
        family: its units.
        angles: degrees, evenly spaced over the circle from 0.
        aligned: units x examples x angles: responses of a unit to its own examples, turned so that they are strongest
            (their circular mean) in the middle, at 180; nan where the example does not excite it.
        laid: units x examples x units x angles: all units' responses to each example, by the direction that it shows;
            0 where the example does not excite its unit.
        control: units x examples x (1 + controls): responses of a unit to its own examples, unturned and turned back.
        drawn: units x angles: tuning to drawn curves.
    """

    family: Family
    angles: Array
    aligned: Array
    laid: Array
    control: Array
    drawn: Array

    @classmethod
    def of(cls, family: Family, angles: Array, joint: Array, control: Array, drawn: Array) -> JointTuning:
        """Lay responses on one circle.

        Args:
            family: its units.
            angles: degrees by which examples were turned, evenly spaced over the circle from 0.
            joint: units whose examples they are x examples x angles x units, 0 or more.
            control: as the attribute.
            drawn: as the attribute.
        """
        aligned, laid = np.full(joint.shape[:3], np.nan), np.zeros((*joint.shape[:2], *joint.shape[:1:-1]))
        for i, direction in enumerate(family.directions):
            for k, heard in enumerate(joint[i]):
                own = heard[:, i]
                if own.max() > 0:
                    best, _ = first_harmonic(own, angles, family.period)
                    aligned[i, k] = np.interp(best + angles - 180, angles, own, period=360)
                    at = angles - direction + best
                    laid[i, k] = [np.interp(at, angles, curve, period=360) for curve in heard.T]
        return cls(family, angles, aligned, laid, control, drawn)

    def natural(self, ranks: NDArray[Any]) -> Array:
        """Units x angles: mean response to the others' examples by the direction that these show; 0 without any."""
        times = np.bincount(ranks, minlength=self.laid.shape[1]).astype(float)
        sums = np.einsum("r,iruj->iuj", times, self.laid)
        counts = (self._exciting * times).sum(axis=1)
        each = np.arange(len(self.family))
        total, of = sums.sum(axis=0) - sums[each, each], (counts.sum() - counts)[:, None]
        found: Array = np.divide(total, of, out=np.zeros_like(total), where=of > 0)
        return found

    def own(self, ranks: NDArray[Any]) -> list[Array]:
        """By unit, examples x angles: its aligned responses, each over its largest; only to those that excite it."""
        shares = self.aligned[:, ranks] / self.aligned[:, ranks].max(axis=2, keepdims=True)
        return [one[heard] for one, heard in zip(shares, self._exciting[:, ranks], strict=True)]

    @property
    def _exciting(self) -> NDArray[np.bool_]:
        """Units x examples."""
        return ~np.isnan(self.aligned[..., 0])

    def scores(self, ranks: NDArray[Any]) -> dict[str, float | None]:
        """The test's scores if these of the examples are shown."""
        natural, own = self.natural(ranks), self.own(ranks)
        means = [one.mean(axis=0) for one in own if len(one)]
        every = np.concatenate(own)
        units = [self._of_unit(i, ranks, own[i], natural[i]) for i in range(len(self.family))]
        told: dict[str, float | None] = {
            "width": full_width_at_half_maximum(np.mean(means, axis=0), self.angles) if means else None,
            "spread": float(every.std(axis=0).mean()) if len(every) else None,
            "coverage": coverage(natural),
            "direction_offset": over(np.median, [unit["direction_offset"] for unit in units]),
            "synthetic_correlation": over(np.mean, [unit["synthetic_correlation"] for unit in units]),
            "control": over(np.median, [unit["control"] for unit in units]),
            "responding": len(means) / len(self.family),
        }
        for name, unit in zip(self.family.units, units, strict=True):
            told |= {f"{name}.{key}": value for key, value in unit.items()}
        return told

    def _of_unit(self, i: int, ranks: NDArray[Any], own: Array, natural: Array) -> dict[str, float | None]:
        offset = likeness = None
        if natural.max() > 0:
            period = self.family.period
            offset = float(
                abs(difference(first_harmonic(natural, self.angles, period)[0], self.family.directions[i], period))
            )
            if self.drawn[i].std() > 0:
                likeness = float(np.corrcoef(natural, self.drawn[i])[0, 1])
        plain, back = self.control[i, ranks, 0], self.control[i, ranks, 1:].mean(axis=1)
        return {
            "width": full_width_at_half_maximum(own.mean(axis=0), self.angles) if len(own) else None,
            "direction_offset": offset,
            "synthetic_correlation": likeness,
            "control": over(np.mean, [ratio(b, p) for b, p in zip(back, plain, strict=True)]),
        }
