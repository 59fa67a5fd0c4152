"""Fixtures: two toy networks in the registry, published by a server on this machine, and an empty cache."""

import pytest

from tests.faulty_server import FaultyServer
from tests.toys import convert, sha256, toy, zipped
from weights.catalogue import CATALOGUE, Entry, Original


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """An empty cache (not made yet), no CURVES_WEIGHTS, and no way to any other machine."""
    monkeypatch.setenv("CURVES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CURVES_WEIGHTS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("weights.download.PAUSE", 0.0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def toy_bytes(tmp_path):
    """The bytes of a saved network, which stand for an original here."""
    toy().save(tmp_path / "toy.net")
    return (tmp_path / "toy.net").read_bytes()


@pytest.fixture
def toy_server(empty_cache, toy_bytes, monkeypatch):  # noqa: ARG001 (for its effect)
    """Serves `plain`, a network published as it is, and `packed`, one inside a zip file."""
    server = FaultyServer()
    server.files = {"/plain.net": toy_bytes, "/packed.zip": zipped("inside/packed.net", toy_bytes)}
    plain = Original("plain.net", sha256(toy_bytes), len(toy_bytes), url=f"{server.url}/plain.net")
    archive = server.files["/packed.zip"]
    outer = Original("packed.zip", sha256(archive), len(archive), url=f"{server.url}/packed.zip")
    inner = Original("packed.net", sha256(toy_bytes), len(toy_bytes), archive=outer, member="inside/packed.net")
    for entry in (
        Entry("plain", "a toy", "none", (plain,), convert),
        Entry("packed", "a packed toy", "none", (inner,), convert),
    ):
        monkeypatch.setitem(CATALOGUE, entry.name, entry)
    yield server
    server.close()


@pytest.fixture
def given_folder(empty_cache, tmp_path, monkeypatch):  # noqa: ARG001 (it unsets CURVES_WEIGHTS first)
    """A folder named by CURVES_WEIGHTS."""
    folder = tmp_path / "given"
    folder.mkdir()
    monkeypatch.setenv("CURVES_WEIGHTS", str(folder))
    return folder
