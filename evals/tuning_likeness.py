"""Likeness to published tuning curves: which unit of a network is tuned most nearly as a published one is.

Only the curves are published, so that nothing but they can be compared: no maps, no photographs. The directions of a
hand-built family go evenly around the circle, so that where the published angles have their zero cannot matter beyond
the spacing of the family; how much it does is reported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from circuits import Family, Network, Unit
from circuits.angles import difference
from circuits.images import ImageSet
from evals.agreement import Mean, correlations, mean_over_units
from evals.battery.synthetic import SyntheticCurves
from evals.likeness import merged, responsive_maps
from evals.progress import Progress
from evals.published_tuning import TuningCurves
from evals.results import defined, save_results
from evals.scorecard import provenance
from evals.tuning import first_harmonic, full_width_at_half_maximum, radial_tuning

__all__ = ["FINE", "TunedPair", "TuningLikeness", "tuning_likeness"]

FINE = SyntheticCurves(directions=tuple(float(d) for d in np.arange(0, 360, 2.5)))
"""The synthetic test at directions fine enough for the published curves, some of which are 30 degrees wide."""


@dataclass(frozen=True)
class TunedPair:
    """A published unit and its partner.

    Attributes:
        unit: the published one.
        direction: that of its curve's first harmonic, degrees.
        width: of its curve at half maximum, degrees.
        partner: the unit whose tuning curve correlates best.
        partner_direction: likewise.
        partner_width: likewise.
        correlation: Pearson's, of the two curves over directions, -1..1.
        shifted: of the published curve, turned by the shift that is best for all units together, with the unit that is
            then its best partner.
        turned: of the two curves where the published one may be turned freely: how alike their shapes are.
    """

    unit: Unit
    direction: float
    width: float
    partner: Unit
    partner_direction: float
    partner_width: float
    correlation: float
    shifted: float
    turned: float


@dataclass(frozen=True)
class TuningLikeness:
    """How much a network's units are tuned as published ones are.

    Attributes:
        pairs: one for each published unit, in order of direction.
        shift: degrees, the turn of all published curves together that is best for the mean correlation; none is tried
            above half of the widest gap between the network's units, since others are their partners then.
        published: what was published: model and source.
        network: what it was compared with, as from `evals.scorecard.provenance`.
        layer: of the network's units.
        images: name, hash and count of the images that responses are scaled by.
        stimuli: what was drawn for the network.
    """

    pairs: tuple[TunedPair, ...]
    shift: float
    published: Mapping[str, str]
    network: Mapping[str, Any]
    layer: str
    images: Mapping[str, Any]
    stimuli: Mapping[str, Any]

    def means(self) -> dict[str, Mean]:
        """The mean correlations over units with bootstrap intervals: as they are, with the shift, turned freely."""
        return {
            name: mean_over_units([getattr(pair, name) for pair in self.pairs])
            for name in ("correlation", "shifted", "turned")
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON-able data."""
        found: dict[str, Any] = defined(
            {
                "means": {name: asdict(mean) for name, mean in self.means().items()},
                "pairs": [_row(pair) for pair in self.pairs],
                "shift": self.shift,
                "published": self.published,
                "network": self.network,
                "layer": self.layer,
                "images": self.images,
                "stimuli": self.stimuli,
            }
        )
        return found

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write `tuning.csv` and `tuning.json`, each whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        return save_results(folder, "tuning", [_row(pair) for pair in self.pairs], self.to_json())


def tuning_likeness(
    curves: TuningCurves,
    net: Network,
    families: Family | Sequence[Family],
    *,
    images: ImageSet | None = None,
    test: SyntheticCurves | None = None,
    progress: Progress | None = None,
) -> TuningLikeness:
    """Find for each published tuning curve the unit whose own correlates best with it.

    Args:
        curves: as from `read_tuning_curves`.
        net: such as the hand-built network.
        families: the units among which partners are sought: families of one layer.
        images: what a standard deviation is taken over; scikit-image's photographs by default. It scales each unit's
            responses by one number, which no correlation depends on.
        test: the synthetic curves; the standard radii at steps of 2.5 degrees by default.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network has no such unit.
        CurvesError: no family is given or they are of several layers, or no unit answers to any curve.
    """
    candidates = merged(families)
    for unit in candidates.units:
        net.unit(unit)
    images, test = images or ImageSet.photographs(), test or FINE
    maps = responsive_maps(net, candidates, test, images, progress, silent=True)
    theirs = np.stack([radial_tuning(each) for each in maps])
    directions = np.asarray(test.directions)
    ours = curves.at(directions)
    # By shift, published unit and candidate: all published curves turned on by so many steps of the directions.
    every = np.stack([correlations(np.roll(ours, i, axis=1), theirs) for i in range(len(directions))])
    as_it_is = every[0]
    angles = difference(directions - directions[0], 0)
    tried = np.flatnonzero(np.abs(angles) <= _widest_gap(candidates) / 2)
    shift = int(tried[np.nanmax(every[tried], axis=2).mean(axis=1).argmax()])
    pairs = []
    for i, unit in enumerate(curves.units):
        partner = int(np.nanargmax(as_it_is[i]))
        pairs.append(
            TunedPair(
                unit=unit,
                direction=first_harmonic(ours[i], directions)[0],
                width=full_width_at_half_maximum(ours[i], directions),
                partner=candidates.units[partner],
                partner_direction=first_harmonic(theirs[partner], directions)[0],
                partner_width=full_width_at_half_maximum(theirs[partner], directions),
                correlation=float(as_it_is[i, partner]),
                shifted=float(np.nanmax(every[shift, i])),
                turned=float(every[:, i, partner].max()),
            )
        )
    return TuningLikeness(
        pairs=tuple(sorted(pairs, key=lambda pair: pair.direction)),
        shift=float(angles[shift]),
        published={"model": curves.model, "source": curves.source},
        network=provenance(net),
        layer=candidates.layer,
        images={"name": images.name, "hash": images.hash, "count": len(images)},
        stimuli=test.stimuli(net, candidates.layer).spec(),
    )


def _widest_gap(family: Family) -> float:
    """Degrees between neighbouring directions where they are furthest apart."""
    directions = np.unique(family.directions)
    return float(np.diff([*directions, directions[0] + family.period]).max())


def _row(pair: TunedPair) -> dict[str, Any]:
    return asdict(pair) | {"unit": str(pair.unit), "partner": str(pair.partner)}
