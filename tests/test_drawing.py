"""Pictures of circuits: what is where, what is left out, and what is refused."""

import re
from itertools import groupby

import matplotlib.image
import numpy as np
import pytest
import torch

import handbuilt
from circuits import CircuitGraph, CurvesError, Network
from circuits.graph.colors import NEGATIVE, POSITIVE
from circuits.graph.drawing import _scene as scene
from circuits.graph.layout import Curve, Rectangle, columns, places
from circuits.graph.pruning import strength
from tests import small
from tests.networks import small_network


def test_pictures_are_written_and_the_same_each_time(tmp_path) -> None:
    graph = CircuitGraph(small_network(), "b:1")
    for suffix in ("png", "svg", "pdf"):
        for name in ("one", "two"):
            graph.draw(tmp_path / f"{name}.{suffix}", title="a title")
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    picture = matplotlib.image.imread(tmp_path / "one.png")
    assert picture.shape[1] > 800
    svg = (tmp_path / "one.svg").read_text()
    assert {POSITIVE, NEGATIVE} <= set(re.findall(r"stroke: (#\w+)", svg))


def test_what_is_drawn() -> None:
    graph = CircuitGraph(small_network(), "b:1")
    drawn = scene(graph, "weight", "")
    assert sorted(node.label for node in drawn.nodes) == ["0", "1", "1", "2", "3"]  # the image is left out
    (target,) = [node for node in drawn.nodes if node.target]
    assert target.box.x == max(node.box.x for node in drawn.nodes)
    assert [node.picture is None for node in drawn.nodes] == [node.target for node in drawn.nodes]
    assert {name for _, _, name in drawn.headers} == {"a", "b"}
    values = {float(np.abs(edge.kernel).sum()): edge.value for edge in drawn.edges}
    assert abs(values[max(values)]) == 1
    for total, value in values.items():
        assert abs(value) == pytest.approx(total / max(values), rel=1e-5)
    for edge in drawn.edges:
        assert (edge.value > 0) == (edge.kernel.sum() > 0)
        assert edge.place is not None
        assert not any(edge.place.overlaps(node.box) for node in drawn.nodes)


def test_edges_can_be_as_wide_as_their_attribution() -> None:
    graph = CircuitGraph(small_network(), "b:1", images=torch.rand(1, 3, 32, 32))
    values = sorted(edge.value for edge in scene(graph, "attribution", "").edges)
    found = [data["attribution"] for _, _, data in graph.nx.in_edges("b:1", data=True)]
    assert values == pytest.approx(sorted(value / max(map(abs, found)) for value in found))


def test_a_kernel_in_colour_is_of_the_image_as_it_is() -> None:
    weight = torch.zeros(1, 3, 1, 1)
    weight[0, 0] = 2  # of a network that reads BGR: blue
    net = CircuitGraph(small_network(), "a:0").net
    tensors = {"a/pre/weight": weight.expand(4, 3, 3, 3).contiguous()}
    bgr = Network(
        net.ops,
        dict(net.tensors) | tensors,
        {"a": ("a/pre", "a"), "b": ("b/pre", "b")},
        preprocessing=type(net.preprocessing)("BGR"),
        input_size=32,
    )
    (node,) = scene(CircuitGraph(bgr, "a:0"), "weight", "").nodes
    assert node.picture[1, 1].tolist() == [0.5, 0.5, 1]


def test_families_are_drawn_with_both_signs(tmp_path) -> None:
    net = small.network()
    built = handbuilt.families(net)
    curves = [unit for family in built if (family.layer, family.name) == ("3b", "curve") for unit in family.units]
    graph = CircuitGraph(net, curves, families=built, bottlenecks=False, until="conv2d2")
    drawn = scene(graph.contract(), "weight", "")
    assert [node.label for node in drawn.nodes] == ["line\n12 units", "early curve\n8 units", "curve\n24 units"]
    assert sorted(edge.value > 0 for edge in drawn.edges) == [False, False, True, True]
    graph.contract().draw(tmp_path / "families.svg")
    assert {POSITIVE, NEGATIVE} <= set(re.findall(r"stroke: (#\w+)", (tmp_path / "families.svg").read_text()))


def test_members_of_a_family_are_in_order_of_direction() -> None:
    net = small.network()
    graph = CircuitGraph(net, "3b", families=handbuilt.families(net), bottlenecks=False, until="conv2d2").nx
    order = columns(graph, {(u, v): strength(data, "weight") for u, v, data in graph.edges(data=True)})
    for column in order:
        for group in column:
            kinds = groupby(group, key=lambda node: graph.nodes[node]["family"])
            families = [(name, list(members)) for name, members in kinds]
            assert len({name for name, _ in families}) == len(families)  # each stays together
            for _, members in families:
                directions = [graph.nodes[node]["direction"] for node in members]
                assert directions == sorted(directions)


def test_columns_follow_what_is_read_and_avoid_crossings(bvlc: Network) -> None:
    pruned = CircuitGraph(bvlc, "3b:379", top=2, until="conv2d0").nx
    order = columns(pruned, {(u, v): strength(data, "weight") for u, v, data in pruned.edges(data=True)})
    where = {n: (x, y) for x, column in enumerate(order) for y, n in enumerate(n for group in column for n in group)}
    assert set(where) == set(pruned)
    assert all(where[u][0] < where[v][0] for u, v in pruned.edges)
    layers = [[{unit.layer for unit in group} for group in column] for column in order]
    assert layers[0] == [{"conv2d0"}]
    assert layers[3] == [{"3a/3x3_bottleneck"}, {"3a/5x5_bottleneck"}]

    def crossings(height: dict) -> int:
        edges = [(where[u][0], where[v][0], height[u], height[v]) for u, v in pruned.edges]
        pairs = [(a, b) for i, a in enumerate(edges) for b in edges[:i] if a[:2] == b[:2]]
        return sum((a[2] - b[2]) * (a[3] - b[3]) < 0 for a, b in pairs)

    as_numbered = {n: n.channel for n in pruned}
    assert crossings({n: y for n, (_, y) in where.items()}) < crossings(as_numbered) / 3


def test_kernels_have_places_of_their_own() -> None:
    curves = [Curve((0, i), (10, j)) for i in range(4) for j in range(4)]
    found = places(curves, 0.5, [Rectangle(5, 1.5, 2, 2)])
    there = [place for place in found if place]
    assert len(there) > 8
    for i, place in enumerate(there):
        assert not place.overlaps(Rectangle(5, 1.5, 2, 2))
        assert not any(place.overlaps(other) for other in there[:i])
    assert places([Curve((0, 0), (1, 0))] * 2, 0.5, []) == [None, None]  # one could not say whose it is


def test_drawing_refuses_what_cannot_be_read(bvlc: Network, tmp_path) -> None:
    with pytest.raises(CurvesError, match=r"too large to read \(.*\): prune it first, as in graph.prune\(top=2\)"):
        CircuitGraph(bvlc, "3b:379", until="3a").draw(tmp_path / "large.png")
    with pytest.raises(CurvesError, match=r"a picture is one of .png, .svg, .pdf"):
        CircuitGraph(small_network(), "b:1").draw(tmp_path / "picture.gif")
    with pytest.raises(CurvesError, match="has no attribution"):
        CircuitGraph(small_network(), "b:1").draw(tmp_path / "picture.png", by="attribution")
    assert not list(tmp_path.iterdir())
