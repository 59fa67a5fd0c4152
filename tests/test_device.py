"""Every way of running a network gives on another device what it gives on the CPU.

The device is CUDA where there is one; everywhere else, and there too, one that is pretended (`tests.pretend`), on which
numbers must be the CPU's to the last bit and whatever a GPU would refuse is an error.
"""

import inspect
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Network
from circuits.devices import describe_device, find_device
from circuits.precision import arithmetic
from curves.cli import app
from editing import Ablate, Plan
from tests import small
from tests.device_cases import CASES, CURVES, NET, Case, Here, sweeps, trained
from tests.pretend import DeviceError, pretend_device

CPU = torch.device("cpu")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
TOLERANCE = 1e-5
LOOSER = {
    "combing_scores": 1e-3,  # gradients through max pools, which of several equal places is the largest
    "gallery": 1e-3,  # likewise
    "visualization": 1e-3,  # likewise, step after step
    "weights": 1e-4,  # sums of products of kernels that nearly cancel
    "trained": 3e-5,  # small differences of large numbers
    "graft": 1e-4,  # a fit
}
"""Of CUDA, relative to the largest number; what is pretended is exact."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(params=["pretended", pytest.param("cuda", marks=GPU)])
def device(request):
    if request.param == "cuda":
        yield torch.device("cuda", 0)
        return
    with pretend_device() as pretended:
        yield pretended


PLACES = {"saliency"}
"""A gradient goes through one of the equal places of a max pool, of which a GPU may choose another: pixels of drawn
pictures then differ by half of the largest (H200), and no tolerance says anything."""


def numbers(found):
    """Arrays on the CPU; NaN for what is not defined."""
    arrays = {k: np.asarray(v.detach().cpu() if isinstance(v, torch.Tensor) else v) for k, v in found.items()}
    return {k: a.astype(float) if a.dtype in (object, bool) else a for k, a in arrays.items()}


def check(found, expected, device, tolerance=TOLERANCE):
    found, expected = numbers(found), numbers(expected)
    assert found.keys() == expected.keys()
    errors = {}
    for name, want in expected.items():
        have = found[name]
        assert have.shape == want.shape
        if device.type != "cuda":
            assert np.array_equal(have, want, equal_nan=want.dtype.kind in "fc"), name
            continue
        if name in PLACES:
            continue
        defined = ~np.isnan(want)
        assert np.array_equal(defined, ~np.isnan(have)), name
        if defined.any():
            errors[name] = abs(have[defined] - want[defined]).max() / max(abs(want[defined]).max(), 1e-2)
    worst = sorted(errors.items(), key=lambda item: -item[1])[:3]
    print("relative errors:", ", ".join(f"{name} {error:.2g}" for name, error in worst))  # shown by pytest -rP
    assert all(error <= tolerance for error in errors.values()), worst


@cache
def on_the_cpu(case: Case, images):
    return numbers(case(Here(CPU, images)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_results_are_those_of_the_cpu(case, device, images):
    found = case(Here(device, images))
    check(found, on_the_cpu(case, images), device, LOOSER.get(case.__name__, TOLERANCE))


def test_a_trained_network_gives_what_it_gives_on_the_cpu(bvlc, device, images):
    check(trained(Here(device, images), bvlc), trained(Here(CPU, images), bvlc), device, LOOSER["trained"])


def test_what_an_edit_makes_is_saved_and_loaded(device, tmp_path):
    plan = Plan([Ablate("3b:0"), Ablate("3a:2", value=0.5)])
    plan.apply(NET.evolve().to(device)).save(tmp_path / "net.safetensors")
    loaded = Network.load(tmp_path / "net.safetensors")
    assert loaded.device == CPU
    assert loaded.identity == plan.apply(NET).identity


def test_the_same_input_gives_the_same_bits_twice(device, images):
    first, second = (numbers(sweeps(Here(device, images))) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_moving_a_copy_leaves_the_network(device):
    before = NET.tensors["conv2d0/pre/weight"]
    moved = NET.evolve().to(device)
    assert moved.device == device
    assert NET.tensors["conv2d0/pre/weight"] is before
    assert moved.identity == NET.identity
    with pytest.raises(CurvesError, match="move one with"):
        moved.responses(small.pictures(1), "3b")


def test_results_say_where_they_were_made(device, images):
    net = NET.evolve().to(device)
    card = evals.run(net, CURVES, [small.TEST], images=images, draws=0)
    assert (card.provenance["device"], card.provenance["precision"]) == (describe_device(device), "float32")
    found = evals.find_curve_family(net, "3b", test=small.TEST, images=images)
    assert found.source == f"measured in float32 on {describe_device(device)}"
    assert evals.find_curve_family(NET, "3b", test=small.TEST, images=images).source == "measured"


# --- the pretended device -----------------------------------------------------------------------------------------


def test_what_a_gpu_would_refuse_is_refused():
    with pretend_device() as device:
        there, here = torch.ones(2, device=device), torch.ones(2)
        assert (there + 1).device == there.device == device
        assert (there + here.to(device)).cpu().tolist() == [2, 2]
        for wrong in (lambda: there + here, lambda: torch.cat([here, there]), there.double):
            with pytest.raises(DeviceError):
                wrong()
        with pytest.raises((TypeError, RuntimeError)):
            there.numpy()


# --- the command line ---------------------------------------------------------------------------------------------

RUN = {
    "attribute", "compare", "demo", "edit", "eval", "families", "figure", "graft", "graph", "likeness", "recovery",
    "sweep", "visualize",
}  # fmt: skip
MAKE = {"graph", "edit", "graft"}
"""Commands that run networks, and those of them that make something: they have no choice of precision."""


def test_every_command_that_runs_a_network_has_the_options():
    commands = {command.name: inspect.signature(command.callback).parameters for command in app.registered_commands}
    assert {name for name, options in commands.items() if "device" in options} == RUN
    assert {name for name, options in commands.items() if "precision" in options} == RUN - MAKE


@pytest.mark.parametrize("command", sorted(RUN))
def test_a_device_that_is_not_there_is_refused_before_anything_is_loaded(curves, monkeypatch, tmp_path, command):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    arguments = {
        "attribute": ["no-net", "3b:0", "--to", "3a", "-o", tmp_path / "a.png"],
        "visualize": ["no-net", "3b:0", "-o", tmp_path / "v.png"],
        "graph": ["no-net", "3b:0", "-o", tmp_path / "g.svg"],
        "families": ["no-net"],
        "sweep": ["no-net", "--ablate", "3a", "--read", "3b:0"],
        "edit": ["no-net", tmp_path / "no-plan.toml", "-o", tmp_path / "n.safetensors"],
        "graft": ["no-net", "-o", tmp_path / "n.safetensors"],
        "figure": ["artificial-weights", "no-net", "-o", tmp_path / "f.svg"],
        "compare": ["no-net", "other", "-o", tmp_path / "made"],
        "demo": ["-o", tmp_path / "made"],
    }.get(command, ["no-net", "-o", tmp_path / "made"])
    code, out, err = curves(command, *arguments, "--device", "cuda:1")
    assert (code, out) == (2, "")
    assert " ".join(err.split()).startswith("error: cuda:1 is not there: torch")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpu", "'gpu' is no device; name cpu, cuda, cuda:N"),
        ("", "'' is no device"),
        ("cuda:", "'cuda:' is no device"),
        ("cuda:x", "'cuda:x' is no device"),
        ("cpu:0", "'cpu:0' is no device"),
        ("cuda", "cuda is not there: torch .* finds no NVIDIA GPU; use cpu"),
        ("mps", "mps is not there: torch .* finds no GPU of Apple's; use cpu"),
    ],
)
def test_devices_that_are_not_there(name, says, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(CurvesError, match=says):
        find_device(name)
    assert find_device("cpu") == CPU


def test_a_gpu_with_too_high_a_number_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(CurvesError, match=r"cuda:2 is not there: this machine has 2 \(cuda:0 to cuda:1\)"):
        find_device("cuda:2")


def commands(net, folder, out):
    """Commands with small work, and the files that they write."""
    plan = folder / "plan.toml"
    plan.write_text('[[edit]]\nkind = "ablate"\nunits = ["3b:0", "3b:1"]\n')
    return [
        (["eval", net, "-o", out / "eval", "--images", folder], "eval/scorecard.json"),
        (["families", net, "--layer", "3a", "--images", folder, "-o", out / "families.toml"], "families.toml"),
        (["sweep", net, "--ablate", "3a", "--read", "3b:3", "-o", out / "sweep.csv"], "sweep.csv"),
        (["graph", net, "3b:1", "-o", out / "g.graphml", "--attribution", "--until", "3a"], "g.graphml"),
        (["edit", net, plan, "-o", out / "edited.safetensors"], "edited.safetensors"),
        (
            ["graft", net, "-o", out / "graft.safetensors", "--donor", net, "--images", folder, "--units", "3b:1"],
            "graft.safetensors",
        ),
    ]  # fmt: skip


def test_commands_run_on_the_device(curves, device, images, tmp_path, monkeypatch):
    if device.type != "cuda":
        monkeypatch.setattr("circuits.devices.find_device", lambda name: {"cpu": CPU, "cuda": device}[name])
    small.network().save(tmp_path / "built.safetensors")
    told = {}
    for name in ("cpu", "cuda"):
        (tmp_path / name).mkdir()
        for arguments, file in commands(tmp_path / "built.safetensors", Path(images.root), tmp_path / name):
            code, out, err = curves(*arguments, "--device", name, "--json")
            assert code == 0, err
            told[name, file] = json.loads(out)
            assert (tmp_path / name / file).stat().st_size > 0
    card = told["cuda", "eval/scorecard.json"]
    assert card["network"]["device"] == describe_device(device)
    assert card["scores"]["synthetic.peak"] == pytest.approx(
        told["cpu", "eval/scorecard.json"]["scores"]["synthetic.peak"], rel=1e-3
    )
    assert {row["device"] for row in told["cuda", "sweep.csv"]} == {describe_device(device)}
    assert told["cuda", "edited.safetensors"]["identity"] == told["cpu", "edited.safetensors"]["identity"]


# --- NVIDIA's arithmetic ------------------------------------------------------------------------------------------


def settings():
    cudnn = torch.backends.cudnn
    return cudnn.conv.fp32_precision, torch.get_float32_matmul_precision(), cudnn.deterministic, cudnn.benchmark


def test_arithmetic_is_set_and_put_back(monkeypatch):
    before = settings()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    with arithmetic():
        assert settings() == before  # no tensor is on a GPU: nothing to set
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with arithmetic("tf32"):
        assert settings() == ("tf32", "high", True, False)
        with arithmetic():
            assert settings() == ("ieee", "highest", True, False)
        assert settings() == ("tf32", "high", True, False)
    with pytest.raises(ZeroDivisionError), arithmetic("tf32"):
        raise ZeroDivisionError
    assert settings() == before


@GPU
def test_float32_is_not_tf32_unless_asked(bvlc, images):
    here = Here(torch.device("cuda", 0), images)
    patches, before = here.patches(16), settings()
    expected = bvlc.responses(patches.cpu(), "3b").double()
    errors = {}
    for precision in ("float32", "tf32", "bfloat16", "float16"):
        net = here(bvlc).evolve(precision=precision)
        found = net.responses(patches, "3b")
        assert torch.equal(found, net.responses(patches, "3b"))
        errors[precision] = float((found.cpu() - expected).abs().max() / expected.abs().max())
    assert errors["float32"] < 5e-5 < errors["tf32"] < errors["bfloat16"] < 0.05
    assert 5e-5 < errors["float16"] < errors["bfloat16"]
    assert settings() == before


@GPU
def test_the_hand_built_network_has_its_scores_on_a_gpu_in_every_precision(images):
    hand = handbuilt.build(8)
    family = next(f for f in handbuilt.families(hand) if (f.layer, f.name) == ("3b", "curve"))
    want = evals.run(hand, family, [small.TEST], images=images).family_scores
    for precision, tolerance in (("float32", 1e-4), ("tf32", 0.01), ("bfloat16", 0.05), ("float16", 0.01)):
        net = hand.evolve().to("cuda").evolve(precision=precision)
        found = evals.run(net, family, [small.TEST], images=images).family_scores
        for name in ("synthetic.peak", "synthetic.first_harmonic", "synthetic.coverage"):
            assert found[name] == pytest.approx(want[name], rel=tolerance), (precision, name)
