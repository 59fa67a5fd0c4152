"""The `curves` command: it only calls the Python API, and imports it inside the commands, so that help comes at once.

A group of commands is a Typer app in a file of its own, added below. Commands raise `CurvesError` for what the user
can mend; `main` prints it.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from curves import (
    attribute_commands,
    check_commands,
    circuit_commands,
    compare_commands,
    dataset_commands,
    figure_commands,
    graft_commands,
    label_commands,
    likeness_commands,
    network_commands,
    visualize_commands,
    weights_commands,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="curves",
    help="Take a vision network's curve circuit apart, edit it, rebuild it by hand, and judge all with the same tests.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(weights_commands.app, name="weights")
app.add_typer(dataset_commands.app, name="dataset")
app.add_typer(label_commands.app, name="label")
app.command("build")(network_commands.build)
app.command("edit")(network_commands.edit)
app.command("graph")(circuit_commands.graph)
app.command("families")(circuit_commands.families)
app.command("attribute")(attribute_commands.attribute)
app.command("sweep")(circuit_commands.sweep)
app.command("diff")(circuit_commands.diff)
app.command("graft")(graft_commands.graft)
app.command("recovery")(graft_commands.recovery)
app.command("likeness")(likeness_commands.likeness)
app.command("eval")(compare_commands.evaluate)
app.command("compare")(compare_commands.compare)
app.command("check")(check_commands.check)
app.command("tests")(check_commands.list_tests)
app.command("visualize")(visualize_commands.visualize)
app.command("figure")(figure_commands.figure)
app.command("demo")(compare_commands.demo)


def main() -> None:
    """Run the command line; an error that the user can mend becomes one sentence on stderr and exit code 2."""
    try:
        app()
    except Exception as error:
        from circuits import CurvesError  # not at the top: it loads torch

        if not isinstance(error, CurvesError):
            raise
        from rich.console import Console

        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("curve-circuits"))
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
