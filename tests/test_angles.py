"""Corners, and the series from a corner to a curve."""

import json
import math

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError
from editing import Ablate, Plan
from evals.battery.angles import Angles
from evals.tuning import first_reaching, width_above_half
from tests import small
from tests.drawn import drawn_strokes

TEST = Angles(directions=tuple(range(0, 360, 30)), openings=(60, 120, 160), roundings=(0, 10, 40), radii=(30.0, 60.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize("opening", [40.0, 90.0, 150.0])
def test_corners_are_two_strokes_at_the_opening_about_the_direction(opening):
    direction, size = 65.0, 61
    test = Angles(directions=(direction,), openings=(opening,), roundings=(0.0,))
    line, area = torch.cat(list(test.stimuli(size)[0].batches()))
    ends = [
        (200 * math.cos(math.radians(direction + side)), 200 * math.sin(math.radians(direction + side)))
        for side in (opening / 2, -opening / 2)
    ]
    drawn = drawn_strokes([[(0.0, 0.0), end] for end in ends], size)
    assert (line - drawn).abs().mean() < 0.01
    # The filled side is the one that the legs enclose.
    x = torch.arange(size) + 0.5 - size / 2
    towards = torch.rad2deg(torch.atan2(-x[:, None], x.expand(size, size)))
    inside = ((towards - direction + 180) % 360 - 180).abs() < opening / 2
    assert (area[0] - inside.float()).abs().mean() < 0.02


def test_rounding_turns_a_corner_into_a_curve():
    test = Angles(directions=(30.0,), openings=(20.0,), roundings=(0.0, 5.0, 20.0))
    corners, curves = (torch.cat(list(grid.batches())) for grid in test.stimuli(61))
    by_rounding = corners[:3, 0]
    plain = evals.Curve(direction=30, radius=20, size=61, max_angle=160, extended=True).render()[0]
    assert torch.equal(by_rounding[2], plain)
    apart = [(picture - plain).abs().sum() for picture in by_rounding]
    assert apart[0] > apart[1] > apart[2] == 0
    assert curves.shape[0] == 2 * len(test.radii)


def test_hand_built_curves_prefer_curves_to_corners(images):
    net = small.network()
    family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
    card = evals.run(net, family, [TEST], images=images, draws=20)
    assert 0 < card.scores["angles.corner_over_curve"] < 0.9
    assert card.scores["angles.direction_offset"] < 6
    series = card.data["angles.corners"].max(axis=(2, 3))
    assert (np.median(series[:, 1:] / series[:, :1].clip(1e-6), axis=0) > 1).all()  # rounder is stronger
    assert {"angles.corner_over_curve", f"angles.{family.units[0]}.direction_offset"} <= set(card.spreads)
    assert TEST.figures(card).keys() == {"corner-over-curve"}
    json.dumps(card.details)
    silent = evals.run(Plan([Ablate("3b:0")]).apply(net), family, [TEST], images=images, draws=0)
    assert all(silent.scores[f"angles.3b:0.{name}"] is None for name in ("corner_over_curve", "best_opening"))


def test_scores_of_a_made_up_unit():
    """A unit that answers to the opening, to rounding and to one direction as it is told."""
    test = Angles(directions=tuple(range(0, 360, 10)), openings=(40, 80, 120, 160), roundings=(0, 10, 20))
    bump = np.maximum(np.cos(np.radians(np.array(test.directions) - 70)), 0)
    corners = np.array([1.0, 3.0, 5.0])[:, None, None] * np.array([0.0, 0.25, 1.0, 0.75])[:, None] * bump
    curves = np.full((5, 1), 4.0) * np.roll(bump, 2)
    found = test._of_unit(corners, curves, np.arange(4))
    assert found["corner_over_curve"] == pytest.approx(1 / 4)
    assert found["best_opening"] == 120
    assert found["opening_at_half"] == pytest.approx(80 + 40 / 3)
    assert found["rounding_at_half"] == pytest.approx(5)
    assert found["direction_offset"] == pytest.approx(20)


def test_first_reaching_and_width_above_half():
    axis = np.array([0.0, 1.0, 3.0, 7.0])
    assert first_reaching(np.array([0.0, 2.0, 4.0, 1.0]), axis, 3.0) == 2.0
    assert first_reaching(np.array([5.0, 2.0, 4.0, 1.0]), axis, 3.0) == 0.0
    assert first_reaching(np.array([0.0, 1.0, 1.0, 1.0]), axis, 3.0) is None
    assert width_above_half(np.array([0.0, 4.0, 2.0, 0.0]), axis) == pytest.approx(3.0 - 0.5)
    assert width_above_half(np.array([4.0, 4.0, 4.0, 4.0]), axis) == 7.0
    assert width_above_half(np.zeros(4), axis) == 0.0


@pytest.mark.parametrize("settings", [{"roundings": (5.0,)}, {"openings": (0.0,)}, {"openings": (180.0,)}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(CurvesError, match=r"roundings start with 0|openings are above 0"):
        Angles(**settings)
