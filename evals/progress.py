"""Telling how far the work is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "counted"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


def counted(progress: Progress | None, what: str, total: int) -> Callable[[int], None] | None:
    """A callback for work that only knows how many it has just done."""
    if progress is None:
        return None
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(what, done, total)

    return advance
