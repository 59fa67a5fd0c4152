"""What an edit is: a small piece of data that, applied to a network, gives another network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from circuits import CurvesError, Network, Unit
from editing.selection import Selection

__all__ = ["EDITS", "Edge", "Edit", "edit_from_json", "entry", "units_entry"]

Edge = tuple[Unit, Unit]
"""Source and target."""

EDITS: dict[str, type[Edit]] = {}
"""The edits by kind."""


@dataclass(frozen=True)
class Edit(ABC):
    """A change of a circuit, as data. Applying it leaves the network that it is given untouched.

    The fields of a subclass are made with `entry`; what they take in Python is what they take in a plan.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "kind" in cls.__dict__:
            EDITS[cls.kind] = cls

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, f.metadata["read"](getattr(self, f.name)))

    @abstractmethod
    def apply(self, net: Network) -> Network:
        """The changed network; it shares the memory of all tensors that are the same.

        Raises:
            CurvesError: the edit does not fit the network.
        """

    def settles(self, net: Network) -> Mapping[Edge, object]:  # noqa: ARG002
        """The edges whose kernels this edit sets outright, each with what it sets: two edits must agree on it."""
        return {}

    def stored(self, folder: Path) -> Edit:  # noqa: ARG002
        """The same edit for a plan that is saved in a folder, with all that it needs in files there."""
        return self

    def located(self, folder: Path) -> Edit:  # noqa: ARG002
        """The same edit of a plan that was read from a folder, with its files looked for there."""
        return self

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON- and TOML-able data, `kind` first; fields at their defaults are left out."""
        data: dict[str, Any] = {"kind": self.kind}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.default is MISSING or value != f.default:
                data[f.name] = f.metadata["write"](value)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the edit from `to_json`'s data.

        Raises:
            CurvesError: a field is missing, unknown or not of its kind.
        """
        known = {f.name: f.default is MISSING for f in fields(cls)}
        given = {name: value for name, value in data.items() if name != "kind"}
        if unknown := given.keys() - known.keys():
            raise CurvesError(f"there is no {sorted(unknown)[0]!r} in {cls.kind}; it has {', '.join(known)}")
        if missing := [name for name, needed in known.items() if needed and name not in given]:
            raise CurvesError(f"{cls.kind} lacks {' and '.join(missing)}; it has {', '.join(known)}")
        return cls.make(**given)

    @classmethod
    def make(cls, **given: Any) -> Self:
        """The edit with these fields."""
        return cls(**given)


def entry(read: Callable[[Any], Any], default: Any = MISSING, write: Callable[[Any], Any] = lambda value: value) -> Any:
    """A field of an edit.

    Args:
        read: from what is given, in Python or as data, to the value; raises CurvesError.
        default: the value that may be left out.
        write: from the value to data.
    """
    return field(default=default, metadata={"read": read, "write": write})


def units_entry() -> Any:
    """A field that is a selection of units."""
    return entry(Selection.of, write=lambda selection: selection.to_json())


def edit_from_json(data: Mapping[str, Any]) -> Edit:
    """Rebuild an edit from `Edit.to_json`'s data.

    Raises:
        CurvesError: the kind is unknown, or a field is missing, unknown or not of its kind.
    """
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in EDITS:
        raise CurvesError(f"there is no edit of kind {kind!r}; the kinds are {', '.join(EDITS)}")
    return EDITS[kind].from_json(data)
