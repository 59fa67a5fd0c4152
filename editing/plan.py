"""Plans: edits in order, kept as a TOML file, applied without touching what they are applied to."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import tomli_w

from circuits import CurvesError, FileDamagedError, Network
from circuits.files import write_text
from editing.edits import Edit, edit_from_json

__all__ = ["Plan"]


class Plan:
    """An ordered list of edits.

    Args:
        edits: applied first to last.
    """

    def __init__(self, edits: Iterable[Edit]) -> None:
        self.edits = tuple(edits)

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.edits == other.edits

    def __hash__(self) -> int:
        return hash(self.edits)

    def __repr__(self) -> str:
        return f"Plan({list(self.edits)!r})"

    def apply(self, net: Network) -> Network:
        """The edited network; `net` is as before.

        Its provenance says which network it was made from and by which edits.

        Raises:
            CurvesError: an edit does not fit the network; none has been applied then.
        """
        edited = net
        for number, edit in enumerate(self.edits, start=1):
            try:
                edited = edit.apply(edited)
            except CurvesError as error:
                raise type(error)(f"edit {number} of {len(self)} ({edit.kind}) does not fit: {error}") from error
        origin = net.provenance
        return edited.evolve(
            provenance=dataclasses.replace(
                origin,
                name=f"{origin.name} edited",
                parent=net.identity,
                edits=(*origin.edits, *(edit.to_json() for edit in self.edits)),
            )
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as TOML, one `[[edit]]` table for each edit.

        Raises:
            CurvesError: the place cannot be written to.
        """
        write_text(path, tomli_w.dumps({"edit": [edit.to_json() for edit in self.edits]}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan written by `save` or by hand.

        Raises:
            CurvesError: there is no such file, or an edit is unknown.
            FileDamagedError: it is not TOML.
        """
        if not Path(path).is_file():
            raise CurvesError(f"there is no plan {path}; check the name, or write one with Plan.save")
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FileDamagedError(f"{path} is not a TOML file ({error}); mend that place") from error
        tables = data.get("edit")
        if data.keys() != {"edit"} or not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            raise CurvesError(
                f"{path} holds no plan; write each edit as a table [[edit]] with its kind, and nothing else"
            )
        return cls(edit_from_json(table) for table in tables)
