"""What the benchmarks of ours against peers share: timing ways in turns, and keeping the figures with the machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.benchmark import Timer

__all__ = ["time_in_turns", "write_figures"]


def time_in_turns(ways: Mapping[str, Callable[[], object]], turns: int = 3, seconds: float = 2.0) -> dict[str, Tensor]:
    """Seconds of each way, all measurements; in turns, so that a busy moment of the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            timer = Timer("way()", globals={"way": way}, num_threads=torch.get_num_threads())
            times[name] += timer.blocked_autorange(min_run_time=seconds).times
    return {name: torch.tensor(found) for name, found in times.items()}


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON, with the machine they were measured on."""
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "torch": torch.__version__}
    path.write_text(json.dumps({"machine": machine, **figures}, indent=1) + "\n")
