"""Devices: the CPU, NVIDIA's GPUs (`cuda`) and Apple's (`mps`). A network runs where its weights are."""

from __future__ import annotations

import torch

from circuits.errors import CurvesError

__all__ = ["describe_device", "find_device"]


def find_device(name: str) -> torch.device:
    """The device of that name, if this machine has it.

    Args:
        name: `cpu`, `cuda` (the current GPU, usually the first), `cuda:N` (from 0) or `mps`.

    Raises:
        CurvesError: it is no name of a device, or there is no such device here.
    """
    kind, _, number = name.partition(":")
    if kind not in {"cpu", "cuda", "mps"} or (number and (kind != "cuda" or not number.isdecimal())) or name[-1] == ":":
        raise CurvesError(f"{name!r} is no device; name cpu, cuda, cuda:N (a number from 0) or mps")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise CurvesError(f"{name} is not there: torch {torch.__version__} finds no NVIDIA GPU; use cpu")
        index = int(number) if number else torch.cuda.current_device()
        if index >= count:
            raise CurvesError(f"{name} is not there: this machine has {count} (cuda:0 to cuda:{count - 1})")
        return torch.device("cuda", index)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise CurvesError(f"mps is not there: torch {torch.__version__} finds no GPU of Apple's; use cpu")
    return torch.device(kind)


def describe_device(device: torch.device) -> str:
    """The device as results name it: of a GPU with its model, `cuda:0 (NVIDIA H100 80GB HBM3)`."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
