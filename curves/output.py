"""What commands print on stdout."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

__all__ = ["AsJson", "megabytes", "print_json"]

AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON.")]
"""The option that every command with results has."""


def print_json(data: Any) -> None:  # noqa: ANN401 (whatever json takes)
    """Print `data` as JSON, and nothing else, on stdout."""
    typer.echo(json.dumps(data, indent=2, default=str))


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.0f} MB"
