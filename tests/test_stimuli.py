import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.supersampled import supersampled
from circuits.errors import CurvesError
from evals.grid import CurveGrid
from evals.stimuli import Curve, render_curves

SIZE = 48


def image(**fields):
    """One channel of a curve drawn on a small image."""
    return Curve(**{"size": SIZE, "radius": 12.0, "max_angle": 90.0, **fields}).render()[0]


styles = st.sampled_from([{}, {"extended": True}, {"filled": True}])
colours = st.tuples(*[st.floats(0, 1, width=32)] * 3)


@st.composite
def curves(draw):
    """Any curve that is smooth inside and out: lines of a pixel or more whose inner edge does not fold."""
    radius = draw(st.one_of(st.floats(2, 60), st.sampled_from([1e3, 1e5, 1e7, math.inf])))
    return Curve(
        direction=draw(st.floats(-400, 800)),
        radius=radius,
        arc_length=draw(st.one_of(st.floats(4, 80), st.just(math.inf))),
        max_angle=draw(st.floats(10, 180)),
        line_width=draw(st.floats(1, min(12, radius))),
        position=(draw(st.floats(-15, 15)), draw(st.floats(-15, 15))),
        size=draw(st.sampled_from([5, 31, SIZE])),
        **draw(styles),
    )


# --- against a slow drawing that shares no code -------------------------------------------------------------------


def assert_like_supersampled(curve, worst=0.18):
    difference = np.abs(curve.render().double().numpy() - supersampled(curve))
    assert difference.mean() < 1 / 255
    assert difference.max() < worst  # a ramp of 1 px is up to 0.05 off an oblique edge, and more at caps and bends


@settings(max_examples=60, deadline=None, derandomize=True)
@given(curves())
def test_any_curve_is_drawn_as_by_supersampling(curve):
    # A small image is nearly all edge: its mean would judge the slope of an edge, not the drawing.
    assert_like_supersampled(dataclasses.replace(curve, size=SIZE))
    assert np.abs(curve.render().double().numpy() - supersampled(curve)).max() < 0.18


@pytest.mark.parametrize(
    "fields",
    [
        {"radius": 15, "max_angle": 300},
        {"radius": 15, "max_angle": 360},
        {"radius": 10, "max_angle": 250, "filled": True},
        {"radius": 15, "max_angle": 360, "filled": True},
        {"radius": 0, "max_angle": 60, "filled": True},
        {"radius": 0, "max_angle": 120, "extended": True},
        {"radius": math.inf, "arc_length": 20},
        {"radius": math.inf, "arc_length": 20, "extended": True},
        {"radius": 1e7, "arc_length": 20},
        {"radius": 3, "line_width": 14},
        {"radius": 12, "foreground": (0.9, 0.1, 0.4), "background": (0.2, 0.6, 1.0), "position": (-7.3, 4.4)},
        {"radius": 12, "foreground": (0.25,) * 3, "background": (0.5,) * 3, "filled": True},
    ],
    ids=str,
)
def test_special_shapes_are_drawn_as_by_supersampling(fields):
    # The pixel inside a sharp corner sees two edges at once, of which the distance knows the nearer.
    worst = 0.25 if fields["radius"] == 0 else 0.18
    assert_like_supersampled(Curve(**{"direction": 33, "size": SIZE, **fields}), worst)


