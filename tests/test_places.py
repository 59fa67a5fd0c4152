"""The tests of lines and of positions, on units that are templates and on hand-built ones."""

import math

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import Network
from circuits.angles import difference
from editing import Ablate, Plan
from evals.battery.lines import LineTolerance, tangent
from evals.battery.positions import Positions
from evals.preferred import preferred_curves
from evals.stimuli import Curve
from tests import small, templates

LINES = LineTolerance(radii=(12 / 31, 30 / 31), short_length=0.25)
PLACES = Positions(radii=(6 / 31, 12 / 31, 1.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def arcs() -> Network:
    return templates.network(templates.arcs(templates.DIRECTIONS))


# --- what units prefer ----------------------------------------------------------------------------------------------


def test_preferred_curves_are_the_templates(arcs):
    found = preferred_curves(arcs, templates.family(templates.DIRECTIONS), (6.0, 12.0, 40.0), Curve(size=31))
    assert [curve.direction for curve in found] == list(templates.DIRECTIONS)
    assert {curve.radius for curve in found} == {12.0}
    assert {curve.foreground for curve in found} == {(1.0, 1.0, 1.0)}
    dark = templates.network(templates.arcs([90.0], foreground=(0, 0, 0), background=(1, 1, 1)))
    (curve,) = preferred_curves(dark, templates.family([90.0]), (6.0, 12.0), Curve(size=31))
    assert (curve.foreground, curve.radius) == ((0.0, 0.0, 0.0), 12.0)


def test_a_family_of_lines_gets_straight_lines_along_its_directions():
    lines = templates.network(templates.arcs([120.0], radius=math.inf))
    (curve,) = preferred_curves(lines, templates.family([30.0], "line", 180.0), (6.0,), Curve(size=31))
    assert (curve.direction, curve.radius) == (120.0, math.inf)
    (curve,) = preferred_curves(lines, templates.family([30.0], "double curve", 180.0), (6.0,), Curve(size=31))
    assert (curve.direction, curve.radius) == (30.0, 6.0)


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 30.0, 135.0])
def test_a_line_unit_by_its_own_measure(angle, images):
    """A template of a line, 3 px wide, is excited by that line alone, where it is and as it lies."""
    net = templates.network(templates.arcs([angle + 90], radius=math.inf))
    card = evals.run(net, templates.family([angle], "line", 180.0), [LINES], images=images, draws=0)
    assert card.scores["lines.tangent_offset"] < 2
    assert card.scores["lines.short_tangent_offset"] < 8
    assert card.scores["lines.line_over_curve"] > 1.2
    assert 2 < card.scores["lines.position_tolerance"] < 5
    assert card.scores["lines.position_share"] == pytest.approx(card.scores["lines.position_tolerance"] / 31)
    assert 5 < card.scores["lines.orientation_tolerance"] < 40
    assert card.data["lines.dark"].tolist() == [0]
    # Short lines excite along the line and nowhere beside it.
    best = card.data["lines.short"][0].max(axis=0)
    places = card.data["lines.places"]
    x, y = np.meshgrid(places, places[::-1])
    off = np.abs(x * math.sin(math.radians(angle)) - y * math.cos(math.radians(angle)))
    assert best[off < 1].min() > 2 * best[off > 6].max()


def test_short_lines_follow_the_tangent_of_a_curve(arcs, images):
    card = evals.run(arcs, templates.family(templates.DIRECTIONS), [LINES], images=images, draws=10)
    assert card.scores["lines.short_tangent_offset"] < 12
    assert card.scores["lines.line_over_curve"] < 0.7
    assert 20 < card.scores["lines.short_tolerance"] < 70  # 8 px long and 3 wide, they hardly have a direction
    assert "lines.short_tolerance" in card.spreads
    assert LINES.figures(card).keys() == {"orientations-of-lines"}


