"""Where originals lie on this machine: the folders of CURVES_WEIGHTS, which are only read, and the cache.

A file in the cache under its final name was checked before it got that name. It is checked again whenever it is used
(a second for half a gigabyte), since disks and people alter files.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile, copyfileobj

import filelock
import platformdirs

from circuits import CurvesError, FileDamagedError
from circuits.files import replacing
from weights.catalogue import Original

__all__ = ["cache_folder", "check", "given_folders", "keep", "locked", "matches"]


def cache_folder() -> Path:
    """The folder that originals are downloaded to: `weights` in CURVES_CACHE, or in the user's cache folder."""
    root = os.environ.get("CURVES_CACHE") or platformdirs.user_cache_dir("curve-circuits")
    return Path(root).expanduser() / "weights"


def given_folders() -> list[Path]:
    """The folders that CURVES_WEIGHTS names, in its order.

    Raises:
        CurvesError: one of them does not exist.
    """
    folders = [Path(part).expanduser() for part in os.environ.get("CURVES_WEIGHTS", "").split(os.pathsep) if part]
    for folder in folders:
        if not folder.is_dir():
            raise CurvesError(f"CURVES_WEIGHTS names {folder}, which is no folder; correct it or unset it")
    return folders


def matches(path: Path, checksum: str) -> bool:
    """Whether the file's content has that checksum (`ALGORITHM:HEX`, or its first digits).

    Raises:
        CurvesError: the file cannot be read.
    """
    algorithm, _, digits = checksum.partition(":")
    return _digest(path, algorithm).startswith(digits)


def check(path: Path, original: Original) -> None:
    """Check that `path` holds that original.

    Raises:
        FileDamagedError: it holds something else.
        CurvesError: it cannot be read.
    """
    if not matches(path, original.checksum):
        algorithm, _, digits = original.checksum.partition(":")
        raise FileDamagedError(
            f"{path} is damaged or another file: its {algorithm} is {_digest(path, algorithm)[: len(digits)]}, "
            f"{original.filename}'s is {digits}; delete it or replace it by a good copy"
        )


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise CurvesError(f"cannot read {path}: {error.strerror or error}; check its name and permissions") from error


def keep(original: Original, path: Path, *, packed: bool) -> Path:
    """Put `original` into the cache from a checked copy, or if `packed` from its checked archive; return where it is.

    Raises:
        CurvesError: the cache cannot be written to.
    """
    target = cache_folder() / original.filename
    with replacing(target) as temporary:
        if packed:
            with zipfile.ZipFile(path) as archive, archive.open(original.member) as source, temporary.open("wb") as out:
                copyfileobj(source, out, 1 << 20)
        else:
            copyfile(path, temporary)
        check(temporary, original)  # the disk may have failed in between
    return target


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time fetch a network; the others wait, and then find it in the cache.

    Raises:
        CurvesError: the cache cannot be written to.
    """
    folder = cache_folder()
    lock = filelock.FileLock(folder / f".{name}.lock")  # of the operating system: it ends with its process
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=1)
        except filelock.Timeout:
            print(f"waiting for another process that fetches {name}", file=sys.stderr)
            lock.acquire()
    except OSError as error:
        raise CurvesError(
            f"cannot write to the cache {folder}: {error.strerror or error}; name another folder in CURVES_CACHE"
        ) from error
    try:
        yield
    finally:
        lock.release()
