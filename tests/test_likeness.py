"""Likeness in behaviour: statistics against scipy's, a network is like itself, positions meet, and files say all."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

import evals
import handbuilt
from circuits import CurvesError, Family, Member, Network, Unit, UnknownUnitError
from circuits.images import ImageSet
from circuits.ops import Conv, Padding, ReLU
from evals.agreement import correlations, mean_over_units, rank_correlation, shared_top
from evals.likeness_result import AGREEMENTS
from tests import small

TEST = evals.SyntheticCurves(directions=tuple(np.arange(0, 360, 30.0)), radii=(10.0, 30.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def curves(net: Network) -> Family:
    return next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))


def filters(padding: int = 4, stride: int = 2, seed: int = 0) -> tuple[Network, Family]:
    """Four random filters of 9 px in one layer, said to point in four directions."""
    weight = torch.randn(4, 3, 9, 9, generator=torch.Generator().manual_seed(seed)) / 9
    ops = [Conv("a/pre", ("input",), (9, 9), (stride, stride), Padding.same(padding)), ReLU("a", ("a/pre",))]
    net = Network(ops, {"a/pre/weight": weight, "a/pre/bias": torch.full((4,), 0.3)}, {"a": ("a/pre", "a")})
    return net, Family("curve", "a", tuple(Member(Unit("a", i), 90.0 * i) for i in range(4)))


values = st.lists(st.integers(-5, 5), min_size=20, max_size=60)


@settings(max_examples=50, deadline=None)
@given(values, st.integers(0, 99))
def test_statistics_are_scipys(first: list[int], seed: int) -> None:
    second = np.random.default_rng(seed).integers(-3, 4, len(first))
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert np.isnan(rank_correlation(first, second))
        return
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    found = correlations([first, second], [second, first, second])
    assert found.shape == (2, 3)
    assert found[0, 0] == pytest.approx(pearsonr(first, second).statistic)
    assert found[[0, 1, 1], [1, 0, 2]] == pytest.approx([1, 1, 1])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4))
def test_what_is_unrelated_shares_what_chance_gives(seed: int, levels: int) -> None:
    """Whatever ties there are, on average over orders of the places."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=2000), random.integers(0, levels, 2000)
    shares = [shared_top(first, random.permutation(second), 0.05, 0.1) for _ in range(40)]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)


def test_shared_top_values() -> None:
    first = np.arange(100.0)
    assert shared_top(first, first * 3 - 7, 0.01, 0.05) == 1
    assert shared_top(first, -first, 0.01, 0.05) == 0
    assert shared_top(first, np.zeros(100), 0.02, 0.05) == pytest.approx(0.05)
    second = np.where(np.arange(100) == 98, 200.0, -first)  # the second of the two largest, and nothing else
    assert shared_top(first, second, 0.02, 0.05) == 0.5


def test_means_leave_out_what_is_not_defined() -> None:
    mean = mean_over_units([0.2, np.nan, 0.4])
    assert (mean.value, mean.count) == (pytest.approx(0.3), 2)
    assert 0.2 <= mean.low <= 0.3 <= mean.high <= 0.4
    assert np.isnan(mean_over_units([np.nan]).value)
    assert mean_over_units([0.2, 0.4], seed=1) == mean_over_units([0.2, 0.4], seed=1)


def test_a_network_is_like_itself(images: ImageSet) -> None:
    net = small.network()
    told: list[tuple[str, int, int]] = []
    found = evals.likeness(
        net, curves(net), net, curves(net), images=images, test=small.TEST, progress=lambda *step: told.append(step)
    )
    for pair in found.pairs:
        assert pair.best.unit == pair.unit
        assert [getattr(pair.best, name) for name in AGREEMENTS] == pytest.approx([1] * 5)
        assert (pair.opposite.direction - pair.direction) % 360 == 180
        assert pair.opposite.map_correlation < 0
        assert pair.opposite.rank_correlation < 1
    best, opposite = found.means(), found.means("opposite")
    assert all(best[name].value > opposite[name].value for name in AGREEMENTS)
    assert found.positions["compared"] == found.positions["of"] == 2 * 12 * 12
    assert ("photographs through both networks", 2, 2) in told


@pytest.mark.parametrize("padding", [6, 2])
def test_positions_that_look_at_one_point_meet(padding: int, images: ImageSet) -> None:
    """The same filters, whose maps begin a row and column earlier or later."""
    (net, family), (other, others) = filters(), filters(padding)
    found = evals.likeness(net, family, other, others, images=images, test=TEST)
    assert found.positions["shift"] == (padding - 4) // 2
    for pair in found.pairs:
        assert pair.best.unit == pair.unit
        assert pair.best.rank_correlation > 0.999
        assert pair.best.activation_correlation > 0.999


