"""Start-up: processor time of `curves --help`, and of importing the package, beside importing each peer.

Every run is a process of its own. The time is the processor's, of all threads, which a busy machine hardly changes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from benchmarks.contract import DOCUMENTED, OURS, Job, Options, Run, Way
from benchmarks.environments import ROOT

__all__ = ["TITLE", "jobs"]

TITLE = "start-up"
HELP = "import sys; sys.argv[1:] = ['--help']; from curves.cli import main; main()"
IMPORTS = {
    "torch": "import torch",
    "torchvision": "import torchvision.models",
    "lucent": "from lucent.optvis import render",
    "captum": "import captum.attr",
    "nnsight": "import nnsight",
    "pyvene": "import pyvene",
    "skia-python": "import skia",
    "stimupy": "import stimupy",
}


def _process(code: str, pieces: Sequence[int]) -> Run:
    """Run Python so many times; the answer is that it ended well."""

    def run() -> Tensor:
        for _ in pieces:
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
        return torch.ones(len(pieces))

    return run


def jobs(_options: Options) -> list[Job]:
    """Help, and imports."""
    peers = [Way(tool, DOCUMENTED, partial(_process, code)) for tool, code in IMPORTS.items()]
    nothing = Way("Python", "", partial(_process, "pass"), "started and ended")
    return [
        Job("curves --help", "start", 1, (Way(OURS, "", partial(_process, HELP)), nothing), clock="cpu"),
        Job("import circuits", "start", 1, (Way(OURS, "", partial(_process, "import circuits")), *peers), clock="cpu"),
    ]