def test_a_dark_line_is_found(images):
    net = templates.network(templates.arcs([90.0], radius=math.inf, foreground=(0, 0, 0), background=(1, 1, 1)))
    card = evals.run(net, templates.family([0.0], "line", 180.0), [LINES], images=images, draws=0)
    assert card.data["lines.dark"].tolist() == [1]
    assert card.scores["lines.tangent_offset"] < 1


def test_the_tangent_at_a_place():
    curve = Curve(direction=90, radius=10.0)
    assert difference(tangent(curve, 0, 0), 0, 180) == pytest.approx(0, abs=1e-9)
    assert tangent(curve, 10, 10) % 180 == pytest.approx(90)
    assert tangent(curve, 10 / math.sqrt(2), 10 - 10 / math.sqrt(2)) % 180 == pytest.approx(45)
    assert tangent(Curve(direction=30, radius=math.inf), 5, 7) == 120


# --- positions ------------------------------------------------------------------------------------------------------


def test_curves_move_along_their_normal_and_their_tangent():
    curves = (Curve(direction=90, size=31, radius=12), Curve(direction=0, size=31, radius=12))
    moved, pieces = Positions(shifts=(0.0, 0.2), places=(0.0, 0.2), lengths=(0.3,), short=0).stimuli(curves)
    assert moved.shape == (2, 2, 2)
    assert np.allclose([moved[i].position for i in range(4)], [(0, 0), (6.2, 0), (0, 6.2), (6.2, 6.2)], atol=1e-9)
    assert np.allclose([moved[i].position for i in range(4, 8)], [(0, 0), (0, -6.2), (6.2, 0), (6.2, -6.2)], atol=1e-9)
    assert pieces.shape == (2, 1, 2)
    assert pieces[0].arc_length == pytest.approx(9.3)
    assert pieces[1].direction == pytest.approx(90 + math.degrees(6.2 / 12))


def test_templates_mind_their_place(arcs, images):
    card = evals.run(arcs, templates.family(templates.DIRECTIONS), [PLACES], images=images, draws=10)
    assert card.scores["positions.centre_offset"] < 1
    assert 2 < card.scores["positions.normal_width"] < card.scores["positions.tangent_width"] < 14
    assert card.scores["positions.normal_share"] == pytest.approx(card.scores["positions.normal_width"] / 31)
    assert card.data["positions.radii"].tolist() == [12.0] * 8
    # The template turns by 120 degrees: half of it is 12.6 px.
    assert card.scores["positions.half_length"] == pytest.approx(12 * math.radians(60), abs=3)
    assert 9 < card.scores["positions.piece_width"] < 12 * math.radians(120) + 6
    assert PLACES.figures(card).keys() == {"tolerance-of-place"}


def test_a_template_beside_the_middle_is_found_there(images):
    net = templates.network(templates.arcs([0.0, 90.0], position=(2.0, 0.0)))
    card = evals.run(net, templates.family([0.0, 90.0]), [Positions(radii=(12 / 31,))], images=images, draws=0)
    for unit in ("t:0", "t:1"):
        assert card.scores[f"positions.{unit}.centre_offset"] == pytest.approx(2, abs=0.5)
    normal, tangent_ = (np.unravel_index(m.argmax(), m.shape) for m in card.data["positions.moved"])
    middle = len(PLACES.shifts) // 2
    assert normal[0] > middle == normal[1]
    assert tangent_[1] > middle == tangent_[0]


@pytest.mark.parametrize("test", [LineTolerance().quick(), Positions().quick()], ids=lambda test: test.name)
def test_silent_units_have_no_scores(test, images):
    net = small.network()
    family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
    card = evals.run(Plan([Ablate("3b:0")]).apply(net), family, [test], images=images, draws=3)
    own = {name: value for name, value in card.scores.items() if ".3b:0." in name}
    assert own
    assert set(own.values()) == {None}
    assert torch.isfinite(torch.from_numpy(next(iter(card.data.values())))).all()
