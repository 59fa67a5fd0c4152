"""Edits of edges against an independent slow twin: plain torch modules with a hook on the source layer.

What a target must say after an edit is what it says when the source's activations are changed for everybody; what all
others must say is what they said before. The hook changes, the edit must change for the target alone.
"""

from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

import handbuilt
from benchmarks.plain_torch import PlainTorch
from circuits import CurvesError, Family, Member, Network, Unit, expanded_weights
from circuits.ops import Conv, Padding, ReLU
from circuits.regions import downstream
from circuits.sight import edge_kernels, reads_directly
from editing import (
    Ablate,
    AblateEdge,
    ClampWeights,
    Edit,
    KeepOnly,
    Linearize,
    Plan,
    RemoveCombing,
    RemoveNegative,
    RemovePositive,
    Replace,
    Rewire,
    Scale,
    SetActivation,
    Symmetrize,
)
from tests import small
from tests.networks import random_networks

HAND = small.network()
PICTURE = small.pictures(1, 112, curves=8)


def said(net: Network, picture: Tensor, source: str = "", change: Callable[[Tensor], Tensor] | None = None) -> dict:
    """Every layer's pre-activations by plain torch modules, with a source's activations changed for all."""
    plain = PlainTorch(net)
    if change is not None:
        module = getattr(plain, plain.key(net.layer(source).post))
        module.register_forward_hook(lambda _m, _i, out: change(out))
    with torch.inference_mode():
        values = plain(picture)
    return {layer.name: values[layer.pre] for layer in net.layers.values()}


def assert_changes_only_the_targets(
    net: Network,
    edited: Network,
    targets: list[Unit],
    source: str,
    change: Callable[[Tensor], Tensor],
    picture: Tensor = PICTURE,
) -> None:
    before, expected = said(net, picture), said(net, picture, source, change)
    found = edited.activations(picture, list(net.layers), pre=True)
    reached = {net.layer(unit.layer).pre for unit in targets}
    touched = downstream(net.ops, reached) - reached
    for layer in net.layers:
        scale = before[layer].abs().max().clamp(min=1e-3)
        for channel in range(before[layer].shape[1]):
            if Unit(layer, channel) in targets:
                want = expected[layer][:, channel]
            elif net.layer(layer).pre not in touched:
                want = before[layer][:, channel]
            else:
                continue
            assert (found[layer][:, channel] - want).abs().max() <= 1e-5 * scale, (layer, channel)


def channels(of: list[int], factor: float) -> Callable[[Tensor], Tensor]:
    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, of] *= factor
        return x

    return change


@st.composite
def edges(draw: st.DrawFn, net: Network) -> tuple[str, list[int], Unit]:
    """A target, a layer that it sees (directly or from afar), and units of that layer."""
    weighted = dict.fromkeys(link.target for link in net.links)
    pairs = [(s, unit) for s in weighted for t in weighted for unit in net.units(t) if s != t and sees(net, unit, s)]
    assume(pairs)
    source, target = draw(st.sampled_from(pairs))
    chosen = draw(st.lists(st.integers(0, net.layer(source).channels - 1), min_size=1, max_size=3, unique=True))
    return source, chosen, target


def sees(net: Network, target: Unit, source: str) -> bool:
    try:
        reads_directly(net, target, source)
    except CurvesError:
        return False
    return True


@settings(deadline=None, max_examples=60)
@given(random_networks(normalised=False), st.data(), st.sampled_from([0.0, 0.5, 3.0]))
def test_a_scaled_edge_is_what_the_target_says_when_the_source_is_scaled(net: Network, data, factor: float) -> None:
    source, chosen, target = data.draw(edges(net))
    units = [Unit(source, c) for c in chosen]
    edit: Edit = Scale(units, target, factor=factor) if factor else AblateEdge(units, target)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert_changes_only_the_targets(net, edit.apply(net), [target], source, channels(chosen, factor), picture)


