"""The network as data: what it computes, what it refuses, what it is made of."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from benchmarks.plain_torch import PlainTorch
from circuits import CurvesError, Network, Preprocessing, Unit, UnknownLayerError, UnknownUnitError
from circuits.execution import execute
from circuits.ops import AvgPool, Conv, Linear, MaxPool, Padding, ReLU, Softmax
from circuits.regions import INPUT, Box, compile_program
from tests import small
from tests.networks import random_networks, small_network

SEEDS = st.integers(0, 2**31)


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    a, b = a.detach(), b.detach()
    return bool((a - b).abs().max() <= 1e-5 * max(1.0, float(b.abs().max())))


@settings(deadline=None, max_examples=60)
@given(random_networks(), SEEDS, st.integers(30, 50), st.integers(30, 50))
def test_whole_images_agree_with_plain_torch_modules(net: Network, seed: int, height: int, width: int) -> None:
    x = images(seed, 2, 3, height, width)
    twin = PlainTorch(net)(x)
    for pre in (True, False):
        for name, values in net.activations(x, net.layers, pre=pre).items():
            expected = twin[net.layers[name].pre if pre else net.layers[name].post]
            assert values.shape == expected.shape
            assert close(values, expected)


@pytest.mark.parametrize("ceil", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (5, 4)])
def test_pooling_ends_where_torch_ends_it(kernel: int, stride: int, ceil: bool) -> None:
    for pad in range(kernel // 2 + 1):
        op = MaxPool("p", ("input",), (kernel, kernel), (stride, stride), Padding.same(pad), ceil=ceil)
        net = Network([op], {}, {"p": ("p", "p")}, input_size=9)
        for size in range(7, 15):
            x = images(size, 1, 3, size, size + 1)
            expected = torch.max_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
            assert torch.equal(net(x), expected), (pad, size)


@pytest.mark.parametrize("count", [True, False])
def test_means_may_be_padded_by_more_than_half_a_window(count: bool) -> None:
    op = AvgPool("m", ("input",), (3, 3), (2, 2), Padding.same(2), count_padding=count)
    net = Network([op], {}, {"m": ("m", "m")}, input_size=9)
    x = images(0, 1, 3, 9, 9)
    padded, ones = (torch.nn.functional.pad(v, (2, 2, 2, 2)) for v in (x, torch.ones_like(x)))
    expected = torch.nn.functional.avg_pool2d(padded, 3, 2)
    if not count:  # a window of padding alone has no mean
        expected = expected / torch.nn.functional.avg_pool2d(ones, 3, 2)
    assert torch.allclose(net(x), expected, atol=1e-6)


def test_pooling_never_sees_its_padding() -> None:
    """Also where every value is negative and sides are padded differently, as TensorFlow's SAME does."""
    dark = Preprocessing(mean=(1.5, 1.5, 1.5))
    op = MaxPool("p", ("input",), (3, 3), (2, 2), Padding(0, 1, 1, 2))
    net = Network([op], {}, {"p": ("p", "p")}, preprocessing=dark, input_size=9)
    x = images(0, 1, 3, 10, 10)
    padded = torch.nn.functional.pad(x - 1.5, (1, 2, 0, 1), value=-torch.inf)
    assert torch.equal(net(x), torch.max_pool2d(padded, 3, 2))


@settings(deadline=None, max_examples=60)
@given(random_networks(), SEEDS)
def test_a_patch_gives_what_the_unit_gives_in_the_midst_of_a_picture(net: Network, seed: int) -> None:
    layer = list(net.layers)[-1]
    field = net.receptive_field(layer)
    # A unit far enough inside that no window on its way sees padding.
    index = next(i for i in range(1000) if field.offset + i * field.stride >= 40)
    first = field.offset + index * field.stride
    size = first + field.size + 40
    x = images(seed, 2, 3, size, size)
    whole = net.activations(x, [layer], pre=True)[layer][:, :, index, index]
    patch = x[:, :, first : first + field.size, first : first + field.size]
    assert close(net.responses(patch, layer), whole)
    assert close(net.responses(patch, layer, pre=False), whole.relu())


