"""What the gallery's figures are made from: maps at pixels, chains, chosen units, small pictures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import Family, Member, Unit
from circuits.angles import difference
from circuits.regions import ReceptiveField
from evals import Curve, Subject
from evals.gallery.chain import chain
from evals.gallery.icons import feature_icon, image_kernel
from evals.gallery.pixels import at_pixels, firing
from evals.gallery.subject import nearest_layer, thinned
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def subject():
    return Subject("handbuilt", small.network(), handbuilt.families(small.network()))


@settings(deadline=None)  # the first call loads what is slow to load
@given(stride=st.integers(1, 16), size=st.integers(1, 60), offset=st.integers(-40, 5), count=st.integers(2, 9))
def test_maps_lie_where_their_fields_have_their_middles(stride, size, offset, count):
    field = ReceptiveField(size=size, stride=stride, offset=offset)
    middles = offset + size / 2 + stride * torch.arange(count, dtype=torch.float64)
    pixels = torch.arange(64, dtype=torch.float64) + 0.5
    rows, columns = middles[:, None].expand(-1, count), middles[None].expand(count, -1)
    found = at_pixels(torch.stack([rows, columns]), field, (64, 64))
    expected = pixels.clamp(middles[0], middles[-1])
    torch.testing.assert_close(found[0], expected[:, None].expand(-1, 64))
    torch.testing.assert_close(found[1], expected[None].expand(64, -1))


def test_a_drawn_circle_fires_the_directions_to_its_centre(subject, images):
    family = subject.family("curve", images)
    picture = Curve(radius=60, max_angle=360, position=(-60, 0), size=224).render()
    found = firing(subject.net, family, picture, images)
    for angle in range(0, 360, 45):
        row = round(112 - 60 * np.sin(np.radians(angle)))
        column = round(112 + 60 * np.cos(np.radians(angle)))
        assert abs(difference(found.direction[row, column], angle + 180)) < 1
        assert found.strength[row, column] > 0.3 * found.strength.max()
    assert found.strength[112, 112] == 0
    rows, columns = np.nonzero(found.saliency)
    apart = np.hypot(rows - 111.5, columns - 111.5)
    assert np.percentile(abs(apart - 60), 90) < 30


def test_the_chain_follows_the_curve_along_its_tangent(subject, images):
    _, target, steps = chain(subject, 45, 6, images)
    assert [step.layer for step in steps] == ["conv2d0", "conv2d1", "conv2d2", "3a"]
    directions = dict(
        zip(subject.family("curve", images).units, subject.family("curve", images).directions, strict=True)
    )
    assert directions[target] == 45
    early, line, gabor = (steps[i].parts[steps[i].followed] for i in (3, 2, 1))
    assert early.direction == 45
    assert line.direction == gabor.direction == 135
    assert all(0 < step.share <= 1 for step in steps)
    assert all(len(step.parts) <= 6 for step in steps)


@given(
    st.lists(st.tuples(st.floats(0, 359.9), st.floats(0.1, 9)), min_size=1, max_size=80),
    st.integers(4, 30),
    st.sampled_from([180.0, 360.0]),
)
def test_thinned_families_keep_the_strongest_and_none_that_point_alike(found, most, period):
    members = [Member(Unit("3b", i), angle % period, {"peak": peak}) for i, (angle, peak) in enumerate(found)]
    kept = thinned(Family("curve", "3b", tuple(members), period), most)
    assert len(kept) <= most
    assert max(member.evidence["peak"] for member in kept) == max(peak for _, peak in found)
    apart = period / most
    for one in kept:
        assert all(other is one or abs(difference(one.direction, other.direction, period)) >= apart for other in kept)
    for left in (member for member in members if member.unit not in set(kept.units)):
        nearer = [k for k in kept if abs(difference(left.direction, k.direction, period)) < apart]
        assert max(k.evidence["peak"] for k in nearer) >= left.evidence["peak"]


def test_layers_are_found_by_their_fields_and_are_no_bottlenecks(bvlc):
    found = [nearest_layer(bvlc, kind) for kind in ("complex Gabor", "line", "early curve", "curve")]
    assert found == ["conv2d1", "conv2d2", "3a", "3b"]


@pytest.mark.parametrize("direction", range(0, 360, 45))
def test_an_icon_bends_around_its_centre(direction):
    light = feature_icon("curve", direction)[..., 0] - 0.42
    rows, columns = np.nonzero(light > 0.2)
    x, y = columns - 23.5, 23.5 - rows
    along = x * np.cos(np.radians(direction)) + y * np.sin(np.radians(direction))
    across = -x * np.sin(np.radians(direction)) + y * np.cos(np.radians(direction))
    assert along[abs(across) > 10].mean() > along[abs(across) < 4].mean() + 3


def test_image_kernels_show_grey_for_zero_and_colours_in_order(subject):
    net = subject.net
    kernel = image_kernel(net, "conv2d0:1")
    weight = net.tensors["conv2d0/pre/weight"][1].double()
    expected = (0.5 + 0.5 * weight / weight.abs().max()).permute(1, 2, 0).numpy()
    assert kernel == pytest.approx(expected, abs=1e-6)