@settings(deadline=None, max_examples=40)
@given(random_networks(normalised=False), st.data())
def test_a_rewired_target_says_what_it_says_when_units_change_places(net: Network, data) -> None:
    source, chosen, target = data.draw(edges(net))
    order = data.draw(st.permutations(chosen))

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, chosen] = x[:, order]
        return x

    edit = Rewire([Unit(source, c) for c in chosen], target, [Unit(source, c) for c in order])
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert_changes_only_the_targets(net, edit.apply(net), [target], source, change, picture)


@pytest.mark.parametrize("target", ["3b:379", "3b:200", "3b:50", "3b:450", "4a:410"])
def test_edges_of_a_real_network_are_cut_for_the_target_alone(bvlc: Network, target: str) -> None:
    source = "3a" if target.startswith("3b") else "3b"
    picture = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    cut = bvlc.evolve(ops=bvlc.ops[: bvlc.ops.index(bvlc.op("4a/pre")) + 1], layers=_layers(bvlc, "4a"))
    edited = AblateEdge([f"{source}:{c}" for c in range(40, 60)], target).apply(cut)
    assert_changes_only_the_targets(
        cut, edited, [Unit.parse(target)], source, channels(list(range(40, 60)), 0), picture
    )


def _layers(net: Network, last: str) -> dict[str, tuple[str, str]]:
    names = list(net.layers)
    kept = names[: names.index(last) + 1]
    return {name: (net.layer(name).pre, net.layer(name).pre if name == last else net.layer(name).post) for name in kept}


def test_edges_over_several_layers_are_cut_on_all_ways(bvlc: Network) -> None:
    picture = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    cut = bvlc.evolve(ops=bvlc.ops[: bvlc.ops.index(bvlc.op("3b/pre")) + 1], layers=_layers(bvlc, "3b"))
    edited = KeepOnly([f"3a/3x3_bottleneck:{c}" for c in range(30)], "3b:379").apply(cut)
    assert_changes_only_the_targets(
        cut, edited, [Unit("3b", 379)], "3a/3x3_bottleneck", channels(list(range(30, 96)), 0), picture
    )


def test_several_targets_each_get_their_own(bvlc: Network) -> None:
    picture = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    cut = bvlc.evolve(ops=bvlc.ops[: bvlc.ops.index(bvlc.op("3b/pre")) + 1], layers=_layers(bvlc, "3b"))
    targets = [Unit("3b", c) for c in (320, 321, 379, 415, 128, 300, 0, 479)]
    edited = Plan([AblateEdge(["3a:1", "3a:2"], targets[:4]), AblateEdge(["3a:2", "3a:1"], targets[4:])]).apply(cut)
    assert_changes_only_the_targets(cut, edited, targets, "3a", channels([1, 2], 0), picture)


@pytest.mark.parametrize("target", ["3b:379", "3b:200"])
def test_signs_and_places_behind_a_bottleneck_are_exact(bvlc: Network, target: str) -> None:
    """The twin: each place of the kernel reads a bottleneck that sees only the sources allowed there."""
    unit = bvlc.unit(target)
    kernels = edge_kernels(bvlc, unit, "3a")
    edited = RemoveNegative("3a", target).apply(bvlc)
    picture = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    op, row = bvlc.producer(unit)
    size = bvlc.op(op).kernel[0]
    below = "3b/5x5_bottleneck" if size == 5 else "3b/3x3_bottleneck"
    seen = bvlc.activations(picture, ["3a"])["3a"]
    pad = size // 2
    total = bvlc.tensors[f"{op}/bias"][row].detach().clone()
    for y in range(size):
        for x in range(size):
            allowed = seen * (kernels[:, y, x] >= 0)[:, None, None]
            weight, bias = (bvlc.tensors[f"{below}/pre/{part}"] for part in ("weight", "bias"))
            units = torch.nn.functional.pad(torch.relu(torch.conv2d(allowed, weight, bias)), (pad,) * 4)
            window = units[:, :, y : y + seen.shape[2], x : x + seen.shape[3]]
            total = total + torch.einsum("nbhw,b->nhw", window, bvlc.tensors[f"{op}/weight"][row, :, y, x])
    found = edited.activations(picture, ["3b"], pre=True)["3b"]
    before = bvlc.activations(picture, ["3b"], pre=True)["3b"]
    assert (found[:, unit.channel] - total).abs().max() <= 1e-5 * total.abs().max()
    assert (found[:, unit.channel] - before[:, unit.channel]).abs().max() > 0.1 * total.abs().max()
    others = [c for c in range(480) if c != unit.channel]
    assert torch.equal(found[:, others], before[:, others])
    assert (edge_kernels(edited, unit, "3a") >= 0).all()
    assert RemoveNegative("3a", target).apply(edited).identity == edited.identity


