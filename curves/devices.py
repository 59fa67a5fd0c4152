"""Where networks run and in which numbers: the options of all commands that run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from circuits import Network

__all__ = ["Device", "Precision", "opener"]

Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="Where networks run: cpu, cuda, cuda:N or mps.")
]
"""The option of every command that runs a network."""

Precision = Annotated[
    str,
    typer.Option("--precision", metavar="P", help="float32; or faster and less exact: tf32, bfloat16 or float16."),
]
"""The option of the commands that measure. What is made, such as an edited network, is made in float32."""


def opener(device: str, precision: str = "float32") -> Callable[[str], Network]:
    """What loads networks by name or file, to run there and so.

    Raises:
        CurvesError: this machine has no such device, or the device no such precision.
    """
    from circuits.devices import find_device
    from circuits.precision import check_precision

    place = find_device(device)
    check_precision(precision, place)

    def load(net: str) -> Network:
        import weights

        return weights.load(net).to(place).evolve(precision=precision)

    return load
