"""Interventions: what hooks do to plain torch modules, what the weight edits do, and nothing that stays."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.plain_torch import PlainTorch
from circuits import CurvesError, Network, UnknownLayerError, UnknownUnitError
from circuits.ops import AvgPool, Linear, MaxPool
from editing import Ablate, AddActivation, PatchActivation, ScaleActivation, SetActivation
from tests import small
from tests.networks import random_networks, small_network


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= 1e-5 * max(1.0, float(b.abs().max())))


def hooked(net: Network, x: torch.Tensor, **changes) -> dict[str, torch.Tensor]:
    """All tensors of the plain network with `changes` (functions in place, by tensor) as forward hooks."""
    plain = PlainTorch(net)

    def hook(change):
        def run(_module, _inputs, output):
            output = output.clone()
            change(output)
            return output

        return run

    for name, change in changes.items():
        getattr(plain, plain.key(name)).register_forward_hook(hook(change))
    with torch.no_grad():
        return plain(x)


def put(channels, value):
    def change(output):
        output[:, channels] = value

    return change


def add(channels, value):
    def change(output):
        output[:, channels] += value

    return change


def multiply(channels, value):
    def change(output):
        output[:, channels] *= value

    return change


@settings(deadline=None, max_examples=40)
@given(random_networks(), st.integers(0, 2**31), st.booleans(), st.data())
def test_interventions_are_what_hooks_do(net: Network, seed: int, pre: bool, data: st.DataObject) -> None:
    names = list(net.layers)
    first = data.draw(st.integers(0, len(names) - 2))
    read = names[data.draw(st.integers(first + 1, len(names) - 1))]
    layer = net.layer(names[first])
    channels = data.draw(st.lists(st.integers(0, layer.channels - 1), min_size=1, max_size=3, unique=True))
    units = [f"{layer.name}:{channel}" for channel in channels]
    tensor = layer.pre if pre else layer.post
    x, other = images(seed, 2, 3, 31, 36), images(seed + 1, 2, 3, 31, 36)
    values = PlainTorch(net)(other)[tensor].detach()
    each = torch.arange(1.0, len(channels) + 1)
    cases = [
        (SetActivation(units, 0.3, pre=pre), put(channels, 0.3)),
        (SetActivation(units, each, pre=pre), put(channels, each[:, None, None])),
        (SetActivation(units, values[:, channels], pre=pre), put(channels, values[:, channels])),
        (SetActivation(layer.name, values, pre=pre), put(slice(None), values)),
        (AddActivation(units, -0.7, pre=pre), add(channels, -0.7)),
        (AddActivation(units, values[:1, channels], pre=pre), add(channels, values[:1, channels])),
        (ScaleActivation(units, each, pre=pre), multiply(channels, each[:, None, None])),
        (PatchActivation(units, values, pre=pre), put(channels, values[:, channels])),
        (PatchActivation(layer.name, values[:1], pre=pre), put(slice(None), values[:1])),
    ]
    intervention, change = data.draw(st.sampled_from(cases))
    found = net.activations(x, [read], interventions=[intervention])[read]
    assert close(found, hooked(net, x, **{tensor: change})[net.layer(read).post])


@settings(deadline=None, max_examples=30)
@given(random_networks(), st.integers(0, 2**31), st.data())
def test_they_equal_the_weight_edits(net: Network, seed: int, data: st.DataObject) -> None:
    weighted = sorted({link.target for link in net.links})
    layer = data.draw(st.sampled_from(weighted))
    unit = data.draw(st.sampled_from(net.units(layer)))
    try:
        op, row = net.producer(unit)
    except CurvesError:
        assume(False)
    read = list(net.layers)[-1]
    assume(read != layer)
    field = net.receptive_field(read)
    x = images(seed, 3, 3, field.size, field.size)
    try:
        silent = net.responses(x, read, interventions=[SetActivation(unit, 0)])
    except CurvesError as error:
        assert "has no effect" in str(error)
        return
    assert close(silent, Ablate(unit).apply(net).responses(x, read))
    scaled = {f"{op}/{part}": net.tensors[f"{op}/{part}"].detach().clone() for part in ("weight", "bias")}
    for tensor in scaled.values():
        tensor[row] *= 1.7
    expected = net.evolve(tensors=scaled).responses(x, read)
    assert close(net.responses(x, read, interventions=[ScaleActivation(unit, 1.7)]), expected)
    assert close(net.responses(x, read, interventions=[ScaleActivation(unit, 1.7, pre=True)]), expected)


def test_they_equal_the_weight_edits_on_a_real_network(bvlc: Network) -> None:
    x = images(0, 2, 3, 91, 91)
    for unit in ("conv2d0:3", "conv2d2:7", "3a:100", "3b/5x5_bottleneck:4"):
        found = bvlc.responses(x, "3b", interventions=[SetActivation(unit, 0)])
        assert close(found, Ablate(unit).apply(bvlc).responses(x, "3b"))
        assert not close(found, bvlc.responses(x, "3b"))


def test_patching_a_whole_layer_gives_the_other_run() -> None:
    net, a, b = small.network(), small.pictures(2, 96, seed=1), small.pictures(2, 96, seed=2)
    other = net.activations(b, ["3a", "3b"])
    found = net.activations(a, ["3b"], interventions=[PatchActivation("3a", other["3a"])])["3b"]
    assert close(found, other["3b"])


def test_maps_for_patches_are_of_the_region_that_the_unit_sees() -> None:
    net, x = small.network(), small.pictures(2)
    maps = torch.zeros(2, net.layer("3a").channels, 5, 5)
    silent = Ablate(*net.units("3a")).apply(net).responses(x, "3b")
    assert close(net.responses(x, "3b", interventions=[SetActivation("3a", maps)]), silent)
    with pytest.raises(CurvesError, match="or 2 x 28 x 5 x 5"):
        net.responses(x, "3b", interventions=[SetActivation("3a", maps[..., :3])])


def test_several_act_in_the_order_given_and_leave_nothing_behind() -> None:
    net, x = small_network(), images(4, 2, 3, 32, 32)
    before = {name: values.clone() for name, values in net.activations(x, ["a", "b"]).items()}
    plus, times = AddActivation("a:1", 1.0), ScaleActivation("a:1", 3.0)
    first = net.activations(x, ["a"], interventions=[plus, times])["a"][:, 1]
    second = net.activations(x, ["a"], interventions=[times, plus])["a"][:, 1]
    assert close(first, (before["a"][:, 1] + 1) * 3)
    assert close(second, before["a"][:, 1] * 3 + 1)
    both = net.activations(x, ["a"], interventions=[times, SetActivation("a:1", 2.0, pre=True)])["a"][:, 1]
    assert (both == 6).all()  # what acts on the pre-activation comes first
    maps = torch.ones(2, 4, 16, 16)
    net.activations(x, ["b"], interventions=[SetActivation("a", maps), AddActivation("a", 1.0)])
    assert (maps == 1).all()
    for name, values in net.activations(x, ["a", "b"]).items():
        assert torch.equal(values, before[name])


def test_gradients_flow_to_images_and_values() -> None:
    net, x = small_network(), images(5, 1, 3, 32, 32).requires_grad_()
    value = torch.tensor([0.5, 1.0], requires_grad=True)
    patch = torch.rand(1, 4, 16, 16, requires_grad=True)
    inner = [PatchActivation("a:0", patch), AddActivation(["a:3", "a:1"], value)]
    net.activations(x, ["b"], pre=True, interventions=inner)["b"].sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert value.grad is not None
    assert (value.grad != 0).all()
    assert patch.grad is not None
    assert (patch.grad[:, 0] != 0).any()
    assert (patch.grad[:, 1:] == 0).all()


def test_a_gradient_to_the_value_is_the_numerical_one() -> None:
    net, x = small_network().double(), images(6, 1, 3, 7, 7).double()

    def response(value):
        return net.responses(x, "b", interventions=[AddActivation(["a:3", "a:1"], value)])

    value = torch.tensor([0.3, 0.6], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(response, (value,))


def with_head() -> Network:
    net = small_network()
    ops = [*net.ops, MaxPool("p", ("b",), (2, 2), (2, 2)), AvgPool("m", ("p",)), Linear("f", ("m",))]
    tensors = {"f/weight": torch.ones(3, 5), "f/bias": torch.zeros(3)}
    layers = {"a": ("a/pre", "a"), "b": ("b/pre", "b"), "p": ("p", "p"), "f": ("f", "f")}
    return net.evolve(ops=ops, tensors=tensors, layers=layers)


def test_layers_without_a_relu_and_dense_layers_can_be_set() -> None:
    net, x = with_head(), images(7, 2, 3, 32, 32)
    assert (net(x, interventions=[SetActivation("p", 2.0)]) == 10).all()
    assert (net(x, interventions=[SetActivation("p", 2.0, pre=True)]) == 10).all()
    scores = torch.rand(2, 3)
    assert torch.equal(net(x, interventions=[SetActivation("f", scores)]), scores)
    assert (net(x, interventions=[SetActivation("f:1", torch.tensor([4.0]))])[:, 1] == 4).all()


@pytest.mark.parametrize(
    ("intervention", "error", "says"),
    [
        (SetActivation("z:0", 0), UnknownLayerError, "no layer 'z'"),
        (SetActivation("a:9", 0), UnknownUnitError, "a has 4 units"),
        (SetActivation(["a:0", "b:0"], 0), CurvesError, "a:0 and b:0 are of different layers"),
        (
            SetActivation("a", torch.zeros(3)),
            CurvesError,
            "values are 3; give a number, 4 numbers .one a unit., or 2 x 4",
        ),
        (
            SetActivation("a:0", torch.zeros(2, 4, 16, 16)),
            CurvesError,
            "values are 2 x 4 x 16 x 16; .* or 2 x 1 x 16 x 16",
        ),
        (SetActivation("a", torch.zeros(3, 4, 16, 16)), CurvesError, "3 x 4 x 16 x 16; .* or 2 x 4 x 16 x 16"),
        (PatchActivation("a:0", torch.zeros(2, 1, 16, 16)), CurvesError, "2 x 1 x 16 x 16; .* or 2 x 4 x 16 x 16"),
        (PatchActivation("a", torch.zeros(4)), CurvesError, "use SetActivation to set numbers"),
        (AddActivation("a", torch.zeros(4).double()), CurvesError, "the values are torch.float64 .* convert them"),
        (SetActivation("b", 0), CurvesError, "changing 'b' has no effect on 'b/pre'; read a layer behind it"),
    ],
)
def test_what_does_not_fit_is_refused(intervention, error, says) -> None:
    with pytest.raises(error, match=says):
        small_network().activations(images(8, 2, 3, 32, 32), ["b"], pre=True, interventions=[intervention])


def test_what_has_no_effect_on_a_patch_is_refused() -> None:
    with pytest.raises(CurvesError, match="changing 'b' has no effect on 'a'"):
        small_network().responses(images(9, 1, 3, 3, 3), "a", pre=False, interventions=[SetActivation("b", 0)])