def test_the_effects_of_signs_add_up_where_edges_are_direct() -> None:
    """A direct unit is linear in its edges: with negative and with positive weights only, it is itself and its bias."""
    conv = "conv2d2"
    source, unit = "conv2d1", HAND.unit(f"{conv}:3")
    values = [
        edit.apply(HAND).activations(PICTURE, [conv], pre=True)[conv][:, 3]
        for edit in (Scale(source, unit), RemoveNegative(source, unit), RemovePositive(source, unit))
    ]
    bias = HAND.tensors["conv2d2/pre/bias"][3]
    assert torch.allclose(values[1] + values[2] - bias, values[0], atol=1e-6)


def test_selection_by_direction_sign_and_position() -> None:
    families = {(f.layer, f.name): f for f in handbuilt.families(HAND)}
    early, late = families["3a", "early curve"], families["3b", "curve"]
    target, towards = str(late.units[0]), late.directions[0]
    opposite = AblateEdge(early, late, direction=(135, 225)).apply(HAND)
    kernels = edge_kernels(opposite, HAND.unit(target), "3a")
    original = edge_kernels(HAND, HAND.unit(target), "3a")
    for channel, direction in zip(early.channels, early.directions, strict=True):
        far = 135 <= (direction - towards) % 360 <= 225
        assert torch.equal(kernels[channel], torch.zeros(5, 5) if far else original[channel])
    place = Scale("3a", target, positions=[(1, 2)], factor=3.0).apply(HAND)
    want = original.clone()
    want[:, 0, 3] *= 3  # one to the right and two up from the middle of 5 x 5
    assert torch.allclose(edge_kernels(place, HAND.unit(target), "3a"), want)
    signed = Scale("3a", target, sign="negative", factor=0.5).apply(HAND)
    want = torch.where(original < 0, original / 2, original)
    assert torch.allclose(edge_kernels(signed, HAND.unit(target), "3a"), want)
    clamped = ClampWeights("3a", target, low=-0.01, high=0.02).apply(HAND)
    assert torch.allclose(edge_kernels(clamped, HAND.unit(target), "3a"), original.clamp(-0.01, 0.02), atol=1e-7)


def test_replace_rotate_and_linearize() -> None:
    net, unit = HAND, HAND.unit("conv2d2:1")
    kernel = torch.arange(9.0).view(3, 3) / 7
    replaced = Replace("conv2d1:2", unit, kernel).apply(net)
    assert torch.equal(edge_kernels(replaced, unit, "conv2d1")[2], kernel)
    turned = Rewire("conv2d1:2", unit, "conv2d1:2", rotate=90).apply(replaced)
    assert torch.equal(edge_kernels(turned, unit, "conv2d1")[2], kernel.rot90())
    others = [c for c in range(12) if c != 2]
    assert torch.equal(edge_kernels(turned, unit, "conv2d1")[others], edge_kernels(net, unit, "conv2d1")[others])
    linear = Linearize("3a", "3b:4").apply(net)
    assert reads_directly(linear, net.unit("3b:4"), "3a")
    assert not reads_directly(net, net.unit("3b:4"), "3a")
    assert torch.allclose(edge_kernels(linear, net.unit("3b:4"), "3a"), edge_kernels(net, net.unit("3b:4"), "3a"))
    # The hand-built bottleneck never says anything negative, so here the linear alternative is exact.
    found, before = (n.activations(PICTURE, ["3b"], pre=True)["3b"] for n in (linear, net))
    assert torch.allclose(found, before, atol=1e-5)


