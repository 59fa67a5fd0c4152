"""Doing a job in turns: a process for each tool, answers checked against ours, times side by side."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from benchmarks.contract import Job, Options, Way
from benchmarks.environments import ROOT, EnvironmentFailed, python_of
from benchmarks.items import load_jobs
from benchmarks.results import Row, Times, summary

__all__ = ["Failed", "Process", "agree", "run_item"]


class Failed(Exception):  # noqa: N818  # a result, not an error of ours
    """A tool cannot do a way; says why."""


class Process:
    """A tool's process, started when it is first asked for something."""

    def __init__(self, letter: str, tool: str, options: Options) -> None:
        self.tool = tool
        self.versions: dict[str, str] = {}
        self._arguments = [letter, tool, str(options.threads), options.network, *(["quick"] if options.quick else [])]
        self._process: subprocess.Popen[str] | None = None
        self._failed = ""

    def ask(self, **order: object) -> dict[str, Any]:
        """Give an order and wait for what comes of it.

        Raises:
            Failed: the tool cannot be installed or started, or cannot do it.
        """
        if self._failed:
            raise Failed(self._failed)
        try:
            if self._process is None:
                self._start()
            return self._say(json.dumps(order))
        except (EnvironmentFailed, OSError) as error:
            self._failed = str(error)
            raise Failed(self._failed) from None

    def _start(self) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [str(python_of(self.tool)), "-m", "benchmarks.worker", *self._arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
        )  # fmt: skip
        self.versions = self._answer()["versions"]

    def _say(self, order: str) -> dict[str, Any]:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines()
            raise OSError(f"its process ended: {said[-1] if said else 'no message'}")
        found: dict[str, Any] = json.loads(line)
        if "failed" in found:
            raise Failed(found["failed"])
        return found

    def end(self) -> None:
        """Let the process end."""
        if self._process:
            self._process.communicate()
            self._errors.close()


@contextmanager
def processes(letter: str, jobs: list[Job], options: Options) -> Iterator[Mapping[str, Process]]:
    """A process for each tool of the jobs."""
    tools = dict.fromkeys(way.tool for job in jobs for way in job.ways)
    found = {tool: Process(letter, tool, options) for tool in tools}
    try:
        yield found
    finally:
        for process in found.values():
            process.end()


def agree(job: Job, way: Way, answer: Tensor, ours: Tensor) -> float:
    """How far a way's answers are from the right ones: its reference, or what ours answered for the same pieces."""
    pieces = job.pieces(way)[: len(answer)]
    if way.reference:
        return job.difference(answer, way.reference(job.pieces(way))[: len(answer)])
    return job.difference(answer, ours[list(pieces)])


def run_item(letter: str, options: Options, turns: int, seconds: float, say: Any = print) -> Iterator[dict[str, Any]]:
    """Do all jobs of an item; each as it is done, as JSON's types."""
    jobs = load_jobs(letter, options)
    with processes(letter, jobs, options) as tools:
        for number, job in enumerate(jobs):
            say(f"{letter}: {job.name}")
            rows = _run_job(number, job, tools, turns, seconds)
            found = summary(letter, job, rows)
            if job.limit and options.quick is False:
                least, operations = job.limit()
                found["limit"] = {"seconds": least, "multiply_adds": operations}
            found["versions"] = {name: tool.versions for name, tool in tools.items() if tool.versions}
            yield found


def _run_job(number: int, job: Job, tools: Mapping[str, Process], turns: int, seconds: float) -> list[Row]:
    rows, ours = [Row(way, len(job.pieces(way))) for way in job.ways], Tensor()
    with tempfile.TemporaryDirectory() as folder:
        for place, row in enumerate(rows):
            if rows[0].failed:
                row.failed = row.failed or "ours failed, so there is nothing to compare with"
                continue
            path = Path(folder) / f"{place}.safetensors"
            try:
                tools[row.way.tool].ask(do="answer", job=number, way=place, file=str(path))
                answer = load_file(path)["answer"]
                ours = answer if place == 0 else ours
                row.difference = agree(job, row.way, answer, ours)
            except Failed as error:
                row.failed = str(error)
    for _ in range(turns):
        for place, row in enumerate(rows):
            if not row.failed:
                try:
                    found = tools[row.way.tool].ask(do="time", job=number, way=place, seconds=seconds)
                    row.turns.append(Times(found["wall"], found["cpu"]))
                except Failed as error:
                    row.failed = str(error)
    return rows
