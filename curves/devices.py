"""Where networks run, in which numbers and in how much memory: the options of all commands that run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from circuits import Network

__all__ = ["Cluster", "Device", "Memory", "Precision", "opener"]

Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="Where networks run: cpu, cuda, cuda:N or mps.")
]
"""The option of every command that runs a network."""

Precision = Annotated[
    str,
    typer.Option("--precision", metavar="P", help="float32; or faster and less exact: tf32, bfloat16 or float16."),
]
"""The option of the commands that measure. What is made, such as an edited network, is made in float32."""


Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="Not to be exceeded beside the network: 512MB, 2GiB, or bytes."),
]
"""The option of the commands that run sweeps or passes."""

Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Run on a Dask cluster: its scheduler's address, or local:N."),
]
"""The option of the commands whose work can be spread over machines."""

_ENDS = {"": 1000, "b": 1000, "ib": 1024}
_UNITS = {"": 1, "b": 1} | {
    f"{letter}{end}": base**n for n, letter in enumerate("kmgt", 1) for end, base in _ENDS.items()
}


def opener(device: str, precision: str = "float32", memory: str | None = None) -> Callable[[str], Network]:
    """What loads networks by name or file, to run there and so.

    Raises:
        CurvesError: this machine has no such device, the device no such precision, or the memory is no size.
    """
    from circuits.devices import find_device
    from circuits.precision import check_precision

    place = find_device(device)
    check_precision(precision, place)
    budget = None if memory is None else _bytes(memory)

    def load(net: str) -> Network:
        import weights

        return weights.load(net).to(place).evolve(precision=precision, memory=budget)

    return load


def _bytes(text: str) -> int:
    """How many bytes `512MB` or `1.5 GiB` are.

    Raises:
        CurvesError: it is no size.
    """
    import re

    from circuits import CurvesError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in _UNITS or not (size := int(float(found[1]) * _UNITS[found[2]])):
        raise CurvesError(f"{text!r} is no amount of memory; give bytes, or a size such as 512MB or 2GiB")
    return size