def test_a_linearized_unit_of_a_real_network_is_its_expanded_weights(bvlc: Network) -> None:
    linear = Linearize("3a", "3b:379").apply(bvlc)
    picture = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    kernels = edge_kernels(bvlc, bvlc.unit("3b:379"), "3a")
    tensors = bvlc.tensors
    bias = tensors["3b/5x5/bias"][59] + tensors["3b/5x5/weight"][59].sum((1, 2)) @ tensors["3b/5x5_bottleneck/pre/bias"]
    want = torch.conv2d(bvlc.activations(picture, ["3a"])["3a"], kernels[None], bias[None], padding=2)[:, 0]
    found = linear.activations(picture, ["3b"], pre=True)["3b"][:, 379]
    assert torch.allclose(found, want, atol=1e-4 * float(want.abs().max()))
    edited = RemoveNegative("3a", "3b:379").apply(linear)
    want = torch.conv2d(bvlc.activations(picture, ["3a"])["3a"], kernels.clamp(min=0)[None], bias[None], padding=2)[
        :, 0
    ]
    found = edited.activations(picture, ["3b"], pre=True)["3b"][:, 379]
    assert torch.allclose(found, want, atol=1e-4 * float(want.abs().max()))


def test_symmetrized_weights_turn_with_their_units() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = HAND.tensors["conv2d2/pre/weight"]
    noisy = HAND.evolve(tensors={"conv2d2/pre/weight": weight + torch.rand(weight.shape, generator=generator)})
    turns = [0.0, 90.0]
    source, target = (
        Family("x", layer, tuple(Member(Unit(layer, 6 * i), t) for i, t in enumerate(turns)), 180.0)
        for layer in ("conv2d1", "conv2d2")
    )
    edited = Symmetrize(source, target).apply(noisy)
    found = torch.stack([edge_kernels(edited, unit, "conv2d1")[[0, 6]] for unit in target.units])
    assert torch.allclose(found[1, 1], found[0, 0].rot90(), atol=1e-6)
    assert torch.allclose(found[1, 0], found[0, 1].rot90(), atol=1e-6)
    again = Symmetrize(source, target).apply(edited)
    assert torch.allclose(
        edge_kernels(again, target.units[0], "conv2d1"), edge_kernels(edited, target.units[0], "conv2d1")
    )


# ---------------------------------------------------------------------- algebra


@settings(deadline=None, max_examples=40)
@given(random_networks(), st.data())
def test_edge_edits_of_different_targets_commute_and_repeat_without_effect(net: Network, data) -> None:
    (s1, c1, t1), (s2, c2, t2) = data.draw(edges(net)), data.draw(edges(net))
    assume(t1 != t2)
    one, two = AblateEdge([Unit(s1, c) for c in c1], t1), AblateEdge([Unit(s2, c) for c in c2], t2)
    both = Plan([one, two]).apply(net)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for other in (Plan([two, one]), Plan([one, two, one])):
        again = other.apply(net)
        if t1.layer == t2.layer:
            assert again.identity == both.identity
        else:  # one target may be a private copy's original, made before or after it was edited
            for layer in net.layers:
                found, want = (n.activations(picture, [layer], pre=True)[layer] for n in (again, both))
                assert torch.allclose(found, want, atol=1e-5 * float(want.abs().max() + 1))


