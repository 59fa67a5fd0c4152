"""The causal test: ablations are those of edited networks, controls are what they are said to be, effects are found."""

import dataclasses

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Family, Member, Network, Unit
from circuits.ops import AvgPool, Linear, Softmax
from editing import Ablate, AblateEdge, Plan
from evals.ablation import Ablation, Behind, controls, mean_activity, next_layer
from evals.battery.causal import Causal
from tests import small

QUICK = Causal(kinds=(), draws=2, directions=4, radii=(0.3,))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


def classifier(net: Network) -> Network:
    """Ends in eight classes, whose weights are random."""
    ops = [*net.ops, AvgPool("pool", ("4a",)), Linear("classes", ("pool",)), Softmax("softmax", ("classes",))]
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(8, net.layer("4a").channels, generator=random)
    tensors = {"classes/weight": weight, "classes/bias": torch.zeros(8)}
    layers = {layer.name: (layer.pre, layer.post) for layer in net.layers.values()}
    return net.evolve(ops=ops, tensors=tensors, layers=layers)


def family(*channels: int) -> Family:
    members = tuple(Member(Unit("3b", channel), 45.0 * channel % 360) for channel in channels)
    return Family("curve", "3b", members)


@pytest.mark.parametrize("copied", [False, True])
def test_ablating_behind_the_layer_is_ablating_in_the_network(copied: bool, close) -> None:
    """Also where a unit of 4a reads private copies of the units."""
    net = small.network()
    if copied:
        net = Plan([AblateEdge("3a:3", "3b:1"), AblateEdge("conv2d2:1", "4a:2")]).apply(net)
        assert any(name.startswith("3b@") for name in net.layers)
    channels = (0, 3, 9)
    edited = Plan([Ablate(*(f"3b:{channel}" for channel in channels))]).apply(net)
    patches = small.pictures(4, net.receptive_field("4a").size)
    behind = Behind(net, "3b", net.layer("4a").post)
    intact, ablated = behind.run(patches, [Ablation.zero(channels)])
    close(intact, net.responses(patches, "4a", pre=False))
    close(ablated, edited.responses(patches, "4a", pre=False))
    assert float((intact - ablated).abs().max()) > 0.01 * float(intact.max())
    whole = small.pictures(2, 200, seed=1)
    maps = Behind(net, "3b", net.layer("4a").post, (200, 200))
    close(list(maps.run(whole, [Ablation.zero(channels)]))[1], edited.activations(whole, ["4a"])["4a"])
    activity = np.arange(net.layer("3b").channels, dtype=float)
    assert Ablation.mean(channels, activity).levels == (0.0, 3.0, 9.0)


def test_mean_activity_is_of_all_places_of_all_pictures(images) -> None:
    net = small.network()
    maps = [net.activations(image[None], ["3b"])["3b"][0].flatten(1) for image in images]
    expected = torch.cat(maps, dim=1).mean(1)
    torch.testing.assert_close(torch.tensor(mean_activity(net, "3b", images)).float(), expected)


def test_controls_are_other_units_of_like_activity() -> None:
    activity = np.arange(40.0)
    of = family(5, 20, 21)
    drawn = controls(of, activity, 30, 0, nearest=4)
    assert len(set(drawn)) > 5
    for each in drawn:
        assert len(set(each)) == 3
        assert not set(each) & {5, 20, 21}
        assert all(abs(a - b) <= 4 for a, b in zip(each, of.channels, strict=True))
    assert drawn == controls(of, activity, 30, 0, nearest=4)
    assert drawn != controls(of, activity, 30, 1, nearest=4)
    assert controls(family(*range(25)), activity, 3, 0, 4) == []


def test_the_family_matters_more_than_its_control(images, monkeypatch: pytest.MonkeyPatch) -> None:
    """A band's curves against as many of the other bands' and of the lines: what 4a makes of curves is lost."""
    net = classifier(small.network())
    known = next(f for f in handbuilt.families(small.network()) if (f.layer, f.name) == ("3b", "curve"))
    pair = Family("double curve", "4a", tuple(Member(Unit("4a", i), 90.0 * i) for i in range(2)), 180.0)
    monkeypatch.setattr("evals.battery.causal.find_families", lambda *_, **__: (pair,))
    test = dataclasses.replace(QUICK, kinds=("line", "double curve"), directions=8, radii=(0.3, 0.55))
    card = evals.run(net, known, [test], images=images, draws=20)
    scores = card.scores
    assert scores["causal.kl"] > 0
    assert scores["causal.all_change"] < scores["causal.all_control"] <= 0.05
    own = card.data["causal.change"][0, [0, 1]]
    expected = own[~np.isnan(own)]
    assert scores["causal.double_curve_change"] == (pytest.approx(expected.mean()) if expected.size else None)
    assert scores["causal.line_change"] is None
    assert {f"causal.{unit}.kl" for unit in known.units} <= set(scores)
    assert all(scores[f"causal.{unit}.kl"] <= scores["causal.kl"] for unit in known.units)
    assert card.spreads["causal.kl"].high >= scores["causal.kl"]
    assert set(card.details["causal"]["next"]["kinds"]) == {"double curve"}
    assert set(test.figures(card)) == {"next-layer"}
    edited = Plan([Ablate(*known.units)]).apply(net)
    found = evals.damage(net, {"ablated": edited}, images)
    assert scores["causal.kl"] == pytest.approx(float(found.variants[0].kl.mean()), rel=1e-3)


def test_units_that_nothing_reads_change_nothing(images) -> None:
    net = classifier(small.network())
    weights = {
        f"{link.op}/weight": net.tensors[f"{link.op}/weight"].clone() for link in net.links if link.source == "3b"
    }
    for weight in weights.values():
        weight[:, [0, 1]] = 0
    deaf = net.evolve(tensors=weights)
    scores = evals.run(deaf, family(0, 1), [QUICK], images=images, draws=0).scores
    assert scores["causal.kl"] == pytest.approx(0, abs=1e-9)
    assert scores["causal.top1_changed"] == 0
    assert scores["causal.all_change"] == pytest.approx(0, abs=1e-6)
    assert scores["causal.3b:0.largest_loss"] == pytest.approx(0, abs=1e-6)


def test_without_classes_the_next_layer_is_told_and_without_either_an_error(images) -> None:
    net = small.network()
    scores = evals.run(net, family(0, 1), [QUICK], images=images, draws=0).scores
    assert scores["causal.all_change"] is not None
    assert "causal.kl" not in scores
    last = Family("curve", "4a", (Member(Unit("4a", 0), 0.0),))
    with pytest.raises(CurvesError, match="has nothing behind 4a to look at"):
        evals.run(net, last, [QUICK], images=images)
    with pytest.raises(CurvesError, match="no layer of .* lies behind 4a"):
        next_layer(net, "4a")
    with pytest.raises(CurvesError, match="does not depend on 4a"):
        Behind(net, "4a", net.layer("3b").post)
    with pytest.raises(CurvesError, match="no kind of family 'square'"):
        Causal(kinds=("square",))
    with pytest.raises(CurvesError, match="must be 1 or more"):
        Causal(draws=0)


def test_quick_shows_less() -> None:
    quick = Causal().quick()
    assert (quick.kinds, quick.alone, quick.most) == ((), False, 6)
    assert quick.draws < Causal().draws
