"""`curves attribute`: what is drawn, what is printed, and errors in one line."""

import json

import pytest

from circuits import attribution
from circuits.images import ImageSet
from tests import small


@pytest.fixture
def built(tmp_path):
    small.network().save(tmp_path / "built.safetensors")
    return tmp_path / "built.safetensors"


def test_a_response_is_attributed_where_it_is_highest(curves, built, tmp_path):
    small.write_images(tmp_path)
    images = ImageSet.folder(tmp_path)
    code, out, _ = curves(
        "attribute", built, "3b:1", "--to", "3a", "--images", tmp_path, "-o", tmp_path / "a.png", "--json"
    )
    assert code == 0
    told = json.loads(out)
    net = small.network()
    maps = [net.activations(image[None], ["3b"], pre=True)["3b"][0, 1] for image in images]
    highest = max(range(len(maps)), key=lambda number: float(maps[number].max()))
    assert told["picture"] == f"{highest}.png"
    assert told["value"] == pytest.approx(float(maps[highest].max()), rel=1e-5)
    assert told["sum"] + told["constant"] + told["remainder"] == pytest.approx(told["value"], rel=1e-5)
    image = list(images)[highest][None]
    found = attribution(net, "3b:1", "3a", images=image, place=tuple(told["place"]))
    assert told["units_of_source"]["3a:13"] == pytest.approx(float(found.tensor[0, 13].sum()), abs=1e-5)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = curves("attribute", built, "3b:1", "--to", "3a", "--images", tmp_path, "-o", tmp_path / "a.svg")
    assert code == 0
    assert "remainder" in out
    strongest = max(told["units_of_source"], key=lambda unit: abs(told["units_of_source"][unit]))
    assert strongest in out


def test_saliency_everywhere_of_several_units(curves, built, tmp_path):
    small.write_images(tmp_path)
    code, out, _ = curves(
        "attribute", built, "3b:1,3b:2", "--everywhere", "--picture", tmp_path / "0.png", "-o", tmp_path / "s.png",
        "--json",
    )  # fmt: skip
    assert code == 0
    told = json.loads(out)
    assert (told["place"], told["method"], told["objective"]) == (None, "gradient", "squares")
    assert (told["units"], told["units_of_source"], told["constant"]) == (["3b:1", "3b:2"], {}, None)


def test_errors_are_one_line(curves, built, tmp_path):
    small.write_images(tmp_path)
    picture, output = ("--picture", tmp_path / "0.png"), ("-o", tmp_path / "x.png")
    for arguments, says in (
        (("3b:1", *picture, "-o", tmp_path / "x.gif"), "a figure is one of"),
        (("3b:1", *picture, *output, "--images", tmp_path), "not both"),
        (("3b:1,3a:1", *picture, *output), "not of 3a, 3b"),
        (("3b:1", *picture, *output, "--to", "4a"), "3b:1 does not depend on 4a"),
        (("3b:1", *picture, *output, "--method", "magic"), "no method 'magic'"),
        (("3b:999", *picture, *output), "out of range"),
        (("3b:1", "--picture", tmp_path / "none.png", *output), "cannot be read as an image"),
    ):
        code, _, err = curves("attribute", built, *arguments)
        assert code == 2
        assert says in " ".join(err.split())
    assert not (tmp_path / "x.png").exists()
