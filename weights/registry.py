"""Networks by name: found on this machine, or fetched, checked and kept; then converted to the one representation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from circuits import CurvesError, FileDamagedError, Network, Provenance
from weights.cache import cache_folder, check, given_folders, keep, locked, matches
from weights.catalogue import CATALOGUE, Entry, Original
from weights.download import DownloadError, download
from weights.wheel import download_wheel

__all__ = ["Available", "UnknownNetworkError", "available", "default", "fetch", "import_file", "load"]


class UnknownNetworkError(CurvesError):
    """No network has that name, and no file either."""


@dataclass(frozen=True)
class Available:
    """A named network, and whether it is on this machine.

    Attributes:
        name: what to give to `load`.
        description: what it is, in a few words.
        source: the URL or the pinned Python package that it is fetched from; None for the hand-built network.
        size: bytes to download.
        licence: of the weights.
        checksum: `ALGORITHM:HEX` of what is downloaded (the first digits, where no more are published).
        path: where it lies on this machine, by its name only (`fetch` checks the content); None if it does not.
        state: `built in`, `here` or `can be fetched`.
    """

    name: str
    description: str
    source: str | None
    size: int
    licence: str
    checksum: str | None
    path: Path | None
    state: str


def available() -> tuple[Available, ...]:
    """All named networks; nothing is downloaded or read.

    Raises:
        CurvesError: CURVES_WEIGHTS names a folder that does not exist.
    """
    return tuple(_describe(entry) for entry in CATALOGUE.values())


def default() -> str:
    """The name of the network to work on if none is said: the articles' own where it is here, else one pip can fetch.

    Raises:
        CurvesError: CURVES_WEIGHTS names a folder that does not exist.
    """
    return "inceptionv1" if _describe(CATALOGUE["inceptionv1"]).path else "vgg16_hed"


def load(name_or_path: str | os.PathLike[str]) -> Network:
    """The network of that name, fetched if need be, or the one saved in that file.

    A name goes before a file of the same name; write `./NAME` for the file.

    Raises:
        UnknownNetworkError: there is neither such a name nor such a file; the message lists the names.
        FileDamagedError: the file is damaged.
        DownloadError: the network is not on this machine and cannot be fetched; the message says what to do.
        CurvesError: the cache cannot be read or written to.
    """
    text = os.fspath(name_or_path)
    entry = CATALOGUE.get(text)
    if entry is None:
        if Path(text).exists() or Path(text).name != text or text.endswith(".safetensors"):
            return Network.load(text)
        raise _unknown(text, "network and no file")
    if entry.convert is None:
        import handbuilt

        return handbuilt.build()
    path = fetch(entry.name)
    original = next(original for original in entry.originals if original.filename == path.name)
    details = {"file": original.filename, "licence": entry.licence}
    return entry.convert(path, Provenance(entry.name, entry.source or original.filename, details))


def fetch(name: str) -> Path:
    """The checked original of that network: in a folder of CURVES_WEIGHTS if it is there, else in the cache.

    Raises:
        UnknownNetworkError: there is no such name.
        FileDamagedError: a folder of CURVES_WEIGHTS holds a damaged copy.
        DownloadError: it is not on this machine and cannot be fetched.
        CurvesError: the network needs no file, or the cache cannot be written to.
    """
    entry = _entry(name)
    if not entry.originals:
        raise CurvesError(f"{name} is built, not fetched; use it as it is: weights.load({name!r})")
    if path := _find(entry):
        return path
    with locked(name):
        return _find(entry) or _unpack(entry) or _download(entry)


def import_file(name: str, path: str | os.PathLike[str]) -> Path:
    """Check a file that was downloaded by other means and put it into the cache; return where it is there.

    Args:
        name: of the network that the file holds.
        path: the original, or the archive it is published in, under any file name.

    Raises:
        UnknownNetworkError: there is no such name.
        FileDamagedError: the content is not that of any file the network is published in.
        CurvesError: the file cannot be read, the network needs no file, or the cache cannot be written to.
    """
    entry, source = _entry(name), Path(path)
    if not entry.originals:
        raise CurvesError(f"{name} is built from formulas and needs no file; use it as it is")
    for original in entry.originals:
        for file in filter(None, (original, original.archive)):
            if matches(source, file.checksum):
                with locked(name):
                    return keep(original, source, packed=file is original.archive)
    expected = " or ".join(f"{file.filename} ({file.checksum})" for file in entry.files())
    raise FileDamagedError(
        f"{source} is damaged or no file of {name}: its checksum is not that of {expected}; download it again"
    )


def _entry(name: str) -> Entry:
    if name not in CATALOGUE:
        raise _unknown(name, "network")
    return CATALOGUE[name]


def _unknown(name: str, what: str) -> UnknownNetworkError:
    near = get_close_matches(name.lower(), CATALOGUE, n=2, cutoff=0.5)
    hint = f" (perhaps {' or '.join(near)}?)" if near else ""
    return UnknownNetworkError(f"there is no {what} {name!r}{hint}; the known networks are {', '.join(CATALOGUE)}")


def _describe(entry: Entry) -> Available:
    path = next((path for _, path in _candidates(entry)), None)
    state = "built in" if not entry.originals else "here" if path else "can be fetched"
    first = next(iter(entry.originals), None)
    published = first and (first.archive or first)
    return Available(
        entry.name,
        entry.description,
        entry.source,
        published.size if published else 0,
        entry.licence,
        published.checksum if published else None,
        path,
        state,
    )


def _candidates(entry: Entry) -> Iterator[tuple[Original, Path]]:
    """What lies under the name of one of the entry's files: in CURVES_WEIGHTS, then in the cache; archives last."""
    folders = [*given_folders(), cache_folder()]
    files = [*entry.originals, *(original.archive for original in entry.originals if original.archive)]
    for file in files:
        for folder in folders:
            if (path := folder / file.filename).is_file():
                yield file, path


def _find(entry: Entry) -> Path | None:
    """A good original on this machine; none if there is none."""
    for file, path in _candidates(entry):
        if file in entry.originals and _good(file, path):
            return path
    return None


def _unpack(entry: Entry) -> Path | None:
    """The original, taken from an archive on this machine."""
    for file, path in _candidates(entry):
        for original in entry.originals:
            if original.archive == file and _good(file, path):
                return keep(original, path, packed=True)
    return None


def _good(file: Original, path: Path) -> bool:
    """Whether the file is good; a damaged one is an error in the user's folders, in the cache it is fetched anew."""
    if path.parent == cache_folder():
        return matches(path, file.checksum)
    check(path, file)
    return True


def _download(entry: Entry) -> Path:
    original = entry.originals[0]
    file = original.archive or original
    target = cache_folder() / file.filename
    try:
        if file.requirement:
            download_wheel(file.requirement, target, file.checksum)
        elif file.url:
            download(file.url, target, file.checksum)
    except DownloadError as error:
        raise DownloadError(
            f"{error}; download {file.filename} ({entry.source}) by other means and run "
            f"`curves weights import {entry.name} FILE`, or put it into the folder {target.parent}"
        ) from error
    if file is original:
        return target
    path = keep(original, target, packed=True)
    target.unlink()
    return path
