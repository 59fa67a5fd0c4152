"""The hand-built families that are no curves, each shown what it is for and what it is not for, drawn by Pillow."""

import math

import numpy as np
import pytest
import torch

import handbuilt
from circuits import Family, Network
from circuits.angles import difference
from tests.drawn import Points, arc, drawn_curve, drawn_strokes, mirrored, turned

LINE = [[(-200.0, 0.0), (200.0, 0.0)]]


@pytest.fixture(scope="module")
def net() -> Network:
    return handbuilt.build()


@pytest.fixture(scope="module")
def families(net: Network) -> dict[tuple[str, str], Family]:
    return {(f.layer, f.name): f for f in handbuilt.families(net)}


def heard(net: Network, family: Family, strokes: list[Points], width: float = 3.0) -> torch.Tensor:
    """Activations of a family's units, in order of direction, to strokes around the middle of their field."""
    picture = drawn_strokes(strokes, net.receptive_field(family.layer).size, width)
    with torch.inference_mode():
        return net.responses(picture[None], family.layer)[0, list(family.channels)].clamp(min=0)


def best_anywhere(net: Network, family: Family, strokes: list[Points]) -> tuple[float, float]:
    """The strongest activation wherever across the field the strokes lie, and the direction of its unit."""
    found = []
    for shift in range(-8, 9, 2):
        moved = [[(x, y + shift) for x, y in points] for points in strokes]
        strength, index = heard(net, family, moved, 1.5).max(dim=0)
        found.append((float(strength), family.directions[int(index)]))
    return max(found)


def comb(tooth: float) -> list[Points]:
    """A level line with teeth upwards, 6 px apart."""
    teeth: list[Points] = [[(x, 0.0), (x, tooth)] for x in np.arange(-60.0, 61.0, 6.0)]
    return LINE + teeth


@pytest.mark.parametrize("tooth", [6.0, 8.0, 12.0])
def test_combed_edges_want_teeth_on_one_side(
    net: Network, families: dict[tuple[str, str], Family], tooth: float
) -> None:
    """Teeth alone end along an edge as well, drawn or not; a line has none, and a grating no end."""
    family = families["conv2d2", "combed edge"]
    strength, direction = best_anywhere(net, family, comb(tooth))
    assert strength > 0
    assert abs(difference(direction, 90)) <= 15
    assert best_anywhere(net, family, mirrored(comb(tooth)))[1] == pytest.approx(270, abs=15)
    for other in (LINE, comb(60.0)[1:] + mirrored(comb(60.0)[1:])):
        assert best_anywhere(net, family, other)[0] < 0.25 * strength


def test_small_curves_are_concentric(net: Network, families: dict[tuple[str, str], Family]) -> None:
    """They answer to arcs of any radius about their centre, and hardly to a straight line."""
    family = families["conv2d2", "small curve"]
    away = handbuilt.Parameters().small_curves.radius
    for radius in (away - 3, away, away + 3):
        strength = heard(net, family, [arc((away, 0.0), radius, 100, 260)])
        assert family.directions[int(strength.argmax())] == 0
        assert strength.max() > 0.1
        assert strength[12] == 0  # of the opposite direction
    assert heard(net, family, turned(LINE, 90)).max() < 0.3 * heard(net, family, [arc((9.0, 0.0), 9.0, 100, 260)]).max()


@pytest.mark.parametrize("direction", [0.0, 30.0, 75.0, 180.0])
def test_line_ends_want_a_line_on_one_side_only(
    net: Network, families: dict[tuple[str, str], Family], direction: float
) -> None:
    family = families["3a", "line end"]
    ray: list[Points] = [[(0.0, 0.0), (200.0, 0.0)]]
    strength = heard(net, family, turned(ray, direction))
    assert family.directions[int(strength.argmax())] == direction
    assert heard(net, family, turned(LINE, direction)).max() < 0.1 * strength.max()
    curve = heard(net, family, turned([arc((25.0, 0.0), 25.0, 90, 270)], direction))
    assert curve.max() < 0.5 * strength.max()


@pytest.mark.parametrize("axis", [0.0, 45.0, 105.0])
def test_double_curves_want_curves_of_both_directions(
    net: Network, families: dict[tuple[str, str], Family], axis: float
) -> None:
    family = families["3b", "double curve"]
    pictures = [drawn_curve(direction, 35.0) for direction in (axis, axis + 180, axis + 90)] + [drawn_curve(axis, 1e5)]
    with torch.inference_mode():
        strengths = net.responses(torch.stack(pictures), "3b").clamp(min=0)[:, list(family.channels)]
    own = family.directions.index(axis)
    there, back, across, line = strengths[:, own]
    assert there == pytest.approx(float(back), rel=0.2)
    assert max(across, line) < 0.25 * min(there, back)
    both = drawn_strokes([arc((38.0, 0.0), 35.0, 100, 260), arc((-38.0, 0.0), 35.0, -80, 80)], 91)
    assert net.responses(both[None], "3b")[0, family.channels[0]] > 0


def spiral(pitch: float) -> list[Points]:
    """It winds counter-clockwise as it grows; its tangent makes `pitch` degrees with that of a circle."""
    growth = math.tan(math.radians(pitch))
    turns = np.linspace(0, math.log(60 / 6) / growth, 800)
    radius = 6 * np.exp(growth * turns)
    return [[(float(x), float(y)) for x, y in zip(radius * np.cos(turns), radius * np.sin(turns), strict=True)]]


def s_shape(radius: float) -> list[Points]:
    """Level in its middle, it comes from below on the left and leaves upwards on the right."""
    return [arc((0.0, -radius), radius, 180, 90) + arc((0.0, radius), radius, -90, 0)]


def evolute(away: float) -> list[Points]:
    """Four arcs that turn their backs to the middle."""
    one = [arc((2 * away, 0.0), away, 120, 240)]
    return [points for quarter in range(4) for points in turned(one, 90 * quarter)]


SHAPES = {
    "circle": [[arc((0.0, 0.0), radius, 0, 360)] for radius in (22.0, 28.0, 36.0)],
    "spiral": [spiral(pitch) for pitch in (25.0, 35.0)],
    "mirrored spiral": [mirrored(spiral(pitch)) for pitch in (25.0, 35.0)],
    "evolute": [evolute(away) for away in (24.0, 28.0, 32.0)],
    "S-shape": [s_shape(radius) for radius in (20.0, 28.0, 40.0)],
    "mirrored S-shape": [mirrored(s_shape(radius)) for radius in (20.0, 28.0, 40.0)],
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_of_4a_tell_each_other_apart(net: Network, families: dict[tuple[str, str], Family], name: str) -> None:
    """A family answers to its own shape, of every size, and best of all to it: not to another, one curve or a line."""
    family = families["4a", name]
    strengths = [float(heard(net, family, shape).max()) for shape in SHAPES[name]]
    assert min(strengths) > 0
    others = [shape for other, shapes in SHAPES.items() if other != name for shape in shapes]
    curve = [arc((28.0, 0.0), 28.0, 90, 270)]
    for shape in (*others, curve, LINE):
        assert float(heard(net, family, shape).max()) < max(strengths)


def test_s_shapes_know_their_orientation(net: Network, families: dict[tuple[str, str], Family]) -> None:
    for name, shape in (("S-shape", s_shape(28.0)), ("mirrored S-shape", mirrored(s_shape(28.0)))):
        for angle in (0.0, 60.0, 135.0):
            strengths = heard(net, families["4a", name], turned(shape, angle))
            assert abs(difference(families["4a", name].directions[int(strengths.argmax())], angle, 180)) <= 15
