"""The tools, and an environment for each peer: `.venv-peers/NAME`, made when it is first needed.

Peers want other versions of NumPy and others, and some patch torch, so they must not be installed beside ours. A whole
environment for each would be 5 GB of torch. An environment here is an empty one whose `ours.pth` names the packages
of the environment that runs the benchmarks: pip then finds torch installed and leaves it alone, puts what the peer
wants otherwise (NumPy below 2.3, say) into the peer's own folder, and that comes first on `sys.path`. All tools so run
on the same torch, which a comparison needs anyway; each environment takes 25 to 450 MB.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "TOOLS", "EnvironmentFailed", "Tool", "python_of"]

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-peers"


@dataclass(frozen=True)
class Tool:
    """What runs in a process of its own.

    Attributes:
        packages: whose versions are reported.
        requirement: what pip installs into the tool's own environment; "" for what is in ours.
    """

    packages: tuple[str, ...]
    requirement: str = ""


TOOLS = {
    "ours": Tool(("curve-circuits", "torch", "numpy")),
    "our bare forward pass": Tool(("torch", "numpy")),
    "Python": Tool(()),
    "torch": Tool(("torch", "numpy")),
    "torchvision": Tool(("torchvision", "torch", "numpy")),
    "Lucid's method": Tool(("numpy",)),
    "lucent": Tool(("torch-lucent", "kornia", "torch", "numpy"), "torch-lucent~=0.1.8"),
    "captum": Tool(("captum", "torch", "numpy"), "captum~=0.8"),
    "nnsight": Tool(("nnsight", "torch", "numpy"), "nnsight~=0.8.1"),
    "pyvene": Tool(("pyvene", "transformers", "torch", "numpy"), "pyvene~=0.1.8"),
    "skia-python": Tool(("skia-python", "numpy"), "skia-python>=138"),
    "stimupy": Tool(("stimupy", "numpy"), "stimupy~=1.2"),
}


class EnvironmentFailed(Exception):  # noqa: N818  # it has failed, and that is a result
    """A peer cannot be installed."""


def python_of(name: str) -> Path:
    """The interpreter of a tool's environment, which is made or brought up to date if need be.

    Raises:
        EnvironmentFailed: pip cannot install it; says why.
    """
    requirement = TOOLS[name].requirement
    if not requirement:
        return Path(sys.executable)
    home = FOLDER / name
    python, installed = home / "bin" / "python", home / "installed"
    recipe = f"{requirement} beside {sys.prefix}, Python {sys.version}"
    if installed.exists() and installed.read_text() == recipe:
        return python
    _do([sys.executable, "-m", "venv", "--clear", str(home)], name)
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", vars=paths))
    ours = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (packages / "ours.pth").write_text("\n".join(ours) + "\n")
    _do([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", requirement], name)
    installed.write_text(recipe)
    return python


def _do(command: list[str], name: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines[-1:] or ["no message"]
        raise EnvironmentFailed(f"{name} cannot be installed: {errors[-1].strip()}")