@settings(deadline=None, max_examples=40)
@given(random_networks(), st.data(), st.sampled_from([0.5, 4.0, -2.0]))
def test_scaling_back_restores(net: Network, data, factor: float) -> None:
    source, chosen, target = data.draw(edges(net))
    units = [Unit(source, c) for c in chosen]
    there = Scale(units, target, factor=factor).apply(net)
    back = Scale(units, target, factor=1 / factor).apply(there)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for layer in net.layers:
        found, want = (n.activations(picture, [layer], pre=True)[layer] for n in (back, net))
        # Rounding is as large as the terms of a sum, also where the sum itself is small.
        assert torch.allclose(found, want, rtol=1e-5, atol=1e-6 * max(1.0, float(want.abs().max())))


def test_an_edit_of_a_unit_reaches_its_private_copies(bvlc: Network) -> None:
    """In whichever order: a bottleneck unit that is ablated is ablated in what a target has for itself, too."""
    cut, unit = AblateEdge("3a:104", "3b:379"), Ablate("3b/5x5_bottleneck:5")
    assert Plan([cut, unit]).apply(bvlc).identity == Plan([unit, cut]).apply(bvlc).identity
    below = AblateEdge("3b/5x5_bottleneck:5", "3b:379")
    assert Plan([cut, below]).apply(bvlc).identity == Plan([below, cut]).apply(bvlc).identity


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ([AblateEdge("3b:0", "3a:0")], "3a:0 does not see 3b; it reads conv2d2"),
        ([Scale("3a:9", "3b:99", factor=2.0)], r"3b has 28 units \(0\.\.27\); 3b:99 is out of range"),
        ([AblateEdge("conv2d2:0", "3b:0", sign="negative")], "between 3b:0 and the source lies more than a 1x1"),
        ([Replace("3a:0", "3b:0", torch.ones(5, 5))], "put a linearize edit of this source and target before"),
        ([Replace("conv2d1:0", "conv2d2:0", torch.ones(5, 5))], "are 3x3, not 5x5"),
        ([Replace("conv2d1", "conv2d2:0", torch.ones(3, 3))], "kernels for 1 x 1 edges, but 1 targets x 12 sources"),
        ([Rewire("conv2d1:0", "conv2d2:0", "conv2d1")], "1 sources cannot move to 12 units"),
        ([Rewire("conv2d1:0", "conv2d2:0", "conv2d2:1")], "edges move within one layer, not between conv2d1, conv2d2"),
        ([AblateEdge("conv2d1:0", "conv2d2:0", direction=(0, 90))], "conv2d1:0 has no direction"),
        ([AblateEdge("conv2d1:0", "conv2d2:0", positions=[(2, 0)])], r"position \(2, 0\) is outside a kernel of 3x3"),
        (
            [AblateEdge("conv2d1:0", "conv2d2:0"), Replace("conv2d1:0", "conv2d2:0", torch.ones(3, 3))],
            r"edit 2 of 2 \(replace\) does not fit: it sets the edge conv2d1:0 -> conv2d2:0, which edit 1 of 2",
        ),
        (
            [Rewire("3a:0", "3b:0", "3a:1"), Rewire("3a:0", "3b:0", "3a:2")],
            "which edit 1 of 2 .rewire. has set to something else; keep one of the two",
        ),
    ],
)
def test_edits_that_do_not_fit_are_refused(edits: list[Edit], says: str) -> None:
    before = HAND.identity
    with pytest.raises(CurvesError, match=says):
        Plan(edits).apply(HAND)
    assert HAND.identity == before


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: AblateEdge([], "3b:0"), "no units are named"),
        (lambda: AblateEdge("3a:0", 3), "3 names no units"),
        (lambda: AblateEdge("3a:0", "3b:0", sign="both"), 'sign is "negative" or "positive"'),
        (lambda: AblateEdge("3a:0", "3b:0", direction=90), "direction is .from, to."),
        (lambda: AblateEdge("3a:0", "3b:0", positions=[1]), "positions are"),
        (lambda: RemoveNegative("3a:0", "3b:0", sign="positive"), "leave sign out"),
        (lambda: ClampWeights("3a:0", "3b:0", low=0.1), "a range around 0"),
        (lambda: Scale("3a:0", "3b:0", factor="much"), "'much' is no number"),
        (lambda: Replace("3a:0", "3b:0", [[1.0, float("nan")]]), "finite numbers"),
        (lambda: Replace("3a:0", "3b:0", [[1.0], [1.0, 2.0]]), "kernels are numbers"),
        (lambda: Symmetrize("3a", "3b"), "one family as source"),
        (lambda: Scale("3a:0", "3b:0", factor=float("inf")), "inf is no number; give a finite one"),
        (lambda: Scale("3a:0", "3b:0", factor=True), "True is no number"),
        (lambda: Scale("3a:0", "3b:0", factor=10**400), "is no number"),
        (lambda: Ablate("3a:0", value=float("nan")), "nan is no number"),
        (lambda: AblateEdge("3a:0", "3b:0", positions=[(0.5, 0)]), "0.5 is no whole number"),
        (lambda: AblateEdge("3a:0", "3b:0", positions=[]), "positions are"),
        (lambda: AblateEdge("3a:0", "3b:0", direction="12"), "direction is .from, to."),
        (
            lambda: AblateEdge({"name": "x", "layer": "3a", "period": 0, "units": {"3a:1": 0}}, "3b"),
            "does not divide 360",
        ),
        (lambda: AblateEdge({"name": "x", "layer": "3a"}, "3b:0"), "a family needs name, layer and units"),
    ],
)
def test_edits_that_make_no_sense_are_refused(make: Callable[[], Edit], says: str) -> None:
    with pytest.raises(CurvesError, match=says):
        make()


