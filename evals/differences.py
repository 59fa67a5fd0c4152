"""How far two networks' scores are apart, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits import CurvesError
from evals.resampling import Spread, spread
from evals.scorecard import Scorecard

__all__ = ["Difference", "difference"]


@dataclass(frozen=True)
class Difference:
    """A score of one network less that of another.

    Attributes:
        score: its name.
        value: of a periodic score the short way round; None where either is undefined.
        spread: of the difference; None where it is not known.
        paired: whether both networks were shown the same, draw by draw, so that what is alike in both does not count.
    """

    score: str
    value: float | None
    spread: Spread | None
    paired: bool


def difference(card: Scorecard, reference: Scorecard, name: str) -> Difference:
    """Compare a score of two cards.

    Where both tests drew again from the same stimuli with the same seed, the spread is that of the differences draw by
    draw. Otherwise the two are taken to be independent: draws of one are set against shuffled draws of the other, and
    where a card has no draws with it, standard errors add as squares, and the interval is a normal distribution's.

    Args:
        card: of the network in question.
        reference: of the network it is compared with.
        name: of a score that both have.

    Raises:
        CurvesError: a card has no such score, or they mean different things by it.
    """
    own, other = card.score(name), reference.score(name)
    meaning = own.definition
    if (meaning.unit, meaning.period) != (other.definition.unit, other.definition.period):
        raise CurvesError(f"{name} is in {meaning.unit} on one card and in {other.definition.unit} on the other")
    drawn, others = (each.replicates.get(own.test) for each in (card, reference))
    paired = drawn is not None and others is not None and drawn.matches(others)
    if own.value is None or other.value is None:
        return Difference(name, None, None, paired)
    value = meaning.difference(own.value, other.value)
    first, second = (each.of(name) if each else None for each in (drawn, others))
    if first is None or second is None:
        return Difference(name, value, _independent(value, own.spread, other.spread), paired=False)
    if not paired:
        # Both may have been drawn with one seed: as they stand, their draws would not be independent.
        count = min(len(first), len(second))
        first, second = first[:count], np.random.default_rng(1).permutation(second[:count])
    return Difference(name, value, spread(first.astype(np.float64) - second, value, meaning), paired)


def _independent(value: float, first: Spread | None, second: Spread | None) -> Spread | None:
    if first is None or second is None:
        return None
    error = float(np.hypot(first.standard_error, second.standard_error))
    return Spread(error, value - 1.96 * error, value + 1.96 * error)
