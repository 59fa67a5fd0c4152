"""Attribution of single responses: complete where it is said to be, autograd's gradient, and Captum's numbers."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import CircuitGraph, CurvesError, Network, attribution
from circuits.regions import INPUT, upstream
from tests import small
from tests.networks import random_networks, small_network


def pictures(seed: int, count: int = 3, height: int = 48, width: int = 40) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def last_layer(net: Network) -> str:
    return net.links[-1].target


def reads(net: Network, layer: str, source: str) -> bool:
    return net.layer(source).post in upstream(net.ops, net.layer(layer).pre)


@settings(deadline=None, max_examples=15)
@given(random_networks(normalised=False), st.integers(0, 2**31), st.data())
def test_linear_attribution_is_complete_in_piecewise_linear_networks(net: Network, seed: int, data) -> None:
    layer, images = last_layer(net), pictures(seed)
    before = [name for name in list(net.layers)[: list(net.layers).index(layer)] if reads(net, layer, name)]
    source = data.draw(st.sampled_from([*before, INPUT]))
    units = net.units(layer)[: data.draw(st.integers(1, 2))]
    found = attribution(net, units, source, images=images, baseline=data.draw(st.sampled_from([0.0, 0.3])))
    maps = net.activations(images, [layer], pre=True)[layer]
    expected = maps[:, [unit.channel for unit in units]].sum((1, 2, 3))
    scale = float(maps.abs().sum((1, 2, 3)).max()) + 1
    assert float((found.values - expected).abs().max()) <= 1e-4 * scale
    assert found.remainders is not None
    assert float(found.remainders.abs().max()) <= 1e-4 * scale
    shape = images.shape if source == INPUT else net.activations(images, [source])[source].shape
    assert found.tensor.shape == shape


@settings(deadline=None, max_examples=25)
@given(random_networks(), st.integers(0, 2**31), st.data())
def test_a_place_is_computed_alone_up_to_the_edges(net: Network, seed: int, data) -> None:
    layer, images = last_layer(net), pictures(seed, 2)
    maps = net.activations(images, [layer], pre=True)[layer]
    place = tuple(data.draw(st.sampled_from([0, side // 2, side - 2, side - 1])) for side in maps.shape[2:])
    place = tuple(max(0, at) for at in place)
    found = attribution(net, net.units(layer)[0], INPUT, images=images, place=place, method="gradient")
    torch.testing.assert_close(found.values, maps[:, 0, place[0], place[1]], rtol=1e-4, atol=1e-4)


def test_between_neighbouring_layers_it_is_activation_times_weight() -> None:
    net, images = small_network(), pictures(1, height=32, width=32)
    found = attribution(net, "b:2", "a", images=images, place=(4, 5))
    window = net.activations(images, ["a"])["a"][:, :, 3:6, 4:7]
    expected = torch.zeros(found.tensor.shape)
    expected[:, :, 3:6, 4:7] = window * net.tensors["b/pre/weight"][2]
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found.tensor, expected)
    torch.testing.assert_close(found.constants, net.tensors["b/pre/bias"][2].expand(3))
    assert found.field == net.receptive_field("a")


def test_a_patch_is_attributed_as_the_place_in_the_picture(bvlc: Network, close) -> None:
    """From the patch the part that is seen, at the same pixels."""
    image = small.pictures(1, 224)
    field = bvlc.receptive_field("3b")
    top, left = (field.offset + field.stride * i for i in (12, 15))
    patch = image[..., top : top + field.size, left : left + field.size]
    for source in ("3a", "3b/5x5_bottleneck", "conv2d2", INPUT):
        whole = attribution(bvlc, "3b:379", source, images=image, place=(12, 15))
        part = attribution(bvlc, "3b:379", source, patches=patch)
        nonzero = whole.tensor[0].abs().sum(0).nonzero()
        assert part.field is not None
        assert whole.field is not None
        first = [whole.field.offset + whole.field.stride * int(place) for place in nonzero.amin(0)]
        assert all(at >= start for at, start in zip(first, (top, left), strict=True))
        rows, columns = (
            (start + part.field.offset - whole.field.offset) // whole.field.stride for start in (top, left)
        )
        height, width = part.tensor.shape[-2:]
        close(part.tensor, whole.tensor[..., rows : rows + height, columns : columns + width])
        close(part.values, whole.values)


def test_through_bottlenecks_it_is_complete_and_the_graphs_numbers(bvlc: Network, close) -> None:
    patches = small.pictures(4)
    found = attribution(bvlc, "3b:379", "3a", patches=patches)
    assert float(found.remainders.abs().max()) <= 1e-5 * float(found.values.abs().max())
    graph = CircuitGraph(bvlc, "3b:379", bottlenecks=False, until="3a", patches=patches)
    expected = torch.zeros(256)
    for source, _, value in graph.nx.edges(data="attribution"):
        expected[source.channel] = value
    close(found.tensor.sum((2, 3)).mean(0), expected)
    behind = attribution(bvlc, "3b:379", "conv2d2", patches=patches)  # normalisation lies between
    assert float(behind.remainders.abs().max()) > 0.1 * float(behind.values.abs().max())


def test_what_goes_around_the_source_is_in_the_constant(bvlc: Network) -> None:
    """Of 3b's units only those of the 5x5 branch read its bottleneck; together they read more than that."""
    patches = small.pictures(2)
    units = ["3b:379", "3b:3"]
    found = attribution(bvlc, units, "3b/5x5_bottleneck", patches=patches)
    alone = attribution(bvlc, units[1], "3a", patches=patches)
    assert float(found.remainders.abs().max()) <= 1e-4 * float(found.values.abs().max())
    bias = attribution(bvlc, units[0], "3b/5x5_bottleneck", patches=patches).constants
    torch.testing.assert_close(found.constants, alone.values + bias, rtol=1e-4, atol=1e-3)


