"""Whether a unit's larger activations fall off exponentially, or rather as a Gaussian, a log-normal or a power law.

"Curve Detectors" says so of 3b:379: its activations decay exponentially, much more slowly than a Gaussian would. Here
each law is fitted by maximum likelihood to all values from a threshold on (Clauset, Shalizi and Newman, 2009), and the
exponential is compared with each other one by Vuong's likelihood ratio test (1989). An exponential law is exponential
from any threshold on, so that the threshold can lie where a power law has a meaning: above 0.

Positions of one picture are not independent, and a test that takes them to be finds certainty where there is none. So
the variance of the ratio is taken over pictures (clusters), with Student's t in place of the normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS", "Comparison", "Tail", "fit_tail", "vuong"]

Array = NDArray[np.float64]

LAWS = {
    "gaussian": "normal distribution cut off below the threshold, its middle no lower than the unit's mean "
    "(with a middle far below it would be the exponential)",
    "lognormal": "log-normal distribution cut off below the threshold",
    "power_law": "power law from the threshold on",
}
"""What the exponential is compared with."""

LEAST = 20
"""Values, below which nothing is fitted."""


@dataclass(frozen=True)
class Comparison:
    """The exponential against another law.

    Attributes:
        ratio: mean log-likelihood ratio of a value, nats; above 0 the exponential fits better.
        p: two-sided: how likely a ratio as far from 0 is if both are equally far from the truth; None with less than
            two pictures.
    """

    ratio: float
    p: float | None


@dataclass(frozen=True)
class Tail:
    """The values of a unit from a threshold on.

    Attributes:
        threshold: where the tail begins, in the values' own unit.
        count: values in the tail.
        pictures: that they are of.
        scale: of the exponential: by how much the values exceed the threshold on average.
        distance: Kolmogorov's, between the values and the fitted exponential: the largest difference of shares, 0..1.
        gaussian: middle and standard deviation of the fitted normal distribution.
        against: by law.
    """

    threshold: float
    count: int
    pictures: int
    scale: float
    distance: float
    gaussian: tuple[float, float]
    against: Mapping[str, Comparison]


def fit_tail(values: Array, pictures: NDArray[np.uint64], threshold: float, mean: float) -> Tail | None:
    """Fit all laws to the values from a threshold on, and compare.

    Args:
        values: of one unit, (N,), at a sample of positions.
        pictures: which picture each is of.
        threshold: where the tail begins, above 0.
        mean: of all the unit's values.

    Returns:
        None if there are less than `LEAST` different values: too few to say anything.
    """
    inside = values >= threshold
    x, of = values[inside], pictures[inside]
    if threshold <= 0 or len(np.unique(x)) < LEAST:
        return None
    scale = float((x - threshold).mean())
    exponential = -(x - threshold) / scale - math.log(scale)
    logarithms = np.log(x)
    normal, middle, deviation = _cut_normal(x, threshold, mean)
    farthest = math.log(threshold) - 10 * float(np.ptp(logarithms))  # farther down it is the power law
    others = {
        "gaussian": normal,
        "lognormal": _cut_normal(logarithms, math.log(threshold), farthest)[0] - logarithms,
        "power_law": _power_law(logarithms - math.log(threshold), threshold),
    }
    return Tail(
        threshold=threshold,
        count=len(x),
        pictures=len(np.unique(of)),
        scale=scale,
        distance=_distance((x - threshold) / scale),
        gaussian=(middle, deviation),
        against={name: vuong(exponential - other, of) for name, other in others.items()},
    )


def vuong(ratios: Array, clusters: NDArray[np.uint64]) -> Comparison:
    """Vuong's test for laws of which none contains the other, its variance taken over clusters.

    Args:
        ratios: log-likelihood ratio of each value, (N,).
        clusters: what each belongs to; those of different clusters are independent.
    """
    from scipy.stats import t  # not at the top: it takes most of a second

    ratio = float(ratios.mean())
    names, number = np.unique(clusters, return_inverse=True)
    count = len(names)
    if count < 2:
        return Comparison(ratio, None)
    sums = np.bincount(number, ratios - ratio)
    error = math.sqrt(count / (count - 1) * float(sums @ sums)) / len(ratios)
    return Comparison(ratio, float(2 * t.sf(abs(ratio) / error, count - 1)) if error > 0 else None)


def _cut_normal(x: Array, threshold: float, lowest: float) -> tuple[Array, float, float]:
    """Log-density of the normal distribution above a threshold that fits best, its middle and standard deviation.

    Args:
        x: values, all from the threshold on.
        threshold: below it there is nothing.
        lowest: the middle may lie no lower.
    """
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    spread = float(x.std())

    def density(middle: float, deviation: float) -> Array:
        z = (x - middle) / deviation
        norm = math.log(deviation * math.sqrt(2 * math.pi)) + float(log_ndtr((middle - threshold) / deviation))
        found: Array = -z * z / 2 - norm
        return found

    def loss(parameters: Array) -> float:
        return -float(density(threshold + spread * parameters[0], spread * math.exp(parameters[1])).mean())

    least = (lowest - threshold) / spread
    starts = [(max(least, (float(x.mean()) - threshold) / spread), 0.0), (max(least, -2.0), 1.0)]
    bounds = [(least, max(least, 0.0) + 10), (-5, 5)]
    # Two numbers: the simplex needs no algebra, whose threads cost more than all else here.
    options = {"xatol": 1e-7, "fatol": 1e-12, "maxiter": 2000}
    tried = [minimize(loss, start, bounds=bounds, method="Nelder-Mead", options=options) for start in starts]
    best = min(tried, key=lambda found: float(found.fun))
    middle, deviation = threshold + spread * float(best.x[0]), spread * math.exp(float(best.x[1]))
    return density(middle, deviation), middle, deviation


def _power_law(above: Array, threshold: float) -> Array:
    """Log-density of the power law that fits best, given the logarithms of x / threshold."""
    exponent = 1 + 1 / float(above.mean())
    found: Array = math.log((exponent - 1) / threshold) - exponent * above
    return found


def _distance(excess: Array) -> float:
    """The largest difference between the shares of values below a place and the exponential's."""
    expected = -np.expm1(-np.sort(excess))
    steps = np.arange(len(excess) + 1) / len(excess)
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))
