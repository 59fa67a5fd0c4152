"""The guides in docs/ run as they stand there, block after block, as a reader would."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from circuits import CurvesError
from weights import load

DOCS = Path(__file__).parents[1] / "docs"


def test_the_guide_from_load_to_combing_removed_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        load("vgg16_hed")
    except CurvesError as error:
        pytest.skip(f"vgg16_hed cannot be had here: {error}")
    monkeypatch.chdir(tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    blocks = re.findall(r"```(sh|python)\n(.*?)```", (DOCS / "editing.md").read_text("utf-8"), flags=re.DOTALL)
    assert [kind for kind, _ in blocks].count("sh") >= 4
    found: dict[str, Any] = {}
    for kind, block in blocks:
        if kind == "python":
            exec(block, found)
            continue
        ran = subprocess.run(
            ["bash", "-e", "-c", block], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{block}\n{ran.stderr}"
    assert (tmp_path / "circuit.png").stat().st_size > 10_000
    assert len((tmp_path / "effects.csv").read_text().splitlines()) == 513
    before, after = (found["cards"][name].scores for name in ("before", "after"))
    assert after["combing.ticks"] <= 0.2 * before["combing.ticks"]
    assert abs(after["combing.curve"] / before["combing.curve"] - 1) <= 0.1


def test_pictures_and_tests_that_the_docs_name_exist() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for page in DOCS.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
            assert (DOCS / picture).is_file(), picture
        for name in re.findall(r"`(test_\w+)`", text):
            assert f"def {name}(" in code, name