def test_private_copies_can_be_named_as_layers_and_as_units() -> None:
    cut = AblateEdge("3a:13", "3b:1").apply(HAND)
    copy = "3b/5x5_bottleneck@3b:1"
    patches = small.pictures(2)
    whole = Ablate(copy).apply(cut).responses(patches, "3b")
    parts = Ablate(*(f"{copy}:{c}" for c in range(cut.layer(copy).channels))).apply(cut).responses(patches, "3b")
    silenced = cut.responses(patches, "3b", interventions=[SetActivation(copy, 0.0)])
    assert torch.equal(whole, parts)
    assert torch.allclose(whole, silenced, atol=1e-6)
    assert not torch.allclose(whole[:, 1], cut.responses(patches, "3b")[:, 1], atol=1e-2)
    with pytest.raises(CurvesError, match="has no layer '3z'"):
        Ablate("3z").apply(cut)


# ---------------------------------------------------------------------- several edits of one target


def test_writing_kernels_above_split_places_keeps_the_split() -> None:
    split = AblateEdge("3a", "3b:4", positions=[(0, 0)]).apply(HAND)
    kernels = edge_kernels(split, split.unit("3b:4"), "3b/5x5_bottleneck")
    same = Replace("3b/5x5_bottleneck", "3b:4", kernels[None]).apply(split)
    picture = PICTURE[:, :, :96, :96]
    found, want = (net.activations(picture, ["3b"], pre=True)["3b"] for net in (same, split))
    assert torch.allclose(found, want, atol=1e-6)
    turned = Rewire("3b/5x5_bottleneck", "3b:4", "3b/5x5_bottleneck", rotate=180)
    back = Plan([turned, turned]).apply(HAND)
    assert torch.allclose(back.activations(picture, ["3b"])["3b"], HAND.activations(picture, ["3b"])["3b"], atol=1e-6)


