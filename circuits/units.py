"""Units (one channel of a layer) and families (units that detect one feature in different directions)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from circuits.angles import difference
from circuits.errors import CurvesError, UnknownUnitError

__all__ = ["Family", "Member", "Unit"]


@dataclass(frozen=True, order=True)
class Unit:
    """One channel of a layer, written `3b:379`; of a bottleneck, `3b/3x3_bottleneck:17`.

    It equals its written form, so that `graph.nx.nodes["3b:379"]` and `"3b:379" in family.units` do what they say.
    """

    layer: str
    channel: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(str(self)))  # graphs ask for it often

    @classmethod
    def parse(cls, name: str | Unit) -> Unit:
        """Read `layer:channel`; a `Unit` is returned as it is.

        Whether a network has the unit is for `Network.unit` to say.

        Raises:
            UnknownUnitError: the text is not of that form.
        """
        if isinstance(name, Unit):
            return name
        layer, colon, channel = str(name).rpartition(":")
        if not (colon and layer and channel.isascii() and channel.isdigit()):
            raise UnknownUnitError(f"{name!r} is no unit; write layer:channel with a channel from 0, such as 3b:379")
        return cls(layer, int(channel))

    def __str__(self) -> str:
        return f"{self.layer}:{self.channel}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Unit):
            return (self.layer, self.channel) == (other.layer, other.channel)
        return isinstance(other, str) and str(self) == other

    def __reduce__(self) -> tuple[type[Unit], tuple[str, int]]:
        return Unit, (self.layer, self.channel)  # a text's hash differs from process to process

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined, no-any-return]


@dataclass(frozen=True)
class Member:
    """A unit of a family.

    Attributes:
        unit: which one.
        direction: degrees, counter-clockwise with y up; of a curve, from the middle of the arc to its centre.
        evidence: the measurements that made it a member, by name.
        why: the same in one sentence.
    """

    unit: Unit
    direction: float
    evidence: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Family:
    """Units of one layer that detect one feature in different directions, ordered by direction.

    Attributes:
        name: what it detects, such as `curve`.
        layer: where the units are.
        members: the units, in ascending direction.
        period: degrees after which the feature is itself again: 360 for a curve, 180 for a line.
        source: `measured`, `published: WHERE` or `by construction`: where membership and directions come from.
    """

    name: str
    layer: str
    members: tuple[Member, ...]
    period: float = 360.0
    source: str = "measured"

    def __post_init__(self) -> None:
        if not (0 < self.period <= 360 and 360 % self.period == 0):
            raise CurvesError(f"a period of {self.period} degrees does not divide 360; give 360, 180, 120 ...")
        if stray := [str(m.unit) for m in self.members if not math.isfinite(m.direction)]:
            raise CurvesError(f"{stray[0]} has no finite direction; give degrees")
        if not self.members:
            raise CurvesError(f"the family {self.name!r} of {self.layer} has no members; name at least one unit")
        if stray := [str(m.unit) for m in self.members if m.unit.layer != self.layer]:
            raise CurvesError(f"the family {self.name!r} is of layer {self.layer}, but {', '.join(stray)} is not")
        if len({m.unit for m in self.members}) < len(self.members):
            raise CurvesError(f"the family {self.name!r} names a unit twice; name each once")
        object.__setattr__(self, "members", tuple(sorted(self.members, key=lambda m: m.direction % self.period)))

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units, in order of direction."""
        return tuple(member.unit for member in self.members)

    @property
    def channels(self) -> tuple[int, ...]:
        """The units' channels, in order of direction."""
        return tuple(member.unit.channel for member in self.members)

    @property
    def directions(self) -> tuple[float, ...]:
        """The units' directions in degrees, ascending."""
        return tuple(member.direction for member in self.members)

    def nearest(self, direction: float) -> Member:
        """The member that points most nearly in a direction, in degrees."""
        return min(self.members, key=lambda member: abs(difference(member.direction, direction, self.period)))

    def to_json(self, evidence: bool = True) -> dict[str, Any]:
        """The family as JSON-able data: `members` with all that is known of them, or `units` with directions alone."""
        data = {"name": self.name, "layer": self.layer, "period": self.period, "source": self.source}
        if not evidence:
            return data | {"units": {str(member.unit): member.direction for member in self}}
        return data | {"members": [asdict(m) | {"unit": str(m.unit), "evidence": dict(m.evidence)} for m in self]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Family:
        """Rebuild a family from `to_json`'s data; `period` and `source` may be left out.

        Raises:
            CurvesError: something is missing, unknown or not of its kind.
        """
        try:
            rest = {key: value for key, value in data.items() if key not in {"members", "units"}}
            if "members" in data:
                members = [Member(**{**member, "unit": Unit.parse(member["unit"])}) for member in data["members"]]
            else:
                members = [Member(Unit.parse(unit), float(angle)) for unit, angle in data["units"].items()]
            return cls(members=tuple(members), **rest)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, CurvesError):
                raise
            raise CurvesError(
                f'a family needs name, layer and units = {{"3b:379" = 12.5, ...}} with directions in degrees ({error})'
            ) from None
