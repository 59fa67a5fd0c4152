"""`curves graph`, `families`, `sweep` and `diff`: what is written, what is printed, and errors in one line."""

import csv
import json
import tomllib

import networkx as nx
import pytest

from circuits import Network
from editing import AblateEdge, KeepOnly, Plan
from tests import small


@pytest.fixture
def built(tmp_path):
    small.network().save(tmp_path / "built.safetensors")
    return tmp_path / "built.safetensors"


def test_graph_draws_and_saves(curves, built, tmp_path):
    code, out, _ = curves("graph", built, "3b:1", "-o", tmp_path / "g.graphml", "--until", "conv2d2")
    assert code == 0
    graph = nx.read_graphml(tmp_path / "g.graphml")
    assert "3b:1" in graph
    assert f"saved {len(graph)} units and {graph.number_of_edges()} edges" in out
    code, out, _ = curves(
        "graph", built, "3b:1", "-o", tmp_path / "g.svg", "--top", 2, "--no-bottlenecks", "--until", "3a", "--json"
    )
    assert code == 0
    assert json.loads(out) == {"path": str(tmp_path / "g.svg"), "units": 3, "edges": 2}
    assert (tmp_path / "g.svg").read_text().startswith("<?xml")


def test_graph_by_attribution(curves, built, tmp_path):
    code, _, _ = curves(
        "graph", built, "3b:1", "-o", tmp_path / "g.json", "--share", 0.5, "--until", "3a", "--attribution"
    )
    assert code == 0
    found = json.loads((tmp_path / "g.json").read_text())
    assert "attribution" in json.dumps(found)


def test_families_can_be_named_in_a_plan(curves, built, tmp_path):
    small.write_images(tmp_path)
    code, out, _ = curves(
        "families", built, "--layer", "3b", "--layer", "3a", "--kind", "curve", "--kind", "early curve",
        "-o", tmp_path / "families.toml", "--images", tmp_path,
    )  # fmt: skip
    assert code == 0
    assert "3b curve: 24 units" in out
    text = (tmp_path / "families.toml").read_text()
    assert len(tomllib.loads(text)["family"]) == 2
    (tmp_path / "plan.toml").write_text(
        text + '\n[[edit]]\nkind = "keep_only"\nsource = "family:early curve"\ntarget = "family:3b/curve"\n'
    )
    code, _, _ = curves("edit", built, tmp_path / "plan.toml", "-o", tmp_path / "edited.safetensors")
    assert code == 0
    early, late = ([f"{layer}:{c}" for c in channels] for layer, channels in (("3a", range(12, 20)), ("3b", range(24))))
    expected = Plan([KeepOnly(early, late)]).apply(small.network())
    assert Network.load(tmp_path / "edited.safetensors").identity == expected.identity


def test_families_that_are_not_there(curves, built, tmp_path):
    small.write_images(tmp_path)
    code, _, error = curves("families", built, "--layer", "3b", "--kind", "Gabor", "--images", tmp_path)
    assert code == 2
    assert "no units meet the criteria of any kind here" in error


def test_sweep_tells_who_matters(curves, built, tmp_path):
    code, out, _ = curves("sweep", built, "--ablate", "3a", "--read", "3b:1,3b:2", "-o", tmp_path / "effects.csv")
    assert code == 0
    assert "the largest of 56" in out
    with (tmp_path / "effects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28 * 2
    sizes = [float(row["mean_abs"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    code, out, _ = curves("sweep", built, "--ablate", "3a:13,3a:14", "--read", "3b:1", "--edges", "--json")
    assert code == 0
    assert {row["unit"] for row in json.loads(out)} == {"3a:13", "3a:14"}
    code, _, error = curves("sweep", built, "--ablate", "3a", "--read", "3b", "--edges")
    assert code == 2
    assert "edges end in one unit, but 28 are to be read" in error


def test_diff_lists_what_changed(curves, built, tmp_path):
    Plan([AblateEdge("3a:13", "3b:1")]).apply(small.network()).save(tmp_path / "edited.safetensors")
    code, out, _ = curves("diff", built, tmp_path / "edited.safetensors")
    assert code == 0
    assert out.splitlines() == ["layer 3b/5x5_bottleneck@3b:1 added", "3b:1: 1 edges, 1 of them gone"]
    code, out, _ = curves("diff", built, built)
    assert out == "the networks are the same\n"
    code, out, _ = curves("diff", built, tmp_path / "edited.safetensors", "--json")
    assert json.loads(out)["units"][0]["edges"][0]["source"] == "3a:13"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("3b:99", "-o", "g.png"), "3b:99 is out of range"),
        (("3b:1", "-o", "g.txt"), "cannot write g.txt: name a picture (.png, .svg, .pdf) or data"),
        (("3b:1", "-o", "nowhere/g.png"), "name a file in a folder that exists"),
        (("3b", "-o", "g.png"), "prune"),
    ],
)
def test_graphs_that_cannot_be_made(curves, built, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    code, _, error = curves("graph", built, *arguments)
    assert code == 2
    assert says in error
    assert not list(tmp_path.glob("g.*"))


def test_a_plan_that_does_not_fit_writes_nothing(curves, built, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('# cut\n\n[[edit]]\nkind = "ablate_edge"\nsource = "3a:99"\ntarget = "3b:1"\n')
    code, _, error = curves("edit", built, plan, "-o", tmp_path / "edited.safetensors")
    assert code == 2
    assert f"{plan} line 3, edit 1 of 1 (ablate_edge) does not fit: 3a has 28 units (0..27); 3a:99" in error
    plan.write_text(f'network = "{"0" * 64}"\n[[edit]]\nkind = "ablate"\nunits = ["3b:1"]\n')
    code, _, error = curves("edit", built, plan, "-o", tmp_path / "edited.safetensors")
    assert code == 2
    assert "the plan is for the network 00000000, this one is" in error
    assert not (tmp_path / "edited.safetensors").exists()
