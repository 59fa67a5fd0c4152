"""Ours and its peers side by side: `python -m benchmarks [a b c d f g] [--quick]`.

Each tool runs in a process of its own, peers in environments that are made when they are first needed; all with the
same number of threads, in turns. Prints a table for each job and writes all figures, with machine and versions, to a
JSON file. Exits with 1 if answers disagree. A peer that cannot be installed or fails is a row that says so.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.contract import Options
from benchmarks.environments import ROOT
from benchmarks.items import ITEMS
from benchmarks.results import machine, table_of
from benchmarks.session import run_item

DEFAULT = ROOT / "benchmarks" / "results" / "run.json"


def main() -> None:
    """Run the chosen items."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(f"{letter} {name}" for letter, name in ITEMS.items())
    parser.add_argument("items", nargs="*", metavar="ITEM", help=f"all by default: {names}")
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--quick", action="store_true", help="less work, one turn: whether everything runs")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of torch, for all tools")
    parser.add_argument("--turns", type=int, default=3, help="how often each way is timed")
    parser.add_argument("--seconds", type=float, default=0.5, help="of timing for each way and turn, at least")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT, help="file for the figures")
    given = parser.parse_args()
    if unknown := [letter for letter in given.items if letter not in ITEMS]:
        parser.error(f"there is no item {unknown[0]!r}; there are {names}")
    options = Options(given.network, given.quick, given.threads)
    turns, seconds = (1, 0.0) if given.quick else (given.turns, given.seconds)
    console = Console(width=160, highlight=False)
    run: dict[str, Any] = {
        "machine": machine(given.threads), "network": given.network, "quick": given.quick, "turns": turns,
        "versions": {}, "jobs": [],
    }  # fmt: skip
    given.output.parent.mkdir(parents=True, exist_ok=True)
    for letter in given.items or ITEMS:
        for job in run_item(letter, options, turns, seconds, console.print):
            run["versions"] |= job.pop("versions")
            run["jobs"].append(job)
            console.print(table_of(job))
            given.output.write_text(json.dumps(run, indent=1) + "\n")
    apart = [
        f"{job['job']} by {row['tool']}" for job in run["jobs"] for row in job["rows"] if not row.get("agrees", True)
    ]
    if apart:
        raise SystemExit(f"answers differ: {'; '.join(apart)}")
    if failed := [job["job"] for job in run["jobs"] if "failed" in job["rows"][0]]:
        raise SystemExit(f"ours failed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
