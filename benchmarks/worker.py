"""The process of one tool: does ways of an item when told to, and times them.

    python -m benchmarks.worker LETTER TOOL THREADS NETWORK [quick]

Reads a JSON object a line from its input and answers each with one on its output: `{"do": "answer", "job": 0, "way": 1,
"file": PATH}` writes the answers to a safetensors file, `{"do": "time", "job": 0, "way": 1, "seconds": 1}` gives the
wall and CPU seconds of each run. What goes wrong is answered as `{"failed": REASON}`. Whatever a tool prints goes to
the error output.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TextIO

import torch
from safetensors.torch import save_file
from torch.utils.benchmark import Timer

from benchmarks.contract import Job, Options, Run
from benchmarks.environments import TOOLS
from benchmarks.items import load_jobs
from circuits.errors import CurvesError

__all__ = ["reason", "timed"]


def spent() -> float:
    """CPU seconds of this process, all its threads, and of the processes that it ran."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(run: Callable[[], object], seconds: float) -> dict[str, list[float]]:
    """Wall and CPU seconds of runs, for at least so many seconds in all."""
    cpu = []

    def metered() -> None:
        before = spent()
        run()
        cpu.append(spent() - before)

    timer = Timer("run()", globals={"run": metered}, num_threads=torch.get_num_threads())
    return {"wall": timer.blocked_autorange(min_run_time=seconds).times, "cpu": cpu}


def reason(error: BaseException) -> str:
    """An error in one line: ours say all in a sentence."""
    first = next(iter(str(error).strip().splitlines()), "")
    return (first if isinstance(error, CurvesError) else f"{type(error).__name__}: {first}")[:200]


class Worker:
    """One tool's ways, each prepared when it is first asked for."""

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.runs: dict[tuple[int, int], Run] = {}

    def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order."""
        place = order["job"], order["way"]
        if place not in self.runs:
            job = self.jobs[place[0]]
            way = job.ways[place[1]]
            self.runs = {known: run for known, run in self.runs.items() if known[0] == place[0]}  # one job's at a time
            self.runs[place] = way.prepare(job.pieces(way))
        if order["do"] == "answer":
            save_file({"answer": self.runs[place]().detach().contiguous().clone()}, order["file"])
            return {}
        return timed(self.runs[place], order["seconds"])


def serve(worker: Worker, orders: TextIO, answers: TextIO) -> None:
    """Answer orders until there are none."""
    for line in orders:
        try:
            found = worker.do(json.loads(line))
        except Exception as error:  # whatever a peer does wrong is a result
            import traceback

            traceback.print_exc()
            found = {"failed": reason(error)}
        print(json.dumps(found), file=answers, flush=True)


def main() -> None:
    """Serve one tool."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what tools print is no answer
    letter, tool, threads, network, *quick = sys.argv[1:]
    options = Options(network, bool(quick), int(threads))
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    versions = {package: version(package) for package in TOOLS[tool].packages}
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    serve(Worker(load_jobs(letter, options)), sys.stdin, answers)


if __name__ == "__main__":
    main()
