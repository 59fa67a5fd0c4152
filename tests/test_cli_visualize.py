"""`curves visualize`: units and families to a picture file."""

import json

import pytest

from circuits import Network
from tests import small


@pytest.fixture
def built(tmp_path):
    small.network().save(tmp_path / "built.safetensors")
    return tmp_path / "built.safetensors"


def test_units_and_families_are_drawn(curves, built, tmp_path):
    (tmp_path / "f.toml").write_text(
        '[[family]]\nname = "curve"\nlayer = "3b"\nunits = {"3b:8" = 0.0, "3b:10" = 90.0}\n'
    )
    code, out, err = curves("visualize", built, "3b:4", tmp_path / "f.toml", "-o", tmp_path / "a.png", "--steps", "2")
    assert code == 0, err
    assert "saved 3 pictures of 91 x 91 px" in out
    assert "steps of 3 visualisations: 2 of 2" in err
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    arguments = ("3b:4", "--steps", "2", "--diverse", "2", "--seed", "5", "--json")
    contents = []
    for name in ("b.svg", "c.svg"):
        code, out, err = curves("visualize", built, *arguments, "-o", tmp_path / name)
        assert code == 0, err
        contents.append((tmp_path / name).read_bytes())
    told = json.loads(out)
    assert contents[0] == contents[1]
    assert [picture["objective"] for picture in told["values"]] == ["3b:4", "3b:4"]
    assert told["identity"] == Network.load(built).identity
    assert (told["seed"], told["steps"], told["precision"]) == (5, 2, "float32")


def test_a_unit_everywhere_on_a_canvas(curves, built, tmp_path):
    arguments = ("--canvas", "96", "--everywhere", "--steps", "1", "--json")
    code, out, err = curves("visualize", built, "3b:4", *arguments, "-o", tmp_path / "a.png")
    assert code == 0, err
    assert json.loads(out)["values"][0]["objective"] == "3b:4 everywhere"


def test_errors_are_one_sentence(curves, built, tmp_path):
    for arguments, says in (
        (("3b:4", "-o", tmp_path / "x.gif"), "a figure is one of"),
        (("3b:999", "-o", tmp_path / "x.png"), "out of range"),
        (("3b:4", "--everywhere", "-o", tmp_path / "x.png"), "give a canvas"),
        (("3b:4", "--steps", "0", "-o", tmp_path / "x.png"), "steps must be at least 1"),
        ((tmp_path / "none.toml", "-o", tmp_path / "x.png"), "holds no families"),
    ):
        code, _, error = curves("visualize", built, *arguments)
        assert code == 2, arguments
        assert says in error
        assert not (tmp_path / "x.png").exists()
