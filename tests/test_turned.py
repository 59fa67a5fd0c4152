"""Natural examples, turned: the pictures, the joint tuning that follows from responses, and the test as a whole."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import evals
import handbuilt
from circuits import CurvesError
from evals import ImageSet
from evals.battery.rotation import Rotation
from evals.battery.synthetic import SyntheticCurves
from evals.joint_tuning import JointTuning
from evals.natural import natural_examples
from evals.stimuli import Curve
from evals.turned import through_window, turned, window
from tests import small, templates

ANGLES = np.arange(0, 360, 5.0)
FADE = 0.2


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def arcs():
    return templates.network(templates.arcs(templates.DIRECTIONS))


# --- turning --------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    direction=st.floats(0, 360),
    angle=st.floats(-360, 720),
    size=st.sampled_from([60, 61]),
    place=st.tuples(st.floats(-6, 6), st.floats(-6, 6)),
)
def test_turning_a_drawn_curve_adds_to_its_direction(direction, angle, size, place):
    turn = math.radians(angle)
    moved = (
        place[0] * math.cos(turn) - place[1] * math.sin(turn),
        place[0] * math.sin(turn) + place[1] * math.cos(turn),
    )
    before = Curve(direction=direction, radius=14, max_angle=90, position=place, size=size).render()
    after = Curve(direction=direction + angle, radius=14, max_angle=90, position=moved, size=size).render()
    found = turned(before, torch.tensor([angle]), FADE)[0]
    expected = through_window(after, FADE)
    assert (found - expected).abs().mean() < 0.01
    assert (found - expected).abs().max() < 0.35


@settings(max_examples=10, deadline=None)
@given(quarters=st.integers(-4, 8), size=st.sampled_from([40, 41]), seed=st.integers(0, 99))
def test_quarter_turns_only_move_pixels(quarters, size, seed):
    picture = torch.rand(3, size, size, generator=torch.Generator().manual_seed(seed))
    found = turned(picture, torch.tensor([90.0 * quarters]), FADE)[0]
    assert torch.allclose(found, through_window(picture, FADE).rot90(quarters, (-2, -1)), atol=1e-6)


def test_there_and_back_leaves_a_smooth_picture_as_it_was():
    x = torch.linspace(-2, 2, 81)
    picture = (0.5 + 0.4 * torch.sin(2 * x)[:, None] * torch.cos(3 * x)).expand(3, 81, 81)
    degrees = torch.tensor([0.0, 7.0, 45.0, 200.0])
    back = turned(picture, degrees, FADE, back=True)
    assert torch.allclose(back, through_window(picture, FADE).expand_as(back), atol=8e-3)
    assert (turned(picture, degrees, FADE)[1:] - through_window(picture, FADE)).abs().amax((1, 2, 3)).min() > 0.05


def test_the_window_is_round_and_fades():
    seen = window(80, FADE)
    assert torch.equal(seen, seen.rot90())
    assert seen[40, 40] == 1
    assert seen[:, 0].max() < 0.01
    away = torch.hypot(*torch.meshgrid(*[torch.arange(80) - 39.5] * 2, indexing="ij"))
    assert (seen[away < 0.79 * 40] == 1).all()
    assert (seen[away > 40] == 0).all()
    picture = torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(0))
    corners = through_window(picture, FADE)[:, away > 40]
    assert torch.allclose(corners, corners[:, :1].expand_as(corners))


# --- examples -------------------------------------------------------------------------------------------------------


def test_examples_are_the_strongest_of_each_picture(arcs, images):
    family = templates.family(templates.DIRECTIONS)
    found = natural_examples(arcs, family, images, 5)
    assert found.values.shape == (8, 2)  # there are two pictures
    assert (found.values[:, 0] >= found.values[:, 1]).all()
    heard = [arcs.activations(image[None], ["t"], pre=True)["t"][0].flatten(1).amax(1).double() for image in images]
    expected = torch.stack(heard, dim=1).sort(dim=1, descending=True)
    assert np.allclose(found.values, expected.values)
    assert np.array_equal(found.pictures, expected.indices)
    again = arcs.responses(found.crops.flatten(0, 1), "t").reshape(8, 2, 8)
    assert np.allclose(np.stack([again[i, :, i] for i in range(8)]), found.values, atol=1e-4)


def test_examples_lie_inside_their_pictures(images):
    net = small.network()
    family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
    found = natural_examples(net, family, images, 1)
    size = net.receptive_field("3b").size
    assert found.corners.min() >= 0
    assert found.corners.max() <= 96 - size
    own = net.responses(found.crops[:, 0], "3b")
    assert np.allclose([own[i, c] for i, c in enumerate(family.channels)], found.values[:, 0], atol=1e-3)


def test_pictures_that_are_too_small_are_refused(arcs, images):
    tiny = ImageSet("tiny", images.paths, short_side=30)
    with pytest.raises(CurvesError, match=r"receptive field of t \(31 px\) fits into none of tiny"):
        natural_examples(arcs, templates.family(templates.DIRECTIONS), tiny, 1)


# --- joint tuning ---------------------------------------------------------------------------------------------------


def bumps(family, shown, offsets=0.0, width=50.0):
    """Units x examples x angles x units: bell-shaped tuning around each unit's direction, plus an offset of its own."""
    shown = np.asarray(shown)[:, :, None, None] + ANGLES[:, None]
    away = (shown - np.asarray(family.directions) - offsets + family.period / 2) % family.period - family.period / 2
    return np.exp(-np.log(2) * (2 * away / width) ** 2)


