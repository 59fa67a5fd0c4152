"""Grafting as an edit: units of another network, kept in a file, in the place of units of this one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from circuits import CurvesError, Network, Unit
from circuits.transplant import graft_name, transplant
from editing.edits import Edit, entry
from editing.readers import number_or_many, plain

__all__ = ["Donor", "Graft"]


@dataclass(frozen=True)
class Donor:
    """The network that grafted units come from; the same if its identity is.

    Attributes:
        identity: which network it is; None for whatever the file holds.
        file: where it is kept; None for a network that is only in memory.
        network: the network, once it has been read.
    """

    identity: str | None = field(compare=False)
    file: str | None = field(default=None, compare=False)
    network: Network | None = field(default=None, compare=False, repr=False)

    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.identity or str(Path(self.file or "").resolve()))

    def load(self) -> Network:
        """The network.

        Raises:
            CurvesError: the file is not there, or holds another network.
            FileDamagedError: the file is damaged.
        """
        if self.network is not None:
            return self.network
        assert self.file is not None
        net = Network.load(self.file)
        if self.identity not in (None, net.identity):
            raise CurvesError(
                f"{self.file} holds the network {net.identity[:8]}, the plan wants {str(self.identity)[:8]}; "
                f"put that file there, or take `identity` out of the plan"
            )
        return net

    def to_json(self) -> dict[str, str]:
        """File and identity, as far as they are known."""
        known = {"file": self.file, "identity": self.identity}
        return {key: value for key, value in known.items() if value is not None}


def _donor(given: Any) -> Donor:
    if isinstance(given, Donor):
        return given
    if isinstance(given, Network):
        return Donor(given.identity, None, given)
    if isinstance(given, str | os.PathLike):
        return Donor(None, os.fspath(given))
    if isinstance(given, Mapping) and given.keys() <= {"identity", "file"} and isinstance(given.get("file"), str):
        return Donor(given.get("identity"), given["file"])
    raise CurvesError(f"donor is a saved network, its path or {{file, identity}}, not {given!r}")


def _units(given: Any) -> tuple[tuple[Unit, Unit], ...]:
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        found = tuple((Unit.parse(old), Unit.parse(new)) for old, new in pairs)
    except (TypeError, ValueError) as error:
        if isinstance(error, CurvesError):
            raise
        found = ()
    if not found or len(dict(found)) < len(found):
        raise CurvesError('units is a table of host = donor units, such as {"3b:379" = "3b:7"}')
    return found


@dataclass(frozen=True)
class Graft(Edit):
    """Put units of another network in the place of units of this one, with all that they need upstream.

    The rest of the network stays as it is, and reads the new units where it read the old ones.

    Attributes:
        donor: a network, or the file of a saved one.
        units: by unit of this network, the donor's that takes its place. Both must see the same pixels.
        scale: what the donor's pre-activations are multiplied by; one number, or one for each unit.
        shift: what is added to them then; likewise.
        reference: where the numbers come from, for the record.
    """

    donor: Donor = entry(_donor, write=lambda donor: donor.to_json())
    units: tuple[tuple[Unit, Unit], ...] = entry(_units, write=lambda u: {str(old): str(new) for old, new in u})
    scale: float | tuple[float, ...] = entry(number_or_many, 1.0, plain)
    shift: float | tuple[float, ...] = entry(number_or_many, 0.0, plain)
    reference: str = entry(str, "")

    kind: ClassVar[str] = "graft"

    def apply(self, net: Network) -> Network:
        """The network with the donor's units.

        Raises:
            UnknownUnitError: a network has no such unit.
            CurvesError: units see other pixels, or there are not as many numbers as units.
        """
        numbers = []
        for name, value in (("scale", self.scale), ("shift", self.shift)):
            values = value if isinstance(value, tuple) else (value,) * len(self.units)
            if len(values) != len(self.units):
                raise CurvesError(f"there are {len(values)} numbers in {name} for {len(self.units)} units")
            numbers.append(values)
        return transplant(net, self.donor.load(), dict(self.units), *numbers)

    def stored(self, folder: Path) -> Graft:
        """The same edit with its donor in a file, which is written into the folder if it was only in memory."""
        if self.donor.file is not None:
            return replace(self, donor=replace(self.donor, file=os.path.relpath(self.donor.file, folder)))
        net = self.donor.load()
        path = folder / f"{graft_name(net)}.safetensors"
        net.save(path)
        return replace(self, donor=Donor(net.identity, path.name, net))

    def located(self, folder: Path) -> Graft:
        """The same edit with its donor's file looked for in the folder."""
        file = self.donor.file
        return self if file is None else replace(self, donor=replace(self.donor, file=os.path.normpath(folder / file)))
