"""The graph of a circuit: it is the network's weights, prunes to what it says, and can be read back."""

import itertools
import json
import math
import re
import subprocess
import sys

import networkx
import pytest
import torch
from hypothesis import given, settings

import handbuilt
from circuits import (
    CircuitGraph,
    CurvesError,
    Family,
    Member,
    Network,
    Unit,
    UnknownLayerError,
    UnknownUnitError,
    expanded_weights,
)
from circuits.ops import Conv, ReLU
from tests import small
from tests.networks import random_networks, small_network

NODE = {"layer", "channel", "bias", "color", "family", "direction", "mean"}
EDGE = {"kernel", "norm", "positive", "negative", "op", "via"}


def assert_same(a: CircuitGraph, b: CircuitGraph) -> None:
    """Same nodes and edges with the same attributes."""
    assert dict(a.nx.nodes(data=True)) == dict(b.nx.nodes(data=True))
    assert set(a.nx.edges) == set(b.nx.edges)
    for u, v, data in a.nx.edges(data=True):
        other = b.nx.edges[u, v]
        assert torch.equal(data["kernel"], other["kernel"])
        assert {**data, "kernel": None} == {**other, "kernel": None}


@settings(deadline=None, max_examples=25)
@given(random_networks())
def test_a_graph_is_the_networks_weights_and_its_network_gives_it_back(net: Network) -> None:
    layer = net.links[-1].target
    graph = CircuitGraph(net, layer)
    reached = {layer}
    expected = {}
    for link in reversed(net.links):
        if link.target in reached:
            reached.add(link.source)
            weight = net.tensors[f"{link.op}/weight"]
            for row, target in enumerate(link.rows):
                for source, column in enumerate(link.columns):
                    expected[f"{link.source}:{source}", f"{link.target}:{target}"] = weight[row, column], link
    assert {(str(u), str(v)) for u, v in graph.nx.edges} == set(expected)
    for u, v, data in graph.nx.edges(data=True):
        kernel, link = expected[str(u), str(v)]
        assert data.keys() == EDGE
        assert data["kernel"].data_ptr() == kernel.data_ptr()
        assert torch.equal(data["kernel"], kernel)
        assert data["norm"] == pytest.approx(float(kernel.square().sum().sqrt()), rel=1e-5)
        assert data["positive"] == pytest.approx(float(kernel[kernel > 0].sum()), rel=1e-5)
        assert data["negative"] == pytest.approx(float(kernel[kernel < 0].sum()), rel=1e-5)
        assert (data["op"], data["via"]) == (link.op, link.via)
    assert all(data.keys() <= NODE for _, data in graph.nx.nodes(data=True))
    assert [color for _, color in graph.nx.nodes(data="color") if color] == list(net.preprocessing.order)

    alone = graph.network()
    assert_same(CircuitGraph(alone, layer), graph)
    images = torch.rand(1, 3, 48, 48)
    assert torch.equal(*(n.activations(images, layer, pre=True)[layer] for n in (net, alone)))


@settings(deadline=None, max_examples=25)
@given(random_networks())
def test_pruning_keeps_the_strongest_and_can_be_done_at_once(net: Network) -> None:
    layer = net.links[-1].target
    graph = CircuitGraph(net, f"{layer}:0")
    for kept, rule in ((graph.prune(top=2), {"top": 2}), (graph.prune(share=0.6), {"share": 0.6})):
        assert_same(kept, CircuitGraph(net, f"{layer}:0", **rule))
        assert_same(kept, CircuitGraph(kept.network(), f"{layer}:0"))
        for unit in kept.nx:
            whole = {u: float(k.abs().sum()) for u, _, k in graph.nx.in_edges(unit, data="kernel")}
            strong = sorted((whole[u] for u in kept.nx.pred[unit]), reverse=True)
            assert strong == sorted(whole.values(), reverse=True)[: len(strong)]
            if "top" in rule:
                assert len(strong) == min(2, len(whole))
            elif whole:
                assert sum(strong) >= 0.6 * sum(whole.values()) * (1 - 1e-6)
                assert sum(strong[:-1]) < 0.6 * sum(whole.values()) * (1 + 1e-6)
        reached = networkx.ancestors(kept.nx, kept.targets[0]) | {kept.targets[0]}
        assert set(kept.nx) == reached


