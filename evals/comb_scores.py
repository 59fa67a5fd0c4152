"""The scores of the combing test from what was measured, for any choice of the combs that were shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import Family
from evals.undefined import over, ratio

__all__ = ["CombResponses"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CombResponses:
    """What a family does, comb by comb; combs are in order of colours, length and spacing.

    Attributes:
        heard: by kind (curve, ticks, combed, dashes) responses, members x radii x combs, standard deviations.
        strokes: members x combs x (positive attribution, ink) x (on ticks, on the curve), on combed curves.
        energy: members x colours x (plain curve, combed): the perpendicular shares.
    """

    heard: Mapping[str, Array]
    strokes: Array
    energy: Array

    def scores(self, family: Family, places: NDArray[Any]) -> dict[str, float | None]:
        """The scores if these combs are shown, some of them several times."""
        heard = {kind: values[..., places].mean(axis=2) for kind, values in self.heard.items()}
        preferred = heard["curve"] >= heard["curve"].max(axis=1, keepdims=True) / 2
        found = {kind: np.mean(values, axis=1, where=preferred).tolist() for kind, values in heard.items()}
        units: dict[str, list[float | None]] = {"curve": found["curve"], "ticks": found["ticks"]}
        for kind in ("ticks", "combed", "dashes"):
            units[f"{kind}_over_curve"] = [ratio(*pair) for pair in zip(found[kind], found["curve"], strict=True)]
        strokes = self.strokes[:, places].sum(axis=1).swapaxes(0, 1)
        units["excitation_on_ticks"], units["ink_on_ticks"] = ([ratio(a, a + b) for a, b in s] for s in strokes)
        colours = places // (self.strokes.shape[1] // self.energy.shape[1])
        for kind, shares in zip(("curve", "combed"), self.energy[:, colours].mean(axis=1).T, strict=True):
            units[f"perpendicular_{kind}"] = [None if np.isnan(share) else float(share) for share in shares]
        scores = {name: over(np.mean, values) for name, values in units.items()}
        for i, unit in enumerate(family.units):
            scores |= {f"{unit}.{name}": values[i] for name, values in units.items()}
        return scores
