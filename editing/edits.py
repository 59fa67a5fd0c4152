"""Edits: each a small piece of data that, applied to a network, gives another network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch

from circuits import CurvesError, Network, Unit

__all__ = ["EDITS", "Ablate", "Edit", "edit_from_json"]


class Edit(Protocol):
    """A change of a circuit, as data. Applying it leaves the network that it is given untouched."""

    kind: ClassVar[str]

    def apply(self, net: Network) -> Network:
        """The changed network; it shares the memory of all tensors that are the same."""

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON- and TOML-able data, `kind` first."""


@dataclass(frozen=True, init=False)
class Ablate:
    """Silence units: their pre-activation is 0 for every image, and so their activation.

    Exact, and still a plain network: the unit's weights and bias are set to zero. What reads the unit reads zeros.

    Args:
        units: a unit or several, as `3b:379` or `Unit`.
    """

    units: tuple[Unit, ...] = field()

    kind: ClassVar[str] = "ablate"

    def __init__(self, *units: str | Unit) -> None:
        if not units:
            raise CurvesError("there is nothing to ablate; name at least one unit, such as 3b:379")
        object.__setattr__(self, "units", tuple(dict.fromkeys(Unit.parse(unit) for unit in units)))

    def apply(self, net: Network) -> Network:
        """The network with the units silenced.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: a unit is not computed by weights.
        """
        rows: dict[str, list[int]] = {}
        for unit in self.units:
            op, row = net.producer(unit)
            rows.setdefault(op, []).append(row)
        changed = {}
        for op, silent in rows.items():
            for name in (f"{op}/weight", f"{op}/bias"):
                tensor = net.tensors[name].detach().clone()
                tensor[torch.tensor(silent, device=tensor.device)] = 0
                changed[name] = tensor
        return net.evolve(tensors=changed)

    def to_json(self) -> dict[str, Any]:
        """The edit as data."""
        return {"kind": self.kind, "units": [str(unit) for unit in self.units]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ablate:
        """Rebuild the edit from data."""
        return cls(*data["units"])


EDITS = {Ablate.kind: Ablate}
"""The edits by kind."""


def edit_from_json(data: Mapping[str, Any]) -> Edit:
    """Rebuild an edit from `Edit.to_json`'s data.

    Raises:
        CurvesError: the kind is unknown or a field is missing or left over.
    """
    kind = data.get("kind")
    if kind not in EDITS:
        raise CurvesError(f"there is no edit of kind {kind!r}; the kinds are {', '.join(EDITS)}")
    units = data.get("units")
    if data.keys() != {"kind", "units"} or not isinstance(units, list) or not all(isinstance(u, str) for u in units):
        raise CurvesError(f'an edit of kind {kind!r} needs units = ["3b:379", ...] and nothing else')
    return EDITS[kind].from_json(data)
