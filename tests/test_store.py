"""One file for a network: whole, checked, or refused with one clear sentence."""

import errno
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from circuits import CurvesError, FileDamagedError, Network, Provenance, files, store
from tests.networks import random_networks, small_network

RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RELAXED
@given(net=random_networks())
def test_a_saved_network_comes_back_the_same(net: Network, tmp_path: Path) -> None:
    net = net.evolve(provenance=Provenance("é", "here", {"a": [1, {"b": None}]}, "parent", ({"kind": "x"},)))
    net.save(tmp_path / "net.safetensors")
    again = Network.load(tmp_path / "net.safetensors")
    assert again.identity == net.identity
    assert again.provenance == net.provenance
    assert list(again.layers.items()) == list(net.layers.items())
    x = torch.rand(1, 3, 40, 40)
    assert torch.equal(again(x), net(x))


@RELAXED
@given(cut=st.floats(0, 0.999))
def test_a_file_cut_anywhere_is_refused(cut: float, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    small_network().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(FileDamagedError, match=r"cut short or damaged|no saved network"):
        Network.load(path)


@RELAXED
@given(place=st.floats(0, 0.9999), change=st.integers(1, 255))
def test_a_file_with_any_byte_changed_is_refused_or_means_the_same(place: float, change: int, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    net = small_network()
    net.save(path)
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= change
    path.write_bytes(data)
    try:
        again = Network.load(path)
    except FileDamagedError:
        return
    assert again.identity == net.identity  # a space of the header became another kind of space
    assert again.provenance == net.provenance


def test_every_changed_weight_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    small_network().save(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileDamagedError, match="altered after it was saved"):
        Network.load(path)


def test_a_changed_provenance_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    small_network().evolve(provenance=Provenance("honest", "here")).save(path)
    data = path.read_bytes()
    assert data.count(b"honest") == 1
    path.write_bytes(data.replace(b"honest", b"forged"))
    with pytest.raises(FileDamagedError, match="header is not what was saved"):
        Network.load(path)


def test_files_that_are_not_networks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CurvesError, match="there is no file"):
        Network.load(tmp_path / "none.safetensors")
    plain = tmp_path / "plain.safetensors"
    save_file({"x": torch.ones(1)}, plain)
    with pytest.raises(FileDamagedError, match="curves weights import"):
        Network.load(plain)
    text = tmp_path / "text.safetensors"
    text.write_text("hello, this is not a network at all")
    with pytest.raises(FileDamagedError, match="cut short or damaged"):
        Network.load(text)
    newer = tmp_path / "newer.safetensors"
    monkeypatch.setattr(store, "VERSION", 2)
    small_network().save(newer)
    monkeypatch.undo()
    with pytest.raises(FileDamagedError, match="is of format 2, not 1: update curve-circuits"):
        Network.load(newer)


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_whole(tmp_path: Path, monkeypatch, failure: BaseException) -> None:
    path = tmp_path / "net.safetensors"
    small_network().save(path)
    before = path.read_bytes()

    def fail(_tensors: object, temporary: Path, _metadata: object) -> None:
        Path(temporary).write_bytes(b"half")
        raise failure

    monkeypatch.setattr(store, "save_file", fail)
    with pytest.raises(CurvesError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        small_network().save(path)
    if isinstance(failure, OSError):
        assert "No space left on device; free some space" in str(caught.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CurvesError, match=r"cannot write .*choose another place"):
        files.write_text(tmp_path / "file" / "below.txt", "text")
