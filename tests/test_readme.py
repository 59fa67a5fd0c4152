"""What the README shows runs as it stands there."""

import re
from pathlib import Path

import pytest

from circuits import CurvesError
from weights import load

README = Path(__file__).parents[1] / "README.md"
SESSIONS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda text: text.splitlines()[2])
def test_sessions_of_the_readme_run(session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'weights\.load\("(\w+)"\)', session):
        try:
            load(name)
        except CurvesError as error:
            pytest.skip(f"{name} cannot be had here: {error}")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(session, found)
    if "report" in found:
        assert (tmp_path / "report" / "report.html").stat().st_size > 1_000_000
        assert (tmp_path / "edited.safetensors").is_file()


def test_tests_that_the_readme_names_exist() -> None:
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named
    code = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert not {name for name in named if f"def {name}(" not in code}
