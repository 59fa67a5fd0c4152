"""The numbers read off a direction x radius map, against published tuning curves and cases known by formula."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.tuning import coverage, first_harmonic, full_width_at_half_maximum, tuning
from tests.conftest import SHARED

DIRECTIONS = np.arange(0, 360, 7.5)
RADII = np.geomspace(15, 150, 9)
PUBLISHED = SHARED.parent / "reference" / "inceptionv1_mixed3b_tuning.json"


def bell(direction: float, width: float, directions: np.ndarray = DIRECTIONS) -> np.ndarray:
    """A Gaussian tuning curve of full width `width` at half maximum."""
    delta = (directions - direction + 180) % 360 - 180
    return np.exp(-4 * np.log(2) * (delta / width) ** 2)


def test_published_tuning_curves_give_the_published_figures() -> None:
    if not PUBLISHED.is_file():
        pytest.skip(f"{PUBLISHED} is not there")
    published = json.loads(PUBLISHED.read_text())
    directions = np.arange(0, 360, published["step_deg"])
    curves = np.array([published["activations"][str(unit)] for unit in published["units"]])
    found = [tuning(c[:, None].repeat(2, 1), 0 * c, directions, np.array([30.0, 60.0])) for c in curves]
    assert np.mean([t.first_harmonic for t in found]) == pytest.approx(0.917, abs=0.002)
    assert np.median([t.width for t in found]) == pytest.approx(49.5, abs=0.2)
    assert np.mean([t.echo for t in found]) == pytest.approx(0.009, abs=0.0005)
    assert coverage(curves) == pytest.approx(0.307, abs=0.0005)


@given(st.floats(0, 359.9), st.floats(30, 120), st.floats(0.1, 50))
def test_a_bell_is_measured_as_it_was_made(direction: float, width: float, height: float) -> None:
    curve = height * bell(direction, width)
    angle, harmonic = first_harmonic(curve, DIRECTIONS)
    assert (angle - direction + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    sigma = np.deg2rad(width) / np.sqrt(8 * np.log(2))
    assert harmonic == pytest.approx(np.exp(-(sigma**2) / 2), abs=0.02)
    assert full_width_at_half_maximum(curve, DIRECTIONS) == pytest.approx(width, abs=3)


@given(st.integers(0, 47), st.floats(0.01, 100), st.integers(0, 2**31))
def test_turning_and_scaling_a_map_turns_and_scales_the_tuning(steps: int, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    curves = bell(90, 60)[:, None] * rng.uniform(0.5, 1, 9) + rng.uniform(0, 0.1, (48, 9))
    lines = rng.uniform(0, 0.2, 48)
    a = tuning(curves, lines, DIRECTIONS, RADII)
    b = tuning(factor * np.roll(curves, steps, 0), factor * np.roll(lines, steps, 0), DIRECTIONS, RADII)
    assert (b.preferred_direction - a.preferred_direction - 7.5 * steps + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert b.peak == pytest.approx(factor * a.peak)
    assert b.amplitude == pytest.approx(factor * a.amplitude)
    for name in ("first_harmonic", "width", "radius_tolerance", "curve_over_line"):
        assert getattr(b, name) == pytest.approx(getattr(a, name), abs=1e-6)


def test_echo_is_what_comes_from_the_opposite_side() -> None:
    curve = bell(90, 40) + 0.25 * bell(270, 40)
    found = tuning(curve[:, None].repeat(9, 1), 0 * curve, DIRECTIONS, RADII)
    assert found.echo == pytest.approx(0.25, abs=1e-3)
    beside = bell(90, 40) + 0.25 * bell(180, 40)  # more than 45 degrees from the opposite: no echo
    assert tuning(beside[:, None].repeat(9, 1), 0 * curve, DIRECTIONS, RADII).echo < 0.01


def test_lines_and_radii() -> None:
    curves = np.zeros((48, 9))
    curves[:, 3:6] = bell(0, 50)[:, None]  # three radii, and half of the best at the edges between
    lines = 0.5 * bell(0, 50)
    found = tuning(curves, lines, DIRECTIONS, RADII)
    step = np.log2(RADII[1] / RADII[0])
    assert found.radius_tolerance == pytest.approx(3 * step)
    assert found.curve_over_line == pytest.approx(1 / 3, abs=1e-3)
    assert tuning(curves, -lines, DIRECTIONS, RADII).curve_over_line == 1


def test_silence_is_not_measured() -> None:
    assert tuning(-np.ones((48, 9)), np.ones(48), DIRECTIONS, RADII) is None


def test_coverage_counts_the_worst_direction_and_silent_units_as_nothing() -> None:
    four = np.stack([bell(d, 60) for d in (0, 90, 180, 270)])
    assert coverage(four) == pytest.approx(bell(0, 60)[6], abs=1e-6)  # 45 degrees off
    assert coverage(four[:2]) < 0.01
    assert coverage(np.concatenate([four, np.zeros((1, 48))])) == coverage(four)


def test_a_flat_curve_is_as_wide_as_the_circle() -> None:
    assert full_width_at_half_maximum(np.ones(48), DIRECTIONS) == 360
