"""One file for a network: safetensors, with all that is not a tensor as JSON in the header.

The header holds the format's version, a checksum of itself, and the network's identity, which `Network.load` compares
with what it read: so a file that was cut, altered or written by a newer version is told from a good one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from circuits.errors import CurvesError, FileDamagedError
from circuits.files import replacing

__all__ = ["FORMAT", "VERSION", "read", "write"]

FORMAT = "curve-circuits network"
VERSION = 1


def write(path: str | os.PathLike[str], header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and header to `path`, whole or not at all.

    Raises:
        CurvesError: the place cannot be written to; a file that stood there is as it was.
    """
    # Cloned: safetensors refuses tensors that share memory or are in channels_last order.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(header, sort_keys=True)
    metadata = {"format": FORMAT, "version": str(VERSION), "network": text, "sha256": _digest(text)}
    with replacing(path) as temporary:
        try:
            save_file(plain, temporary, metadata)
        except safetensors.SafetensorError as error:
            raise OSError(str(error)) from error


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the header and the tensors of a file written by `write`.

    Raises:
        CurvesError: there is no such file.
        FileDamagedError: it is not such a file, is damaged, or is of another version.
    """
    if not Path(path).is_file():
        raise CurvesError(f"there is no file {path}; check the name, or save a network there with net.save(...)")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise FileDamagedError(
                f"{path} is safetensors but no saved network; import plain weights with `curves weights import`"
            )
        if metadata.get("version") != str(VERSION):
            raise FileDamagedError(
                f"{path} is of format {metadata.get('version')}, not {VERSION}: update curve-circuits or save it again"
            )
        if metadata["sha256"] != _digest(metadata["network"]):
            raise ValueError("the header is not what was saved")
        header = json.loads(metadata["network"])
        if not isinstance(header, dict):
            raise TypeError("the header is not an object")
        return header, load_file(path)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        if isinstance(error, CurvesError):
            raise
        raise FileDamagedError(f"{path} is cut short or damaged ({error}); fetch or save it again") from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
