"""The attribution test: the hand-built circuit is read off as it was built, and the geometry is right."""

import numpy as np
import pytest

import evals
import handbuilt
from circuits import CurvesError, Family, Network, attribution
from evals.attribution_terms import _facing, layer_before
from evals.battery.attribution import AttributionTest
from evals.grid import CurveGrid
from evals.stimuli import Curve
from tests import small

TEST = AttributionTest(radii=(30.0, 60.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def family() -> Family:
    return next(f for f in handbuilt.families(small.network()) if (f.layer, f.name) == ("3b", "curve"))


def test_the_hand_built_circuit_is_read_off(family: Family, images) -> None:
    """Its curves are made of early curves alone, those that face its way exciting and the opposite ones inhibiting."""
    card = evals.run(small.network(), family, [TEST], images=images, draws=20)
    scores = card.scores
    assert scores["attribution.curves_excite"] == pytest.approx(1, abs=1e-6)
    assert scores["attribution.curves_along"] > 0.9
    assert scores["attribution.opposite_curves"] < -0.6
    assert scores["attribution.incomplete"] < 1e-5
    assert scores["attribution.ink_wanted"] > 2 * scores["attribution.ink"]
    assert card.spreads["attribution.curves_along"].low > 0.8
    assert set(TEST.figures(card)) == {"excitation"}


def test_turned_the_wrong_way_it_is_not_along(family: Family, images) -> None:
    from dataclasses import replace

    turned = replace(family, members=tuple(replace(m, direction=(m.direction + 180) % 360) for m in family))
    scores = evals.run(small.network(), turned, [TEST], images=images, draws=0).scores
    own = evals.run(small.network(), family, [TEST], images=images, draws=0).scores
    assert scores["attribution.opposite_curves"] > 0.5 > own["attribution.opposite_curves"]


def test_a_learned_network_is_built_as_the_article_says(bvlc: Network, images) -> None:
    family = evals.find_curve_family(bvlc, "3b", test=small.TEST, images=images)
    some = Family(family.name, family.layer, family.members[::5])
    scores = evals.run(bvlc, some, [AttributionTest(radii=(45.0,))], images=images, draws=0).scores
    assert scores["attribution.curves_excite"] > scores["attribution.curves_inhibit"]
    assert scores["attribution.lines_along"] > 0.1
    assert scores["attribution.curves_along"] > 0.2
    assert scores["attribution.opposite_curves"] < -0.2
    assert scores["attribution.incomplete"] < 1e-5
    parts = [scores[f"attribution.{who}_excite"] for who in ("lines", "curves", "others")]
    assert sum(parts) == pytest.approx(1)


def test_the_direction_of_a_curve_at_a_place_is_to_its_centre() -> None:
    net = small.network()
    size = net.receptive_field("3b").size
    grid = CurveGrid.of(Curve(size=size, radius=30), direction=(0.0, 90.0))
    patches = next(grid.batches(2))
    facing = _facing(grid, attribution(net, "3b:0", "3a", patches=patches)).numpy()
    middle = facing.shape[1] // 2
    assert facing[:, middle, middle] == pytest.approx([0, 90])
    # Below the middle of an arc that opens to the right, its centre is up and to the right; y is up.
    assert 0 < facing[0, -1, middle] < 90
    assert 90 < facing[1, middle, -1] < 180
    assert np.allclose(facing[0, 0], -facing[0, -1])


def test_the_layer_before() -> None:
    net = small.network()
    assert layer_before(net, "3b") == "3a"
    assert layer_before(net, "conv2d2") == "conv2d1"
    with pytest.raises(CurvesError, match="no layer lies before conv2d0"):
        layer_before(net, "conv2d0")


def test_silent_units_have_no_shares(family: Family, images) -> None:
    from editing import Ablate, Plan

    net = Plan([Ablate(family.units[0])]).apply(small.network())
    scores = evals.run(net, family, [TEST], images=images, draws=0).scores
    assert scores[f"attribution.{family.units[0]}.curves_excite"] is None
    assert scores[f"attribution.{family.units[1]}.curves_excite"] is not None
    assert len(TEST.quick().radii) >= 1