def test_a_line_thinner_than_a_pixel_is_as_faint_as_it_is_thin():
    thin = image(radius=math.inf, direction=0, line_width=0.3, position=(0.5, 0))
    assert thin[:, SIZE // 2].allclose(torch.tensor(0.3))
    assert thin.sum() == pytest.approx(0.3 * SIZE, rel=1e-4)


def test_a_corner_that_turns_back_encloses_nothing():
    assert image(radius=0, max_angle=180, filled=True, direction=33).max() < 0.01


# --- the convention: degrees, counter-clockwise, y up, towards the centre of curvature -----------------------------


@pytest.mark.parametrize(("direction", "row", "column"), [(0, 0, 1), (90, -1, 0), (180, 0, -1), (270, 1, 0)])
def test_the_filled_side_lies_in_the_direction(direction, row, column):
    filled = image(direction=direction, filled=True)
    middle = SIZE // 2
    assert filled[middle + 12 * row, middle + 12 * column] == 1
    assert filled[middle - 12 * row, middle - 12 * column] == 0


def test_the_middle_of_the_arc_is_at_the_position():
    drawn = image(direction=0, position=(0.5, 0.5), line_width=1)  # on the middle of a pixel
    assert drawn[SIZE // 2 - 1, SIZE // 2] == pytest.approx(1, abs=0.02)
    assert drawn[:, : SIZE // 2].max() < 0.02  # nothing to the left of it


@settings(max_examples=40, deadline=None, derandomize=True)
@given(curves(), st.sampled_from([1, 2, 3]))
def test_turning_the_direction_turns_the_image(curve, quarters):
    curve = dataclasses.replace(curve, position=(0, 0))
    turned = dataclasses.replace(curve, direction=curve.direction + 90 * quarters)
    torch.testing.assert_close(turned.render(), torch.rot90(curve.render(), quarters, (1, 2)), atol=2e-3, rtol=0)


@pytest.mark.parametrize("style", [{}, {"extended": True}, {"filled": True}], ids=str)
@pytest.mark.parametrize("direction", [0, 17, 45, 200])
def test_quarter_turns_are_exact_to_rounding(style, direction):
    once = image(direction=direction, **style)
    for quarters in (1, 2, 3):
        turned = image(direction=direction + 90 * quarters, **style)
        torch.testing.assert_close(turned, torch.rot90(once, quarters), atol=1e-5, rtol=0)


def test_a_curve_is_symmetric_about_its_direction():
    up = image(direction=90)
    torch.testing.assert_close(up, up.flip(1), atol=1e-5, rtol=0)
    assert (up - up.flip(0)).abs().max() > 0.9


@settings(max_examples=30, deadline=None, derandomize=True)
@given(styles, st.integers(-8, 8), st.integers(-8, 8))
def test_position_moves_the_image(style, right, up):
    still, moved = image(direction=33, **style), image(direction=33, position=(right, up), **style)
    inner = slice(8, SIZE - 8)
    back = moved.roll((up, -right), (0, 1))
    torch.testing.assert_close(back[inner, inner], still[inner, inner], atol=1e-5, rtol=0)


# --- colours, styles and limits -----------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None, derandomize=True)
@given(curves(), colours, colours)
def test_swapping_the_colours_inverts(curve, one, other):
    drawn = dataclasses.replace(curve, foreground=one, background=other).render()
    swapped = dataclasses.replace(curve, foreground=other, background=one).render()
    total = (torch.tensor(one) + torch.tensor(other))[:, None, None].expand_as(drawn)
    torch.testing.assert_close(drawn + swapped, total, atol=1e-6, rtol=0)
    assert drawn.min() >= min(*one, *other) - 1e-6
    assert drawn.max() <= max(*one, *other) + 1e-6


def test_colours_are_exact_away_from_edges():
    colours = {"foreground": (0.1, 0.7, 0.3), "background": (0.9, 0.3, 0.2)}
    drawn = Curve(size=SIZE, filled=True, **colours).render()
    assert drawn[:, SIZE // 2, -1].tolist() == pytest.approx(colours["foreground"], abs=1e-7)
    assert drawn[:, SIZE // 2, 0].tolist() == pytest.approx(colours["background"], abs=1e-7)
    assert image(background=(0.5,) * 3)[0, 0] == 0.5
    assert image(foreground=(0.5,) * 3, filled=True)[SIZE // 2, -1] == 0.5


@settings(max_examples=30, deadline=None, derandomize=True)
@given(curves())
def test_a_filled_curve_holds_its_centre(curve):
    curve = dataclasses.replace(curve, filled=True, size=SIZE, radius=min(curve.radius, 60), position=(0, 0))
    reach = min(curve.radius, 20)
    column = SIZE / 2 + reach * math.cos(math.radians(curve.direction))
    row = SIZE / 2 - reach * math.sin(math.radians(curve.direction))
    assert curve.render()[0, int(row), int(column)] > 0.9


def test_filled_opposites_make_a_whole_for_a_straight_edge():
    there, back = (image(radius=math.inf, direction=direction, filled=True) for direction in (33, 213))
    torch.testing.assert_close(there + back, torch.ones_like(there), atol=1e-5, rtol=0)


@pytest.mark.parametrize("style", [{}, {"extended": True}, {"filled": True}, {"arc_length": 20}], ids=str)
def test_a_large_radius_tends_to_a_straight_line(style):
    straight = image(radius=math.inf, direction=33, **style)
    errors = [(image(radius=radius, direction=33, **style) - straight).abs().max() for radius in (1e3, 1e5, 1e6, 1e9)]
    assert errors[0] > 0.02  # still bent
    assert errors[1] < 0.01
    assert max(errors[2:]) < 1e-3


def test_the_shorter_of_length_and_angle_ends_the_arc():
    quarter = image(radius=12, max_angle=90)
    torch.testing.assert_close(image(radius=12, arc_length=6 * math.pi, max_angle=180), quarter, atol=1e-5, rtol=0)
    torch.testing.assert_close(image(radius=12, arc_length=99, max_angle=90), quarter, atol=1e-5, rtol=0)
    # A capped line covers its length times its width, and one disc.
    assert quarter.sum() == pytest.approx(6 * math.pi * 3 + math.pi * 1.5**2, rel=0.01)


# --- drawing many --------------------------------------------------------------------------------------------------


def test_curves_drawn_together_are_the_curves_drawn_alone():
    grid = CurveGrid.of(
        Curve(size=33, radius=9),
        extended=(False, True),
        filled=(False, True),
        foreground=[(1, 1, 1), (1, 0, 0.5)],
        direction=(0, 33),
        line_width=(1, 20),
    )
    together = render_curves([grid[i] for i in range(len(grid))])
    alone = torch.stack([grid[i].render() for i in range(len(grid))])
    assert together.shape == (32, 3, 33, 33)
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_more_tiles_than_one_pass_takes_and_odd_sizes():
    directions = range(0, 360, 4)
    drawn = render_curves([Curve(size=101, direction=direction, radius=30) for direction in directions])
    for k in (0, 37, 89):
        torch.testing.assert_close(drawn[k], Curve(size=101, direction=4 * k, radius=30).render(), atol=1e-6, rtol=0)


def test_a_curve_outside_the_image_leaves_the_background_or_the_foreground():
    assert (image(position=(500, 0)) == 0).all()
    assert (image(filled=True, position=(-300, 0), radius=math.inf) == 1).all()
    assert (image(line_width=500) == 1).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_dtype_and_device_are_those_asked_for(dtype):
    drawn = render_curves([Curve(size=9)], dtype=dtype, device="cpu")
    assert drawn.dtype is dtype
    torch.testing.assert_close(drawn, render_curves([Curve(size=9)]).to(dtype))


def test_the_same_curve_is_the_same_image_every_time():
    curve = Curve(size=SIZE, direction=12.3, foreground=(1, 0, 0))
    assert torch.equal(curve.render(), curve.render())


# --- grids ---------------------------------------------------------------------------------------------------------

GRID = CurveGrid.of(
    Curve(size=16, max_angle=90),
    direction=range(0, 360, 120),
    radius=[5, math.inf],
    filled=[False, True],
    position=[(0, 0), (2, -1)],
    foreground=[(1, 1, 1), (0, 0, 1)],
)


def test_grid_runs_through_its_axes_in_c_order():
    assert GRID.shape == (3, 2, 2, 2, 2)
    assert len(GRID) == 48
    for i, at in enumerate(np.ndindex(GRID.shape)):
        expected = {name: values[j] for (name, values), j in zip(GRID.axes, at, strict=True)}
        assert {name: getattr(GRID[i], name) for name in expected} == expected
        assert (GRID[i].size, GRID[i].max_angle) == (16, 90)
    assert GRID[-1] == GRID[47]
    assert list(GRID) == [GRID[i] for i in range(48)]


@pytest.mark.parametrize("batch_size", [1, 7, 48, 64])
def test_batches_do_not_depend_on_their_size(batch_size):
    batches = list(GRID.batches(batch_size))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    expected = render_curves([GRID[i] for i in range(len(GRID))])
    torch.testing.assert_close(torch.cat(batches), expected, atol=1e-6, rtol=0)


def test_a_grid_without_axes_is_its_base():
    grid = CurveGrid.of(Curve(size=9))
    assert (grid.shape, len(grid), grid[0]) == ((), 1, Curve(size=9))
    assert torch.equal(next(grid.batches()), render_curves([Curve(size=9)]))


def test_spec_survives_json():
    text = json.dumps(GRID.spec(), allow_nan=False)
    assert json.loads(text) == GRID.spec()
    again = CurveGrid.from_spec(json.loads(text))
    assert again == GRID
    assert json.dumps(again.spec()) == text


def test_equal_grids_have_equal_specs():
    given_otherwise = CurveGrid.of(
        Curve(size=np.int64(16), max_angle=90, direction=77),
        direction=torch.arange(0, 360, 120),
        radius=np.array([5, np.inf]),
        filled=np.array([False, True]),
        position=[[0, 0], [2, -1]],
        foreground=[[1, 1, 1], [0, 0, 1]],
    )
    assert given_otherwise == GRID
    assert json.dumps(given_otherwise.spec()) == json.dumps(GRID.spec())
    assert GRID.with_base(max_angle=91).spec() != GRID.spec()


def test_a_curve_survives_json():
    curve = Curve(radius=math.inf, foreground=(1, 0, 0))
    assert Curve(**json.loads(json.dumps(dataclasses.asdict(curve)))) == curve


def test_with_base_changes_what_is_not_swept():
    grid = CurveGrid.of(Curve(size=16), direction=(0, 90)).with_base(radius=7, size=20)
    assert [(curve.direction, curve.radius, curve.size) for curve in grid] == [(0, 7, 20), (90, 7, 20)]


def test_an_axis_may_give_what_the_base_lacks():
    grid = CurveGrid.of(Curve(size=16), filled=(True,), radius=(0, 5))
    assert [(curve.filled, curve.radius) for curve in grid] == [(True, 0), (True, 5)]


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"direction": math.nan}, "direction must be a finite angle"),
        ({"direction": "left"}, "direction must be a number, not 'left'"),
        ({"radius": -1}, r"radius must be 0 or more pixels \(math.inf for a straight line\), not -1.0"),
        ({"radius": math.nan}, "radius must be 0 or more"),
        ({"radius": 0}, "set filled=True or extended=True"),
        ({"arc_length": 0}, "arc_length must be above 0"),
        ({"max_angle": 0}, "max_angle must be above 0 and at most 360"),
        ({"max_angle": 361}, "max_angle must be above 0 and at most 360"),
        ({"max_angle": 181, "extended": True}, "lower max_angle, or set extended=False"),
        ({"line_width": 0}, "line_width must be above 0"),
        ({"line_width": math.inf}, "line_width must be above 0 pixels and finite"),
        ({"filled": "no"}, "filled must be True or False, not 'no'"),
        ({"foreground": (0, 0, 255)}, "divide 0..255 values by 255"),
        ({"background": (0, -0.1, 0)}, "background must be RGB values from 0 to 1"),
        ({"background": (0, 0)}, r"background must be 3 numbers, not \(0, 0\)"),
        ({"foreground": 1}, "foreground must be 3 numbers, not 1"),
        ({"foreground": "red"}, "foreground must be 3 numbers, not 'red'"),
        ({"position": (0, math.inf)}, "position must be two finite offsets"),
        ({"position": (0, None)}, "position must be a number, not None"),
        ({"size": 0}, "size must be at least 1"),
        ({"size": 9.5}, "size must be a whole number, not 9.5"),
    ],
    ids=str,
)
def test_a_wrong_curve_says_what_is_wrong(fields, message):
    with pytest.raises(CurvesError, match=message):
        Curve(**fields)


def test_a_filled_curve_may_turn_all_the_way():
    assert Curve(max_angle=360, filled=True, extended=True).filled


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CurveGrid.of(Curve(), angle=(1, 2)), "a curve has no 'angle'; it has direction, radius, arc_length"),
        (
            lambda: CurveGrid.of(Curve(), direction=(0, 1)).with_base(width=2),
            "a curve has no 'width'; it has direction",
        ),
        (lambda: CurveGrid.of(Curve(), size=(64, 96)), "size cannot be an axis.*make a grid per size"),
        (lambda: CurveGrid.of(Curve(), direction=()), "'direction' has no values: give at least one"),
        (lambda: CurveGrid.of(Curve(), direction=3), "'direction' needs a list of values, not 3"),
        (lambda: CurveGrid(Curve(), (("radius", (1,)), ("radius", (2,)))), "'radius' is given twice"),
        (lambda: CurveGrid.of(Curve(), radius=(1, 2), line_width=(1, -2)), "line_width must be above 0"),
        (lambda: CurveGrid.of(Curve(), filled=(True, False), radius=(2, 0)), "a radius of 0 is a corner"),
        (lambda: CurveGrid.of(Curve(), extended=(False, True), max_angle=(90, 270)), "tangents cross: lower max_angle"),
        (lambda: CurveGrid.of(Curve(), direction=(0, 1)).with_base(direction=2), "direction is an axis of this grid"),
        (lambda: CurveGrid.from_spec({"base": {}}), "this is not the spec of a curve grid .*'axes'"),
        (lambda: CurveGrid.of().batches(0), "batch_size must be at least 1, not 0"),
        (lambda: render_curves([]), "there is no curve to draw"),
        (lambda: render_curves([Curve(size=9), Curve(size=8)]), r"one size, not \[8, 9\]: draw each size by itself"),
        (lambda: render_curves([Curve()], dtype=torch.uint8), "dtype cannot be torch.uint8; use torch.float32"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(make, message):
    with pytest.raises(CurvesError, match=message):
        make()


def test_a_place_outside_the_grid_is_an_index_error():
    with pytest.raises(IndexError, match="48 curves, so there is no number 48"):
        GRID[48]
