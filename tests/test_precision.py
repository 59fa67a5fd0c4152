"""Precision: what mixed precision changes and by how much, what it must not touch, and that results say it."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import editing
import evals
from benchmarks.precision import errors
from circuits import CircuitGraph, CurvesError, Network
from circuits.ops import AvgPool, Conv, Linear, LocalResponseNorm, Padding, Softmax
from circuits.precision import PRECISIONS
from editing import Ablate, Plan
from tests import small
from tests.classifiers import classifier
from tests.networks import random_networks

NET = small.network()
FAMILY = small.family  # of a folder of images
PATCHES = small.pictures(8)
MIXED = [("bfloat16", 2**-8), ("float16", 2**-11)]
"""With the rounding error of one number."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


def share(found, expected):
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))


# --- how large the error is ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(random_networks(), st.integers(0, 2**31), st.sampled_from(MIXED))
def test_the_error_is_that_of_a_few_roundings(net, seed, mixed):
    precision, rounding = mixed
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    layers = list(net.layers)
    want = net.activations(images, layers, pre=True)
    found = net.evolve(precision=precision).activations(images, layers, pre=True)
    for layer in layers:
        assert found[layer].dtype == torch.float32
        assert share(found[layer], want[layer]) < 40 * rounding, layer  # weights, maps and sums of each stage


@pytest.mark.parametrize(("precision", "largest", "median"), [("bfloat16", 0.1, 0.005), ("float16", 0.0125, 0.0006)])
def test_the_error_in_a_trained_network(bvlc, precision, largest, median):
    want = bvlc.responses(PATCHES, "3b")
    found = bvlc.evolve(precision=precision).responses(PATCHES, "3b")
    error = errors(found, want, want.abs().amax(0))
    assert 0 < error["largest"] < largest
    assert 0 < error["median"] < median


@pytest.mark.parametrize(("precision", "rounding"), MIXED)
def test_scores_hardly_change(images, precision, rounding):
    card = evals.run(NET, FAMILY(images), [small.TEST], images=images)
    found = evals.run(NET.evolve(precision=precision), FAMILY(images), [small.TEST], images=images)
    assert found.scores != card.scores  # it is not what was remembered of float32
    for name in ("peak", "first_harmonic", "width", "coverage"):
        score = f"synthetic.{name}"
        assert found.scores[score] == pytest.approx(card.scores[score], rel=10 * rounding), name


def test_effects_of_ablations_in_mixed_precision():
    want = editing.ablation_effects(NET, "3a", "3b:3", PATCHES)
    found = editing.ablation_effects(NET.evolve(precision="bfloat16"), "3a", "3b:3", PATCHES)
    assert 0 < share(found, want) < 0.05


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_same_input_gives_the_same_bits(precision):
    net = NET.evolve(precision=precision)
    assert torch.equal(net.responses(PATCHES, "3b"), net.responses(PATCHES, "3b"))
    assert not torch.equal(net.responses(PATCHES, "3b"), NET.responses(PATCHES, "3b"))


# --- what stays in float32 ----------------------------------------------------------------------------------------


def one_op(op, **tensors):
    return Network([op], {f"{op.name}/{part}": tensor for part, tensor in tensors.items()}, {}, input_size=8)


def test_what_would_overflow_or_blur_is_computed_in_float32():
    """On what float16 holds exactly: only the op itself could round, and what it writes is read as it is."""
    images = (torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 255).round() / 256
    weight = torch.randn(5, 3 * 64, generator=torch.Generator().manual_seed(2))
    for net in (
        one_op(LocalResponseNorm("x", ("input",), 3, 1.0, 0.75, 1.0)),
        one_op(AvgPool("x", ("input",), (3, 3), (1, 1))),
        one_op(Softmax("x", ("input",))),
        one_op(Linear("x", ("input",)), weight=weight, bias=torch.zeros(5)),
    ):
        assert torch.equal(net.evolve(precision="float16")(images), net(images)), net.ops[0].kind


def scaled(factor, *more):
    """The image times a factor, then other ops."""
    weight = torch.eye(3).view(3, 3, 1, 1) * factor
    conv = Conv("a", ("input",), (1, 1), (1, 1), Padding())
    return Network([conv, *more], {"a/weight": weight, "a/bias": torch.zeros(3)}, {"a": ("a", "a")}, input_size=8)


def test_squares_of_large_activations_do_not_overflow():
    net = scaled(2000.0, LocalResponseNorm("b", ("a",), 3, 1e-4, 0.75, 1.0))
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    assert share(net.evolve(precision="float16")(images), net(images)) < 0.01


def test_what_is_beyond_float16_is_said():
    net, images = scaled(1e6), torch.ones(1, 3, 8, 8)
    with pytest.raises(CurvesError, match="'a' leaves the range of float16, up to 65504; use bfloat16"):
        net.evolve(precision="float16")(images)
    assert share(net.evolve(precision="bfloat16")(images), net(images)) < 0.01


