"""From times to tables: `python -m benchmarks.results FILE` prints a run's table as Markdown, for docs/performance.md.

The time of a piece is the median over all runs, its spread the interquartile range. A ratio is the median over turns of
a peer's median over ours in the same turn, so that what else the machine does weighs on both sides of it.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Way

__all__ = ["Row", "Times", "machine", "markdown", "spread", "summary", "table_of"]


@dataclass(frozen=True)
class Times:
    """Seconds of the runs of one turn."""

    wall: Sequence[float]
    cpu: Sequence[float]


@dataclass
class Row:
    """What was found of one way."""

    way: Way
    pieces: int
    difference: float = float("nan")
    failed: str = ""
    turns: list[Times] = field(default_factory=list)

    def seconds(self, clock: str) -> list[list[float]]:
        """Seconds of a piece, by turn and run."""
        return [[run * self.way.share / self.pieces for run in getattr(turn, clock)] for turn in self.turns]


def spread(values: Iterable[float]) -> float:
    """The interquartile range."""
    found = torch.tensor(list(values), dtype=torch.float64)
    return float(found.quantile(0.75) - found.quantile(0.25))


def ratio(peer: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> float:
    """The median over turns of how many times as long the peer took."""
    pairs = zip(peer, ours, strict=True)
    return statistics.median(statistics.median(theirs) / statistics.median(own) for theirs, own in pairs)


def summary(letter: str, job: Job, rows: Sequence[Row]) -> dict[str, Any]:
    """A job's figures as JSON's types."""
    ours = next(row for row in rows if row.way.tool == OURS)
    found = []
    for row in rows:
        told = {"tool": row.way.tool, "label": row.way.label, "column": row.way.column, "pieces": row.pieces}
        if row.failed:
            found.append(told | {"failed": row.failed})
            continue
        for clock in ("wall", "cpu"):
            seconds = [run for turn in row.seconds(clock) for run in turn]
            told |= {clock: statistics.median(seconds), f"{clock}_iqr": spread(seconds)}
        told |= {"difference": row.difference, "agrees": row.difference <= (row.way.tolerance or job.tolerance)}
        if not ours.failed:
            told["ratio"] = ratio(row.seconds(job.clock), ours.seconds(job.clock))
            told["target"] = job.target(row.way)
        found.append(told)
    return {
        "item": letter, "job": job.name, "piece": job.piece, "count": job.count, "clock": job.clock, "rows": found,
    }  # fmt: skip


def machine(threads: int) -> dict[str, Any]:
    """Where it was measured."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next((line.partition(":")[2].strip() for line in info.open() if line.startswith("model name")), model)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
        "torch": torch.__version__, "threads": threads, "load": load,
    }  # fmt: skip


def share_of_limit(job: Mapping[str, Any]) -> float | None:
    """How near ours comes to the convolutions alone."""
    limit, ours = job.get("limit"), job["rows"][0]
    return limit["seconds"] / ours["wall"] if limit and "wall" in ours else None


def about_limit(job: Mapping[str, Any]) -> str:
    """The arithmetic of the limit, in words; nothing where there is none."""
    share = share_of_limit(job)
    if share is None:
        return ""
    limit, each = job["limit"], job["rows"][0]["wall"]
    return (
        f"{limit['multiply_adds'] / 1e6:.1f} million multiply-adds for each {job['piece']}: ours {_time(each)}, "
        f"{limit['multiply_adds'] / each / 1e9:.1f} billion a second; conv2d alone {_time(limit['seconds'])}, "
        f"{limit['multiply_adds'] / limit['seconds'] / 1e9:.1f} billion a second; {share:.0%} of the limit"
    )


def cells(job: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """A row of the table as words."""
    name = ", ".join(part for part in (row["tool"], row["label"]) if part)
    if "failed" in row:
        return [name, row["column"], f"not run: {row['failed']}", "", "", "", ""]
    clock = job["clock"]
    part = "all" if row["pieces"] == job["count"] else f"{row['pieces']} of {job['count']:,}"
    times = _ratio(row["ratio"]) if "ratio" in row and row["tool"] != OURS else ""
    if times and row["target"]:
        times += f" (target {_ratio(row['target'])})"
    wrong = "" if row["agrees"] else " TOO FAR"
    return [
        name, row["column"], _time(row[clock]), f"{row[f'{clock}_iqr'] / row[clock]:.0%}", times,
        f"{row['difference']:.1e}{wrong}", part,
    ]  # fmt: skip


def heading(job: Mapping[str, Any]) -> list[str]:
    """The table's columns."""
    clock = "" if job["clock"] == "wall" else "CPU "
    return ["tool", "", f"{clock}time / {job['piece']}", "IQR", "ours is faster by", "difference", "measured on"]


def table_of(job: Mapping[str, Any]) -> Any:
    """A job's table for the terminal."""
    from rich.table import Table

    names = heading(job)
    table = Table(title=f"{job['item']}: {job['job']}", caption=about_limit(job), title_justify="left")
    for place, name in enumerate(names):
        table.add_column(name, justify="left" if place < 2 else "right")
    for row in job["rows"]:
        table.add_row(*cells(job, row))
    return table


def markdown(run: Mapping[str, Any]) -> str:
    """All jobs: for each tool the ratio as documented and handed our crop or method, and the arithmetic of limits."""
    place = run["machine"]
    lines = [
        f"{place['cpu']}, {place['cores']} cores, {place['threads']} threads; torch {place['torch']}, "
        f"Python {place['python']}; network `{run['network']}`. Load average at the start: {place['load']:.1f}.",
        "",
        "| | tool | as documented: time, IQR, ratio | handed our crop or method: time, IQR, ratio | difference | on |",
        "|---|---|---|---|---|---|",
    ]
    for job in run["jobs"]:
        lines.append(f"| **{job['item']}** | **{job['job']}**, for each {job['piece']} | | | | |")
        names = dict.fromkeys((row["tool"], row["label"]) for row in job["rows"])
        for name in names:
            rows = [row for row in job["rows"] if (row["tool"], row["label"]) == name]
            lines.append("| | " + " | ".join(_side_by_side(job, name, rows)) + " |")
    if limits := [f"- {job['job']}: {about_limit(job)}." for job in run["jobs"] if about_limit(job)]:
        lines += ["", "Against the limit:", "", *limits]
    found: dict[str, list[str]] = {}
    for packages in run["versions"].values():
        for package, number in packages.items():
            found.setdefault(package, []).append(number)
    versions = (f"{package} {' and '.join(dict.fromkeys(numbers))}" for package, numbers in sorted(found.items()))
    lines += ["", f"Versions: {', '.join(versions)}."]
    return "\n".join(lines)


def _side_by_side(job: Mapping[str, Any], name: tuple[str, str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    by_column = {row["column"]: cells(job, row) for row in rows}

    def times(column: str) -> str:
        if column not in by_column:
            return ""
        return ", ".join(part for part in by_column[column][2:5] if part)

    first, last = (times(DOCUMENTED), times(HANDED)) if "" not in by_column else (times(""), "")
    worst = max((row["difference"] for row in rows if "difference" in row), default=None)
    label = ", ".join(part for part in name if part)
    return [
        label,
        first,
        last,
        "" if worst is None else f"{worst:.0e}",
        next((cell[6] for cell in by_column.values() if cell[6]), ""),
    ]


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _ratio(times: float) -> str:
    return f"{times:.0f}x" if times >= 10 else f"{times:.2g}x"


def main() -> None:
    """Print Markdown."""
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()