def test_pruning_by_attribution() -> None:
    net = small_network()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    graph = CircuitGraph(net, "b:1", images=images).prune(top=1, by="attribution")
    whole = CircuitGraph(net, "b:1", images=images).nx.in_edges("b:1", data="attribution")
    assert list(graph.nx.pred["b:1"]) == [max(whole, key=lambda edge: abs(edge[2]))[0]]
    assert_same(graph, CircuitGraph(net, "b:1", images=images, top=1, by="attribution"))
    assert graph.options["pruned"] == [{"top": 1, "share": None, "by": "attribution"}]


def test_until_stops_and_keeps_what_is_behind() -> None:
    net = small.network()
    graph = CircuitGraph(net, ["3b:1", "3b:2"], until="conv2d2", top=3)
    assert graph.layers == ("conv2d2", "3a/5x5_bottleneck", "3a", "3b/5x5_bottleneck", "3b")
    alone = graph.network()
    assert_same(graph, CircuitGraph(alone, ["3b:1", "3b:2"], until="conv2d2"))
    images = small.pictures(1, 96)
    assert torch.equal(*(n.activations(images, "conv2d2")["conv2d2"] for n in (net, alone)))
    assert alone.provenance.parent == net.identity


def test_contracted_bottlenecks_are_expanded_weights(bvlc: Network) -> None:
    graph = CircuitGraph(bvlc, ["3b:379", "3b:5"], bottlenecks=False, until="3a")
    expanded = expanded_weights(bvlc, "3a", "3b:379")
    for u, v, data in graph.nx.edges(data=True):
        if v == "3b:379":
            torch.testing.assert_close(data["kernel"], expanded[u.channel], rtol=1e-4, atol=1e-6)
            assert (data["op"], data["via"]) == ("3b/5x5", ())
    direct = graph.nx.edges["3a:7", "3b:5"]["kernel"]
    assert direct.data_ptr() == bvlc.tensors["3b/1x1/weight"][5, 7].data_ptr()
    deeper = CircuitGraph(bvlc, "3a:100", bottlenecks=False, until="conv2d2")
    assert deeper.nx.edges["conv2d2:3", "3a:100"]["via"] == ("conv2/norm2", "pool2/3x3_s2")
    with pytest.raises(CurvesError, match="no weights of a network.*build the graph with bottlenecks=True"):
        graph.network()


def test_the_circuit_of_a_real_unit(bvlc: Network) -> None:
    graph = CircuitGraph(bvlc, "3b:379")
    assert len(graph.nx) == 3 + 64 + 64 + 192 + 96 + 16 + 256 + 32 + 1
    assert graph.layers[0] == "input"
    assert graph.layers[-1] == "3b"
    assert "77,536 edges" in repr(graph)
    assert CircuitGraph(bvlc, "3b:379", top=3).parameters < graph.parameters / 20


def test_grouped_convolutions_have_no_edges_between_groups() -> None:
    ops = [Conv("a/pre", ("input",), (1, 1)), ReLU("a", ("a/pre",)), Conv("b", ("a",), (3, 3), groups=2)]
    shapes = {"a/pre/weight": (4, 3, 1, 1), "a/pre/bias": (4,), "b/weight": (6, 2, 3, 3), "b/bias": (6,)}
    tensors = {name: torch.randn(shape, generator=torch.Generator().manual_seed(1)) for name, shape in shapes.items()}
    net = Network(ops, tensors, {"a": ("a/pre", "a"), "b": ("b", "b")}, input_size=16)
    graph = CircuitGraph(net, "b")
    assert set(graph.nx.pred["b:4"]) == {"a:2", "a:3"}
    assert torch.equal(graph.nx.edges["a:3", "b:4"]["kernel"], tensors["b/weight"][4, 1])
    assert torch.equal(graph.network().tensors["b/weight"], tensors["b/weight"])
    assert_same(graph.prune(top=1), CircuitGraph(graph.prune(top=1).network(), "b"))


