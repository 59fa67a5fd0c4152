"""Choosing units: by name, by layer, by family; and pairs of them by direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from circuits import CurvesError, Family, Member, Network, Unit

__all__ = ["Selection", "Selector"]

Selector = str | Unit | Family | Mapping[str, Any]
"""A unit (`3b:379`), all units of a layer (`3b`), or a family, which as data is {name, layer, period, units}."""


@dataclass(frozen=True)
class Selection:
    """Units, in the order given.

    Attributes:
        parts: units, names of layers, and families.
    """

    parts: tuple[Unit | Family | str, ...]

    @classmethod
    def of(cls, given: object) -> Selection:
        """Read one selector or several.

        Raises:
            CurvesError: there is none, or one is nothing that names units.
        """
        if isinstance(given, Selection):
            return given
        several = isinstance(given, Sequence) and not isinstance(given, str)
        parts = [_part(one) for one in (given if several else [given])]  # type: ignore[attr-defined]
        if not parts:
            raise CurvesError("no units are named; give at least one, such as 3b:379, a layer or a family")
        return cls(tuple(parts))

    def __iter__(self) -> Iterator[Unit | Family | str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def resolve(self, net: Network) -> dict[Unit, float | None]:
        """The units with their directions in degrees, None for those that are in no family.

        Raises:
            UnknownLayerError: the network has no such layer.
            UnknownUnitError: the network has no such unit.
        """
        found: dict[Unit, float | None] = {}
        for part in self.parts:
            if isinstance(part, Family):
                found |= {net.unit(member.unit): member.direction for member in part}
            else:
                whole = isinstance(part, str) and (part in net.layers or ":" not in part)
                for unit in net.units(str(part)) if whole else [net.unit(part)]:
                    found.setdefault(unit, None)
        return found

    def directions(self) -> dict[Unit, tuple[float, ...]]:
        """Of units in families, all angles that mean their direction: a line's are two, 180 degrees apart."""
        found: dict[Unit, tuple[float, ...]] = {}
        for family in self.parts:
            if isinstance(family, Family):
                turns = [i * family.period for i in range(round(360 / family.period))]
                found |= {m.unit: tuple(m.direction + turn for turn in turns) for m in family}
        return found

    def to_json(self) -> Any:
        """The selection as data: one selector, or a list of several."""
        data = [part.to_json(evidence=False) if isinstance(part, Family) else str(part) for part in self.parts]
        return data[0] if len(data) == 1 else data


def _part(given: object) -> Unit | Family | str:
    if isinstance(given, Unit):
        return given
    if isinstance(given, Family):  # an edit is about units and directions; evidence is for reports
        members = tuple(Member(member.unit, member.direction) for member in given)
        return Family(given.name, given.layer, members, given.period, given.source)
    if isinstance(given, Mapping):
        return Family.from_json(given)
    if not isinstance(given, str) or not given:
        raise CurvesError(f"{given!r} names no units; write a unit (3b:379), a layer (3b) or a family")
    if given.startswith("family:"):
        raise CurvesError(f"{given!r} is no family of this plan; add it as a table [[family]], or name units")
    # A private copy's name holds a unit's: whether it is the layer or one of its units is for the network to say.
    return Unit.parse(given) if ":" in given and "@" not in given else given