@settings(deadline=None, max_examples=60)
@given(random_networks(), st.integers(0, 3))
def test_the_receptive_field_is_exactly_what_reaches_the_unit(net: Network, shift: int) -> None:
    """NaN spreads through every op, so a unit is NaN just when the poisoned row is one it reads."""
    layer = list(net.layers)[-1]
    field = net.receptive_field(layer)
    index = next(i for i in range(1000) if field.offset + i * field.stride >= 20) + shift
    first = field.offset + index * field.stride
    target = net.layers[layer].pre
    size = (first + field.size + 20,) * 2
    program = compile_program(net.ops, {target: None}, size)

    def poisoned(row: int) -> bool:
        x = torch.rand(1, 3, *size)
        x[:, :, row] = torch.nan
        return bool(execute(program, {"input": x}, net.tensors)[target][0, :, index, index].isnan().any())

    assert not poisoned(first - 1)
    assert poisoned(first)
    assert poisoned(first + field.size - 1)
    assert not poisoned(first + field.size)


def test_receptive_fields_of_inceptionv1_are_the_published_ones() -> None:
    net = small.network()  # InceptionV1's geometry
    fields = {name: net.receptive_field(name) for name in ("conv2d0", "conv2d1", "conv2d2", "3a", "3b")}
    assert {name: (f.size, f.stride) for name, f in fields.items()} == {
        "conv2d0": (7, 2), "conv2d1": (11, 4), "conv2d2": (19, 4), "3a": (59, 8), "3b": (91, 8),
    }  # fmt: skip
    assert fields["3b"].offset == -39


def test_activations_run_no_deeper_than_asked() -> None:
    net = small_network()
    shallow = compile_program(net.ops, {"a": None}, (32, 32))
    assert [step.op.name for step in shallow.steps] == ["a/pre", "a"]
    with torch.no_grad():
        net.get_parameter("b/pre/weight").fill_(torch.nan)
    assert net.activations(images(0, 1, 3, 32, 32), ["a"])["a"].isfinite().all()


def test_a_patch_computes_only_what_the_unit_sees() -> None:
    net = small.network()
    program = compile_program(net.ops, {"3b/pre": Box(0, 1, 0, 1)})
    sizes = {step.op.name: step.box.size[0] for step in program.steps}
    names = ("conv2d0", "pool0", "conv2d2", "pool1", "3a", "3b/pre")
    assert program.inputs["input"].size == (91, 91)
    assert [sizes[name] for name in names] == [43, 21, 19, 9, 5, 1]
    assert INPUT not in sizes


def test_captured_tensors_are_not_overwritten() -> None:
    net, x = small_network(), images(1, 1, 3, 32, 32)
    before = x.clone()
    found = net.activations(x, ["a", "b"], pre=True)
    again = net.activations(x, ["a"], pre=True)
    assert torch.equal(found["a"], again["a"])
    assert (found["a"] < 0).any()
    assert torch.equal(x, before)


def test_gradients_reach_the_image_and_weights_only_if_asked() -> None:
    net, x = small_network(), images(2, 1, 3, 32, 32).requires_grad_()
    net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_()
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_gradients_work_after_inference_mode() -> None:
    """Nothing made in inference mode may be kept: it could not take part in a backward pass."""
    net, x = small.network(), small.pictures(1)
    with torch.inference_mode():
        net.responses(x, "3b")
    x.requires_grad_()
    net.responses(x, "3b").sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_it_is_a_module_moves_and_compiles() -> None:
    net, x = small_network(), images(3, 2, 3, 32, 32)
    expected = net(x)
    assert close(torch.compile(net, backend="eager", fullgraph=True)(x), expected)
    double = copy.deepcopy(net).double()
    assert close(double(x.double()).float(), expected)
    other = small_network()
    with torch.no_grad():
        other.get_parameter("a/pre/weight").zero_()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(x), expected)
    assert other.identity == net.identity