def test_a_copy_made_in_an_edit_does_not_change_with_its_original(bvlc: Network) -> None:
    """One edit that scales a shared bottleneck unit's edge, gives a target its own bottleneck, and scales another."""
    targets = ["3b/5x5_bottleneck:0", "3b:379", "3b/5x5_bottleneck:1"]
    picture = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    once = Scale("3a:7", targets, factor=2.0).apply(bvlc)
    one_by_one = Plan([Scale("3a:7", target, factor=2.0) for target in targets]).apply(bvlc)
    found, want = (net.activations(picture, ["3b"], pre=True)["3b"] for net in (once, one_by_one))
    assert torch.equal(found, want)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_private_copies_are_edited_and_split_like_their_originals(order: tuple[int, int]) -> None:
    edits = [AblateEdge("3a:12", "3b:24"), AblateEdge("conv2d2:6", "3b/5x5_bottleneck:6")]
    edited = Plan([edits[i] for i in order]).apply(HAND)
    picture = PICTURE[:, :, :96, :96]
    below = said(HAND, picture)
    silenced = said(HAND, picture, "3a", channels([12], 0.0))
    found = edited.activations(picture, ["3b/5x5_bottleneck", "3b"], pre=True)
    # 3b:24, a double curve, sees unit 6 of the bottleneck without conv2d2:6, a line, and 3a:12 not at all.
    cut = said(AblateEdge("conv2d2:6", "3b/5x5_bottleneck:6").apply(HAND), picture)["3b/5x5_bottleneck"]
    assert torch.allclose(found["3b/5x5_bottleneck"], cut, atol=1e-6)
    units = silenced["3b/5x5_bottleneck"].clone()
    units[:, 6] = cut[:, 6]
    weight, bias = HAND.tensors["3b/5x5/weight"], HAND.tensors["3b/5x5/bias"]
    want = torch.conv2d(torch.relu(units), weight, bias, padding=2)
    assert torch.allclose(found["3b"][:, 24], want[:, 24], atol=1e-5)
    assert not torch.allclose(found["3b"][:, 24], below["3b"][:, 24], atol=1e-3)


def test_a_linearized_target_keeps_nothing_of_its_own_bottleneck() -> None:
    edited = Plan([AblateEdge("3a:13", "3b:4"), Linearize("3a", "3b:4")]).apply(HAND)
    assert not [op.name for op in edited.ops if "@" in op.name]
    assert (edge_kernels(edited, edited.unit("3b:4"), "3a")[13] == 0).all()


def test_expanded_weights_see_private_copies(bvlc: Network) -> None:
    cut = AblateEdge("3a:104", "3b:379").apply(bvlc)
    found, want = (expanded_weights(net, "3b/5x5_bottleneck", "3b:379") for net in (cut, bvlc))
    assert torch.equal(found, want)
    found, want = (expanded_weights(net, "3a", "3b:379") for net in (cut, bvlc))
    assert (found[104] == 0).all()
    others = [c for c in range(256) if c != 104]
    assert torch.allclose(found[others], want[others], atol=1e-6)


def test_directions_of_lines_are_the_same_half_a_turn_on() -> None:
    line = Family("line", "3a", (Member(Unit("3a", 0), 175.0),), 180.0)
    double = Unit("3b", 24)  # reads lines and early curves
    curve = Family("curve", "3b", (Member(double, 5.0),))
    assert edge_kernels(HAND, double, "3a")[[0, 13]].flatten(1).any(1).all()
    assert edge_kernels(AblateEdge(line, curve, direction=(-20, 20)).apply(HAND), double, "3a")[0].eq(0).all()
    near = Family("x", "3a", (Member(Unit("3a", 13), (5.0 + 0.1 * 3) % 360),))
    exact = AblateEdge(near, curve, direction=(0.1 * 3, 0.1 * 3)).apply(HAND)
    assert edge_kernels(exact, double, "3a")[13].eq(0).all()


