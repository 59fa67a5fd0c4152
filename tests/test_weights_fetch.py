"""Fetching networks by name: what is downloaded, unpacked, found or brought is checked, and what fails is said."""

import os
import re
import threading
from dataclasses import replace

import pytest

import weights
from circuits import CurvesError, FileDamagedError
from tests.toys import sha256, toy, visible, zipped
from weights.catalogue import CATALOGUE

pytest_plugins = ["tests.toy_registry"]
pytestmark = pytest.mark.usefixtures("empty_cache")


# ------------------------------------------------------------------ fetching


@pytest.mark.parametrize("name", ["plain", "packed"])
def test_a_network_is_fetched_once(toy_server, empty_cache, name):
    network = weights.load(name)
    assert network.identity == toy().identity
    assert network.provenance.name == name
    assert network.provenance.source == CATALOGUE[name].source
    assert network.provenance.details["file"] == f"{name}.net"
    assert len(toy_server.requests) == 1
    assert weights.fetch(name) == empty_cache / f"{name}.net"
    assert weights.load(name).identity == network.identity
    assert len(toy_server.requests) == 1
    assert visible(empty_cache) == [f"{name}.net"]


def test_a_damaged_file_in_the_cache_is_fetched_anew(toy_server, toy_bytes):
    weights.fetch("plain").write_bytes(toy_bytes[:-1])
    assert weights.fetch("plain").read_bytes() == toy_bytes
    assert len(toy_server.requests) == 2


def test_what_cannot_be_had_says_where_from_where_to_and_how(toy_server, empty_cache):
    toy_server.close()
    for name, file in (("plain", "plain.net"), ("packed", "packed.zip")):
        with pytest.raises(weights.DownloadError) as caught:
            weights.load(name)
        said = str(caught.value)
        assert f"{toy_server.url}/{file}" in said
        assert f"`curves weights import {name} FILE`" in said
        assert str(empty_cache) in said
        assert "\n" not in said


def test_another_file_on_the_server_is_refused(toy_server, empty_cache):
    toy_server.files["/packed.zip"] = zipped("inside/packed.net", b"something else")
    with pytest.raises(weights.DownloadError, match=r"packed\.zip gave has not the expected checksum"):
        weights.fetch("packed")
    assert visible(empty_cache) == []


@pytest.mark.usefixtures("toy_server")
def test_an_archive_with_another_original_is_refused(empty_cache, monkeypatch):
    entry = CATALOGUE["packed"]
    wrong = replace(entry.originals[0], checksum=sha256(b"other"))
    monkeypatch.setitem(CATALOGUE, "packed", replace(entry, originals=(wrong,)))
    with pytest.raises(FileDamagedError):
        weights.fetch("packed")
    assert "packed.net" not in visible(empty_cache)


def test_two_that_fetch_at_once_download_once(toy_server, toy_bytes):
    found = []
    threads = [threading.Thread(target=lambda: found.append(weights.fetch("plain").read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [toy_bytes] * 4
    assert len(toy_server.requests) == 1


def test_a_process_that_waits_for_another_says_so(toy_server, empty_cache, toy_bytes, capsys):
    from weights.cache import locked

    with locked("plain"):
        thread = threading.Thread(target=weights.fetch, args=("plain",))
        thread.start()
        thread.join(1.5)
        assert toy_server.requests == []
        assert "waiting for another process that fetches plain" in capsys.readouterr().err
    thread.join(10)
    assert (empty_cache / "plain.net").read_bytes() == toy_bytes


@pytest.mark.usefixtures("toy_server")
def test_a_cache_that_cannot_be_written_to_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CURVES_CACHE", str(tmp_path / "file"))
    with pytest.raises(CurvesError, match=r"cannot write to the cache .*/file/weights: .*CURVES_CACHE"):
        weights.fetch("plain")


# ------------------------------------------------------------------ folders of CURVES_WEIGHTS


@pytest.mark.parametrize("before", ["", "empty"])
def test_originals_in_curves_weights_are_used_where_they_are(
    toy_server, empty_cache, given_folder, toy_bytes, tmp_path, monkeypatch, before
):
    if before:
        (tmp_path / before).mkdir()
        monkeypatch.setenv("CURVES_WEIGHTS", os.pathsep.join([str(tmp_path / before), "", str(given_folder)]))
    (given_folder / "plain.net").write_bytes(toy_bytes)
    assert weights.fetch("plain") == given_folder / "plain.net"
    assert weights.load("plain").identity == toy().identity
    assert toy_server.requests == []
    assert not empty_cache.exists()


@pytest.mark.usefixtures("toy_server")
def test_curves_weights_goes_before_the_cache(given_folder, toy_bytes):
    assert weights.fetch("plain").parent != given_folder
    (given_folder / "plain.net").write_bytes(toy_bytes)
    assert weights.fetch("plain").parent == given_folder


def test_an_archive_in_curves_weights_is_unpacked_into_the_cache(toy_server, empty_cache, given_folder):
    (given_folder / "packed.zip").write_bytes(toy_server.files["/packed.zip"])
    assert weights.fetch("packed") == empty_cache / "packed.net"
    assert weights.load("packed").identity == toy().identity
    assert toy_server.requests == []
    assert visible(given_folder) == ["packed.zip"]


@pytest.mark.parametrize(("name", "file"), [("plain", "plain.net"), ("packed", "packed.zip"), ("packed", "packed.net")])
def test_a_damaged_file_in_curves_weights_is_named(toy_server, given_folder, toy_bytes, name, file):
    (given_folder / file).write_bytes(toy_bytes[:-1])
    with pytest.raises(FileDamagedError, match=re.escape(f"{given_folder / file} is damaged")):
        weights.load(name)
    assert (given_folder / file).read_bytes() == toy_bytes[:-1]
    assert toy_server.requests == []


@pytest.mark.usefixtures("toy_server")
def test_a_folder_that_does_not_exist_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("CURVES_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(CurvesError, match=r"CURVES_WEIGHTS names .*/nowhere, which is no folder"):
        weights.load("plain")


# ------------------------------------------------------------------ files that users bring


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_the_user_downloaded_is_taken(toy_server, empty_cache, toy_bytes, tmp_path, packed):
    (tmp_path / "download(1)").write_bytes(toy_server.files["/packed.zip"] if packed else toy_bytes)
    assert weights.import_file("packed", tmp_path / "download(1)") == empty_cache / "packed.net"
    assert weights.load("packed").identity == toy().identity
    assert toy_server.requests == []
    assert (tmp_path / "download(1)").exists()


@pytest.mark.usefixtures("toy_server")
def test_a_wrong_file_is_refused_and_the_good_one_stays(empty_cache, toy_bytes, tmp_path):
    weights.fetch("packed")
    (tmp_path / "cut").write_bytes(toy_bytes[:-1])
    with pytest.raises(FileDamagedError) as caught:
        weights.import_file("packed", tmp_path / "cut")
    assert str(tmp_path / "cut") in str(caught.value)
    for file in CATALOGUE["packed"].files():
        assert f"{file.filename} ({file.checksum})" in str(caught.value)
    assert (empty_cache / "packed.net").read_bytes() == toy_bytes


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CurvesError, match=r"cannot read .*/none: No such file"):
        weights.import_file("alexnet", tmp_path / "none")
