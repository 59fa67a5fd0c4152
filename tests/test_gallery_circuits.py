"""The figures of weights and circuits show what they say: shares, relative angles, order, edits, compositions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import CurvesError, Family, FamilyWeights, Member, Unit, expanded_weights, family_weights
from circuits.angles import difference
from editing import KeepOnly, Plan, RemoveNegative
from evals import Setting, Subject, draw_figure
from evals.gallery.composition import composition, pooled
from evals.gallery.icons import feature_ink
from evals.gallery.kernels import kernels, mosaic
from evals.gallery.layered import OTHER, evenly, exemplar, families_by_layer, shares, stations
from evals.gallery.plates.equivariance_diagonal import aligned_pairs
from evals.gallery.plates.no_negative_weights import reading_only
from evals.gallery.relative import Relative
from evals.portrait import DIRECTIONS, Portrait
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def subject():
    return Subject("handbuilt", small.network(), handbuilt.families(small.network()))


@pytest.fixture(scope="module")
def early_to_curve(subject, images):
    return family_weights(subject.net, *(subject.family(kind, images) for kind in ("early curve", "curve")))


def numbered(directions, layer="a", period=360.0, name="early curve"):
    return Family(name, layer, tuple(Member(Unit(layer, i), d) for i, d in enumerate(directions)), period)


def test_stations_are_the_layers_of_inception(subject, bvlc):
    assert stations(bvlc) == stations(subject.net) == ("conv2d0", "conv2d1", "conv2d2", "3a", "3b", "4a")


def test_bands_of_curves_are_one_family(subject, images):
    found = families_by_layer(subject, images)
    assert list(found) == list(stations(subject.net))
    assert [(family.name, len(family)) for family in found["3b"]] == [("curve", 24), ("double curve", 4)]
    assert list(families_by_layer(subject, images, before="3a")) == ["conv2d0", "conv2d1", "conv2d2"]


def test_shares_sum_to_one_and_are_those_of_the_weights(subject, images):
    net, found = subject.net, families_by_layer(subject, images)
    early = next(family for family in found["3a"] if family.name == "early curve")
    curves = found["3b"][0]
    half = replace(early, members=early.members[::2])
    spread = shares(net, curves.units, "3a", [half])
    assert spread.names == ("early curve", OTHER)
    assert spread.counts == (4, net.layer("3a").channels - 4)
    np.testing.assert_allclose(spread.of_unit.sum(axis=1), 1)
    assert (spread.positive >= 0).all()
    assert (spread.negative <= 0).all()
    weight = expanded_weights(net, "3a", curves.units[5]).double()
    expected = weight[list(half.channels)].clamp(min=0).sum() / weight.abs().sum()
    assert spread.positive[5, 0] == pytest.approx(float(expected))
    assert 0.2 < spread.mean[0] < 0.8
    twice = shares(net, curves.units, "3a", [half, early])
    np.testing.assert_allclose(twice.of_unit.sum(axis=1), 1)
    np.testing.assert_allclose(twice.of_unit[:, 0], spread.of_unit[:, 0])


def test_units_that_read_nothing_have_no_shares(subject, images):
    net = subject.net
    name = f"{net.producer(Unit('3b', 0))[0]}/weight"
    gone = net.evolve(tensors={name: torch.zeros_like(net.tensors[name])})
    found = families_by_layer(subject, images)
    spread = shares(gone, found["3b"][0].units, "3a", found["3a"])
    assert not spread.of_unit.any()
    assert not spread.mean.any()


@given(
    st.lists(st.floats(0, 360, exclude_max=True), min_size=2, max_size=6, unique=True),
    st.lists(st.floats(0, 180, exclude_max=True), min_size=2, max_size=6, unique=True),
    st.floats(-180, 180),
)
@settings(max_examples=30, deadline=None)
def test_relative_angles_turn_with_both_families(targets, sources, turn):
    def relative(shift):
        families = numbered([t + shift for t in targets]), numbered([s + shift for s in sources], "b", 180.0, "line")
        order = [np.argsort(family.channels) for family in families]
        weights = FamilyWeights(*families, torch.ones(len(targets), len(sources), 1, 1))
        return Relative(weights, zero=90).turns[np.ix_(*order)]

    try:
        first, second = relative(0.0), relative(turn)
    except CurvesError:  # two directions that are the same when rounded
        return
    assert abs(difference(first, second, 180)).max() < 1e-6
    expected = np.array(sources) - np.array(targets)[:, None] - 90
    np.testing.assert_allclose(difference(first, expected, 180), 0, atol=1e-6)


def test_aligned_early_curves_excite_and_opposite_ones_inhibit(early_to_curve):
    found = Relative(early_to_curve)
    assert found.nearest(0, 0) == 0
    assert found.turns[0, found.nearest(0, 180)] == pytest.approx(-180)
    middles, means = found.sums(8)
    balance = dict(zip(middles.tolist(), means.sum(axis=0), strict=True))
    assert balance[0.0] == max(balance.values()) > 0
    assert balance[-180.0] < 0
    np.testing.assert_allclose(np.abs(found.parts()).sum(axis=(0, 2)), 1)
    assert np.isnan(Relative(early_to_curve).sums(16)[1]).any(axis=0).sum() == 8  # between the eight directions


def test_the_diagonal_pairs_are_the_most_nearly_aligned(early_to_curve):
    pairs = aligned_pairs(early_to_curve)
    targets, sources = early_to_curve.target.directions, early_to_curve.source.directions
    assert [targets[t] for t, _ in pairs] == sorted(targets[t] for t, _ in pairs)
    assert all(targets[t] == sources[s] for t, s in pairs)
    assert len(pairs) == len(set(pairs)) == 8


def test_the_matrix_is_the_weights_in_order(subject, images, early_to_curve):
    figure = draw_figure("equivariance-diagonal", Setting((subject,), images))
    titles = [axes.get_title("left") for axes in figure.axes]
    drawn = figure.axes[next(i for i, title in enumerate(titles) if title.startswith("weights: equivariance"))]
    shown = np.asarray(drawn.images[0].get_array().filled(np.nan))
    size = early_to_curve.kernels.shape[-1]
    for t, s in ((0, 0), (2, 5), (7, 1)):
        own = kernels(early_to_curve)[t]
        cell = shown[t * (size + 1) :, s * (size + 1) :][:size, :size]
        np.testing.assert_allclose(cell, own[s] / abs(own).max(), atol=1e-9)


def test_cells_of_a_mosaic_are_apart():
    picture, cell = mosaic(np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2))
    assert cell == (3, 3)
    assert picture.shape == (5, 8)
    assert np.isnan(picture[2]).all()
    assert picture[3:, 6:].tolist() == [[20, 21], [22, 23]]


def test_reading_early_curves_alone_is_what_the_edits_do(subject, early_to_curve):
    net, source = subject.net, early_to_curve.source
    family = replace(early_to_curve.target, members=early_to_curve.target.members[:3])
    for positive, plan in (
        (False, Plan([KeepOnly(source, family)])),
        (True, Plan([KeepOnly(source, family), RemoveNegative(source, family)])),
    ):
        assert reading_only(net, family, source, positive=positive).identity == plan.apply(net).identity


def test_without_negative_weights_no_response_is_lower(bvlc):
    family = numbered([0, 90], "3b", name="curve")
    family = replace(family, members=(Member(Unit("3b", 200), 0.0), Member(Unit("3b", 379), 90.0)))
    source = replace(numbered(range(0, 360, 30), "3a"), layer="3a")
    alone = reading_only(bvlc, family, source)
    positive = reading_only(bvlc, family, source, positive=True)
    seen = small.pictures(6)
    before, after = (net.responses(seen, "3b")[:, [200, 379]] for net in (alone, positive))
    assert (after >= before - 1e-4).all()
    assert (after > before + 1e-3).any()
    others = [0, 100, 300]
    torch.testing.assert_close(bvlc.responses(seen, "3b")[:, others], positive.responses(seen, "3b")[:, others])


@given(st.integers(1, 50), st.integers(2, 16))
@settings(max_examples=40, deadline=None)
def test_pooled_kernels_keep_their_sum_and_their_middle(size, most):
    random = np.random.default_rng(size)
    kernel = random.random((2, size, size))
    found = pooled(kernel, most)
    assert found.shape[-1] <= most
    np.testing.assert_allclose(found.sum(axis=(1, 2)), kernel.sum(axis=(1, 2)))
    np.testing.assert_allclose(pooled(kernel[:, ::-1, ::-1], most), found[:, ::-1, ::-1])


def test_a_composition_has_each_unit_where_its_weight_is_largest():
    family = numbered([0, 90], name="line", period=180.0)
    weights = np.zeros((3, 3, 3))
    weights[0, 0, 1], weights[1, 2, 2], weights[2, 1, 1] = 2, 1, 9  # the last is of no family
    weights[1, 0, 0] = -5
    ink = (1 - composition(weights, [family])[..., 0]) / 0.9
    side = len(ink) // 3
    cells = {(row, column): ink[side * row : side * (row + 1), side * column : side * (column + 1)]
             for row in range(3) for column in range(3)}  # fmt: skip
    np.testing.assert_allclose(cells[0, 1], feature_ink("line", 0), atol=1e-9)
    np.testing.assert_allclose(cells[2, 2], feature_ink("line", 90) / 2, atol=1e-9)
    assert sum(cell.any() for cell in cells.values()) == 2


def test_the_shown_unit_is_the_one_that_curves_excite_most():
    family = numbered([10, 50, 200])
    assert exemplar(family) == 1
    heard = zip(family, (1.0, 2.0, 3.0), strict=True)
    assert exemplar(replace(family, members=tuple(replace(m, evidence={"amplitude": a}) for m, a in heard))) == 2
    assert evenly(3, 10) == [0, 1, 2]
    assert evenly(24, 4) == [0, 6, 12, 18]


def test_portraits_tell_tuning_curves(subject, images):
    portrait = Portrait(subject.net, "3a", images)
    early = next(family for family in subject.families if family.name == "early curve")
    tuned = portrait.curve_tuning[list(early.channels)]
    assert tuned.shape == (8, len(DIRECTIONS))
    assert np.array(DIRECTIONS)[tuned.argmax(axis=1)].tolist() == pytest.approx(early.directions)
    lines = next(family for family in subject.families if family.name == "line" and family.layer == "3a")
    along = portrait.line_tuning[list(lines.channels)]
    assert (15.0 * along.argmax(axis=1)).tolist() == pytest.approx(lines.directions)


@pytest.mark.parametrize("name", ["circuit-weights", "early-curve-weights", "no-negative-weights", "family-4a"])
def test_networks_without_the_kinds_are_told_so(name, images):
    net = small.network()
    bare = Subject("bare", net, tuple(f for f in handbuilt.families(net) if f.name == "line"))
    with pytest.raises(CurvesError, match="bare was built without a family"):
        draw_figure(name, Setting((bare,), images))


def test_a_network_whose_curves_read_no_curves_is_told_so(subject, images):
    kept = tuple(family for family in subject.families if family.name != "early curve")
    with pytest.raises(CurvesError, match="curves of 3b of bare read 3a, where no curves are"):
        draw_figure("no-negative-weights", Setting((Subject("bare", subject.net, kept),), images))
