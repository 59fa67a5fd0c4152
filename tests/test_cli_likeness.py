"""`curves likeness`: what is written, what is printed, and what cannot be compared."""

import json

import pytest

from circuits import Network
from tests import small
from tests.test_tuning_likeness import write


@pytest.fixture
def built(tmp_path):
    small.network().save(tmp_path / "built.safetensors")
    return tmp_path / "built.safetensors"


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    small.write_images(tmp_path / "pictures")
    return tmp_path / "pictures"


def test_a_network_and_itself(curves, built, pictures, tmp_path):
    published = write(tmp_path / "published.json")
    code, out, _ = curves(
        "likeness", built, built, "-o", tmp_path / "out", "--images", pictures, "--published", published
    )
    assert code == 0
    assert "mean over units" in out
    assert "3a early curve -> 3b curve" in out
    assert "correlation with the published tuning curves" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{name}.{kind}" for name in ("likeness", "tuning", "circuit") for kind in ("csv", "json")}
    data = json.loads((tmp_path / "out" / "likeness.json").read_text())
    assert data["means"]["best"]["rank_correlation"]["value"] == pytest.approx(1)
    assert data["family"]["source"] == "by construction"
    assert data["images"]["name"] == "pictures"


def test_json_alone(curves, built, pictures, tmp_path):
    code, out, _ = curves("likeness", built, built, "-o", tmp_path / "out", "--images", pictures, "--json")
    assert code == 0
    data = json.loads(out)
    assert len(data["likeness"]["pairs"]) == 24  # curves of all bands of radii
    assert data["tuning"] is None
    assert data["circuit"]["pairs"]
    assert data["paths"].keys() == {"likeness", "circuit"}


def test_networks_without_common_layers_are_compared_in_behaviour_alone(curves, built, pictures, tmp_path):
    net = small.network()
    renamed = Network(
        net.ops, net.tensors, {f"my_{layer.name}": (layer.pre, layer.post) for layer in net.layers.values()}
    )
    renamed.save(tmp_path / "renamed.safetensors")
    code, out, _ = curves(
        "likeness", tmp_path / "renamed.safetensors", built, "-o", tmp_path / "out", "--images", pictures
    )
    assert code == 0
    assert "no circuits were compared: unnamed and handbuilt have no two families in common" in out
    assert not (tmp_path / "out" / "circuit.json").exists()
    data = json.loads((tmp_path / "out" / "likeness.json").read_text())
    assert data["family"]["source"] == "measured"
    assert all(pair["best"]["unit"] == pair["unit"].removeprefix("my_") for pair in data["pairs"])


def test_errors_are_one_line_and_come_first(curves, built, tmp_path):
    code, _, err = curves("likeness", built, "-o", tmp_path / "out", "--published", tmp_path / "none.json")
    assert code == 2
    assert err.startswith("error: there is no file")
    code, _, err = curves("likeness", built, built, "-o", tmp_path / "out", "--layer", "3a")
    assert code == 2
    assert "was built without curve detectors in 3a" in err