def test_families_become_nodes() -> None:
    net, patches = small.network(), small.pictures(2)
    graph = CircuitGraph(net, net.units("3b")[:8], families=handbuilt.families(net), patches=patches)
    assert graph.nx.nodes["3b:2"]["family"] == "curve"
    assert graph.nx.nodes["3b:2"]["direction"] == 90
    contracted = graph.contract()
    assert contracted.nx.nodes["3b:curve"] == {"layer": "3b", "family": "curve", "count": 8}
    assert "3b/5x5_bottleneck:13" in contracted.nx
    grouped = graph.contract(rest="other")
    edge = grouped.nx.edges["3b/5x5_bottleneck:other", "3b:curve"]
    edges = [data for _, v, data in graph.nx.edges(data=True) if v.layer == "3b"]
    assert edge["count"] == len(edges)
    assert edge["positive"] == pytest.approx(float(net.tensors["3b/5x5/weight"][:8].clamp(min=0).sum()), rel=1e-5)
    assert edge["norm"] == pytest.approx(float(net.tensors["3b/5x5/weight"][:8].norm()), rel=1e-5)
    assert edge["attribution"] == pytest.approx(sum(data["attribution"] for data in edges))
    pruned = grouped.prune(top=1).nx
    assert set(pruned) < set(grouped.nx)  # what only weaker edges left from is gone
    assert {degree for _, degree in pruned.in_degree()} == {0, 1}
    assert "FamilyGraph(handbuilt, 3b:curve" in repr(grouped)


def test_paths_are_the_strongest_of_all() -> None:
    net = small.network()
    built = handbuilt.families(net)
    lines, curves = (
        next(f for f in built if (f.layer, f.name) == key) for key in (("conv2d2", "line"), ("3b", "curve"))
    )
    graph = CircuitGraph(net, curves.units, families=built, until="conv2d2")
    (path,) = graph.contract(rest="other").paths(lines, curves)
    assert path.nodes[0] == "conv2d2:line"
    assert path.nodes[-1] == "3b:curve"
    assert path.weight == 1
    early = next(f for f in built if (f.layer, f.name) == ("3a", "early curve"))
    (path,) = graph.contract(rest="other").paths(lines, early)
    assert path.sign == -1  # there is more inhibition than excitation between lines and early curves

    def share(u: Unit, v: Unit) -> float:
        whole = sum(float(k.abs().sum()) for _, _, k in graph.nx.in_edges(v, data="kernel"))
        return float(graph.nx.edges[u, v]["kernel"].abs().sum()) / whole

    found = graph.paths(lines, "3b:3", count=20)
    every = [nodes for source in lines.units for nodes in networkx.all_simple_paths(graph.nx, source, "3b:3")]
    weights = sorted((math.prod(share(u, v) for u, v in itertools.pairwise(nodes)) for nodes in every), reverse=True)
    assert len(weights) > 20
    assert [path.weight for path in found] == pytest.approx(weights[:20], rel=1e-4)


def test_exports_are_read_by_other_programs(tmp_path) -> None:
    net = small.network()
    graph = CircuitGraph(net, "3b:1", families=handbuilt.families(net), until="3a")
    for suffix in (".json", ".graphml", ".dot"):
        graph.save(tmp_path / f"graph{suffix}")
    data = json.loads((tmp_path / "graph.json").read_text())
    assert data["graph"]["identity"] == net.identity
    assert data["graph"]["targets"] == ["3b:1"]
    read = networkx.node_link_graph(data, edges="edges")
    assert {(u, v) for u, v in read.edges} == {(str(u), str(v)) for u, v in graph.nx.edges}
    u, v = next(iter(graph.nx.edges))
    assert torch.equal(torch.tensor(read.edges[str(u), str(v)]["kernel"]), graph.nx.edges[u, v]["kernel"])
    assert read.nodes["3b:1"]["family"] == "curve"

    read = networkx.read_graphml(tmp_path / "graph.graphml")
    assert set(read) == {str(node) for node in graph.nx}
    assert read.edges[str(u), str(v)]["norm"] == pytest.approx(graph.nx.edges[u, v]["norm"])
    assert read.edges["3b/5x5_bottleneck:13", "3b:1"]["kernel"] == "5x5"

    lines = (tmp_path / "graph.dot").read_text().splitlines()
    arrows = [found.groups() for line in lines if (found := re.fullmatch(r'  "(.+)" -> "(.+)" \[.*\];', line))]
    assert set(arrows) == set(read.edges)
    assert lines[0] == "digraph circuit {"
    assert lines[-1] == "}"
    contracted = graph.contract(rest="other")
    assert networkx.parse_graphml(contracted.to_graphml()).nodes["3a:early curve"]["count"] == 8
    assert '"3a:early curve" -> ' in contracted.to_dot()


