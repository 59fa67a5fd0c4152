"""Combs and the measure of combing."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import evals
import weights
from circuits import CurvesError, Family, Member, Network, Unit
from circuits.ops import Conv, ReLU
from evals.battery.combing import Combing
from evals.combs import Comb, CombGrid, render_combs
from evals.grid import CurveGrid
from evals.orientation_energy import perpendicular_share
from evals.stimuli import Curve
from tests import small

SIZE = 64
SCALE = 8
TEST = Combing(radii=(40.0,), tick_lengths=(10.0,), spacings=(9.0,))


def comb(**fields):
    """A comb on a small image; fields of the curve and of the comb together."""
    own = {name: fields.pop(name) for name in ("tick_length", "spacing", "tick_angle", "with_curve") if name in fields}
    return Comb(Curve(**{"size": SIZE, "radius": 20.0, **fields}), **own)


def drawn_comb(*, direction, radius, tick_length, spacing, tick_angle, line_width=3.0, position=(0.0, 0.0)):
    """The ticks over half a circle by Pillow, 8x supersampled, walking along the arc with its angle from the centre."""
    image = Image.new("L", (SIZE * SCALE, SIZE * SCALE))
    draw = ImageDraw.Draw(image)

    def pixel(x, y):
        return (SIZE / 2 + x) * SCALE - 0.5, (SIZE / 2 - y) * SCALE - 0.5

    towards = math.radians(direction)
    centre = position[0] + radius * math.cos(towards), position[1] + radius * math.sin(towards)
    count = int(radius * math.pi / 2 / spacing)
    for i in range(-count, count + 1):
        angle = towards + math.pi + i * spacing / radius  # of the tick, seen from the centre
        middle = centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)
        line = angle + math.pi / 2 + math.radians(tick_angle)
        along = tick_length / 2 * math.cos(line), tick_length / 2 * math.sin(line)
        ends = [pixel(middle[0] + s * along[0], middle[1] + s * along[1]) for s in (-1, 1)]
        draw.line(ends, fill=255, width=round(line_width * SCALE))
        half = line_width * SCALE / 2
        for x, y in ends:
            draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    small_image = image.resize((SIZE, SIZE), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small_image).copy()).float() / 255


# --- combs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": 0, "radius": 20, "tick_length": 12, "spacing": 9, "tick_angle": 90},
        {"direction": 77, "radius": 33, "tick_length": 8, "spacing": 6.5, "tick_angle": 90},
        {"direction": 200, "radius": 15, "tick_length": 6, "spacing": 10, "tick_angle": 0},
        {"direction": 310, "radius": 60, "tick_length": 9, "spacing": 8, "tick_angle": 40, "line_width": 2.0},
        {"direction": 120, "radius": 25, "tick_length": 10, "spacing": 9, "tick_angle": -60, "position": (6.3, -9.1)},
    ],
    ids=str,
)
def test_a_comb_is_drawn_as_by_another_program(fields):
    found, expected = comb(**fields).render()[0], drawn_comb(**fields)
    assert (found - expected).abs().mean() < 2.5 / 255
    assert (found - expected).abs().max() < 0.45  # Pillow's lines are up to a pixel of the large drawing off
    assert abs(found.sum() / expected.sum() - 1) < 0.02


@pytest.mark.parametrize("tick_angle", [90, 0, 35])
@pytest.mark.parametrize("with_curve", [False, True])
def test_turning_a_comb_turns_the_picture(tick_angle, with_curve):
    one = comb(direction=25, position=(3, 5), tick_angle=tick_angle, with_curve=with_curve)
    other = comb(direction=115, position=(-5, 3), tick_angle=tick_angle, with_curve=with_curve)
    assert torch.rot90(one.render(), 1, (1, 2)).allclose(other.render(), atol=1e-4)
    assert not one.render().allclose(other.render(), atol=0.1)


def test_at_angle_0_ticks_lie_on_the_arc_and_at_90_they_stick_out():
    curve, longer = comb(radius=24).curve.render(), Curve(size=SIZE, radius=24, max_angle=220).render()
    dashes = comb(radius=24, tick_angle=0, tick_length=5, spacing=9).render()
    assert (dashes - longer).max() < 0.25  # a straight tick of 5 px is 0.13 px off the arc at its ends
    assert 0.5 < dashes.sum() / curve.sum() < 0.95
    solid = comb(radius=24, tick_angle=0, tick_length=4, spacing=2).render()
    assert (solid - longer).max() < 0.25
    assert (curve - solid).max() < 0.25
    ticks = comb(radius=24, tick_length=13, spacing=9).render()
    off = (ticks - curve).clamp(min=0).sum() / ticks.sum()
    assert 0.6 < off < 0.85


def test_a_curve_with_ticks_is_the_curve_and_the_ticks():
    fields = {"radius": 18, "direction": 130, "tick_length": 9, "spacing": 8}
    both, alone = comb(with_curve=True, **fields), comb(**fields)
    assert both.render().equal(torch.maximum(alone.render(), alone.curve.render()))


def test_a_straight_line_is_the_limit_of_large_radii_and_its_ticks_are_evenly_spaced():
    straight = comb(radius=math.inf, direction=0, tick_length=10, spacing=8).render()[0]
    assert comb(radius=1e6, direction=0, tick_length=10, spacing=8).render()[0].allclose(straight, atol=1e-3)
    middle = straight[:, SIZE // 2]  # the line runs up and down, each tick is 3 px wide
    assert middle.sum() == pytest.approx(3 * SIZE / 8, rel=0.02)
    assert middle[8:-8].allclose(middle[:-16], atol=1e-4)
    assert straight.any(dim=0).sum() == 10 + 3 + 1  # caps of 1.5 px at either end, the pixels there in part


def test_colours_are_exact_and_combs_of_a_batch_do_not_mix():
    red, blue = (0.9, 0.1, 0.2), (0.1, 0.3, 0.8)
    combs = [comb(foreground=red, background=blue), comb(direction=90, tick_length=6, with_curve=True)]
    images = render_combs(combs)
    assert images[0, :, 0, 0].equal(torch.tensor(blue))
    assert images[0, :, SIZE // 2, SIZE // 2].equal(torch.tensor(red))  # one tick is in the middle
    for image, alone in zip(images, combs, strict=True):
        assert image.equal(alone.render())


def test_a_grid_holds_every_combination_in_order():
    curves = CurveGrid.of(Curve(size=32), direction=(0, 90), radius=(10, 15, math.inf))
    grid = CombGrid(curves, (6, 9), (5, 7, 8), tick_angle=30, with_curve=True)
    assert grid.shape == (2, 3, 2, 3)
    expected = [
        Comb(Curve(size=32, direction=d, radius=r), length, spacing, 30, True)
        for length, spacing, d, r in itertools.product((6, 9), (5, 7, 8), (0, 90), (10, 15, math.inf))
    ]
    assert list(grid) == expected
    assert grid[-1] == expected[-1]
    assert torch.cat(list(grid.batches(7))).equal(render_combs(expected))
    assert json.loads(json.dumps(grid.spec())) == grid.spec()
    others = (
        CombGrid(curves, (6,), (5, 7, 8), 30, True),
        CombGrid(curves, (6, 9), (5, 7, 8), 30),
        CombGrid(curves, *[(9,)] * 2),
    )
    assert all(other.spec() != grid.spec() for other in others)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: comb(spacing=0), "spacing must be above 0"),
        (lambda: comb(tick_length=math.inf), "tick_length must be above 0 pixels and finite"),
        (lambda: comb(tick_angle=math.nan), "tick_angle must be a finite angle"),
        (lambda: comb(filled=True), "use filled=False"),
        (lambda: render_combs([]), "one size, not none"),
        (lambda: render_combs([comb(), comb(size=32)]), "one size"),
        (lambda: CombGrid(CurveGrid.of(Curve()), (), (5,)), "tick_lengths has no values"),
        (lambda: CombGrid(CurveGrid.of(Curve(), filled=(False, True)), (5,), (5,)), "use filled=False"),
        (lambda: CombGrid(CurveGrid.of(Curve()), (5,), (5, -1)), "spacing must be above 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(CurvesError, match=message):
        make()


# --- the measure --------------------------------------------------------------------------------------------------


def family(directions):
    return Family("curve", "3b", tuple(Member(Unit.parse(unit), angle) for unit, angle in directions.items()))


def ink_network(size=41):
    """Two units that add up all pixels, one of them with a minus, above a threshold that no picture reaches."""
    weight = torch.ones(2, 3, size, size)
    weight[1] *= -1
    tensors = {"a/pre/weight": weight, "a/pre/bias": torch.tensor([0.0, 4e5])}
    ops = [Conv("a/pre", ("input",), (size, size)), ReLU("a", ("a/pre",))]
    return Network(ops, tensors, {"a": ("a/pre", "a")}, input_size=size)


@pytest.mark.parametrize("direction", [0.0, 35.0, 90.0, 250.0])
def test_orientation_energy_is_along_the_curve_or_across_it(direction):
    curve = Curve(direction=direction, radius=20.0, size=SIZE)
    ticks = comb(direction=direction, tick_length=14.0, spacing=7.0).render()[:1]
    assert perpendicular_share(curve.render()[:1], curve) < 0.1
    assert perpendicular_share(ticks, curve) > 0.7
    straight = Curve(direction=direction, radius=math.inf, size=SIZE)
    assert perpendicular_share(straight.render()[:1], straight) < 0.1
    assert perpendicular_share(Curve(direction=direction + 90, radius=math.inf, size=SIZE).render()[:1], straight) > 0.9
    assert math.isnan(perpendicular_share(torch.zeros(1, SIZE, SIZE), curve))


def test_units_that_add_up_light_are_measured_as_the_ink_says(tmp_path):
    net = ink_network()
    members = (Member(Unit("a", 0), 20.0), Member(Unit("a", 1), 200.0))
    test = Combing(radii=(15.0, 30.0), tick_lengths=(6.0, 10.0), spacings=(8.0,))
    card = evals.run(net, Family("light", "a", members), [test], images=small.write_images(tmp_path))
    for unit in ("a:0", "a:1"):
        assert card.scores[f"combing.{unit}.excitation_on_ticks"] == pytest.approx(
            card.scores[f"combing.{unit}.ink_on_ticks"], rel=1e-4
        )
    # Either polarity adds what the other lacks, so that every picture and its negative excite alike.
    for kind in ("ticks", "combed", "dashes"):
        assert card.scores[f"combing.a:0.{kind}_over_curve"] == pytest.approx(1, rel=1e-5)
    pictures = {kind: grids[0] for kind, grids in test.stimuli(net, card.family).items()}
    amount = {kind: torch.cat(list(grid.batches())).sum() / len(grid) for kind, grid in pictures.items()}
    assert amount["combed"] > amount["curve"] > 0
    assert card.data["combing.ticks"].shape == (2, 2)


def test_a_dead_unit_has_no_ratio_and_is_in_no_mean(tmp_path):
    net = ink_network()
    weight = net.tensors["a/pre/weight"].detach().clone()
    weight[1] = 0
    dead = net.evolve(tensors={"a/pre/weight": weight, "a/pre/bias": torch.zeros(2)})
    members = (Member(Unit("a", 0), 20.0), Member(Unit("a", 1), 200.0))
    scores = evals.run(dead, Family("light", "a", members), [TEST], images=small.write_images(tmp_path)).scores
    assert scores["combing.a:1.ticks_over_curve"] is scores["combing.a:1.excitation_on_ticks"] is None
    assert scores["combing.a:1.ticks"] == 0
    assert scores["combing.ticks_over_curve"] == scores["combing.a:0.ticks_over_curve"]


def test_the_hand_built_network_does_not_comb(tmp_path):
    net = small.network()
    directions = {f"{small.LAYER}:{i}": 45.0 * i for i in (0, 3, 6)}
    card = evals.run(net, family(directions), [TEST], images=small.write_images(tmp_path))
    assert card.scores["combing.curve"] > 0.5
    assert card.scores["combing.ticks_over_curve"] < 0.02
    assert card.scores["combing.dashes_over_curve"] > 0.8
    excitation = card.scores["combing.excitation_on_ticks"]  # None: nothing excites it where there are ticks
    assert excitation is None or excitation < card.scores["combing.ink_on_ticks"]
    assert json.dumps(card.details)
    assert set(card.definitions) == {name for name in card.scores if ":" not in name}


@pytest.mark.usefixtures("shared_weights")
def test_googlenet_combs_in_some_units_and_not_in_others(tmp_path):
    net = weights.load("bvlc_googlenet")
    units = {"3b:358": 178.15, "3b:336": 142.25, "3b:9": 5.4}
    scores = evals.run(net, family(units), [TEST], images=small.write_images(tmp_path)).scores
    assert scores["combing.3b:358.ticks_over_curve"] > 0.4
    assert scores["combing.3b:336.ticks_over_curve"] > 0.4
    assert scores["combing.3b:9.ticks_over_curve"] < 0.02
    assert all(scores[f"combing.{unit}.dashes_over_curve"] > 0.8 for unit in units)
    assert scores["combing.3b:358.excitation_on_ticks"] > scores["combing.3b:9.excitation_on_ticks"]


def test_it_is_run_by_name_and_only_when_asked():
    assert isinstance(evals.harness.make_tests(["combing"])[0], Combing)
    assert "combing" not in evals.run.__defaults__[0]