def test_interventions_see_and_give_the_networks_type():
    net, seen = NET.evolve(precision="bfloat16"), []

    class Watch(editing.AddActivation):
        def _function(self, network, shape, index):
            add = super()._function(network, shape, index)
            return lambda values: (seen.append(values.dtype), add(values))[1]

    found = net.responses(PATCHES, "3b", interventions=[Watch("3a:12", 0.5)])
    want = NET.responses(PATCHES, "3b", interventions=[editing.AddActivation("3a:12", 0.5)])
    assert seen == [torch.float32]
    assert found.dtype == torch.float32
    assert share(found, want) < 0.05


def test_gradients_reach_the_images():
    # Of noise, in which no two places of a max pool are nearly equal: rounding would choose another one of them.
    images = torch.rand(8, 3, 91, 91, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (found,) = torch.autograd.grad(NET.evolve(precision="bfloat16").responses(images, "3b").sum(), images)
    (want,) = torch.autograd.grad(NET.responses(images, "3b").sum(), images)
    assert found.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(found.flatten(), want.flatten(), dim=0) > 0.98


# --- what it is no part of ----------------------------------------------------------------------------------------


def test_precision_is_how_a_network_is_run_and_not_what_it_is(tmp_path):
    net = NET.evolve(precision="bfloat16")
    assert (net.precision, NET.precision, net.identity) == ("bfloat16", "float32", NET.identity)
    assert all(net.tensors[name] is not None and tensor.dtype == torch.float32 for name, tensor in net.tensors.items())
    net.save(tmp_path / "net.safetensors")
    assert Network.load(tmp_path / "net.safetensors").precision == "float32"


def test_what_is_made_of_a_network_is_run_as_it_is():
    net = NET.evolve(precision="bfloat16")
    assert Plan([Ablate("3b:0")]).apply(net).precision == "bfloat16"
    assert CircuitGraph(net, "3b:1", top=3).network().precision == "bfloat16"
    assert Plan([Ablate("3b:0")]).apply(net).identity == Plan([Ablate("3b:0")]).apply(NET).identity


# --- what results say ---------------------------------------------------------------------------------------------


def test_results_say_the_precision(images):
    net = NET.evolve(precision="bfloat16")
    family = evals.find_curve_family(net, "3b", test=small.TEST, images=images)
    assert family.source == "measured in bfloat16 on cpu"
    cards = {p: evals.run(NET.evolve(precision=p), family, [small.TEST], images=images) for p in ("float32", "float16")}
    assert {name: card.network["precision"] for name, card in cards.items()} == {p: p for p in cards}
    assert {card.network["device"] for card in cards.values()} == {"cpu"}
    (remark,) = evals.Report(cards).remarks
    assert remark.startswith("The networks ran in different precisions (float32 in float32, float16 in float16)")
    net = classifier()
    found = evals.damage(net.evolve(precision="bfloat16"), {"same": net}, images).to_json()
    assert (found["device"], found["precision"]) == ("cpu", "bfloat16")


def test_the_command_line_measures_in_it(curves, images, tmp_path):
    NET.save(tmp_path / "net.safetensors")
    found = {}
    for precision in ("float32", "bfloat16"):
        code, out, _ = curves(
            "sweep", tmp_path / "net.safetensors", "--ablate", "3a", "--read", "3b:3",
            "--precision", precision, "--json",
        )  # fmt: skip
        assert code == 0
        rows = json.loads(out)
        assert {(row["device"], row["precision"]) for row in rows} == {("cpu", precision)}
        found[precision] = sum(row["mean_abs"] for row in rows)
    assert found["float32"] != found["bfloat16"]
    assert found["float32"] == pytest.approx(found["bfloat16"], rel=0.1)
    code, _, _ = curves(
        "eval", tmp_path / "net.safetensors", "-o", tmp_path / "card", "--images", images.root,
        "--precision", "bfloat16",
    )  # fmt: skip
    assert code == 0
    assert evals.Scorecard.load(tmp_path / "card").network["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("precision", "says"),
    [
        ("half", "there is no precision 'half'; there are float32, tf32, bfloat16, float16"),
        ("tf32", "cpu has no tf32, which is of NVIDIA's GPUs from Ampere on; use float32 or bfloat16"),
    ],
)
def test_a_precision_that_is_not_there_is_refused(curves, tmp_path, precision, says):
    with pytest.raises(CurvesError, match=says):
        NET.evolve(precision=precision)
    code, out, err = curves("eval", "no-net", "-o", tmp_path / "card", "--precision", precision)
    assert (code, out) == (2, "")
    assert " ".join(err.split()) == f"error: {says}"
    assert not (tmp_path / "card").exists()
    assert "float32" in PRECISIONS
