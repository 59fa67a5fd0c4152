"""What must hold of every network and every plan, whatever they are."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import CurvesError, Family, Member, Network, Provenance, Unit
from editing import (
    EDITS,
    Ablate,
    AblateEdge,
    ClampWeights,
    Edit,
    Graft,
    KeepOnly,
    Linearize,
    Plan,
    RemoveCombing,
    RemoveNegative,
    RemovePositive,
    Replace,
    Rewire,
    Scale,
    Symmetrize,
)
from tests import small
from tests.networks import random_networks

HAND = small.network()
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
UNITS = st.builds(Unit, st.sampled_from(["3a", "3b", "3b/5x5_bottleneck"]), st.integers(0, 999))


@st.composite
def families(draw: st.DrawFn) -> Family:
    layer, name = (
        draw(st.sampled_from(["3a", "3b"])),
        draw(st.text(min_size=1, max_size=8).filter(lambda t: ":" not in t)),
    )
    channels = draw(st.lists(st.integers(0, 99), min_size=2, max_size=4, unique=True))
    members = tuple(Member(Unit(layer, c), draw(st.floats(0, 359))) for c in channels)
    return Family(f"{name}{draw(st.integers())}", layer, members, draw(st.sampled_from([180.0, 360.0])), "published: X")


SELECTIONS = st.one_of(UNITS.map(str), st.just("3a"), families(), st.lists(UNITS, min_size=1, max_size=3))
PAIRS = {"source": SELECTIONS, "target": SELECTIONS}
CHOICE = PAIRS | {
    "direction": st.none() | st.tuples(NUMBERS, NUMBERS),
    "positions": st.none() | st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=3),
}
SIGNED = CHOICE | {"sign": st.sampled_from([None, "negative", "positive"])}
EDIT_STRATEGIES: dict[type, st.SearchStrategy[Edit]] = {
    Ablate: st.builds(lambda units, value: Ablate(*units, value=value), st.lists(UNITS, min_size=1), NUMBERS),
    AblateEdge: st.builds(AblateEdge, **SIGNED),
    KeepOnly: st.builds(KeepOnly, **SIGNED),
    RemoveNegative: st.builds(RemoveNegative, **CHOICE),
    RemovePositive: st.builds(RemovePositive, **CHOICE),
    Scale: st.builds(Scale, factor=NUMBERS, **SIGNED),
    ClampWeights: st.builds(ClampWeights, low=st.floats(-9, 0), high=st.floats(0, 9), **SIGNED),
    Rewire: st.builds(Rewire, to=SELECTIONS, rotate=NUMBERS, **PAIRS),
    Replace: st.builds(
        Replace, kernels=st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=2, max_size=2), **PAIRS
    ),
    Symmetrize: st.builds(Symmetrize, families(), families()),
    Linearize: st.builds(Linearize, **PAIRS),
    RemoveCombing: st.builds(
        RemoveCombing,
        cuts=st.dictionaries(UNITS, st.lists(st.tuples(*[st.integers(-9, 9)] * 3), max_size=3), max_size=2),
        found=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=9),
        **PAIRS,
    ),
    Graft: st.builds(Graft, st.just("hand.safetensors"), st.dictionaries(UNITS, UNITS, min_size=1), NUMBERS, NUMBERS),
}


def test_every_edit_is_tested() -> None:
    assert set(EDIT_STRATEGIES) == set(EDITS.values())


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(*EDIT_STRATEGIES.values()), max_size=5), st.none() | st.just("0123abcd" * 8))
def test_plans_come_back_from_their_files(tmp_path: Path, edits: list[Edit], network: str | None) -> None:
    plan = Plan(edits, network)
    plan.save(tmp_path / "plan.toml")
    assert Plan.load(tmp_path / "plan.toml") == plan


@settings(deadline=None, max_examples=20)
@given(random_networks())
def test_the_empty_plan_is_the_identity_bit_for_bit(net: Network) -> None:
    edited = Plan([]).apply(net)
    assert edited.identity == net.identity
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(edited(picture), net(picture))


@settings(deadline=None, max_examples=40)
@given(random_networks(normalised=False), st.data())
def test_permuting_units_and_their_readers_changes_nothing(net: Network, data: st.DataObject) -> None:
    pieces = [
        (layer, piece)
        for layer in dict.fromkeys(link.target for link in net.links)
        if any(link.source == layer for link in net.links)
        for piece in net.pieces(layer)
    ]
    if not pieces:
        return
    layer, piece = data.draw(st.sampled_from(pieces))
    order = list(range(net.layer(layer).channels))
    block = data.draw(st.permutations(order[piece.first : piece.first + piece.count]))
    order[piece.first : piece.first + piece.count] = block
    rows = [channel - piece.first for channel in block]
    changed = {f"{piece.op}/{part}": net.tensors[f"{piece.op}/{part}"][rows] for part in ("weight", "bias")}
    for link in net.links:
        if link.source == layer:
            weight = changed.get(f"{link.op}/weight", net.tensors[f"{link.op}/weight"]).clone()
            weight[:, link.columns.start : link.columns.stop] = weight[:, [link.columns[c] for c in order]]
            changed[f"{link.op}/weight"] = weight
    permuted = net.evolve(tensors=changed)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name in net.layers:
        found, want = (n.activations(picture, [name], pre=True)[name] for n in (permuted, net))
        want = want[:, order] if name == layer else want
        if name in {link.target for link in net.links}:  # a pool of the permuted layer is in its order
            assert torch.allclose(found, want, atol=1e-5 * float(want.abs().max() + 1)), name


@settings(deadline=None, max_examples=40)
@given(random_networks(), st.data())
def test_the_hash_changes_exactly_when_the_function_can(net: Network, data: st.DataObject) -> None:
    same = net.evolve(provenance=Provenance("another name", "elsewhere", parent="x"))
    assert same.identity == net.identity
    name = data.draw(st.sampled_from(sorted(net.tensors)))
    tensor = net.tensors[name].detach()
    index = data.draw(st.integers(0, tensor.numel() - 1))
    nudged = tensor.clone().flatten()
    nudged[index] = torch.nextafter(nudged[index], torch.tensor(torch.inf))
    assert net.evolve(tensors={name: nudged.view_as(tensor)}).identity != net.identity
    zeroed = tensor.clone().flatten()
    zeroed[index] = 0.0
    other = zeroed.clone()
    other[index] = -0.0
    first, second = (net.evolve(tensors={name: t.view_as(tensor)}).identity for t in (zeroed, other))
    assert first == second  # a zero has no sign that anything could see


def test_a_plan_for_another_network_is_refused() -> None:
    plan = Plan([Ablate("3b:1")], network=HAND.identity)
    assert plan.apply(HAND).identity == Plan([Ablate("3b:1")]).apply(HAND).identity
    with pytest.raises(CurvesError, match=f"the plan is for the network {HAND.identity[:8]}, this one is"):
        plan.apply(handbuilt.build(12))