def test_a_graph_is_a_view() -> None:
    graph = CircuitGraph(small_network(), "b")
    with pytest.raises(networkx.NetworkXError, match="Frozen"):
        graph.nx.remove_node("b:0")
    loaded = "import sys, circuits; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_graphs_refuse_what_is_not_there(bvlc: Network) -> None:
    net = small_network()
    with pytest.raises(UnknownUnitError, match="b has 5 units"):
        CircuitGraph(net, "b:5")
    with pytest.raises(UnknownLayerError):
        CircuitGraph(net, "c:0")
    with pytest.raises(CurvesError, match="softmax:0 is the output of a softmax, which has no weights"):
        CircuitGraph(bvlc, "softmax:0")
    with pytest.raises(CurvesError, match="3b/5x5_bottleneck is a bottleneck; keep it with bottlenecks=True"):
        CircuitGraph(bvlc, "3b/5x5_bottleneck:0", bottlenecks=False)
    with pytest.raises(CurvesError, match="name at least one unit"):
        CircuitGraph(net, [])
    with pytest.raises(CurvesError, match="do not read b; give until= a layer between the image and a"):
        CircuitGraph(net, "a", until="b")
    with pytest.raises(CurvesError, match="do not read b"):
        CircuitGraph(net, "b", until="b")
    graph = CircuitGraph(net, "b")
    with pytest.raises(CurvesError, match="has no attribution; build it with images= or patches="):
        graph.prune(top=1, by="attribution")
    for wrong in ({}, {"top": 1, "share": 0.5}):
        with pytest.raises(CurvesError, match="either top=.* or share="):
            graph.prune(**wrong)
    with pytest.raises(CurvesError, match="top=0 keeps no edge"):
        graph.prune(top=0)
    with pytest.raises(CurvesError, match="share=2 is no part"):
        graph.prune(share=2)
    with pytest.raises(CurvesError, match="cannot be compared by 'norm'"):
        graph.prune(top=1, by="norm")
    with pytest.raises(CurvesError, match="'a:9' is not in this graph"):
        graph.paths("a:9", "b:0")
    with pytest.raises(CurvesError, match=r"saved as .json, .graphml, .dot; pictures are made by draw"):
        graph.save("graph.png")
    with pytest.raises(CurvesError, match="no unit of a family is in the graph"):
        graph.contract()
    twice = [Family(name, "b", (Member(Unit("b", 1), 0.0),)) for name in ("curve", "line")]
    with pytest.raises(CurvesError, match="b:1 is in the families 'curve' and 'line'"):
        CircuitGraph(net, "b", families=twice)
    with pytest.raises(CurvesError, match="rest='none' is unknown"):
        CircuitGraph(net, "b", families=twice[:1]).contract(rest="none")


def test_families_need_names_of_their_own() -> None:
    net = small.network()
    for name in ("other", "7"):
        with pytest.raises(CurvesError, match="cannot name a family"):
            CircuitGraph(net, "3b:1", families=Family(name, "3a", (Member(net.unit("3a:5"), 0.0),)), until="3a")
    bands = [f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve")]
    grouped = CircuitGraph(net, "3b", families=bands, until="3b/5x5_bottleneck").contract(rest="other")
    assert len(bands) == 3
    assert grouped.nx.nodes["3b:curve"]["count"] == 24  # families of one name are one


def test_what_is_not_in_a_pruned_graph_says_nothing() -> None:
    net = small.network()
    kept = CircuitGraph(net, "3b:1", until="3a", top=1)
    (near,) = (unit for unit in kept.nx if unit.layer == "3b/5x5_bottleneck")
    patch = small.pictures(2)[1:]
    said = kept.network().responses(patch, "3b", pre=True)
    assert (said[:, [c for c in range(8) if c != 1]] == 0).all()
    assert near in kept.nx


def test_the_strongest_edge_may_inhibit() -> None:
    net, patches = small.network(), small.pictures(4)
    whole = CircuitGraph(net, "3b:1", until="3a", patches=patches)
    into = {u: data["attribution"] for u, _, data in whole.nx.in_edges("3b:1", data=True)}
    order = sorted(into, key=lambda unit: -abs(into[unit]))
    assert min(into.values()) < 0
    for count in (1, 2, 3):
        kept = whole.prune(top=count, by="attribution")
        assert {u for u, _ in kept.nx.in_edges("3b:1")} == set(order[:count])
