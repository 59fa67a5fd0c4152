"""Families in files, as `curves families NET -o FILE` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from circuits import Family

__all__ = ["read_families"]


def read_families(path: Path) -> list[Family]:
    """All families in a file.

    Raises:
        CurvesError: it cannot be read, or holds none.
    """
    import tomllib

    from circuits import CurvesError, Family

    try:
        return [Family.from_json(table) for table in tomllib.loads(path.read_text(encoding="utf-8"))["family"]]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CurvesError(f"{path} holds no families ({error}); `curves families NET -o FILE` writes them") from None
