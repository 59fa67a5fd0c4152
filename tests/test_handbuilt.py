"""The hand-built network: its symmetry, its families at every layer, and the numbers that it follows from."""

import dataclasses
import time

import numpy as np
import pytest
import torch

import handbuilt
from circuits import CurvesError, Family, Network
from handbuilt.gabors import PHASES
from tests.drawn import drawn_curve

LAYERS = ("conv2d0", "conv2d1", "conv2d2", "3a", "3b", "4a")


@pytest.fixture(scope="module")
def net() -> Network:
    return handbuilt.build()


def test_it_has_the_geometry_of_inceptionv1(net: Network, bvlc: Network) -> None:
    """So that its units can stand in for learned ones: the same pixels, the same step."""
    for layer in LAYERS:
        own, learned = net.receptive_field(layer), bvlc.receptive_field(layer)
        assert (own.size, own.stride) == (learned.size, learned.stride), layer
    own_kernels = {layer: net.kernels(f"{layer}/5x5").shape[-2:] for layer in ("3a", "3b", "4a")}
    assert own_kernels == {layer: bvlc.kernels(f"{layer}/5x5").shape[-2:] for layer in own_kernels}


@pytest.mark.parametrize("orientations", [8, 24])
def test_turning_the_picture_a_quarter_turns_the_units_a_quarter(orientations: int) -> None:
    """Exactly, in every layer: each family's unit of one angle answers as that of the angle a quarter further."""
    net = handbuilt.build(orientations)
    generator = torch.Generator().manual_seed(0)
    for layer in LAYERS:
        size = net.receptive_field(layer).size
        pictures = torch.stack([drawn_curve(20.0, radius, size=size) for radius in (12.0, 30.0, 80.0)])
        pictures = 0.7 * pictures + 0.3 * torch.rand(pictures.shape, generator=generator)
        straight = net.responses(pictures, layer)
        turned = net.responses(torch.rot90(pictures, 1, (2, 3)), layer)  # counter-clockwise
        for family in handbuilt.families(net):
            if family.layer == layer:
                before, after = quarter_turned(family)
                assert torch.allclose(turned[:, after], straight[:, before], atol=1e-5), family.name


def quarter_turned(family: Family) -> tuple[list[int], list[int]]:
    """Channels, and those that stand for the same turned by 90 degrees."""
    channels = sorted(family.channels)
    phases = len(PHASES) if family.name == "Gabor" else 1
    angles = len(channels) // phases
    step = angles * 90 // int(family.period) if family.period > 90 else 0
    after = []
    for i in range(len(channels)):
        angle, phase = divmod(i, phases)
        wraps = angle + step >= angles and phase % 2 == 1  # turned by half a circle, one edge is the other
        after.append(channels[(angle + step) % angles * phases + (phase + 2 * wraps) % phases])
    return channels, after


def test_every_layer_prefers_its_own_angle(net: Network) -> None:
    """The same table of angles at every level: the provenance's, and what the running network answers to best."""
    for family in handbuilt.families(net):
        if family.name not in {"complex Gabor", "line", "early curve", "curve"}:
            continue  # tests/test_handbuilt_shapes.py shows the others what they are for
        size = net.receptive_field(family.layer).size
        for member in list(family)[::5]:
            # Along a line of an orientation lies an arc whose centre is 90 degrees from it.
            direction = member.direction if family.period == 360 else member.direction - 90
            radius = 30.0 if family.period == 360 else 1e5
            turns = np.arange(0, family.period, 15.0)
            pictures = torch.stack([drawn_curve(direction + t, radius, size=size) for t in turns])
            responses = net.responses(pictures, family.layer)[:, member.unit.channel]
            assert turns[int(responses.argmax())] == 0, member.unit


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


def test_handbuilt_follows_from_fewer_than_80_numbers_and_is_built_within_a_second() -> None:
    parameters = handbuilt.Parameters()
    groups = [getattr(parameters, group.name) for group in dataclasses.fields(parameters)]
    assert sum(len(dataclasses.fields(group)) for group in groups) < 80
    start = time.process_time()
    handbuilt.build()
    assert time.process_time() - start < 1


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
