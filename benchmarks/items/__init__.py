"""The items: each a module with `TITLE` and `jobs(options)`, named by a letter."""

from __future__ import annotations

from importlib import import_module

from benchmarks.contract import Job, Options

__all__ = ["ITEMS", "load_jobs"]

ITEMS = {"a": "stimuli", "b": "sweep", "c": "ablation", "d": "dataset", "f": "expanded", "g": "startup"}


def load_jobs(letter: str, options: Options) -> list[Job]:
    """The jobs of an item, nothing of them prepared yet."""
    jobs: list[Job] = import_module(f"benchmarks.items.{ITEMS[letter]}").jobs(options)
    return jobs
