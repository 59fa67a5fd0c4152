"""Contributions: what units read of one another, with their biases, sums to what they compute."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from circuits import CircuitGraph, CurvesError, Network
from circuits.execution import execute
from circuits.ops import Conv, Linear, MaxPool, Padding, ReLU
from circuits.regions import INPUT, compile_program
from tests import small
from tests.networks import random_networks, small_network


def assert_sums(graph: CircuitGraph, tolerance: float = 1e-4) -> None:
    """Contributions into every unit and its bias sum to its mean pre-activation."""
    for unit, data in graph.nx.nodes(data=True):
        if "mean" in data:
            edges = [edge["attribution"] for _, _, edge in graph.nx.in_edges(unit, data=True)]
            scale = max(1.0, sum(map(abs, edges)))
            assert abs(sum(edges) + data["bias"] - data["mean"]) <= tolerance * scale, unit


@settings(deadline=None, max_examples=25)
@given(random_networks(), st.integers(0, 2**31))
def test_contributions_and_bias_sum_to_the_pre_activation(net: Network, seed: int) -> None:
    layer = net.links[-1].target  # the last with weights
    images = torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(seed))
    graph = CircuitGraph(net, layer, images=images)
    assert_sums(graph)
    means = net.activations(images, [layer], pre=True)
    for unit, data in graph.nx.nodes(data=True):
        if unit.layer == layer:
            assert data["mean"] == pytest.approx(float(means[layer][:, unit.channel].mean()), rel=1e-3, abs=1e-4)


@settings(deadline=None, max_examples=25)
@given(random_networks(), st.integers(0, 2**31))
def test_contributions_of_patches_are_those_of_the_unit_that_sees_them(net: Network, seed: int) -> None:
    layer = net.links[-1].target  # the last with weights
    size = net.receptive_field(layer).size
    assume(size <= 100)
    patches = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(seed))
    graph = CircuitGraph(net, layer, patches=patches)
    assert_sums(graph)
    responses = net.responses(patches, layer).mean(0)
    for target in graph.targets:
        assert graph.nx.nodes[target]["mean"] == pytest.approx(float(responses[target.channel]), rel=1e-3, abs=1e-4)


def test_a_contribution_is_what_is_lost_without_the_unit() -> None:
    net = small_network()
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    graph = CircuitGraph(net, "b", images=images)
    weight = net.tensors["b/pre/weight"].clone()
    weight[:, 2] = 0
    without = net.evolve(tensors={"b/pre/weight": weight})
    lost = (net.activations(images, "b", pre=True)["b"] - without.activations(images, "b", pre=True)["b"]).mean(
        (0, 2, 3)
    )
    for i in range(5):
        assert graph.nx.edges["a:2", f"b:{i}"]["attribution"] == pytest.approx(float(lost[i]), abs=1e-5)


def gradient_times_activation(
    net: Network, source: str, layer: str, channel: int, images: torch.Tensor
) -> torch.Tensor:
    """By autograd: the mean over images and positions of what each unit of `source` contributes to a unit."""
    start, end = net.layer(source).post, net.layer(layer).pre
    size = tuple(images.shape[2:])
    given_source = net.activations(images, source)[source].requires_grad_()
    program = compile_program(net.ops, {end: None}, size, given=[start])
    assert list(program.inputs) == [start]
    out = execute(program, {start: given_source}, net.tensors)[end][:, channel]
    (gradient,) = torch.autograd.grad(out.mean(), given_source)
    return (gradient * given_source).sum((0, 2, 3)).detach()


@pytest.mark.parametrize("channel", [3, 130, 379])
def test_contributions_through_bottlenecks_are_gradient_times_activation(bvlc: Network, channel: int, close) -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    graph = CircuitGraph(bvlc, f"3b:{channel}", bottlenecks=False, until="3a", images=images)
    expected = gradient_times_activation(bvlc, "3a", "3b", channel, images)
    found = torch.zeros(256)
    for source, _, value in graph.nx.edges(data="attribution"):
        found[source.channel] = value
    close(found, expected)


def test_contributions_through_bottlenecks_of_the_handbuilt_network() -> None:
    net, patches = small.network(), small.pictures(3)
    graph = CircuitGraph(net, "3b", bottlenecks=False, patches=patches)
    assert_sums(graph)  # its bottlenecks have no biases
    kept = CircuitGraph(net, "3b", patches=patches)
    for source, target, value in graph.nx.edges(data="attribution"):
        if target.layer == "3b":
            middle = f"3b/5x5_bottleneck:{source.channel}"  # passes on just this unit
            assert value == pytest.approx(kept.nx.edges[middle, target]["attribution"], abs=1e-6)


def dense_network() -> Network:
    """A conv with a stride and a pool, then a dense layer on all positions."""
    generator = torch.Generator().manual_seed(0)
    ops = [
        Conv("a/pre", (INPUT,), (3, 3), (2, 2), Padding(0, 1, 0, 1)),
        ReLU("a", ("a/pre",)),
        MaxPool("pool", ("a",), (2, 2), (2, 2)),
        Linear("b/pre", ("pool",)),
        ReLU("b", ("b/pre",)),
        Linear("c", ("b",)),
    ]
    shapes = {"a/pre": (4, 3, 3, 3), "b/pre": (5, 64), "c": (2, 5)}
    tensors = {f"{op}/weight": torch.randn(shape, generator=generator) for op, shape in shapes.items()}
    tensors |= {f"{op}/bias": torch.randn(shape[0], generator=generator) for op, shape in shapes.items()}
    return Network(ops, tensors, {"a": ("a/pre", "a"), "b": ("b/pre", "b"), "c": ("c", "c")}, input_size=16)


def test_contributions_to_dense_layers() -> None:
    net = dense_network()
    graph = CircuitGraph(net, "c", images=torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert graph.nx.edges["a:1", "b:0"]["kernel"].shape == (16, 1)
    assert_sums(graph)


def test_contributions_refuse_what_does_not_fit() -> None:
    net = small_network()
    images = torch.rand(1, 3, 32, 32)
    with pytest.raises(CurvesError, match="over images or over patches, not both"):
        CircuitGraph(net, "b", images=images, patches=images)
    with pytest.raises(CurvesError, match="units of b see 7 x 7 px, the patches are 32 x 32; crop"):
        CircuitGraph(net, "b", patches=images)
    with pytest.raises(CurvesError, match="units of one layer see, not of b, a; give images"):
        CircuitGraph(net, ["b", "a"], patches=images)
    with pytest.raises(CurvesError, match="must be N x 3 x H x W"):
        CircuitGraph(net, "b", images=images[0])
