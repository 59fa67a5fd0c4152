"""What is being done and how long it still takes, on stderr: bars on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from evals.progress import Progress

__all__ = ["shown"]

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown() -> Iterator[Progress]:
    """Show progress while the block runs: give its callback to what takes long."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=Console(stderr=True)) as bars:

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield advance


class _Lines:
    """A line when something is done, and every ten seconds on the way there."""

    def __init__(self) -> None:
        self._what = ""
        self._begin = self._last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._begin, self._last = what, now, now
        if done < total and now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        left = (now - self._begin) / done * (total - done)
        typer.echo(f"{what}: {done} of {total}" + (f", about {left:.0f} s left" if done < total else ""), err=True)
