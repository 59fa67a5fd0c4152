"""Edits and plans: exact, never destructive, kept as TOML."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import CurvesError, FileDamagedError, Network, Unit, UnknownLayerError, UnknownUnitError
from circuits.ops import MaxPool
from editing import Ablate, Plan
from tests import small
from tests.networks import random_networks, small_network

NET = small.network()
UNITS = [unit for layer in ("conv2d0", "conv2d2", "3a/5x5_bottleneck", "3a", "3b") for unit in NET.units(layer)]
PATCHES = small.pictures(3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(UNITS), min_size=1, max_size=4))
def test_ablated_units_are_silent_and_all_else_reads_zeros_from_them(units: list[Unit]) -> None:
    before = NET.identity
    edited = Plan([Ablate(*units)]).apply(NET)
    picture = small.pictures(1, 96, curves=6)
    layers = ["conv2d0", "conv2d1", "conv2d2", "3a/5x5_bottleneck", "3a", "3b/5x5_bottleneck", "3b"]
    found = edited.activations(picture, layers, pre=True)
    for unit in units:
        assert (found[unit.layer][:, unit.channel] == 0).all()
    # Nothing upstream of the first ablated layer has changed.
    first = min(layers.index(unit.layer) for unit in units)
    original = NET.activations(picture, layers, pre=True)
    for layer in layers[:first]:
        assert torch.equal(found[layer], original[layer])
    assert NET.identity == before


def test_ablation_is_what_multiplying_the_activation_by_zero_does() -> None:
    """Against the slow way: run to 3a, silence the channel by hand, run 3b's weights on it."""
    edited = Plan([Ablate("3a:12")]).apply(NET)
    picture = small.pictures(1, 120, curves=6)
    below = NET.activations(picture, ["3a"])["3a"].clone()
    below[:, 12] = 0
    tensors = NET.tensors
    bottleneck = torch.relu(torch.conv2d(below, tensors["3b/5x5_bottleneck/pre/weight"]))
    expected = torch.conv2d(bottleneck, tensors["3b/5x5/weight"], tensors["3b/5x5/bias"], padding=2)
    found = edited.activations(picture, ["3b"], pre=True)["3b"]
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, NET.activations(picture, ["3b"], pre=True)["3b"], atol=1e-2)


@settings(deadline=None, max_examples=30)
@given(random_networks(normalised=False), st.data())
def test_disjoint_ablations_commute_and_repeat_without_effect(net: Network, data: st.DataObject) -> None:
    def has_weights(unit: Unit) -> bool:
        try:
            net.producer(unit)
        except CurvesError:
            return False
        return True

    units = [unit for layer in net.layers for unit in net.units(layer) if has_weights(unit)]
    a, b = data.draw(st.sampled_from(units)), data.draw(st.sampled_from(units))
    both = Plan([Ablate(a, b)]).apply(net).identity
    assert Plan([Ablate(a), Ablate(b)]).apply(net).identity == both
    assert Plan([Ablate(b), Ablate(a), Ablate(a)]).apply(net).identity == both


def test_the_edited_network_says_what_it_was_made_from_and_comes_back_from_its_file(tmp_path: Path) -> None:
    plan = Plan([Ablate("3b:0", "3b:1"), Ablate("3a:5")])
    plan.save(tmp_path / "plan.toml")
    assert Plan.load(tmp_path / "plan.toml") == plan
    edited = plan.apply(NET)
    edited.save(tmp_path / "edited.safetensors")
    again = Network.load(tmp_path / "edited.safetensors")
    assert again.identity == edited.identity != NET.identity
    assert again.provenance.parent == NET.identity
    assert [dict(edit) for edit in again.provenance.edits] == [
        {"kind": "ablate", "units": ["3b:0", "3b:1"]},
        {"kind": "ablate", "units": ["3a:5"]},
    ]
    assert torch.equal(again.responses(PATCHES, "3b"), edited.responses(PATCHES, "3b"))
    assert NET.provenance.edits == ()