@settings(deadline=None, max_examples=10)
@given(random_networks(), st.integers(0, 2**31))
def test_saliency_is_autograds_gradient_of_the_squares(net: Network, seed: int) -> None:
    layer, images = last_layer(net), pictures(seed, 2)
    scales = torch.rand(net.layer(layer).channels, generator=torch.Generator().manual_seed(seed)) + 0.5
    found = attribution(
        net, net.units(layer), INPUT, images=images, method="gradient", objective="squares", scales=scales
    )
    pixels = images.clone().requires_grad_()
    maps = net.activations(pixels, [layer])[layer] / scales[:, None, None]
    (expected,) = torch.autograd.grad((maps**2).sum(), pixels)
    torch.testing.assert_close(found.tensor, expected, rtol=1e-4, atol=1e-5)
    assert found.constants is None
    assert found.remainders is None


def test_integrated_gradients_are_complete_through_normalisation(bvlc: Network) -> None:
    found = attribution(bvlc, "3b:379", INPUT, patches=small.pictures(1), method="integrated gradients", steps=64)
    change = float((found.values - found.constants).abs())
    assert float(found.remainders.abs()) <= 0.1 * change
    other = attribution(bvlc, "3b:379", INPUT, patches=small.pictures(1))
    assert float(other.remainders.abs()) > 0.3 * change  # what the linear one leaves


def test_captum_says_the_same(bvlc: Network, close) -> None:
    pytest.importorskip("captum")
    patches = small.pictures(2)
    for source in ("3a", "3b/5x5_bottleneck", INPUT):
        for ours, theirs in (
            ("linear", "InputXGradient"), ("gradient", "Saliency"), ("integrated gradients", "IntegratedGradients"),
        ):  # fmt: skip
            options = {"n_steps": 8} if theirs == "IntegratedGradients" else None
            units = ["3b:379", "3b:3"]
            mine = attribution(bvlc, units, source, patches=patches, method=ours, steps=8)
            captums = attribution(bvlc, units, source, patches=patches, method=f"captum:{theirs}", options=options)
            close(mine.tensor, captums.tensor, 1e-3)
            close(mine.values, captums.values)


def test_captum_occludes_and_smooths() -> None:
    pytest.importorskip("captum")
    net, images = small_network(), pictures(2, 2, 16, 16)
    options = {"sliding_window_shapes": (4, 1, 1), "strides": (4, 1, 1)}
    found = attribution(net, "b:1", "a", images=images, place=(3, 3), method="captum:Occlusion", options=options)
    exact = attribution(net, "b:1", "a", images=images, place=(3, 3))
    # All channels of a place are covered at once, and Captum shows the change at each of them.
    torch.testing.assert_close(found.tensor[:, 0], exact.tensor.sum(1), rtol=1e-4, atol=1e-4)
    assert attribution(net, "b:1", INPUT, images=images, method="captum:Occlusion").tensor.shape == images.shape
    once, again = (attribution(net, "b:1", INPUT, images=images, method="captum:SmoothGrad").tensor for _ in range(2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)


def test_without_captum_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(CurvesError, match=r"pip install 'curve-circuits\[captum\]', or choose a method of our own"):
        attribution(small_network(), "b:1", "a", images=pictures(0), method="captum:Saliency")


def test_what_does_not_fit_is_refused() -> None:
    net, images = small_network(), pictures(0)
    for arguments, says in (
        ({"method": "magic"}, "no method 'magic'; there are linear, gradient, integrated gradients, and captum:NAME"),
        ({"method": "captum:DeepLift"}, "no method captum:DeepLift; there are captum:Saliency"),
        ({"objective": "cubes"}, "no objective 'cubes'"),
        ({"options": {"abs": True}}, "options are for Captum's methods"),
        ({"patches": images}, "either images or patches"),
        ({"place": (24, 0)}, r"b has 24 x 20 places on these images; \(24, 0\) is none"),
    ):
        with pytest.raises(CurvesError, match=says):
            attribution(net, "b:1", "a", images=images, **arguments)
    for units, source, says in (
        ("b:1", "b", "b:1 does not depend on b; attribute it to an earlier layer"),
        ("a:1", "b", "a:1 does not depend on b"),
        (["a:1", "b:1"], INPUT, "of units of one layer, not of a, b"),
        ([], INPUT, "not of none"),
        ("b:9", INPUT, "out of range"),
        ("b:1", "c", "has no layer 'c'"),
    ):
        with pytest.raises(CurvesError, match=says):
            attribution(net, units, source, images=images)
    with pytest.raises(CurvesError, match="either images or patches"):
        attribution(net, "b:1", "a")
    with pytest.raises(CurvesError, match="the units see 7 x 7 px, the patches are 48 x 40"):
        attribution(net, "b:1", "a", patches=images)
    with pytest.raises(CurvesError, match="has no places"):
        attribution(net, "b:1", "a", patches=images[..., :7, :7], place=(0, 0))


def test_what_it_is_of_is_told() -> None:
    net = small_network()
    found = attribution(net, ["b:1", "b:0"], "a", images=pictures(0))
    told = found.provenance
    assert told["network"]["identity"] == net.identity
    assert (told["units"], told["source"], told["method"]) == (["b:1", "b:0"], "a", "linear")
