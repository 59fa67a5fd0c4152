"""Reading a file that is one protobuf message."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from circuits import FileDamagedError
from weights.importers.draft import read_bytes

__all__ = ["read_message"]

M = TypeVar("M", bound=Message)


def read_message(path: str | Path, message: type[M], what: str) -> tuple[bytes, M]:
    """The bytes of a file and the message that they are; `what` is what such a file is called.

    Raises:
        CurvesError: there is no such file.
        FileDamagedError: it is no such message, or is cut inside of a record.
    """
    data = read_bytes(path)
    try:
        return data, message.FromString(data)
    except DecodeError as error:
        raise FileDamagedError(f"{path} is no {what} or is cut short ({error}); fetch it again") from error