def test_identity_tells_weights_ops_and_preprocessing_but_not_provenance() -> None:
    net = small_network()
    changed = dict(net.tensors) | {"a/pre/bias": net.tensors["a/pre/bias"] + 1e-7}
    others = [
        net.evolve(tensors=changed),
        net.evolve(layers={"a": ("a/pre", "a")}),
        net.evolve(ops=[*net.ops[:-1], MaxPool("b", ("b/pre",), (1, 1))], layers={"a": ("a/pre", "a")}),
    ]
    assert len({net.identity, *(other.identity for other in others)}) == 4
    assert small_network().identity == net.identity


def test_evolved_networks_share_memory_but_not_their_place() -> None:
    net = small_network()
    other = net.evolve(tensors={"b/pre/bias": torch.zeros(5)})
    assert other.tensors["a/pre/weight"].data_ptr() == net.tensors["a/pre/weight"].data_ptr()
    assert net.tensors["b/pre/bias"].abs().sum() > 0
    other.to(torch.float64)
    assert net.tensors["a/pre/weight"].dtype == torch.float32


def test_dense_heads_know_the_size_they_were_made_for() -> None:
    ops = [
        Conv("c/pre", ("input",), (3, 3), (2, 2), Padding.same(1)),
        ReLU("c", ("c/pre",)),
        AvgPool("mean", ("c",), output=(2, 2)),
        Linear("logits", ("mean",)),
        Softmax("softmax", ("logits",)),
    ]
    tensors = {
        "c/pre/weight": torch.randn(4, 3, 3, 3), "c/pre/bias": torch.zeros(4),
        "logits/weight": torch.randn(7, 16), "logits/bias": torch.zeros(7),
    }  # fmt: skip
    net = Network(ops, tensors, {"c": ("c/pre", "c"), "logits": ("logits", "logits")}, input_size=16)
    x = images(4, 3, 3, 16, 16)
    assert net(x).shape == (3, 7)
    assert torch.allclose(net(x).sum(1), torch.ones(3))
    assert net.activations(x, ["logits"])["logits"].shape == (3, 7)
    assert close(net(x), PlainTorch(net)(x)["softmax"])
    with pytest.raises(CurvesError, match="sees the whole image"):
        net.receptive_field("logits")
    flat = Network(
        [*ops[:2], Linear("dense", ("c",))],
        {name: tensors[name] for name in ("c/pre/weight", "c/pre/bias")}
        | {"dense/weight": torch.randn(2, 256), "dense/bias": torch.zeros(2)},
        {"c": ("c/pre", "c")},
        input_size=16,
    )
    with pytest.raises(CurvesError, match=r"\(2, 400\) fits for images of 20 x 20 px"):
        flat(images(5, 1, 3, 20, 20))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (torch.rand(3, 32, 32), r"must be N x 3 x H x W \(RGB\); got 3 x 32 x 32"),
        (torch.rand(1, 1, 32, 32), "got 1 x 1 x 32 x 32"),
        (torch.rand(0, 3, 32, 32), "got 0 x 3 x 32 x 32"),
        (torch.randint(0, 255, (1, 3, 32, 32), dtype=torch.uint8), r"convert with images.float\(\) / 255"),
        (torch.rand(1, 3, 32, 32) * 255, r"must be in \[0, 1\]; these go from"),
        (torch.full((1, 3, 32, 32), torch.nan), r"must be in \[0, 1\]; these go from nan"),
        (torch.rand(1, 3, 32, 32, device="meta"), "the images are on meta, the network on cpu"),
        (torch.rand(1, 3, 32, 0), "got 1 x 3 x 32 x 0"),
        (torch.rand(1, 3, 32, 32).double(), "the images are torch.float64, the network's weights torch.float32"),
    ],
)
def test_wrong_images_are_refused_with_the_remedy(bad: torch.Tensor, says: str) -> None:
    with pytest.raises(CurvesError, match=says):
        small_network().activations(bad, ["a"])


