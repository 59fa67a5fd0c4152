"""Grafts: the donor's units answer in the host as they do at home, and everything else is as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import handbuilt
from circuits import CurvesError, Network, Preprocessing
from circuits.ops import Conv, Padding, ReLU
from editing import Ablate, AblateEdge, Graft, Plan
from tests import small

HAND = small.network()
PICTURE = small.pictures(2, 224, curves=30)
UNITS = {"3b:379": "3b:0", "3b:200": "3b:3", "3b:10": "3b:5"}


def test_grafted_units_say_what_they_say_in_their_own_network(bvlc: Network) -> None:
    """The two networks disagree on the order of colours, range and mean: the graft translates."""
    grafted = Graft(HAND, UNITS, scale=[1.0, 20.0, -3.0], shift=0.25).apply(bvlc)
    found = grafted.activations(PICTURE, ["3b"], pre=True)["3b"]
    home = HAND.activations(PICTURE, ["3b"], pre=True)["3b"]
    before = bvlc.activations(PICTURE, ["3b"], pre=True)["3b"]
    for (old, new), scale in zip(UNITS.items(), (1.0, 20.0, -3.0), strict=True):
        want = home[:, HAND.unit(new).channel] * scale + 0.25
        got = found[:, bvlc.unit(old).channel]
        assert torch.allclose(got, want, atol=1e-4 * float(want.abs().max())), old
    others = [c for c in range(480) if f"3b:{c}" not in UNITS]
    assert torch.equal(found[:, others], before[:, others])
    assert grafted.receptive_field("3b") == bvlc.receptive_field("3b")


def test_a_unit_grafted_into_its_own_network_changes_nothing() -> None:
    grafted = Graft(HAND, {"3b:2": "3b:2"}).apply(HAND)
    picture = PICTURE[:, :, :120, :120]
    found, before = (net.activations(picture, ["3b"], pre=True)["3b"] for net in (grafted, HAND))
    assert torch.allclose(found, before, atol=1e-6)
    # It stands on its own: what is done to the host upstream no longer reaches it.
    silent = Plan([Ablate("conv2d2"), Graft(HAND, {"3b:2": "3b:2"})]).apply(HAND)
    found = silent.activations(picture, ["3b"], pre=True)["3b"]
    assert torch.allclose(found[:, 2], before[:, 2], atol=1e-6)
    assert not torch.allclose(found[:, 3], before[:, 3], atol=1e-2)


def test_a_plan_with_a_graft_carries_its_donor(bvlc: Network, tmp_path: Path) -> None:
    plan = Plan([Graft(HAND, UNITS, scale=2.0)])
    (tmp_path / "plans").mkdir()
    plan.save(tmp_path / "plans" / "graft.toml")
    again = Plan.load(tmp_path / "plans" / "graft.toml")
    assert again == plan
    assert again.apply(bvlc).identity == plan.apply(bvlc).identity
    donor = next((tmp_path / "plans").glob("*.safetensors"))
    handbuilt.build(12).save(donor)
    with pytest.raises(CurvesError, match="holds the network .* the plan wants"):
        Plan.load(tmp_path / "plans" / "graft.toml").apply(bvlc)
    donor.unlink()
    with pytest.raises(CurvesError, match="there is no file"):
        Plan.load(tmp_path / "plans" / "graft.toml").apply(bvlc)


def tiny(stride: int, kernel: int = 3) -> Network:
    generator = torch.Generator().manual_seed(stride)
    ops = [Conv("a/pre", ("input",), (kernel, kernel), (stride, stride), Padding.same(1)), ReLU("a", ("a/pre",))]
    tensors = {"a/pre/weight": torch.randn(4, 3, kernel, kernel, generator=generator), "a/pre/bias": torch.randn(4)}
    mean = Preprocessing("BGR" if stride == 2 else "RGB", 255.0, (1.0, 2.0, 3.0), (2.0, 1.0, 0.5))
    return Network(ops, tensors, {"a": ("a/pre", "a")}, input_size=32, preprocessing=mean)


def test_grafts_reach_private_copies_and_share_their_donor() -> None:
    donor, picture = handbuilt.build(12), PICTURE[:, :, :120, :120]
    graft, cut = Graft(HAND, {"3b/5x5_bottleneck:14": "3b/5x5_bottleneck:15"}), AblateEdge("3a:13", "3b:4")
    found, want = (Plan(edits).apply(HAND).activations(picture, ["3b"])["3b"] for edits in ([cut, graft], [graft, cut]))
    assert torch.allclose(found, want, atol=1e-5)
    twice = Plan([Graft(donor, {"3b:0": "3b:1"}), Graft(donor, {"3b:2": "3b:3"})]).apply(HAND)
    once = Graft(donor, {"3b:0": "3b:1", "3b:2": "3b:3"}).apply(HAND)
    assert twice.identity == once.identity


def test_files_of_grafts_are_found_from_the_plans_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plans").mkdir()
    HAND.save("hand.safetensors")
    plan = Plan([Graft("hand.safetensors", {"3b:0": "3b:1"})])
    plan.save("plans/a.toml")
    again = Plan.load("plans/a.toml")
    again.save("plans/b.toml")
    monkeypatch.chdir("plans")
    assert Plan.load("b.toml").apply(HAND).identity == Graft(HAND, {"3b:0": "3b:1"}).apply(HAND).identity
    assert Graft("a", {"3b:0": "3b:1"}) != Graft("b", {"3b:0": "3b:1"})


def padded(net: Network, *padding: int) -> Network:
    """The network with another padding of the image."""
    first = next(op for op in net.ops if isinstance(op, Conv))
    return net.evolve(ops=[replace(op, padding=Padding(*padding)) if op is first else op for op in net.ops])


@pytest.mark.parametrize("size", [224, 225, 231])
def test_grafts_pad_the_image_as_their_host_does(size: int) -> None:
    """`inceptionv1` pads by 2 before and 3 after: its fields lie a pixel further than the hand-built network's."""
    host = padded(HAND, 2, 3, 2, 3)
    assert host.receptive_field("3b").offset == HAND.receptive_field("3b").offset + 1
    grafted = Graft(HAND, {"3b:2": "3b:5"}).apply(host)
    picture = small.pictures(1, size, seed=size, curves=12)
    found, want = (net.activations(picture, ["3b"], pre=True)["3b"] for net in (grafted, host))
    assert torch.allclose(found[:, 2], want[:, 5], atol=1e-5)
    assert torch.equal(found[:, 3:], want[:, 3:])
    with pytest.raises(CurvesError, match=r"maps of 3b of handbuilt are .* for images of 224 px, those of 3b"):
        Graft(padded(HAND, 3, 19, 3, 19), {"3b:2": "3b:5"}).apply(HAND)


@pytest.mark.parametrize(
    ("donor", "units", "says"),
    [
        (tiny(2), {"a:0": "a:0"}, "units of a of unnamed see 3 px every 2 px from -1, those of .* 3 px every 1 px"),
        (tiny(1, kernel=5), {"a:0": "a:0"}, "see 5 px every 1 px from -1, .* graft units that see the same pixels"),
        (tiny(1), {"a:9": "a:0"}, "a:9 is out of range"),
        (tiny(1), {"a:0": "a:9"}, "a:9 is out of range"),
    ],
)
def test_grafts_that_do_not_fit_are_refused(donor: Network, units: dict[str, str], says: str) -> None:
    with pytest.raises(CurvesError, match=says):
        Graft(donor, units).apply(tiny(1))


def test_grafts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(CurvesError, match="units is a table"):
        Graft(HAND, {})
    with pytest.raises(CurvesError, match="donor is a saved network"):
        Graft(3, UNITS)
    with pytest.raises(CurvesError, match="there are 2 numbers in scale for 3 units"):
        Graft(HAND, UNITS, scale=[1.0, 2.0]).apply(HAND)