@pytest.mark.parametrize(
    ("edits", "error", "says"),
    [
        (
            [Ablate("3b:28")],
            UnknownUnitError,
            r"edit 1 of 1 \(ablate\) does not fit: 3b has 28 units \(0\.\.27\); 3b:28 is out",
        ),
        ([Ablate("3b:0"), Ablate("9z:0")], UnknownLayerError, r"edit 2 of 2 \(ablate\) does not fit: handbuilt has no"),
    ],
)
def test_plans_that_do_not_fit_are_refused(edits: list[Ablate], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Plan(edits).apply(NET)


def test_what_has_no_weights_cannot_be_ablated() -> None:
    net = small_network()
    net = net.evolve(ops=[*net.ops, MaxPool("p", ("b",), (2, 2))], layers={"p": ("p", "p")})
    with pytest.raises(CurvesError, match="p:0 is the output of a maxpool, which has no weights"):
        Plan([Ablate("p:0")]).apply(net)
    with pytest.raises(CurvesError, match="no units are named"):
        Ablate()
    with pytest.raises(UnknownUnitError, match="write layer:channel"):
        Ablate("3b:x")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("edit = [", FileDamagedError, "is not a TOML file"),
        ("", CurvesError, "holds no plan"),
        ("edits = []", CurvesError, "holds no plan"),
        ("edit = 3", CurvesError, "holds no plan"),
        ('[[edit]]\nkind = "melt"\nunits = ["3b:1"]', CurvesError, "no edit of kind 'melt'; the kinds are .*ablate"),
        ('[[edit]]\nkind = "ablate"', CurvesError, "line 1, edit 1 of 1: ablate lacks units; it has units, value, ref"),
        ('[[edit]]\nkind = "ablate"\nunits = ["3b:1"]\nhow = 1', CurvesError, "there is no 'how' in ablate; it has"),
        ('\n\n[[edit]]\nkind = "ablate"\nunits = ["3b:x"]', UnknownUnitError, "line 3, .*write layer:channel"),
        ('[[edit]]\nkind = "ablate"\nunits = ["family:3b/curve"]', CurvesError, "names 0 families .* which has none"),
        ('network = 3\n[[edit]]\nkind = "ablate"\nunits = ["3b:1"]', CurvesError, "holds no plan"),
    ],
)
def test_damaged_plans_are_refused(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(error, match=says):
        Plan.load(tmp_path / "plan.toml")


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(CurvesError, match=r"there is no plan .*none\.toml"):
        Plan.load(tmp_path / "none.toml")


def test_values_go_to_units_in_the_order_given() -> None:
    edited = Ablate("3b:5", "3b:1", value=[0.5, 0.25]).apply(NET)
    found = edited.responses(PATCHES, "3b")
    assert (found[:, 5] == 0.5).all()
    assert (found[:, 1] == 0.25).all()
    with pytest.raises(CurvesError, match="3 values for 2 units"):
        Ablate("3b:5", "3b:1", value=[1, 2, 3]).apply(NET)


def test_mean_and_resampled_ablation_keep_what_the_units_said() -> None:
    images = list(small.pictures(3, 112))
    mean = Ablate.mean(NET, "3a", images=images)
    said = NET.activations(torch.stack(images), ["3a"])["3a"]
    assert torch.allclose(torch.tensor(mean.value), said.mean(dim=(0, 2, 3)), atol=1e-5)
    edited = mean.apply(NET).activations(torch.stack(images), ["3a"])["3a"]
    assert torch.allclose(edited[0, :, 0, 0], said.mean(dim=(0, 2, 3)), atol=1e-5)
    assert (edited == edited[:1, :, :1, :1]).all()
    drawn = Ablate.resample(NET, "3a", images=images, seed=1)
    assert drawn == Ablate.resample(NET, "3a", images=images, seed=1)
    assert drawn != Ablate.resample(NET, "3a", images=images, seed=2)
    places = said.permute(0, 2, 3, 1).reshape(-1, said.shape[1])  # all units said this at one and the same place
    assert (places - torch.tensor(drawn.value)).abs().amax(dim=1).min() < 1e-5
    with pytest.raises(CurvesError, match="no images"):
        Ablate.mean(NET, "3a", images=[])
    with pytest.raises(CurvesError, match="no images"):
        Ablate.resample(NET, "3a", images=[])


def test_plans_are_written_as_tables_with_lines_of_their_own(tmp_path: Path) -> None:
    Plan([Ablate("3b:1"), Ablate("3b:99")]).save(tmp_path / "plan.toml")
    text = (tmp_path / "plan.toml").read_text()
    assert text.count("[[edit]]\n") == 2
    line = text.splitlines().index("[[edit]]", 1) + 1
    with pytest.raises(UnknownUnitError, match=rf"plan\.toml line {line}, edit 2 of 2 \(ablate\) does not fit"):
        Plan.load(tmp_path / "plan.toml").apply(NET)
