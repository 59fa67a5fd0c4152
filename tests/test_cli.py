"""`curves build`, `edit`, `eval`, `compare` and `demo`: end to end, what is printed where, and errors in one line."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.models import OptionInfo

import evals
import handbuilt
import weights
from circuits import Network
from curves.cli import app
from editing import Ablate, Plan
from evals import Scorecard
from tests import small

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("evals.catalogue.find_test", lambda _name: lambda: small.TEST)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    small.write_images(folder)
    return folder


@pytest.fixture
def built(tmp_path):
    small.network().save(tmp_path / "built.safetensors")
    return tmp_path / "built.safetensors"


def test_build_edit_eval_compare(curves, tmp_path, images):
    built, edited = tmp_path / "built.safetensors", tmp_path / "edited.safetensors"
    assert curves("build", "-o", built, "--orientations", 8)[0] == 0
    assert Network.load(built).identity == small.network().identity

    Plan([Ablate(*small.GONE)]).save(tmp_path / "plan.toml")
    code, out, _ = curves("edit", built, tmp_path / "plan.toml", "-o", edited, "--json")
    assert code == 0
    assert json.loads(out) == {
        "path": str(edited),
        "name": "handbuilt edited",
        "identity": small.edited().identity,
    }
    assert Network.load(built).identity == small.network().identity

    code, out, _ = curves("eval", built, "-o", tmp_path / "card", "--images", images)
    assert code == 0
    assert "first harmonic" in out
    card = Scorecard.load(tmp_path / "card")
    assert card.network["identity"] == small.network().identity
    assert card.details["synthetic"]["images"]["name"] == images.name

    # The scorecard's folder stands for the network: its family is the edited network's as well.
    code, out, _ = curves("compare", tmp_path / "card", edited, "-o", tmp_path / "out", "--images", images)
    assert code == 0
    assert out.splitlines()[0].split() == ["score", "card", "edited", "published", "unit"]
    assert "differences to card, with intervals of 95%" in out
    assert f"report: {tmp_path / 'out' / 'report.html'}" in out.replace("\n", " ")
    loaded = Scorecard.load(tmp_path / "out" / "cards" / "edited")
    assert loaded.family == card.family
    assert loaded.scores["synthetic.responding"] == 1 - small.SILENCED / 8


def test_build_sets_parameters(curves, tmp_path):
    file = tmp_path / "net.safetensors"
    args = ("--orientations", 8, "--set", "lines.inhibition=0.3", "--set", "curves.radii=3")
    assert curves("build", "-o", file, *args)[0] == 0
    parameters = Network.load(file).provenance.details["parameters"]
    assert parameters["lines"]["inhibition"] == 0.3
    assert parameters["curves"]["radii"] == 3
    assert parameters["gabors"] == vars(handbuilt.Gabors())


def test_json_is_all_there_is_on_stdout(curves, built, tmp_path, images):
    code, out, _ = curves("compare", built, "-o", tmp_path / "out", "--images", images, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["cards"].keys() == {"built"}
    assert found["cards"]["built"]["scores"]["synthetic.units"] == 8
    assert Path(found["paths"]["report"]).is_file()
    assert all(Path(path).is_dir() for path in found["paths"]["cards"].values())
    code, out, _ = curves("eval", built, "-o", tmp_path / "card", "--images", images, "--layer", "3b", "--json")
    found = json.loads(out)
    assert found["family"]["layer"] == "3b"
    assert Path(found["paths"]["scorecard"]).is_file()


def test_figures_and_quick(curves, built, tmp_path, images):
    arguments = ("-o", tmp_path / "card", "--images", images, "--figures", "--quick", "--seed", 3)
    code, out, _ = curves("eval", built, *arguments, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["conditions"]["quick"], found["conditions"]["seed"]) == (True, 3)
    (figure,) = found["paths"]["figures"]
    assert figure.endswith("figures/synthetic-radial-tuning.svg")
    assert Path(figure).read_text(encoding="utf-8").startswith("<?xml")
    _, out, _ = curves("eval", built, *arguments)
    assert "built was tested quickly, with fewer stimuli" in out


def test_progress_is_plain_lines_where_there_is_no_terminal(curves, tmp_path, images):
    net = Plan([Ablate("3b:6")]).apply(small.network())  # not swept by any other test
    net.save(tmp_path / "fresh.safetensors")
    _, out, err = curves("eval", tmp_path / "fresh.safetensors", "-o", tmp_path / "card", "--images", images)
    count = len(small.TEST.stimuli(net, "3b"))
    assert f"fresh: curves through 3b: {count} of {count}" in err.splitlines()
    assert "fresh: photographs through 3b: 2 of 2" in err.splitlines()
    assert len(err.splitlines()) < 8
    assert "\x1b" not in out + err


def test_networks_of_one_name_are_told_apart(curves, built, tmp_path, images):
    other = tmp_path / "other" / "built.safetensors"
    small.edited().save(other)
    _, out, _ = curves("compare", built, other, "-o", tmp_path / "out", "--images", images, "--json")
    cards = json.loads(out)["cards"]
    assert [card["network"]["identity"] for card in cards.values()] == [
        small.network().identity,
        small.edited().identity,
    ]
    assert list(cards) == ["built", "built-2"]


@pytest.fixture
def demo(monkeypatch, images):
    """The demo's surroundings, small: `fetched` stands for the learned network, None for no way to get it."""

    def prepare(fetched):
        load = weights.load

        def small_load(name):
            if name == "vgg16_hed" and fetched is None:
                raise weights.DownloadError("no [network] here; run `curves weights import vgg16_hed FILE`")
            return {"vgg16_hed": fetched, "handbuilt": small.network()}.get(str(name)) or load(name)

        tiny = evals.ImageSet.folder(images, short_side=96)
        monkeypatch.setattr(weights, "load", small_load)
        monkeypatch.setattr(evals.ImageSet, "photographs", classmethod(lambda _cls: tiny))

    return prepare


