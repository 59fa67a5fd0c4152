"""Families of a layer with their weights: what every layer's module makes, and reads of the layer below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from handbuilt.geometry import Array

__all__ = ["Part", "named", "reading"]


@dataclass(frozen=True)
class Part:
    """The units of one family in a layer.

    Attributes:
        name: of the family, such as `early curve`.
        angles: degrees, one for each unit.
        period: degrees after which the feature is itself again.
        kernels: units x channels of the layer below x rows x columns.
        threshold: subtracted before the ReLU.
        notes: what else is to be known of its units, as numbers by name, such as the radii that they are made for.
    """

    name: str
    angles: Array
    period: float
    kernels: Array
    threshold: float = 0.0
    notes: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.angles)


def reading(below: Sequence[Part], kernels: Mapping[str, Array]) -> Array:
    """Kernels over all channels of the layer below: those given, by family, and zero for families not named.

    Families of one name, such as curves of several bands of radius, are read alike.

    Args:
        below: the families of the layer below, in the order of its channels.
        kernels: by family, units x units of that family x rows x columns, all of the same number of units and size.
    """
    units, _, rows, columns = next(iter(kernels.values())).shape
    nothing = [np.zeros((units, len(part), rows, columns)) for part in below]
    return np.concatenate([kernels.get(part.name, empty) for part, empty in zip(below, nothing, strict=True)], axis=1)


def named(parts: Sequence[Part], name: str) -> Part:
    """The first family of that name."""
    return next(part for part in parts if part.name == name)
