"""`curves build` and `curves edit`: making networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.devices import Device, opener
from curves.output import AsJson, print_json

if TYPE_CHECKING:
    from circuits import Network

__all__ = ["build", "edit"]

File = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to save the network (.safetensors).")]


def build(
    output: File,
    orientations: Annotated[
        int, typer.Option(metavar="N", help="Directions of curves around the circle; a multiple of 4.")
    ] = 24,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=NUMBER", help="Change a parameter, as lines.inhibition=0.3; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the hand-built network, and save it."""
    import handbuilt

    parameters = handbuilt.Parameters().changed(_numbers(set_ or []))
    _save(handbuilt.build(orientations, parameters), output, as_json)


def edit(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The edits, a TOML file.")],
    output: File,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Apply a plan of edits to a network, and save the result; NET stays as it is."""
    from editing import Plan

    load = opener(device)
    edits = Plan.load(plan)  # before the network, which may be a download
    _save(edits.apply(load(net)), output, as_json)


def _save(network: Network, path: Path, as_json: bool) -> None:
    network.save(path)
    if as_json:
        print_json({"path": str(path), "name": network.provenance.name, "identity": network.identity})
    else:
        typer.echo(f"saved {network.provenance.name} ({network.identity[:8]}) to {path}")


def _numbers(settings: list[str]) -> dict[str, float]:
    from circuits import CurvesError

    values = {}
    for setting in settings:
        name, _, number = setting.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            raise CurvesError(f"--set {setting} is not NAME=NUMBER; write it as lines.inhibition=0.3") from None
    return values
