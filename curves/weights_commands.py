"""`curves weights`: the networks that have a name, fetching them, and what is in one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curves.output import AsJson, megabytes, print_json

if TYPE_CHECKING:
    from circuits import Network

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List, fetch, import and show networks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `curves weights list`.")]


@app.command("list")
def list_networks(as_json: AsJson = False) -> None:
    """List the networks that have a name, and where they are or how to get them."""
    import weights

    found = weights.available()
    if as_json:
        print_json([asdict(network) for network in found])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "size", "where", "licence", "what it is", box=None, pad_edge=False, header_style="bold")
    table.columns[1].justify = "right"
    for network in found:
        size = megabytes(network.size) if network.size else ""
        table.add_row(network.name, size, network.state, network.licence, network.description)
    Console(highlight=False).print(table)
    typer.echo("\nGet one with `curves weights fetch NAME`; it is also fetched when it is first used.")


@app.command("fetch")
def fetch_network(name: Name) -> None:
    """Fetch a network's file, check it, and print where it is; nothing is downloaded twice."""
    import weights

    typer.echo(weights.fetch(name))


@app.command("import")
def import_network(
    name: Name, file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, or the archive it comes in.")]
) -> None:
    """Check a file that was downloaded by other means, keep it, and print where it is."""
    import weights

    typer.echo(weights.import_file(name, file))


@app.command("show")
def show_network(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    as_json: AsJson = False,
) -> None:
    """Show a network's layers, units, receptive fields, identity and where it came from."""
    import weights

    facts = _facts(weights.load(net))
    if as_json:
        print_json(facts)
        return
    from rich.console import Console
    from rich.table import Table

    provenance = facts["provenance"]
    typer.echo(f"{provenance['name']}  {facts['identity']}")
    typer.echo(f"from {provenance['source']}")
    for key, value in provenance["details"].items():
        typer.echo(f"  {key}: {value}")
    if provenance["edits"]:
        typer.echo(f"{len(provenance['edits'])} edits of {provenance['parent']}")
    typer.echo(f"{facts['weights']:,} weights, made for {facts['input_size']} px\n")
    table = Table("layer", box=None, pad_edge=False, header_style="bold")
    for column in ("units", "field px", "stride px", "offset px"):
        table.add_column(column, justify="right")
    for name, layer in facts["layers"].items():
        field = layer["receptive_field"]
        numbers = (field["size"], field["stride"], field["offset"]) if field else ("whole image", "", "")
        table.add_row(name, str(layer["units"]), *map(str, numbers))
    Console(highlight=False).print(table)


def _facts(network: Network) -> dict[str, Any]:
    from circuits import CurvesError

    layers = {}
    for name, layer in network.layers.items():
        try:
            field = asdict(network.receptive_field(name))
        except CurvesError:  # it sees the whole image
            field = None
        layers[name] = {"units": layer.channels, "receptive_field": field}
    return {
        "identity": network.identity,
        "provenance": asdict(network.provenance),
        "input_size": network.input_size,
        "weights": sum(tensor.numel() for tensor in network.tensors.values()),
        "layers": layers,
    }
