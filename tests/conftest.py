"""What tests share: where real weights are, and running the command line."""

import os
import sys
from pathlib import Path

import pytest

from curves.cli import main
from weights.importers.caffe import import_caffe_safetensors

SHARED = Path(__file__).parents[2] / "shared" / "weights"

if SHARED.is_dir():  # at import, so that also what is collected sees it
    os.environ.setdefault("CURVES_WEIGHTS", str(SHARED))


@pytest.fixture(scope="session")
def given_weights():
    """The folders of CURVES_WEIGHTS as they were at the start, whatever a test sets later."""
    return [Path(folder) for folder in os.environ.get("CURVES_WEIGHTS", "").split(os.pathsep) if folder]


@pytest.fixture(scope="session")
def shared_weights(given_weights):
    """The folder with bvlc_googlenet.safetensors."""
    for folder in given_weights:
        if (folder / "bvlc_googlenet.safetensors").is_file():
            return folder
    pytest.skip("no bvlc_googlenet.safetensors in a folder of CURVES_WEIGHTS")


@pytest.fixture(scope="session")
def bvlc(shared_weights):
    """The trained bvlc_googlenet."""
    return import_caffe_safetensors(shared_weights / "bvlc_googlenet.safetensors")


@pytest.fixture(scope="session")
def close():
    """Whether two tensors agree to a relative tolerance: the largest difference over the largest value."""

    def check(found, expected, tolerance=1e-4):
        found, expected = found.detach(), expected.detach()
        assert tuple(found.shape) == tuple(expected.shape)
        scale = float(abs(expected).max())
        assert scale > 0, "nothing to compare: all zero"
        error = float(abs(found - expected).max()) / scale
        assert error <= tolerance, f"relative error {error:.3g}"

    return check


@pytest.fixture
def curves(monkeypatch, capsys):
    """Run the command as a shell would; give exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["curves", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code, *capsys.readouterr())

    return run
