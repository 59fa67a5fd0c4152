"""The guides in docs/ run as they stand there, block after block, as a reader would."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import evals.battery
from circuits import CurvesError, Network
from weights import load

DOCS = Path(__file__).parents[1] / "docs"


def test_the_guide_from_load_to_combing_removed_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("editing.md", "vgg16_hed", shell_blocks=4)
    assert (tmp_path / "circuit.png").stat().st_size > 10_000
    assert len((tmp_path / "effects.csv").read_text().splitlines()) == 513
    before, after = (found["cards"][name].scores for name in ("before", "after"))
    assert after["combing.ticks"] <= 0.2 * before["combing.ticks"]
    assert abs(after["combing.curve"] / before["combing.curve"] - 1) <= 0.1


def test_the_guide_to_grafting_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("grafting.md", "bvlc_googlenet", shell_blocks=2)
    assert Network.load(tmp_path / "grafted.safetensors").identity == found["grafted"].identity
    changed = json.loads((tmp_path / "changed.json").read_text())
    assert {unit["unit"] for unit in changed["units"]} == {str(unit) for unit in found["family"].units}
    assert found["found"].rows() == json.loads((tmp_path / "recovery" / "damage.json").read_text())["rows"]
    assert found["damage"].recovered("grafted", of="half of them ablated").value < 1


def test_the_guide_to_the_hand_built_network_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("handbuilt.md", "handbuilt", shell_blocks=1)
    assert Network.load(tmp_path / "handbuilt.safetensors").identity == found["hand"].identity
    assert Network.load(tmp_path / "softer.safetensors").identity != found["hand"].identity
    assert found["changed"].provenance.details["parameters"]["gabors"]["contrast"] == 0.1


def test_the_guide_to_likeness_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("likeness.md", "bvlc_googlenet", shell_blocks=1)
    written = json.loads((tmp_path / "likeness" / "likeness.json").read_text())
    assert written["pairs"] == found["found"].to_json()["pairs"]
    circuit = json.loads((tmp_path / "likeness" / "circuit.json").read_text())
    names = {f"{pair['source']} -> {pair['target']}" for pair in circuit["pairs"]}
    assert {pair.name for pair in found["circuit"].pairs} <= names


def test_the_guide_to_feature_visualisation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("visualization.md", "bvlc_googlenet", shell_blocks=1)
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("units", "diverse", "texture"))
    assert found["card"].scores["visualization.apart"] < 10
    assert found["card"].scores["visualization.agreeing"] > 0.9


def test_the_guide_to_the_dataset_test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("dataset.md", "bvlc_googlenet", shell_blocks=3)
    written = json.loads((tmp_path / "dataset" / "dataset.json").read_text())
    assert written["scores"] == json.loads((tmp_path / "merged" / "dataset.json").read_text())["scores"]
    assert written["scores"]["firing"] == pytest.approx(found["found"].scores["firing"], abs=1e-3)  # threads may differ
    assert written["uncertainty"]["firing"] == pytest.approx(vars(found["card"].spreads["dataset.firing"]), abs=1e-3)
    assert {path.name for path in (tmp_path / "card" / "figures").iterdir()} == {
        f"dataset-{name}.svg" for name in ("distribution", "expected-value", "firing")
    }
    assert (tmp_path / "dataset" / "quilt-3b-66.png").stat().st_size > 100_000


def test_the_guide_to_attribution_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("captum")
    monkeypatch.chdir(tmp_path)
    found = run_guide("attribution.md", "handbuilt", shell_blocks=1)
    assert (tmp_path / "why.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "why.json").read_text())["units_of_source"]
    assert abs(float(found["found"].remainders[0])) <= 1e-4 * float(found["found"].values[0])
    assert found["card"].scores["attribution.curves_along"] > 0.5


def test_the_guide_to_human_labels_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = run_guide("human.md", "handbuilt", shell_blocks=3)
    told = json.loads((tmp_path / "labels" / "results" / "labels.json").read_text())
    card = json.loads((tmp_path / "card" / "scorecard.json").read_text())
    own, edited = card["scores"], found["card"].scores
    assert own["human.expected_curves"] == told["scores"]["expected_curves"]
    assert 0.5 < edited["human.expected_curves"] < 1
    assert edited["human.expected_curves"] != own["human.expected_curves"]


def test_the_guide_to_the_harness_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "battery").mkdir()
    (module, *_) = re.findall(r"```python\n(.*?)```", (DOCS / "harness.md").read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "battery" / "polarity.py").write_text(module, encoding="utf-8")
    monkeypatch.setattr(evals.battery, "__path__", [*evals.battery.__path__, str(tmp_path / "battery")])
    found = run_guide("harness.md", "handbuilt", shell_blocks=1)
    assert found["card"].scores["polarity.dark_over_light"] > 0.5
    assert found["card"].spreads["polarity.dark_over_light"].standard_error > 0
    assert found["found"].paired
    assert found["found"].spread.high < 0
    assert found["table"].num_rows == len(found["card"].scores)


def test_the_guide_to_clusters_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    try:
        found = run_guide("scaling.md", "handbuilt", shell_blocks=0)
    finally:
        torch.set_num_threads(threads)
    assert found["survey"].complete
    assert len(list((tmp_path / "parts").glob("*.survey.npz"))) == 8
    assert found["effects"].abs().max() > 0


def run_guide(page: str, needs: str, shell_blocks: int) -> dict[str, Any]:
    """Run all blocks of a page, in order, in the current folder; give the names that its Python blocks leave."""
    try:
        load(needs)
    except CurvesError as error:
        pytest.skip(f"{needs} cannot be had here: {error}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    blocks = re.findall(r"```(sh|python)\n(.*?)```", (DOCS / page).read_text("utf-8"), flags=re.DOTALL)
    assert [kind for kind, _ in blocks].count("sh") >= shell_blocks
    found: dict[str, Any] = {}
    for kind, block in blocks:
        if kind == "python":
            exec(block, found)
            continue
        ran = subprocess.run(
            ["bash", "-e", "-c", block], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{block}\n{ran.stderr}"
    return found


def test_pictures_and_tests_that_the_docs_name_exist() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
            assert (DOCS / picture).is_file(), picture
        for name in re.findall(r"`(test_\w+)`", text):
            assert f"def {name}(" in code, name
