"""Sweeps of ablations against the slow way: plain torch modules, one forward hook, one ablation at a time."""

import re

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.plain_torch import PlainTorch
from circuits import CurvesError, Network, UnknownUnitError
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, Padding, ReLU
from editing import Ablate, AblateEdge, ablation_effects, edge_effects
from tests import small
from tests.networks import random_networks, small_network

SEEDS = st.integers(0, 2**31)


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def twin(net: Network, x: torch.Tensor, **maps: tuple[int, object]) -> dict[str, torch.Tensor]:
    """All tensors of the plain network in which, by tensor, one channel is overwritten by a forward hook."""
    plain = PlainTorch(net)

    def overwrite(channel, value):
        def hook(_module, _inputs, output):
            output = output.clone()
            output[:, channel] = value
            return output

        return hook

    for name, (channel, value) in maps.items():
        getattr(plain, plain.key(name)).register_forward_hook(overwrite(channel, value))
    return plain(x)


def assert_close(found: torch.Tensor, expected: torch.Tensor, scale: torch.Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * max(1.0, float(scale.abs().max()))


def inside(net: Network, layer: str) -> tuple[int, slice, int]:
    """A unit far from any edge: its place in the map, the pixels it sees, and the size of the picture."""
    field = net.receptive_field(layer)
    place = next(i for i in range(1000) if field.offset + i * field.stride >= 40)
    first = field.offset + place * field.stride
    return place, slice(first, first + field.size), first + field.size + 40


@st.composite
def pairs_of_layers(draw: st.DrawFn) -> tuple[Network, str, str]:
    net = draw(random_networks())
    names = list(net.layers)
    first = draw(st.integers(0, len(names) - 2))
    return net, names[first], names[draw(st.integers(first + 1, len(names) - 1))]


@settings(deadline=None, max_examples=20)
@given(pairs_of_layers(), SEEDS, st.sampled_from([0.0, 0.7, -0.2]), st.booleans(), st.data())
def test_ablations_are_what_a_hook_does_to_whole_images(
    case: tuple[Network, str, str], seed: int, value: float, pre: bool, data: st.DataObject
) -> None:
    net, layer, read = case
    x = images(seed, 2, 3, 30, 37)
    target = net.layer(read).pre if pre else net.layer(read).post
    found = ablation_effects(net, layer, read, x, value=value, pre=pre, whole=True)
    intact = twin(net, x)[target]
    for unit in data.draw(st.lists(st.sampled_from(net.units(layer)), min_size=1, max_size=3)):
        changed = twin(net, x, **{net.layer(layer).pre: (unit.channel, value)})[target]
        assert_close(found[unit.channel].transpose(0, 1), changed - intact, intact)


@settings(deadline=None, max_examples=15)
@given(pairs_of_layers(), SEEDS, st.data())
def test_patches_give_the_effect_on_a_unit_in_the_midst_of_a_picture(
    case: tuple[Network, str, str], seed: int, data: st.DataObject
) -> None:
    net, layer, read = case
    unit = data.draw(st.sampled_from(net.units(layer)))
    reader = data.draw(st.sampled_from(net.units(read)))
    place, seen, size = inside(net, read)
    assume(size <= 200)
    x = images(seed, 2, 3, size, size)
    target = net.layer(read).pre
    intact, changed = (
        values[target][:, reader.channel, place, place]
        for values in (twin(net, x), twin(net, x, **{net.layer(layer).pre: (unit.channel, 0.0)}))
    )
    try:
        found = ablation_effects(net, unit, reader, x[..., seen, seen])
    except CurvesError as error:  # the reader is of a branch that passes the unit by
        assert re.search("does not (depend on channel|read)", str(error))
        assert torch.equal(changed, intact)
    else:
        assert_close(found[0, 0], changed - intact, intact)


@settings(deadline=None, max_examples=15)
@given(random_networks(), SEEDS, st.data())
def test_cut_edges_are_what_the_target_gets_from_an_ablated_source(
    net: Network, seed: int, data: st.DataObject
) -> None:
    """Between neighbouring layers of weights all that the target gets from the source are edges."""
    edges = sorted({(link.source, link.target) for link in net.links if link.source in net.layers})
    assume(edges)
    layer, end = data.draw(st.sampled_from(edges))
    target = data.draw(st.sampled_from([f"{end}:{i}" for link in net.links if link.target == end for i in link.rows]))
    x = images(seed, 2, 3, 30, 37)
    tensor, channel = net.layer(end).pre, net.unit(target).channel
    try:
        found = edge_effects(net, layer, target, x, whole=True)
    except CurvesError:
        assert not any(link.source == layer and channel in link.rows for link in net.links if link.target == end)
        return
    names = list(net.layers)
    behind = {
        net.layer(read).pre: edge_effects(net, layer, target, x, read=read, whole=True)
        for read in names[names.index(end) + 1 :]
    }
    intact = twin(net, x)
    for unit in data.draw(st.lists(st.sampled_from(net.units(layer)), min_size=1, max_size=2)):
        cut = twin(net, x, **{net.layer(layer).pre: (unit.channel, 0.0)})[tensor][:, channel]
        assert_close(found[unit.channel, 0], cut - intact[tensor][:, channel], intact[tensor])
        changed = twin(net, x, **{tensor: (channel, cut)})
        for name, effects in behind.items():
            assert_close(effects[unit.channel].transpose(0, 1), changed[name] - intact[name], intact[name])


def skipping() -> Network:
    """Two stages of which the third reads both, normalised and pooled, and a dense head."""
    generator = torch.Generator().manual_seed(0)
    ops = [
        Conv("a/pre", ("input",), (3, 3), (1, 1), Padding.same(1)),
        ReLU("a", ("a/pre",)),
        Conv("b/pre", ("a",), (3, 3), (1, 1), Padding.same(1), groups=2),
        ReLU("b", ("b/pre",)),
        Concat("joined", ("b", "a")),
        MaxPool("pooled", ("joined",), (3, 3), (2, 2)),
        LocalResponseNorm("normal", ("pooled",), 3, 0.5, 0.75, 1.0),
        Concat("again", ("normal", "pooled")),
        Conv("c/pre", ("again",), (2, 2), (2, 2)),
        ReLU("c", ("c/pre",)),
        AvgPool("mean", ("c",), (2, 2), (1, 1), Padding.same(1), count_padding=False),
        Linear("d/pre", ("mean",)),
        ReLU("d", ("d/pre",)),
        Linear("e", ("d",)),
    ]
    shapes = {"a/pre": (4, 3, 3, 3), "b/pre": (6, 2, 3, 3), "c/pre": (5, 20, 2, 2), "d/pre": (7, 5 * 16), "e": (2, 7)}
    tensors = {f"{name}/weight": torch.randn(shape, generator=generator) / 3 for name, shape in shapes.items()}
    tensors |= {f"{name}/bias": torch.randn(shape[0], generator=generator) for name, shape in shapes.items()}
    layers = {name: (f"{name}/pre", name) for name in "abcd"} | {"e": ("e", "e")}
    return Network(ops, tensors, layers, input_size=14)


@pytest.mark.parametrize(("layer", "read"), ["ab", "ac", "ad", "ae", "bc", "be", "ce", "de"])
def test_ablations_pass_joins_groups_and_dense_layers(layer: str, read: str) -> None:
    net, x = skipping(), images(3, 3, 3, 14, 14)
    target = net.layer(read).pre
    found = ablation_effects(net, layer, read, x, whole=True)
    intact = twin(net, x)[target]
    assert found.abs().max() > 0
    for unit in net.units(layer):
        changed = twin(net, x, **{net.layer(layer).pre: (unit.channel, 0.0)})[target]
        assert_close(found[unit.channel].transpose(0, 1), changed - intact, intact)


def test_reading_few_units_gives_what_reading_all_gives() -> None:
    net, x = skipping(), images(3, 2, 3, 14, 14)
    net = net.evolve(
        layers={layer.name: (layer.pre, layer.post) for layer in net.layers.values()} | {"j": ("again",) * 2}
    )
    for read, rows in (("b", [4]), ("j", [12, 0]), ("j", [15]), ("c", [3, 1]), ("d", [2])):
        found = ablation_effects(net, "a:2", [f"{read}:{row}" for row in rows], x, whole=True)
        assert_close(found, ablation_effects(net, "a:2", read, x, whole=True)[:, rows], found)


@pytest.mark.parametrize("rectified", [True, False])
def test_readers_may_see_regions_of_different_sizes(rectified: bool) -> None:
    """A 1x1 branch and one behind a pool: the source may have changed for one and not for the other."""
    post = "a" if rectified else "a/pre"
    ops = [
        Conv("a/pre", ("input",), (1, 1)),
        *([ReLU("a", ("a/pre",))] if rectified else []),
        MaxPool("pool", (post,), (3, 3), (1, 1), Padding.same(1)),
        Conv("near", (post,), (1, 1)),
        Conv("far", ("pool",), (1, 1)),
        Concat("b", ("near", "far")),
    ]
    generator = torch.Generator().manual_seed(1)
    shapes = {"a/pre": (4, 3, 1, 1), "near": (2, 4, 1, 1), "far": (2, 4, 1, 1)}
    tensors = {f"{name}/weight": torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    tensors |= {f"{name}/bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    net = Network(ops, tensors, {"a": ("a/pre", post), "b": ("b", "b")}, input_size=9)
    x = images(10, 16, 3, 9, 9)
    found = ablation_effects(net, "a", "b", x[..., 3:6, 3:6])
    intact = twin(net, x)["b"][..., 4, 4]
    for channel in range(4):
        changed = twin(net, x, **{"a/pre": (channel, 0.0)})["b"][..., 4, 4]
        assert_close(found[channel].T, changed - intact, intact)


@pytest.mark.parametrize(("groups", "padding"), [(1, 0), (1, 1), (2, 0)])
def test_a_kernel_as_large_as_the_map_is_still_a_convolution(groups: int, padding: int) -> None:
    weight, bias = images(11, 4, 6 // groups, 3, 3), images(12, 4)
    ops = [
        Conv("a", ("input",), (1, 1)),
        Conv("b", ("a",), (3, 3), (1, 1), Padding.same(padding), groups=groups),
    ]
    tensors = {"a/weight": images(13, 6, 3, 1, 1), "a/bias": images(14, 6), "b/weight": weight, "b/bias": bias}
    x = images(15, 2, 3, 3, 3)
    net = Network(ops, tensors, {}, input_size=3)
    assert_close(net(x), twin(net, x)["b"], weight)


def test_an_edge_through_a_bottleneck_is_what_the_target_loses(bvlc: Network) -> None:
    x, units = images(16, 2, 3, 91, 91), ["3a:4", "3a:100", "3a:230"]
    for target in ("3b:379", "3b:200", "3b:450"):
        assert torch.equal(edge_effects(bvlc, units, target, x), ablation_effects(bvlc, units, target, x))


def test_an_edge_is_no_path_through_another_layer() -> None:
    net, x = skipping(), images(4, 2, 3, 14, 14)
    intact = twin(net, x)
    found = edge_effects(net, "a", "c:2", x, whole=True)
    through_all = ablation_effects(net, "a", "c:2", x, whole=True)
    for channel in range(4):
        cut = twin(net, x, **{"a/pre": (channel, 0.0)}, b=(slice(None), intact["b"]))["c/pre"]
        assert_close(found[channel, 0], (cut - intact["c/pre"])[:, 2], intact["c/pre"])
    assert not torch.allclose(found, through_all, atol=1e-3)
    with pytest.raises(CurvesError, match="'d/pre' does not read 'b/pre' other than through layers between"):
        edge_effects(net, "b", "d:0", x, whole=True)


def test_the_batch_does_not_matter(bvlc: Network) -> None:
    x = images(5, 3, 3, 91, 91)
    units, read = [f"3a:{i}" for i in range(0, 256, 37)], ["3b:379", "3b:200"]
    done: list[int] = []
    small = ablation_effects(bvlc, units, read, x, memory=1, progress=done.append)
    large = ablation_effects(bvlc, units, read, x, memory=2**30)
    assert done == [1, 1, 1]
    assert_close(small, large, large)
    assert small.shape == (7, 2, 3)


@pytest.mark.parametrize(
    ("units", "read", "value"),
    [
        (["3a:3", "3a:100", "3a:200", "3a:250"], ["3b:5", "3b:200", "3b:379", "3b:450"], 0.0),
        (["3a:3", "3a:250"], ["3b:379"], torch.tensor([2.0, 30.0])),
        (["3b:379", "3b:12"], ["4a:5", "4a:420", "4a:500"], 0.0),
        (["conv2d2:7", "conv2d2:150"], ["3a:10", "3a:210"], 0.0),  # behind normalisation and a pool
        (["conv2d0:7"], ["3b:379"], 0.0),
        (["3b/5x5_bottleneck:3"], ["4a:420"], 0.0),
    ],
)
def test_ablations_of_a_real_network_are_what_the_edit_does(bvlc: Network, units, read, value) -> None:
    layer = bvlc.unit(read[0]).layer
    rows = [bvlc.unit(unit).channel for unit in read]
    x = images(6, 2, 3, *[bvlc.receptive_field(layer).size] * 2)
    found = ablation_effects(bvlc, units, read, x, value=value)
    intact = bvlc.responses(x, layer)[:, rows]
    for i, (unit, number) in enumerate(zip(units, torch.as_tensor(value).expand(len(units)), strict=True)):
        changed = Ablate(unit, value=float(number)).apply(bvlc).responses(x, layer)[:, rows]
        assert_close(found[i].T, changed - intact, intact)


def test_edges_of_a_real_network_read_downstream(bvlc: Network) -> None:
    end = next(i for i, op in enumerate(bvlc.ops) if op.name == "4a")
    short = bvlc.evolve(ops=bvlc.ops[: end + 1], layers={n: (f"{n}/pre", n) for n in ("3a", "3b", "4a")})
    field, place, rows = bvlc.receptive_field("4a"), 5, [5, 420]
    first = field.offset + place * field.stride
    x = images(7, 1, 3, *[first + field.size] * 2)
    found = edge_effects(bvlc, "3a", "3b:5", x[..., first:, first:], read=[f"4a:{row}" for row in rows])
    strongest = int(found.abs().amax((1, 2)).argmax())
    intact = twin(short, x)["4a/pre"][:, rows, place, place]
    cut = twin(short, x, **{"3a/pre": (strongest, 0.0)})["3b/pre"][:, 5]
    changed = twin(short, x, **{"3b/pre": (5, cut)})["4a/pre"][:, rows, place, place]
    assert (changed - intact).abs().max() > 1e-3
    assert_close(found[strongest].T, changed - intact, intact)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda net, x: ablation_effects(net, ["a:0", "b:0"], "b", x), CurvesError, "a:0 and b:0 are of different lay"),
        (lambda net, x: ablation_effects(net, "b", "a", x[..., :3, :3]), CurvesError, "'a/pre' does not read 'b/pre'"),
        (lambda net, x: ablation_effects(net, "a:9", "b", x), UnknownUnitError, "a has 4 units"),
        (
            lambda net, x: ablation_effects(net, "a", "b", x[..., :5]),
            CurvesError,
            "see 7 x 7 px, the stimuli are 7 x 5; crop them, or set whole",
        ),
        (
            lambda net, x: ablation_effects(net, "a", "b", x, value=torch.ones(3)),
            CurvesError,
            "give one number, or one for each of 4 units",
        ),
        (lambda net, x: edge_effects(net, "a", "b:0", x * 300), CurvesError, r"images must be in \[0, 1\]"),
    ],
)
def test_bad_input_is_refused_with_the_remedy(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call(small_network(), images(8, 1, 3, 7, 7))


def test_a_silent_unit_has_no_effect_at_all() -> None:
    net = small_network()
    net = net.evolve(tensors={"a/pre/bias": torch.tensor([-100.0, 0.0, 0.0, 0.0])})
    found = ablation_effects(net, "a", "b", images(9, 4, 3, 7, 7))
    assert (found[0] == 0).all()
    assert (found[1:].abs().amax((1, 2)) > 0).all()


def test_units_with_private_copies_are_refused() -> None:
    net = small.network()
    edited = AblateEdge("3a:13", "3b:1").apply(net)
    patches = small.pictures(1)
    with pytest.raises(CurvesError, match="3b/5x5_bottleneck has private copies .*; sweep the network before the edit"):
        ablation_effects(edited, "3b/5x5_bottleneck", "3b:1", patches)