def test_demo(curves, demo, tmp_path):
    demo(Plan([Ablate("3b:7")]).apply(small.network()))
    code, out, _ = curves("demo", "-o", tmp_path / "report", "--json")
    assert code == 0
    cards = json.loads(out)["cards"]
    assert list(cards) == ["vgg16_hed", "vgg16_hed half ablated", "handbuilt"]
    real, edited, _ = cards.values()
    gone = set(Plan.load(tmp_path / "report" / "plan.toml").edits[0].units)
    assert {str(unit) for unit in gone} == {
        member["unit"] for member in real["family"]["members"] if member["direction"] < 180
    }
    assert edited["family"] == real["family"]
    assert edited["scores"]["synthetic.coverage"] == 0 < real["scores"]["synthetic.coverage"]
    loaded = Network.load(tmp_path / "report" / "edited.safetensors")
    assert loaded.identity == edited["network"]["identity"]
    assert loaded.provenance.parent == real["network"]["identity"]


def test_demo_without_a_network_says_so(curves, demo, tmp_path):
    demo(None)
    code, out, err = curves("demo", "-o", tmp_path / "report")
    assert code == 0
    assert "hand-built network alone" in err
    assert "run `curves weights import vgg16_hed FILE`" in out
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Only the hand-built network was tested, because vgg16_hed could not be had" in html
    assert not (tmp_path / "report" / "plan.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "handbild", "-o", "{out}"), "there is no network and no file 'handbild' (perhaps handbuilt?)"),
        (("compare", "{empty}", "-o", "{out}"), "holds no scorecard.json"),
        (("compare", "{built}", "-o", "{built}"), "cannot write"),
        (("compare", "{built}", "-o", "{out}", "--images", "{empty}"), "holds no images"),
        (("eval", "{built}", "-o", "{out}", "--images", "{images}", "--layer", "3c"), "has no layer '3c'"),
        (("eval", "{built}", "-o", "{out}", "--images", "{images}", "--layer", "conv2d0"), "is a curve detector"),
        (("eval", "{cut}", "-o", "{out}"), "cut.safetensors"),
        (("build", "-o", "{out}/x.safetensors", "--orientations", "7"), "multiple of 4"),
        (("build", "-o", "{out}/x.safetensors", "--set", "lines.inhibition"), "not NAME=NUMBER"),
        (("build", "-o", "{out}/x.safetensors", "--set", "lines.inhibition=much"), "not NAME=NUMBER"),
        (("build", "-o", "{out}/x.safetensors", "--set", "lines.inhibitoin=1"), "lines has spread, width"),
        (("edit", "{built}", "{empty}/none.toml", "-o", "{out}/x.safetensors"), "there is no plan"),
        (("edit", "{built}", "{plan}", "-o", "{out}/x.safetensors"), "edit 1 of 1 (ablate) does not fit"),
    ],
)
def test_errors_are_one_line(curves, built, tmp_path, images, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.safetensors").write_bytes(built.read_bytes()[:1000])
    Plan([Ablate("3b:99")]).save(tmp_path / "plan.toml")
    places = {name: tmp_path / name for name in ("out", "empty")}
    places |= {"built": built, "images": images, "cut": tmp_path / "cut.safetensors", "plan": tmp_path / "plan.toml"}
    code, out, err = curves(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert out == ""
    *before, line = err.splitlines()
    assert all(": 2 of 2" in told or ": 128 of 128" in told for told in before)  # progress, where any was made
    assert line.startswith("error: ")
    assert message in line


def test_no_option_is_named_by_its_metavar():
    """Typer 0.27 takes a metavar that is the parameter's name in capitals for the option's name, unless it has one."""
    for command in app.registered_commands:
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items():
            for info in getattr(parameter.annotation, "__metadata__", ()):
                if isinstance(info, OptionInfo) and info.default is ...:  # else it is the first of its names
                    assert (info.metavar or "").lower() != name, command.name


def test_help_needs_no_torch():
    code = "import sys; sys.argv = ['curves', '--help']\nfrom curves.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\nassert not {'torch', 'numpy', 'plotly'} & set(sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert all(command in ended.stdout for command in ("build", "edit", "eval", "compare", "demo"))


def test_a_damaged_file_gives_no_traceback(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    code = "import sys; sys.argv = ['curves', 'compare', *sys.argv[1:]]; from curves.cli import main; main()"
    command = [sys.executable, "-c", code, tmp_path / "bad.safetensors", "-o", tmp_path / "out"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
