"""Uncertainty by bootstrap: what was shown is drawn again with replacement, and the scores are computed anew.

The places drawn follow from the seed and from how many things there are, and from nothing else. Two networks that were
shown the same things are so given the same draws, and the difference of their scores is known far better than either.

Source: Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics, 1979.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuits import CurvesError
from evals.testing import Definition, Sample, Scores

__all__ = ["DRAWS", "Replicates", "Spread", "replicates", "spread", "spreads"]

DRAWS = 500
"""How often the stimuli of a test are drawn again: intervals are then known to a tenth of their width."""


@dataclass(frozen=True)
class Spread:
    """How far a value would vary with other stimuli of the kind.

    Attributes:
        standard_error: the standard deviation over draws.
        low: begin of the interval of 95%, by percentiles.
        high: its end.
    """

    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Replicates:
    """The scores of one test in samples drawn again and again.

    Attributes:
        what: was drawn, in the plural.
        count: how many there are, and are drawn each time.
        identity: of the things drawn; equal for equal ones.
        seed: of the draws.
        names: of the scores.
        values: draws x scores, float32; NaN where a score is undefined.
    """

    what: str
    count: int
    identity: str
    seed: int
    names: tuple[str, ...]
    values: NDArray[np.float32]

    def of(self, name: str) -> NDArray[np.float32] | None:
        """A score draw by draw; None if it has no uncertainty."""
        return self.values[:, self.names.index(name)] if name in self.names else None

    def to_json(self) -> dict[str, Any]:
        """Everything but the values."""
        return {
            "what": self.what,
            "count": self.count,
            "identity": self.identity,
            "seed": self.seed,
            "times": len(self.values),
            "scores": list(self.names),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], values: NDArray[np.float32]) -> Replicates:
        """Put together again what `to_json` took apart.

        Raises:
            ValueError: the values do not fit.
        """
        names = tuple(data["scores"])
        if values.shape != (data["times"], len(names)):
            raise ValueError(f"replicates of shape {values.shape} for {data['times']} draws of {len(names)} scores")
        return cls(data["what"], data["count"], data["identity"], data["seed"], names, values)

    def matches(self, other: Replicates) -> bool:
        """Whether each draw of the one is of the same things as that of the other."""
        mine, theirs = ((each.what, each.count, each.identity, each.seed, len(each.values)) for each in (self, other))
        return mine == theirs


def replicates(
    sample: Sample, *, seed: int = 0, times: int = DRAWS, progress: Callable[[int], None] | None = None
) -> Replicates:
    """Compute the scores of a sample's draws.

    Args:
        sample: what can be drawn again.
        seed: of the draws.
        times: how many draws.
        progress: called with the number of draws done since the last call.

    Raises:
        CurvesError: there is no draw, or nothing to draw from.
    """
    if times < 1 or sample.count < 1:
        raise CurvesError(f"cannot draw {times} times from {sample.count} {sample.what}; give at least one of each")
    random = np.random.default_rng(seed)
    found: list[Mapping[str, float | None]] = []
    # Few things have few draws that differ: each is computed once. Many have none alike, hence digests and no copies.
    known: dict[bytes, int] = {}
    for number in range(times):
        places = np.sort(random.integers(0, sample.count, sample.count))
        first = known.setdefault(hashlib.blake2b(places.tobytes()).digest(), number)
        found.append(sample.scores(places) if first == number else found[first])
        if progress:
            progress(1)
    names = tuple(found[0])
    rows = [[np.nan if scores.get(name) is None else scores[name] for name in names] for scores in found]
    values = np.array(rows, dtype=np.float32).reshape(times, len(names))
    return Replicates(sample.what, sample.count, sample.identity, seed, names, values)


def spread(values: ArrayLike, centre: float, definition: Definition) -> Spread | None:
    """The spread of a score or a difference over draws.

    Args:
        values: one for each draw; NaN where it is undefined.
        centre: the value itself, around which a periodic score is unrolled.
        definition: what the score means.

    Returns:
        None if it is undefined in more than half of the draws.
    """
    drawn = np.asarray(values, dtype=np.float64)
    told = drawn[~np.isnan(drawn)]
    if not told.size or 2 * told.size < drawn.size:
        return None
    if definition.period is not None:
        told = centre + (told - centre + definition.period / 2) % definition.period - definition.period / 2
    low, high = np.percentile(told, (2.5, 97.5))
    return Spread(float(told.std()), float(low), float(high))


def spreads(again: Replicates, scores: Scores, definition: Callable[[str], Definition]) -> dict[str, Spread]:
    """The spread of each score that is defined, now and in most draws.

    Args:
        again: the scores draw by draw.
        scores: the scores themselves.
        definition: gives what a score of that name means.
    """
    found = {}
    for name in again.names:
        value, drawn = scores[name], again.of(name)
        if value is not None and drawn is not None and (own := spread(drawn, value, definition(name))) is not None:
            found[name] = own
    return found
