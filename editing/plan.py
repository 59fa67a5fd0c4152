"""Plans: edits in order, kept as a TOML file, applied without touching what they are applied to."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from circuits import CurvesError, FileDamagedError, Network
from circuits.files import write_text
from editing.edits import Edge, Edit, edit_from_json

__all__ = ["Plan"]

SELECTIONS = {"source", "target", "to", "units"}
"""The fields of edits that choose units, and may name a family of the plan."""


class Plan:
    """An ordered list of edits.

    Args:
        edits: applied first to last.
        network: identity (or the start of it, 8 digits or more) of the only network that the plan is for.
    """

    def __init__(self, edits: Iterable[Edit], network: str | None = None) -> None:
        self.edits = tuple(edits)
        self.network = network
        self._places: Sequence[str] = [f"edit {n} of {len(self.edits)}" for n in range(1, len(self.edits) + 1)]

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and (self.edits, self.network) == (other.edits, other.network)

    def __hash__(self) -> int:
        return hash((self.edits, self.network))

    def __repr__(self) -> str:
        return f"Plan({list(self.edits)!r})"

    def apply(self, net: Network) -> Network:
        """The edited network; `net` is as before.

        Its provenance says which network it was made from and by which edits. An empty plan gives the same network.

        Raises:
            CurvesError: the plan is for another network, an edit does not fit this one, or two edits set the same edge
                to different things; none has been applied then.
        """
        identity = net.identity
        if self.network is not None and not identity.startswith(self.network):
            raise CurvesError(
                f"the plan is for the network {self.network[:8]}, this one is {identity[:8]} ({net.provenance.name}); "
                f"apply it to that one, or take `network` out of the plan if it is meant for this one as well"
            )
        edited = net
        settled: dict[Edge, tuple[int, object]] = {}
        for number, edit in enumerate(self.edits):
            where = f"{self._places[number]} ({edit.kind})"
            try:
                for edge, value in edit.settles(edited).items():
                    earlier, other = settled.setdefault(edge, (number, value))
                    if other != value:
                        raise CurvesError(
                            f"it sets the edge {edge[0]} -> {edge[1]}, which {self._places[earlier]} "
                            f"({self.edits[earlier].kind}) has set to something else; keep one of the two"
                        )
                edited = edit.apply(edited)
            except CurvesError as error:
                raise type(error)(f"{where} does not fit: {error}") from error
        origin = net.provenance
        return edited.evolve(
            provenance=dataclasses.replace(
                origin,
                name=f"{origin.name} edited",
                parent=identity,
                edits=(*origin.edits, *(edit.to_json() for edit in self.edits)),
            )
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as TOML: one `[[edit]]` table for each edit, and one `[[family]]` for each family they name.

        Networks that a graft takes units from, and that are in no file yet, are saved beside it.

        Raises:
            CurvesError: the place cannot be written to.
        """
        data = [edit.stored(Path(path).parent).to_json() for edit in self.edits]
        families = _families(data)
        edits = [_with_references(edit, families) for edit in data]
        parts = [tomli_w.dumps({"network": self.network})] if self.network else []
        parts += [f"[[family]]\n{_table('family', family)}" for family in families]
        parts += [f"[[edit]]\n{_table('edit', edit)}" for edit in edits] or ["edit = []\n"]
        write_text(path, "\n".join(parts))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan written by `save` or by hand.

        Raises:
            CurvesError: there is no such file, or an edit is unknown or lacks something; the message says which line.
            FileDamagedError: it is not TOML.
        """
        if not Path(path).is_file():
            raise CurvesError(f"there is no plan {path}; check the name, or write one with Plan.save")
        try:
            text = Path(path).read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FileDamagedError(f"{path} is not a TOML file ({error}); mend that place") from error
        tables, families, network = data.get("edit", 0), data.get("family", []), data.get("network")
        fits = _are_tables(tables) and _are_tables(families) and isinstance(network, str | None)
        if not fits or network == "" or data.keys() - {"edit", "family", "network"}:
            raise CurvesError(
                f"{path} holds no plan; write each edit as a table [[edit]] with its kind, families as tables "
                f"[[family]], perhaps network = the identity of the network that it is for, and nothing else"
            )
        named = {str(number): family for number, family in enumerate(families, start=1)}
        places = _places(str(path), text, len(tables))
        edits = []
        for place, table in zip(places, tables, strict=True):
            try:
                edits.append(edit_from_json(_with_families(table, named)).located(Path(path).parent))
            except CurvesError as error:
                raise type(error)(f"{place}: {error}") from error
        plan = cls(edits, network)
        plan._places = places
        return plan


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def _places(path: str, text: str, count: int) -> list[str]:
    """Where each edit stands, as an error should say it."""
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*edit\s*\]\]", line)]
    if len(lines) != count:  # tables written inline
        return [f"{path}, edit {n} of {count}" for n in range(1, count + 1)]
    return [f"{path} line {line}, edit {n} of {count}" for n, line in enumerate(lines, start=1)]


def _table(name: str, data: Mapping[str, Any]) -> str:
    """A table's contents as TOML, tables inside it behind what is plain."""
    plain = {key: value for key, value in data.items() if not isinstance(value, dict)}
    inner = [f"[{name}.{key}]\n{_table(f'{name}.{key}', data[key])}" for key in data if key not in plain]
    return "\n".join([tomli_w.dumps(plain), *inner])


def _families(value: Any) -> list[Any]:
    """The families in an edit's data, each once."""
    if isinstance(value, dict) and value.keys() >= {"name", "layer", "units"}:
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found: list[Any] = []
    for family in (family for item in inner for family in _families(item)):
        if family not in found:
            found.append(family)
    return found


def _with_references(value: Any, families: list[Any]) -> Any:
    """Put names in the place of families, numbers where two have the same."""
    if isinstance(value, list):
        return [_with_references(item, families) for item in value]
    if not isinstance(value, dict):
        return value
    if value not in families:
        return {key: _with_references(item, families) for key, item in value.items()}
    same = [family for family in families if (family["layer"], family["name"]) == (value["layer"], value["name"])]
    return f"family:{value['layer']}/{value['name']}" if len(same) == 1 else f"family:{families.index(value) + 1}"


def _with_families(table: dict[str, Any], families: dict[str, Any]) -> dict[str, Any]:
    """Put families in the place of their names, where units are chosen."""
    return {k: _without_references(v, families) if k in SELECTIONS else v for k, v in table.items()}


def _without_references(value: Any, families: dict[str, Any]) -> Any:
    """Put families in the place of their names: `family:LAYER/NAME`, or `family:NAME` if only one layer has it."""
    if isinstance(value, list):
        return [_without_references(item, families) for item in value]
    if isinstance(value, dict):
        return {key: _without_references(item, families) for key, item in value.items()}
    if not isinstance(value, str) or not value.startswith("family:"):
        return value
    name = value.removeprefix("family:")
    keys = {number: f"{family.get('layer')}/{family.get('name')}" for number, family in families.items()}
    exact = [number for number, key in keys.items() if name == key]
    found = (
        [n for n in keys if n == name]
        or exact
        or [number for number, family in families.items() if family.get("name") == name]
    )
    if len(found) != 1:
        have = ", ".join(keys.values()) or "none"
        raise CurvesError(
            f"{value!r} names {len(found)} families of the plan, which has {have}; write family:LAYER/NAME"
        )
    return families[found[0]]