def test_a_sample_stands_for_all_positions(images: ImageSet) -> None:
    (net, family), (other, others) = filters(), filters(seed=1)
    whole, part, again = (
        evals.likeness(net, family, other, others, images=images, test=TEST, places=places)
        for places in (2**17, 1500, 1500)
    )
    assert (part.positions["compared"], part.positions["of"]) == (1500, whole.positions["compared"])
    assert part.positions["of"] == 2 * 48 * 48
    assert part == again
    for one, two in zip(whole.pairs, part.pairs, strict=True):
        assert one.best.map_correlation == two.best.map_correlation
        assert one.best.rank_correlation == pytest.approx(two.best.rank_correlation, abs=0.1)


def test_partners_are_sought_in_all_families_given(images: ImageSet) -> None:
    net = small.network()
    halves = [
        Family("curve", "3b", tuple(m for m in curves(net) if (m.direction < 180) == low)) for low in (True, False)
    ]
    found = evals.likeness(net, curves(net), net, halves, images=images, test=small.TEST)
    assert all(pair.best.unit == pair.unit for pair in found.pairs)
    opposites = {str(pair.unit): str(pair.opposite.unit) for pair in found.pairs}
    assert all(unit in halves[0].units for unit in list(opposites.values())[:4])  # of the partner's own family


def test_files_say_all(images: ImageSet, tmp_path: Path) -> None:
    net = small.network()
    found = evals.likeness(net, curves(net), net, curves(net), images=images, test=small.TEST)
    table, summary = found.save(tmp_path / "out", {"extra": 1})
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["which"] for row in rows] == ["best", "opposite"] * 8
    assert float(rows[1]["map_correlation"]) == pytest.approx(found.pairs[0].opposite.map_correlation, rel=1e-5)
    data = json.loads(summary.read_text())
    assert data["extra"] == 1
    assert [network["identity"] for network in data["networks"]] == [net.identity] * 2
    assert data["images"] == {"name": images.name, "hash": images.hash, "count": 2}
    assert data["means"]["best"]["top_share"]["value"] == pytest.approx(1)
    assert evals.CurveGrid.from_spec(data["stimuli"][0]) == small.TEST.stimuli(net, "3b")
    with pytest.raises(CurvesError, match="cannot write"):
        found.save(summary)


def test_what_cannot_be_compared_is_refused(images: ImageSet) -> None:
    net, family = filters()
    for other, others, says in (
        (*filters(stride=1), "positions of a are 2 px apart and those of a 1 px"),
        (net, [], "partners are sought in one layer, not in none"),
        (small.network(), handbuilt.families(small.network()), "not in 3a, 3b, 4a, conv2d"),
    ):
        with pytest.raises(CurvesError, match=says):
            evals.likeness(net, family, other, others, images=images, test=TEST)
    with pytest.raises(UnknownUnitError):
        evals.likeness(net, Family("curve", "a", (Member(Unit("a", 9), 0.0),)), net, family, images=images)
    deaf = net.evolve(tensors={"a/pre/bias": torch.tensor([-99.0, 0, 0, 0])})
    with pytest.raises(CurvesError, match="no curve excites a:0, so that nothing can be said"):
        evals.likeness(deaf, family, net, family, images=images, test=TEST)
    assert len(evals.likeness(net, family, deaf, family, images=images, test=TEST).pairs) == 4
    with pytest.raises(CurvesError, match="cannot compare 0 positions"):
        evals.likeness(net, family, net, family, images=images, test=TEST, places=0)


def test_hand_built_detectors_agree_with_learned_ones_and_their_opposites_do_not(bvlc: Network) -> None:
    hand = handbuilt.build()
    detectors = [f for f in handbuilt.families(hand) if (f.layer, f.name) == ("3b", "curve")]
    found = evals.likeness(bvlc, evals.find_curve_family(bvlc, "3b"), hand, detectors)
    best, opposite = found.means(), found.means("opposite")
    assert best["map_correlation"].value > 0.7
    assert best["tuning_correlation"].value > 0.88
    assert best["rank_correlation"].low > 0.15 > 0 > opposite["rank_correlation"].high
    assert best["top_share"].low > 0.4
    assert opposite["top_share"].high < 0.05
