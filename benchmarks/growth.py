"""How time and memory grow with the work: `python -m benchmarks.growth [--json FILE] [--task NAME ...]`.

Each task is done at 1, 4 and 16 times the work, each time in a process of its own, after a warm-up with the least work.
Time is that of the process's threads, which other processes hardly change; memory is by how much the process grows at
its peak (Linux with glibc). Time must grow no faster than the work, a power of at most 1.1. So must memory; that of
sweeps and of the dataset pass must stay below the budget that they are given, whatever the work.
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.items.dataset import Repeated, family_of
from benchmarks.turns import write_figures
from circuits import CircuitGraph, CurvesError, Network, expanded_weights
from editing import ablation_effects
from evals import Curve, CurveGrid, sweep
from evals.dataset import survey_images
from evals.resampling import replicates
from evals.testing import Sample
from weights import load

TIMES = (1, 4, 16)
MOST = 1.1
"""Power of the work with which time and memory may grow: 1, and what measuring adds."""

MB = 10**6


@dataclass(frozen=True)
class Task:
    """Something that is done more or less of.

    Attributes:
        unit: what the work is counted in.
        base: the least work.
        run: does so much of it, and says how much that was in `unit`.
        budget: bytes that it may take, if it keeps to a budget.
    """

    unit: str
    base: int
    run: Callable[[Network, int], int]
    budget: int | None = None


def grid(count: int) -> CurveGrid:
    """So many curves, of four radii."""
    return CurveGrid.of(Curve(size=91), direction=np.arange(count // 4) * 1440 / count, radius=(20.0, 40.0, 60.0, 80.0))


def render(_: Network, count: int) -> int:
    """Draw curves."""
    return sum(len(batch) for batch in grid(count).batches(32))


def show(net: Network, count: int) -> int:
    """Show curves to 3b."""
    return len(sweep(net, "3b", grid(count)).flatten(0, -2))


def ablate(net: Network, count: int) -> int:
    """Ablate all units of 3a, and read curve detectors."""
    stimuli = torch.cat(list(grid(count).batches(32)))
    return ablation_effects(net, "3a", list(family_of("3b").units), stimuli).shape[2]


def survey(net: Network, count: int) -> int:
    """Survey photographs."""
    return survey_images(net, family_of("3b"), Repeated(max(16, count))).images


def expand(net: Network, count: int) -> int:
    """Expanded weights from conv2d2 to units of 3b."""
    return len(expanded_weights(net, "conv2d2", [f"3b:{channel}" for channel in range(count)]))


def graph(net: Network, count: int) -> int:
    """The graph of 3a and units of 3b, read through bottlenecks; further down, most is common to all."""
    made = CircuitGraph(net, targets=[f"3b:{n}" for n in range(count)], until="3a", bottlenecks=False)
    return made.nx.number_of_edges()


def bootstrap(_: Network, count: int) -> int:
    """Draw pictures again, 100 times."""
    values = np.random.default_rng(0).random(count)
    replicates(Sample("pictures", count, "", lambda places: {"mean": float(values[places].mean())}), times=100)
    return count


TASKS = {
    "draw stimuli": Task("curves", 960, render),
    "stimulus sweep": Task("curves", 64, show, 100 * MB),
    "ablation sweep": Task("curves", 8, ablate, 200 * MB),
    "dataset pass": Task("pictures", 16, survey, 400 * MB),
    "expanded weights": Task("units", 4, expand),
    "graph": Task("edges", 16, graph),
    "bootstrap": Task("pictures", 8192, bootstrap),
}


def measure(name: str, network: str, times: int) -> tuple[int, float, int]:
    """Work, seconds and bytes of a task, in this process."""
    torch.set_num_threads(1)
    task = TASKS[name]
    net = load(network).evolve(memory=task.budget)
    task.run(net, max(1, task.base // 2))  # another amount, which no result is remembered of
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free goes back, so that it counts when it is used again
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    begin = time.process_time()
    work = task.run(net, times * task.base)
    return work, time.process_time() - begin, max(_status("VmHWM") - before, 0)


def _status(name: str) -> int:
    return int(re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) * 1024


def power(works: list[int], values: list[float]) -> float:
    """The p of the power law, values ~ works^p, by least squares of the logarithms."""
    return float(np.polyfit(np.log(works), np.log(values), 1)[0])


def main() -> None:
    """Run, print a table, fail if something grows faster than the work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--task", action="append", choices=TASKS, help="only these")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    try:
        load(arguments.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    table, rows, faults = Table(title=f"growth, {arguments.network}, one thread"), {}, []
    for column in ("task", "work", "CPU s", "power", "MB", "power", "budget, MB"):
        table.add_column(column, justify="left" if column == "task" else "right")
    for name in arguments.task or TASKS:
        task, found = TASKS[name], []
        for times in TIMES:
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                found.append(pool.apply(measure, (name, arguments.network, times)))
        works, seconds, grown = (list(column) for column in zip(*found, strict=True))
        # A MB at least: less is what was there anyway.
        powers = power(works, seconds), power(works, [max(size, MB) for size in grown])
        rows[name] = {"work": works, "seconds": seconds, "bytes": grown, "powers": powers, "budget": task.budget}
        table.add_row(
            name,
            " / ".join(f"{work:,}" for work in works) + f" {task.unit}",
            " / ".join(f"{took:.2f}" for took in seconds),
            f"{powers[0]:.2f}",
            " / ".join(f"{size / MB:.0f}" for size in grown),
            f"{powers[1]:.2f}",
            f"{task.budget / MB:.0f}" if task.budget else "",
        )
        if powers[0] > MOST:
            faults.append(f"time of {name}")
        if powers[1] > MOST if task.budget is None else max(grown) > task.budget:
            faults.append(f"memory of {name}")
    Console(width=140).print(table)
    if arguments.json:
        write_figures(arguments.json, {"rows": rows})
    if faults:
        raise SystemExit(f"grows too fast: {', '.join(faults)}")


if __name__ == "__main__":
    main()
