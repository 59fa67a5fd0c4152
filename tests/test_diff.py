"""Differences between networks, unit by unit: what an edit did, and nothing else."""

from dataclasses import replace

import pytest
import torch

from circuits import Network
from circuits.ops import Conv, MaxPool, ReLU
from circuits.sight import edge_kernels
from editing import Ablate, AblateEdge, Graft, Linearize, Plan, RemoveNegative, Scale, diff
from tests import small

HAND = small.network()


def test_equal_networks_do_not_differ() -> None:
    assert not diff(HAND, HAND.evolve())
    assert list(diff(HAND, HAND).lines()) == []


def test_a_cut_edge_is_the_only_difference(bvlc: Network) -> None:
    found = diff(bvlc, AblateEdge(["3a:104", "3a:7"], ["3b:379", "3b:50"]).apply(bvlc))
    assert found
    assert [change.unit for change in found.units] == ["3b:50", "3b:379"]
    for change in found.units:
        assert sorted(edge.source for edge in change.edges) == ["3a:7", "3a:104"]
        kernels = edge_kernels(bvlc, change.unit, "3a")
        for edge in change.edges:
            assert edge.after == 0
            assert (
                edge.before == pytest.approx(edge.change) == pytest.approx(float(kernels[edge.source.channel].norm()))
            )
    assert found.added == ("3b/5x5_bottleneck@3b:379",)
    assert found.removed == found.other == ()
    assert "3b:379: 2 edges, 2 of them gone" in list(found.lines())


@pytest.mark.parametrize(
    ("plan", "units", "lines"),
    [
        (Plan([Ablate("3a:13")]), ["3a:13"], ["bias"]),
        (Plan([Scale("conv2d1", "conv2d2:1", factor=2.0)]), ["conv2d2:1"], ["12 edges"]),
        (Plan([Linearize("3a", "3b:1")]), ["3b:1"], []),
        (Plan([RemoveNegative("3a", "3b:1")]), ["3b:1"], ["edges"]),
    ],
)
def test_each_edit_shows(plan: Plan, units: list[str], lines: list[str]) -> None:
    found = diff(HAND, plan.apply(HAND))
    assert [change.unit for change in found.units] == units
    for text in lines:
        assert any(text in line for line in found.lines()), list(found.lines())


def test_it_is_told_through_what_became_private_whatever_its_name() -> None:
    generator = torch.Generator().manual_seed(0)
    ops = [
        Conv("a", ("input",), (3, 3)),
        ReLU("a_", ("a",)),
        Conv("squeeze", ("a_",), (1, 1)),
        ReLU("s_", ("squeeze",)),
    ]
    ops.append(Conv("c", ("s_",), (3, 3)))
    shapes = {"a": (4, 3, 3, 3), "squeeze": (2, 4, 1, 1), "c": (3, 2, 3, 3)}
    tensors = {f"{op}/weight": torch.randn(*shape, generator=generator) for op, shape in shapes.items()}
    tensors |= {f"{op}/bias": torch.randn(shape[0], generator=generator) for op, shape in shapes.items()}
    layers = {"a": ("a", "a_"), "squeeze": ("squeeze", "s_"), "c": ("c", "c")}
    net = Network(ops, tensors, layers, input_size=16)
    found = diff(net, AblateEdge("a:2", "c:1").apply(net))
    assert [str(change) for change in found.units] == ["c:1: 1 edges, 1 of them gone"]
    assert found.units[0].edges[0].source == "a:2"


def test_what_is_put_back_is_no_difference(bvlc: Network) -> None:
    there = Scale("3a:1", "3b:379", factor=2.0).apply(bvlc)
    back = Scale("3a:1", "3b:379", factor=0.5).apply(there)
    assert [edge.source for edge in diff(bvlc, there).units[0].edges] == ["3a:1"]
    assert diff(bvlc, back).units[0].edges == ()  # its bottleneck is still its own


def test_grafts_show_where_the_new_unit_reads(bvlc: Network) -> None:
    found = diff(bvlc, Graft(HAND, {"3b:379": "3b:0"}).apply(bvlc))
    assert [change.unit for change in found.units] == ["3b:379"]
    edges = found.units[0].edges
    assert {edge.source.layer for edge in edges if edge.before} == {"3a"}
    assert {edge.source.layer for edge in edges if edge.after} == {f"handbuilt-{HAND.identity[:8]}/3b/5x5_bottleneck"}


def test_other_differences_are_told() -> None:
    layers = {name.replace("3b", "3c"): (layer.pre, layer.post) for name, layer in HAND.layers.items()}
    found = diff(HAND, HAND.evolve(layers=layers))
    assert found.removed == ("3b/5x5_bottleneck", "3b")
    assert found.added == ("3c/5x5_bottleneck", "3c")
    floor = [replace(op, ceil=False) if isinstance(op, MaxPool) else op for op in HAND.ops]
    assert [line.partition(":")[0] for line in diff(HAND, HAND.evolve(ops=floor)).lines()] == [
        "pool0",
        "pool1",
        "pool2",
    ]
    data = diff(HAND, Ablate("3b:1").apply(HAND)).to_json()
    assert data["units"][0]["unit"] == "3b:1"
    assert torch.tensor([edge["after"] for edge in data["units"][0]["edges"]]).eq(0).all()
