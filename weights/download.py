"""Downloading one file over HTTP so that what stands under its final name is always whole and right.

The bytes go to `NAME.part`. An interrupted download leaves it there, and the next one asks the server for the rest,
on the condition that the file is still the same (If-Range with the ETag or date it had, kept in `NAME.part.tag`). Only
when the checksum fits does the part get its final name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from circuits import CurvesError
from weights.cache import matches

__all__ = ["DownloadError", "download"]

TRIES = 4
"""How often in a row a download may fail without getting any further."""

PAUSE = 0.25
"""Seconds before another try; doubled for each failure in a row."""

TIMEOUT = httpx.Timeout(30.0, connect=15.0)
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}


class DownloadError(CurvesError):
    """A file cannot be had from where it is published, or it is no longer the same there."""


class _TryAgainError(Exception):
    """This try failed in a way that the next may not."""


def download(url: str, target: Path, checksum: str) -> Path:
    """Download `url` to `target`, continuing an interrupted download; show progress if on a terminal.

    The caller sees to it that no other process downloads to the same target.

    Args:
        url: where the file is.
        target: its final name.
        checksum: `ALGORITHM:HEX` that its content must have.

    Raises:
        DownloadError: the server cannot be reached or has no such file, or the content has another checksum. What
            came before an interruption is kept; what has the wrong checksum is deleted.
        CurvesError: the disk is full, or the folder cannot be written to.
    """
    part = _Part(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Whole already where the last run was stopped between the last byte and the renaming.
        if not (part.size and matches(part.path, checksum)):
            _transfer(url, part)
            if not matches(part.path, checksum):
                part.discard()
                raise DownloadError(f"what {url} gave has not the expected checksum {checksum}, so it was deleted")
        part.path.replace(target)
        part.discard()
    except OSError as error:
        raise CurvesError(
            f"cannot write {target}: {error.strerror or error}; free some space or name another folder in "
            "CURVES_CACHE, then run this again: it continues where it stopped"
        ) from error
    return target


class _Part:
    """The bytes that have come so far, and the tag (ETag or date) of the file they are of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._tag = target.with_name(f"{target.name}.part.tag")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def tag(self) -> str:
        return self._tag.read_text(encoding="latin-1") if self._tag.exists() else ""

    def begin(self, tag: str) -> None:
        """Forget the bytes; those to come are of the file with this tag."""
        self.path.write_bytes(b"")  # first: old bytes must never stand under the new tag
        self._tag.write_text(tag, encoding="latin-1")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)


def _transfer(url: str, part: _Part) -> None:
    """Get all bytes into `part`, trying again where that may help."""
    furthest, failures = part.size, 0
    with _client(url) as client, _progress(part.path.stem) as report:
        while True:
            try:
                _attempt(client, url, part, report)
                return
            except (httpx.TransportError, _TryAgainError) as error:
                # A server that cannot resume starts anew each time: only getting further than ever is progress.
                failures = 0 if part.size > furthest else failures + 1
                furthest = max(furthest, part.size)
                if failures == TRIES:
                    raise DownloadError(f"cannot download {url} ({_reason(error)})") from error
                time.sleep(PAUSE * 2**failures)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise DownloadError(f"cannot download {url} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _client(url: str) -> httpx.Client:
    try:
        return httpx.Client(follow_redirects=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"})
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        # The environment is at fault: HTTPS_PROXY, SSL_CERT_FILE and the like.
        raise DownloadError(f"cannot download {url}: the proxy or certificate settings are wrong ({error})") from error


def _attempt(client: httpx.Client, url: str, part: _Part, report: Callable[[int, int | None], None]) -> None:
    """One request: all of the file, or the rest of it.

    Raises:
        httpx.TransportError: the connection failed or was cut.
        _TryAgainError: the server is busy, or gave something that cannot be used now.
        DownloadError: the server says that it has no such file.
    """
    start = part.size
    headers = {}
    if start:
        headers["Range"] = f"bytes={start}-"
        if part.tag:
            headers["If-Range"] = part.tag
    with client.stream("GET", url, headers=headers) as response:
        status = response.status_code
        if status in _TEMPORARY:
            raise _TryAgainError(f"the server says {status} {response.reason_phrase}")
        if start and (status == 416 or (status == 206 and not _continues(response, start, part.tag))):
            part.discard()
            raise _TryAgainError("the file changed on the server")
        if status not in ({200, 206} if start else {200}):
            raise DownloadError(f"cannot download {url} (the server says {status} {response.reason_phrase})")
        if status == 200:
            start = 0
            part.begin(_tag(response))
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        with part.path.open("ab") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                report(file.tell(), total)


def _tag(response: httpx.Response) -> str:
    """What If-Range may name: a strong ETag, else the date of the last change."""
    etag: str = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _continues(response: httpx.Response, start: int, tag: str) -> bool:
    """Whether a partial response starts where we stopped, in the same file (some servers ignore If-Range)."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == start and _tag(response) in {tag, ""}


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr if that is a terminal: bytes, speed, time left. The callable takes bytes so far and in all."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
