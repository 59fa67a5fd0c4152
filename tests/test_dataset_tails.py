"""Known distributions are recognised, and positions of one picture are not taken for independent."""

import numpy as np
import pytest
from scipy import stats

from evals.dataset.tails import LAWS, fit_tail, vuong

COUNT = 20_000


def draw(law, random):
    """Values of which about half are above 0, and nothing but the larger half of these is looked at."""
    if law == "exponential":
        return random.laplace(-0.5, 1, COUNT)
    if law == "gaussian":
        return random.normal(-0.5, 1, COUNT)
    if law == "lognormal":
        return random.lognormal(0, 1.5, COUNT)
    return random.pareto(2.0, COUNT) + 1


def tail(values, pictures=None):
    fires = values[values > 0]
    pictures = np.arange(len(values), dtype=np.uint64) if pictures is None else pictures
    return fit_tail(values, pictures, float(np.median(fires)), float(values.mean()))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("law", ["gaussian", "lognormal", "power_law"])
def test_other_laws_are_told_from_the_exponential(law, seed):
    found = tail(draw(law, np.random.default_rng(seed)))
    assert found.against[law].ratio < 0
    assert found.against[law].p < 0.001


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_exponential_is_told_from_the_gaussian_and_the_power_law(seed):
    found = tail(draw("exponential", np.random.default_rng(seed)))
    assert set(found.against) == set(LAWS)
    for law in ("gaussian", "power_law"):
        assert found.against[law].ratio > 0, law
        assert found.against[law].p < 0.01, law
    other = found.against["lognormal"]  # with two numbers to choose, it comes near to an exponential
    assert other.ratio > 0 or other.p > 0.05
    assert found.scale == pytest.approx(1, rel=0.05)
    assert found.distance < 0.025


def test_likelihoods_are_those_of_scipy():
    values = draw("gaussian", np.random.default_rng(3))
    found = tail(values)
    x = values[values >= found.threshold]
    middle, deviation = found.gaussian
    assert (middle, deviation) == (pytest.approx(-0.5, abs=0.4), pytest.approx(1, abs=0.15))
    exponential = stats.expon.logpdf(x, found.threshold, found.scale)
    cut = stats.truncnorm((found.threshold - middle) / deviation, np.inf, middle, deviation).logpdf(x)
    power = stats.pareto(1 / np.log(x / found.threshold).mean(), scale=found.threshold).logpdf(x)
    assert found.against["gaussian"].ratio == pytest.approx((exponential - cut).mean(), rel=1e-6)
    assert found.against["power_law"].ratio == pytest.approx((exponential - power).mean(), rel=1e-6)
    assert found.distance == pytest.approx(stats.kstest(x, "expon", (found.threshold, found.scale)).statistic)


def test_copies_of_a_value_in_one_picture_are_no_further_evidence():
    ratios = np.random.default_rng(0).normal(0.1, 1, 300)
    pictures = np.arange(300, dtype=np.uint64)
    once, often = vuong(ratios, pictures), vuong(np.repeat(ratios, 25), np.repeat(pictures, 25))
    assert often.p == pytest.approx(once.p)
    assert often.ratio == pytest.approx(once.ratio)
    assert vuong(ratios, np.zeros(300, np.uint64)).p is None


def test_the_test_is_right_as_often_as_it_says():
    random = np.random.default_rng(0)
    of = np.repeat(np.arange(12, dtype=np.uint64), 30)
    found = [vuong(random.normal(0, 1, 12)[of.astype(int)] + random.normal(0, 1, 360), of).p for _ in range(2000)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_too_few_values_are_not_fitted():
    assert fit_tail(np.arange(1.0, 11), np.arange(10, dtype=np.uint64), 1.0, 0.0) is None
    assert fit_tail(np.ones(1000), np.arange(1000, dtype=np.uint64), 1.0, 0.0) is None
    assert fit_tail(np.arange(-50.0, 50), np.arange(100, dtype=np.uint64), 0.0, 0.0) is None