def test_wrong_patches_and_small_images_are_refused() -> None:
    net = small_network()
    with pytest.raises(CurvesError, match="units of b see 7 x 7 px, the patches are 9 x 9"):
        net.responses(torch.rand(1, 3, 9, 9), "b")
    tight = Network([Conv("c", ("input",), (5, 5))], {"c/weight": torch.ones(1, 3, 5, 5), "c/bias": torch.ones(1)}, {})
    with pytest.raises(CurvesError, match="3 x 3 px is too small for 'c'"):
        tight(torch.rand(1, 3, 3, 3))


def test_unit_names_say_what_is_wrong() -> None:
    net = handbuilt.build()
    assert Unit.parse("3b/3x3_bottleneck:17") == Unit("3b/3x3_bottleneck", 17)
    assert str(net.unit("3b:7")) == "3b:7"
    count = net.layer("3b").channels
    assert net.units("3b")[-1] == Unit("3b", count - 1)
    for text in ("3b", "3b:", ":3", "3b:-1", "3b:x", "3b:1.5", "3b:²"):
        with pytest.raises(UnknownUnitError, match="write layer:channel"):
            Unit.parse(text)
    with pytest.raises(UnknownUnitError, match=rf"3b has {count} units \(0\.\.{count - 1}\); 3b:600 is out of range"):
        net.unit("3b:600")
    with pytest.raises(UnknownLayerError, match="handbuilt has no layer '3c'; it has 3"):
        net.unit("3c:1")
    with pytest.raises(UnknownLayerError, match="conv2d0"):
        net.activations(torch.rand(1, 3, 91, 91), ["nothing like it"])


def test_the_producer_of_a_unit_is_its_row_in_its_branch() -> None:
    net = small.network()
    assert net.producer("3a:11") == ("3a/1x1", 11)
    assert net.producer("3a:12") == ("3a/5x5", 0)
    assert net.producer("conv2d0:5") == ("conv2d0/pre", 5)
    pooled = small_network()
    pooled = pooled.evolve(ops=[*pooled.ops, MaxPool("p", ("b",), (2, 2))], layers={"p": ("p", "p")})
    with pytest.raises(CurvesError, match="p:0 is the output of a maxpool"):
        pooled.producer("p:0")


@pytest.mark.parametrize(
    ("ops", "tensors", "layers", "says"),
    [
        ([ReLU("r", ("x",))], {}, {}, "op 'r' reads 'x', which no earlier op writes"),
        ([ReLU("r", ("input",)), ReLU("r", ("input",))], {}, {}, "two ops write 'r'"),
        ([ReLU("r.s", ("input",))], {}, {}, "'r.s' cannot name an op"),
        ([Conv("c", ("input",), (1, 1))], {}, {}, "op 'c' has no weight and bias; give the tensor c/weight"),
        (
            [Conv("c", ("input",), (1, 1))],
            {"c/weight": torch.ones(2, 4, 1, 1), "c/bias": torch.ones(2)},
            {},
            r"the weight of 'c' is \(2, 4, 1, 1\), but \(2, 3, 1, 1\) fits",
        ),
        (
            [Conv("c", ("input",), (1, 1), groups=2)],
            {"c/weight": torch.ones(2, 1, 1, 1), "c/bias": torch.ones(2)},
            {},
            "'c' has 2 groups, which must divide",
        ),
        ([MaxPool("p", ("input",), (2, 2), (0, 1))], {}, {}, "'p' has a kernel, stride or groups of 0"),
        (
            [Conv("c", ("input",), (1, 1), groups=0)],
            {"c/weight": torch.ones(2, 3, 1, 1), "c/bias": torch.ones(2)},
            {},
            "'c' has a kernel, stride or groups of 0",
        ),
        ([ReLU("r", ("input",))], {"extra": torch.ones(1)}, {}, "no op uses the tensors extra"),
        ([ReLU("r", ("input",))], {}, {"l": ("r", "q")}, "layer 'l' names the tensors 'r' and 'q'"),
    ],
)
def test_networks_that_do_not_fit_together_are_refused(ops, tensors, layers, says) -> None:
    with pytest.raises(CurvesError, match=says):
        Network(ops, tensors, layers)
