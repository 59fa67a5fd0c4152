"""What commands print on stdout."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["AsJson", "angle", "check_file", "megabytes", "print_json", "print_table", "table", "writable"]

AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON.")]
"""The option that every command with results has."""


def print_json(data: Any) -> None:  # noqa: ANN401 (whatever json takes)
    """Print `data` as JSON, and nothing else, on stdout."""
    typer.echo(json.dumps(data, indent=2, default=str))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Table:
    """A table whose first columns hold words and whose others hold numbers."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column, heading in enumerate(headings):
        made.add_column(heading, justify="left" if column < words else "right", no_wrap=column < words)
    for row in rows:
        made.add_row(*map(escape, row))
    return made


def print_table(rows: Table) -> None:
    """Print a table for people."""
    from rich.console import Console

    Console(highlight=False).print(rows)


def check_file(path: Path | None) -> None:
    """Refuse a file that could not be written, before the work for it is done.

    Raises:
        CurvesError: it is a folder, or there is no folder to write it to.
    """
    from circuits import CurvesError

    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise CurvesError(f"cannot write {path}; name a file in a folder that exists and can be written to")


def writable(folder: Path) -> Path:
    """The folder, made if need be: better to fail now than after minutes of work.

    Raises:
        CurvesError: it cannot be made or written to.
    """
    from circuits.files import replacing

    with replacing(folder / ".writable") as probe:
        probe.touch()
    (folder / ".writable").unlink()
    return folder


def angle(direction: float, period: float = 360.0) -> str:
    """Whole degrees from 0 up to the period, for people: 359.9 are 0."""
    return f"{round(direction) % round(period)}°"


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.0f} MB"
