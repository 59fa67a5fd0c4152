"""The command line: what is printed where, exit codes, and errors as one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import weights
from circuits import CurvesError, Network, Provenance
from circuits.ops import AvgPool, Conv, Linear
from curves.cli import main


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CURVES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CURVES_WEIGHTS", raising=False)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def saved(tmp_path):
    ops = [
        Conv("edges", ("input",), kernel=(3, 3), stride=(2, 2)),
        AvgPool("mean", ("edges",)),
        Linear("classes", ("mean",)),
    ]
    shapes = {"edges/weight": (4, 3, 3, 3), "edges/bias": (4,), "classes/weight": (5, 4), "classes/bias": (5,)}
    network = Network(
        ops,
        {name: torch.ones(shape) for name, shape in shapes.items()},
        {"edges": ("edges", "edges"), "classes": ("classes", "classes")},
        input_size=9,
        provenance=Provenance("small", "a [test]", {"file": "x"}, parent="f" * 64, edits=({"kind": "ablate"},)),
    )
    network.save(tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["weights", "--help"], ["weights", "show", "--help"], ["--version"]])
def test_help_comes_without_loading_torch(arguments):
    done = run_python(
        f"import sys; sys.argv = {['curves', *arguments]}\n"
        "from curves.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "print(code, [name for name in ('torch', 'numpy', 'httpx') if name in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr
    assert len(done.stdout.splitlines()) > 1


def test_help_names_the_commands(curves):
    code, out, _ = curves("weights", "--help")
    assert code == 0
    assert all(command in out for command in ("list", "fetch", "import", "show"))


def test_list_names_all_and_says_where(curves, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = curves("weights", "list")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    for network in weights.available():
        assert network.state in lines[network.name]
        assert network.licence in lines[network.name]
        assert network.description in lines[network.name]
    assert " 50 MB " in lines["inceptionv1"]


def test_list_as_json(curves, cache):
    cache.mkdir(parents=True)
    (cache / "inception5h.zip").write_bytes(b"")
    code, out, err = curves("weights", "list", "--json")
    assert (code, err) == (0, "")
    found = {network["name"]: network for network in json.loads(out)}
    assert list(found) == [network.name for network in weights.available()]
    assert found["inceptionv1"]["path"] == str(cache / "inception5h.zip")
    assert found["inceptionv1"]["state"] == "here"
    assert found["handbuilt"]["source"] is None


def test_fetch_and_import_print_the_path(curves, monkeypatch):
    monkeypatch.setattr("weights.fetch", lambda name: Path("/cache") / name)
    monkeypatch.setattr("weights.import_file", lambda name, path: Path("/cache") / name / path)
    assert curves("weights", "fetch", "alexnet") == (0, "/cache/alexnet\n", "")
    assert curves("weights", "import", "alexnet", "file") == (0, "/cache/alexnet/file\n", "")


def test_show_as_json_tells_all(curves, saved):
    code, out, err = curves("weights", "show", saved, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "identity": Network.load(saved).identity,
        "provenance": {
            "name": "small",
            "source": "a [test]",
            "details": {"file": "x"},
            "parent": "f" * 64,
            "edits": [{"kind": "ablate"}],
        },
        "input_size": 9,
        "weights": 4 * 27 + 4 + 20 + 5,
        "layers": {
            "edges": {"units": 4, "receptive_field": {"size": 3, "stride": 2, "offset": 0}},
            "classes": {"units": 5, "receptive_field": None},
        },
    }


def test_show_for_people(curves, saved):
    code, out, err = curves("weights", "show", saved)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["small", Network.load(saved).identity] in lines
    assert ["from", "a", "[test]"] in lines
    assert ["file:", "x"] in lines
    assert ["1", "edits", "of", "f" * 64] in lines
    assert ["137", "weights,", "made", "for", "9", "px"] in lines
    assert ["edges", "4", "3", "2", "0"] in lines
    assert ["classes", "5", "whole", "image"] in lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["weights", "show", "vgg"], "there is no network and no file 'vgg' (perhaps vgg16 or vgg16_hed?)"),
        (["weights", "show", "none.safetensors", "--json"], "there is no file none.safetensors"),
        (["weights", "fetch", "zzz"], "there is no network 'zzz'"),
        (["weights", "import", "alexnet", "none"], "cannot read none"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_2(curves, arguments, said):
    code, out, err = curves(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {said}")
    assert err.count("\n") == 1


def test_wrong_usage_is_exit_code_2_too(curves):
    code, _, err = curves("weights", "fetch")
    assert code == 2
    assert "Missing argument" in err
    assert "Traceback" not in err


def test_square_brackets_in_an_error_are_printed(curves, monkeypatch):
    def fail(_):
        raise CurvesError("edges[/red] of [bold]3b[/bold] " + "long " * 40)

    monkeypatch.setattr("weights.fetch", fail)
    code, _, err = curves("weights", "fetch", "alexnet")
    assert code == 2
    assert err == "error: edges[/red] of [bold]3b[/bold] " + "long " * 40 + "\n"


def test_control_c_is_exit_code_130(curves, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("weights.fetch", interrupt)
    code, out, err = curves("weights", "fetch", "alexnet")
    assert (code, out) == (130, "")
    assert "Traceback" not in err


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    def fail(_):
        raise ValueError("a bug")

    monkeypatch.setattr("weights.fetch", fail)
    monkeypatch.setattr(sys, "argv", ["curves", "weights", "fetch", "alexnet"])
    with pytest.raises(ValueError, match="a bug"):
        main()


def test_the_command_is_installed():
    done = subprocess.run(
        [Path(sys.executable).with_name("curves"), "weights", "show", "zzz"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no network")
    assert "Traceback" not in done.stderr
