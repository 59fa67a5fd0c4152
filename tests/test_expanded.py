"""Expanded weights: the gradient of the network without its nonlinearities, taken by autograd as the slow twin."""

import pytest
import torch
from hypothesis import assume, given, settings

from benchmarks.plain_torch import linearised
from circuits import CurvesError, Network, UnknownLayerError, UnknownUnitError, expanded_weights
from tests import small
from tests.networks import random_networks


def gradient(net: Network, source: str, layer: str, channel: int, size: int) -> torch.Tensor:
    """The gradient of the layer's middle unit to all of the source, cut to where it is not zero."""
    plain = linearised(net)
    values = {}
    hooks = [
        getattr(plain, plain.key(net.layer(source).post)).register_forward_hook(
            lambda _m, _i, out: values.setdefault("source", out.requires_grad_())
        )
    ]
    out = plain(torch.rand(1, 3, size, size))[net.layer(layer).pre]
    hooks[0].remove()
    middle = out.shape[2] // 2
    (found,) = torch.autograd.grad(out[0, channel, middle, middle], values["source"])
    return found[0]


def assert_same_where_not_zero(kernel: torch.Tensor, found: torch.Tensor) -> None:
    """The whole gradient map is the kernel, somewhere, and zeros around."""
    kh, kw = kernel.shape[-2:]
    rows, columns = (found.abs().sum(dim=(0, d)) > 0 for d in (2, 1))
    mine = [kernel.abs().sum(dim=(0, d)) > 0 for d in (2, 1)]
    assert rows.any(), "no gradient: nothing to compare"
    top = int(rows.nonzero()[0]) - int(mine[0].nonzero()[0])
    left = int(columns.nonzero()[0]) - int(mine[1].nonzero()[0])
    expected = torch.zeros_like(found)
    expected[:, top : top + kh, left : left + kw] = kernel
    assert (expected - found).abs().max() <= 1e-5 * found.abs().max()


@settings(deadline=None, max_examples=40)
@given(random_networks())
def test_expanded_weights_are_the_gradient_of_the_network_linearised(net: Network) -> None:
    names = list(net.layers)
    size = 4 * net.receptive_field(names[-1]).size + 16
    assume(size <= 400)
    for source in names[:-1]:
        kernel = expanded_weights(net, source, names[-1])
        for channel in range(net.layer(names[-1]).channels):
            if kernel[channel].abs().max() > 0:
                assert_same_where_not_zero(kernel[channel], gradient(net, source, names[-1], channel, size))


@pytest.mark.parametrize(
    ("source", "target"), [("conv2d0", "3b:379"), ("conv2d2", "3b:379"), ("3a", "3b:200"), ("3b", "4a:420")]
)
def test_expanded_weights_of_a_real_network(bvlc: Network, source: str, target: str) -> None:
    layer, channel = target.split(":")
    assert_same_where_not_zero(expanded_weights(bvlc, source, target), gradient(bvlc, source, layer, int(channel), 224))


def test_targets_may_be_units_families_and_layers() -> None:
    net = small.network()
    whole = expanded_weights(net, "3a", "3b")
    assert whole.shape == (28, 28, 5, 5)
    assert torch.equal(expanded_weights(net, "3a", ["3b:5", "3b:2"]), whole[[5, 2]])
    assert torch.equal(expanded_weights(net, "3a", net.unit("3b:5")), whole[5])
    assert expanded_weights(net, "input", "3b:0").shape == (3, 91, 91)


def test_expanded_weights_refuse_what_is_not_there() -> None:
    net = small.network()
    with pytest.raises(CurvesError, match="3a does not read 3b; choose a source between the image and 3a"):
        expanded_weights(net, "3b", "3a:0")
    with pytest.raises(CurvesError, match="of one layer"):
        expanded_weights(net, "conv2d2", ["3a:0", "3b:0"])
    with pytest.raises(UnknownUnitError):
        expanded_weights(net, "3a", "3b:99")
    with pytest.raises(UnknownLayerError):
        expanded_weights(net, "3z", "3b:0")
