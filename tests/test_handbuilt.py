"""The hand-built network: numbers on the shared test, and on curves that another program drew."""

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Network
from evals.tuning import coverage, radial_tuning, tuning
from tests.drawn import drawn_curve

RADII = (15.0, 25.0, 40.0, 60.0, 100.0, 150.0)
DIRECTIONS = np.arange(0, 360, 15) + 4.0  # off the units' own
STYLES = {
    "line": {},
    "thin line": {"width": 1.0},
    "thick line": {"width": 6.0},
    "dark line": {"foreground": (0, 0, 0), "background": (255, 255, 255)},
    "faint line": {"foreground": (150, 150, 150), "background": (110, 110, 110)},
    "coloured line": {"foreground": (200, 40, 40), "background": (20, 80, 160)},
    "line of equal brightness": {"foreground": (255, 0, 0), "background": (0, 130, 0)},
    "area": {"filled": True},
    "dark area": {"filled": True, "foreground": (40, 40, 60), "background": (200, 220, 210)},
}


@pytest.fixture(scope="module")
def net() -> Network:
    return handbuilt.build()


@pytest.fixture(scope="module")
def maps(net: Network) -> dict[str, np.ndarray]:
    """Responses to Pillow's curves by style: units x directions x (radii, line)."""
    found = {}
    for name, style in STYLES.items():
        pictures = [drawn_curve(d, r, **style) for d in DIRECTIONS for r in (*RADII, 1e5)]
        with torch.inference_mode():
            responses = torch.cat([net.responses(batch, "3b") for batch in torch.stack(pictures).split(32)])
        found[name] = responses.clamp(min=0).reshape(len(DIRECTIONS), len(RADII) + 1, 24).permute(2, 0, 1).numpy()
    return found


def test_handbuilt_meets_its_numbers_on_the_synthetic_test(net: Network) -> None:
    family = evals.find_curve_family(net, "3b")
    assert [unit.channel for unit in family.units] == list(range(24))
    scores = evals.run(net, family).scores
    assert scores["synthetic.first_harmonic"] >= 0.93
    assert scores["synthetic.echo"] <= 0.005
    assert scores["synthetic.coverage"] >= 0.85
    assert 40 <= scores["synthetic.width"] <= 60
    assert scores["synthetic.curve_over_line"] >= 0.6  # a line gets a quarter of the best at most
    assert scores["synthetic.responding"] == 1
    for member in family:
        expected = 15 * member.unit.channel
        assert (member.direction - expected + 180) % 360 - 180 == pytest.approx(0, abs=2)


@pytest.mark.parametrize("style", STYLES)
def test_handbuilt_holds_on_curves_drawn_by_another_program(maps: dict[str, np.ndarray], style: str) -> None:
    responses = maps[style].astype(float)
    radii = np.array(RADII)
    found = [tuning(r[:, :-1], r[:, -1], DIRECTIONS, radii) for r in responses]
    assert all(found)
    assert np.mean([t.first_harmonic for t in found]) >= 0.90
    assert np.mean([t.echo for t in found]) <= 0.02
    assert 35 <= np.median([t.width for t in found]) <= 70
    assert coverage(np.stack([radial_tuning(r[:, :-1]) for r in responses])) >= 0.8
    errors = [(t.preferred_direction - 15 * i + 180) % 360 - 180 for i, t in enumerate(found)]
    assert np.abs(errors).max() <= 5
    assert np.corrcoef(responses.ravel(), maps["line"].ravel())[0, 1] >= 0.9


def test_turning_the_picture_a_quarter_turns_the_units_a_quarter(net: Network) -> None:
    pictures = torch.rand(4, 3, 91, 91, generator=torch.Generator().manual_seed(0))
    straight = net.responses(pictures, "3b")
    turned = net.responses(torch.rot90(pictures, 1, (2, 3)), "3b")  # counter-clockwise
    assert torch.allclose(turned, straight.roll(6, dims=1), atol=1e-5)