def test_grouped_convolutions_are_edited_as_the_dense_ones_they_stand_for() -> None:
    generator = torch.Generator().manual_seed(0)
    ops = [
        Conv("a/pre", ("input",), (3, 3), padding=Padding.same(1)),
        ReLU("a", ("a/pre",)),
        Conv("b/pre", ("a",), (1, 1), groups=2),
        ReLU("b", ("b/pre",)),
        Conv("c/pre", ("b",), (3, 3), padding=Padding.same(1), groups=2),
    ]
    shapes = {"a/pre": (4, 3, 3, 3), "b/pre": (6, 2, 1, 1), "c/pre": (4, 3, 3, 3)}
    tensors = {f"{op}/weight": torch.randn(*shape, generator=generator) for op, shape in shapes.items()}
    tensors |= {f"{op}/bias": torch.randn(shape[0], generator=generator) for op, shape in shapes.items()}
    layers = {"a": ("a/pre", "a"), "b": ("b/pre", "b"), "c": ("c/pre", "c/pre")}
    net = Network(ops, tensors, layers, input_size=16)
    picture = torch.rand(1, 3, 16, 16, generator=generator)
    assert_changes_only_the_targets(
        net, AblateEdge("a:1", "c:0").apply(net), [Unit("c", 0)], "a", channels([1], 0.0), picture
    )
    kernels = edge_kernels(net, Unit("c", 0), "a")
    signed = RemoveNegative("a", "c:0").apply(net)
    assert torch.allclose(edge_kernels(signed, Unit("c", 0), "a"), kernels.clamp(min=0))


@pytest.mark.parametrize(
    ("edits", "fits"),
    [
        (
            [
                AblateEdge("conv2d1:0", "conv2d2:0", sign="negative"),
                Replace("conv2d1:0", "conv2d2:0", torch.ones(3, 3)),
            ],
            True,
        ),
        ([KeepOnly("conv2d1:1", "conv2d2:0"), Replace("conv2d1:1", "conv2d2:0", torch.ones(3, 3))], True),
        ([KeepOnly("conv2d1:1", "conv2d2:0"), Replace("conv2d1:0", "conv2d2:0", torch.ones(3, 3))], False),
        ([Rewire("3a:0", "3b:0", "3a:1"), Rewire("3a:0", "3b:0", "3a:1")], True),
        ([AblateEdge("3a:0", "3b:0"), AblateEdge("3a:0", "3b:0")], True),
    ],
)
def test_only_edits_that_set_an_edge_to_different_things_conflict(edits: list[Edit], fits: bool) -> None:
    if fits:
        Plan(edits).apply(HAND)
    else:
        with pytest.raises(CurvesError, match="has set to something else"):
            Plan(edits).apply(HAND)


def test_only_the_chosen_sources_lose_a_sign_or_are_clamped() -> None:
    unit = HAND.unit("3b:4")
    before = edge_kernels(HAND, unit, "3a")
    for edit, changed in (
        (RemoveNegative("3a:13", unit), before[13].clamp(min=0)),
        (ClampWeights("3a:13", unit, low=-0.001, high=0.001), before[13].clamp(-0.001, 0.001)),
    ):
        after = edge_kernels(edit.apply(HAND), unit, "3a")
        assert torch.allclose(after[13], changed, atol=1e-8)
        others = [c for c in range(28) if c != 13]
        assert torch.equal(after[others], before[others])


def test_directions_are_counted_from_the_target_to_the_source() -> None:
    target = Family("curve", "3b", (Member(Unit("3b", 4), 100.0),))
    source = Family("early", "3a", tuple(Member(Unit("3a", 12 + i), a) for i, a in enumerate((50.0, 130.0, 280.0))))
    for limits, cut in (((10, 80), [13]), ((-80, -10), [12]), ((0, 360), [12, 13, 14]), ((170, 190), [14])):
        kernels = edge_kernels(AblateEdge(source, target, direction=limits).apply(HAND), Unit("3b", 4), "3a")
        assert [c for c in (12, 13, 14) if not kernels[c].any()] == cut, limits


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ([28, 0, 0], "3b:4 cannot lose 3a:28; 3a has 28 units"),
        ([0, 3, 0], r"position \(3, 0\) is outside a kernel of 5x5"),
    ],
)
def test_cuts_outside_the_kernel_are_refused(place: list[int], says: str) -> None:
    with pytest.raises(CurvesError, match=says):
        RemoveCombing("3a", "3b:4", {"3b:4": [place]}).apply(HAND)