def joint(family, heard):
    shape = heard.shape
    drawn = bumps(family, np.zeros((1, 1)))[0, 0].T
    return JointTuning.of(family, ANGLES, heard, np.ones((*shape[:2], 3)), drawn)


def test_joint_tuning_finds_width_directions_and_coverage():
    family = templates.family(templates.DIRECTIONS)
    random = np.random.default_rng(0)
    shown = np.asarray(family.directions)[:, None] + random.uniform(-20, 20, (8, 3))
    scores = joint(family, bumps(family, shown)).scores(np.arange(3))
    assert scores["width"] == pytest.approx(50, abs=1)
    assert scores["spread"] < 0.01
    assert scores["direction_offset"] < 0.5
    assert scores["synthetic_correlation"] > 0.999
    assert scores["coverage"] == pytest.approx(np.exp(-np.log(2) * (40 / 50) ** 2), abs=0.02)  # 20 degrees off
    assert (scores["control"], scores["responding"]) == (1, 1)


def test_a_unit_that_points_elsewhere_on_natural_examples_is_told():
    """Its own examples cannot tell: they are turned until they excite it."""
    family = templates.family(templates.DIRECTIONS)
    offsets = np.array([0.0, 0, 0, 25, 0, 0, 0, 0])
    shown = np.asarray(family.directions)[:, None] + offsets[:, None]
    scores = joint(family, bumps(family, shown, offsets)).scores(np.arange(1))
    assert scores["t:3.direction_offset"] == pytest.approx(25, abs=1)
    assert scores["direction_offset"] < 5
    assert scores["t:3.synthetic_correlation"] < 0.9 < scores["t:0.synthetic_correlation"]


def test_orientations_come_round_twice():
    family = templates.family([0.0, 45.0, 90.0, 135.0], "line", 180.0)
    scores = joint(family, bumps(family, np.asarray(family.directions)[:, None] + 10)).scores(np.arange(1))
    assert scores["direction_offset"] < 0.5
    assert scores["width"] == pytest.approx(50, abs=1)


def test_silent_units_and_lone_units_are_undefined():
    family = templates.family(templates.DIRECTIONS)
    heard = bumps(family, np.asarray(family.directions)[:, None])
    heard[..., 2] = 0
    scores = joint(family, heard).scores(np.arange(1))
    for name in ("width", "direction_offset", "synthetic_correlation"):
        assert scores[f"t:2.{name}"] is None
        assert scores[name] is not None
    assert scores["responding"] == 7 / 8
    lone = templates.family([0.0])
    assert joint(lone, bumps(lone, [[0.0]])).scores(np.arange(1))["direction_offset"] is None


# --- the test -------------------------------------------------------------------------------------------------------


def test_turned_curves_excite_one_unit_after_the_other(arcs, images):
    family = templates.family(templates.DIRECTIONS)
    test = Rotation(step=10, examples=2, synthetic=SyntheticCurves(directions=range(0, 360, 15), radii=(12.0,)))
    card = evals.run(arcs, family, [test], images=images, draws=10)
    assert card.scores["rotation.responding"] == 1
    assert card.scores["rotation.direction_offset"] < 15
    assert 0.85 < card.scores["rotation.control"] < 1.1
    assert card.data["rotation.joint"].shape == (8, 2, 36, 8)
    assert card.data["rotation.crops"].shape == (8, 3, 31, 31)
    json.dumps(card.details)
    assert {"rotation.width", "rotation.t:0.control"} <= set(card.spreads)
    assert test.figures(card).keys() == {"joint-tuning"}
    again = evals.run(arcs, family, [test], images=images, draws=10)
    assert again.scores == card.scores


def test_hand_built_curves_are_tuned_to_turned_pictures_as_to_drawings(images):
    net = small.network()
    card = evals.run(net, small.family(images), ["rotation"], images=images, quick=True, draws=0)
    assert card.scores["rotation.direction_offset"] < 8
    assert card.scores["rotation.synthetic_correlation"] > 0.9
    assert 40 < card.scores["rotation.width"] < 75


@pytest.mark.parametrize("settings", [{"step": 7}, {"step": 0}, {"examples": 0}, {"fade": 0.0}, {"fade": 1.5}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(CurvesError, match=r"does not divide|cannot turn|fades over"):
        Rotation(**settings)