def test_every_layer_prefers_its_own_angle(net: Network) -> None:
    """The same table of angles at every level: the provenance's, and what the running network answers to best."""
    for family in net.provenance.details["families"]:
        size = net.receptive_field(family["layer"]).size
        for unit, angle in list(family["units"].items())[::5]:
            # Along a line of an orientation lies an arc whose centre is 90 degrees from it.
            direction = angle if family["period"] == 360 else angle - 90
            radius = 30.0 if family["period"] == 360 else 1e5
            turns = np.arange(0, family["period"], 15.0)
            pictures = torch.stack([drawn_curve(direction + t, radius, size=size) for t in turns])
            responses = net.responses(pictures, family["layer"])[:, net.unit(unit).channel]
            assert turns[int(responses.argmax())] == 0, unit


def test_plain_pictures_and_texture_excite_no_curve(net: Network) -> None:
    plain = torch.tensor([0.0, 0.3, 1.0])[:, None, None, None].expand(3, 3, 91, 91)
    assert (net.responses(plain, "3b") < 0).all()
    noise = torch.rand(64, 3, 91, 91, generator=torch.Generator().manual_seed(1))
    curve = net.responses(drawn_curve(0, 30)[None], "3b").max()
    assert net.responses(noise, "3b").clamp(min=0).mean() < 0.05 * curve


def test_parameters_are_named_and_change_the_network(net: Network) -> None:
    changed = handbuilt.Parameters().changed({"lines.inhibition": 0.3, "curves.radii": 3})
    assert changed.lines.inhibition == 0.3
    assert changed.curves.radii == 3
    other = handbuilt.build(parameters=changed)
    assert other.identity != net.identity
    assert other.provenance.details["parameters"]["lines"]["inhibition"] == 0.3
    assert handbuilt.build().identity == net.identity
    with pytest.raises(CurvesError, match="lines has spread, width, inhibition"):
        handbuilt.Parameters().changed({"lines.inhibitoin": 1})
    with pytest.raises(CurvesError, match="starts with one of gabors"):
        handbuilt.Parameters().changed({"inhibition": 1})
    for name, value in [("lines.width", float("nan")), ("lines.width", 0), ("curves.smallest_radius", -3)]:
        with pytest.raises(CurvesError, match="cannot be .*; give a number above 0"):
            handbuilt.Parameters().changed({name: value})
    with pytest.raises(CurvesError, match="inhibition of Lines cannot be -1.*give a number 0 or more"):
        handbuilt.Lines(inhibition=-1)
    narrow = handbuilt.build(parameters=handbuilt.Parameters().changed({"early_curves.width": 0.01}))
    assert all(tensor.isfinite().all() for tensor in narrow.tensors.values())
    for value in (2.5, float("nan")):
        with pytest.raises(CurvesError, match="curves.radii is a count and cannot be"):
            handbuilt.Parameters().changed({"curves.radii": value})


@pytest.mark.parametrize("count", [4, 10, 0, -8])
def test_orientations_must_allow_quarter_turns(count: int) -> None:
    with pytest.raises(CurvesError, match="give a multiple of 4, 8 or more"):
        handbuilt.build(count)


def test_without_inhibition_between_opposite_directions_there_are_echoes() -> None:
    """The mechanism does what the articles say it does."""
    parameters = handbuilt.Parameters().changed(
        {"early_curves.opposite": 0, "curves.opposite": 0, "curves.threshold": 0}
    )
    echoing = handbuilt.build(parameters=parameters)
    pictures = torch.stack([drawn_curve(d, 100.0) for d in (0, 180)])
    with_inhibition = handbuilt.build().responses(pictures, "3b")[:, 0].clamp(min=0)
    without = echoing.responses(pictures, "3b")[:, 0].clamp(min=0)
    assert with_inhibition[1] == 0 < with_inhibition[0]
    assert without[1] > 0.2 * without[0]
