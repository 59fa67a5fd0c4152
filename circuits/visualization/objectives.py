"""Objectives: what a picture is to excite, written in the maps of a network's layers.

Sources: Olah, Mordvintsev and Schubert, "Feature Visualization" (2017), sections on objectives and on interaction
between neurons; `cosine` is Lucid's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.units import Unit

__all__ = ["Direction", "Excite", "Objective", "Read", "Sum"]

_LEAST_COSINE = 0.1
"""As in Lucid: a picture that points away from the direction must still have a gradient."""


@dataclass(frozen=True)
class Read:
    """A part of a layer's maps.

    Attributes:
        layer: which layer.
        pre: the values before the ReLU instead of after.
        extent: rows and columns; None for the whole maps, which only a picture of a given size has.
        at: how far the part's middle is from the middle of the picture: rows down, columns to the right.
    """

    layer: str
    pre: bool = True
    extent: tuple[int, int] | None = (1, 1)
    at: tuple[int, int] = (0, 0)


class Objective(ABC):
    """Something to maximise. Objectives add up, and can be multiplied by numbers."""

    @abstractmethod
    def reads(self, net: Network) -> tuple[Read, ...]:
        """The parts of the maps that it depends on.

        Raises:
            CurvesError: the network has not what it is about.
        """

    @abstractmethod
    def value(self, maps: Mapping[Read, Tensor]) -> Tensor:
        """The objective of each picture, (N,), from what it reads, each N x C x h x w."""

    def __add__(self, other: Objective) -> Objective:
        return Sum((*_terms(self), *_terms(other)))

    def __mul__(self, factor: float) -> Objective:
        return Sum(tuple((factor * weight, term) for weight, term in _terms(self)))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective) -> Objective:
        return self + -other


@dataclass(frozen=True)
class Excite(Objective):
    """One unit.

    Attributes:
        unit: which, or its name.
        at: its place, counted in units of the layer from the middle of the picture: rows down, columns to the right;
            None for all places of the map, of which it is the mean (Lucid's `channel`).
        pre: its value before the ReLU, which has a gradient also where the unit is silent, instead of after.
    """

    unit: Unit | str
    at: tuple[int, int] | None = (0, 0)
    pre: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", Unit.parse(self.unit))

    @property
    def _read(self) -> Read:
        assert isinstance(self.unit, Unit)
        return _read(self.unit.layer, self.pre, self.at, (1, 1))

    def reads(self, net: Network) -> tuple[Read, ...]:
        """The unit's place in its layer's map."""
        net.unit(self.unit)
        return (self._read,)

    def value(self, maps: Mapping[Read, Tensor]) -> Tensor:
        """The unit's value, or its mean over all places."""
        assert isinstance(self.unit, Unit)
        return maps[self._read][:, self.unit.channel].flatten(1).mean(dim=1)

    def __str__(self) -> str:
        return str(self.unit) + _place(self.at)


@dataclass(frozen=True, eq=False)
class Direction(Objective):
    """A direction in a layer's space: a combination of its units, an activation vector or an attribution.

    Attributes:
        layer: which layer.
        vector: a weight for each unit, (C,), or for each unit and place, C x h x w, such as an attribution to a layer.
        cosine: the dot product is multiplied by the cosine to this power (at least 0.1): pictures that excite other
            things as well are worth less.
        at: where, as of `Excite`; of C x h x w its middle. None, for (C,) alone: the mean over all places.
        pre: the layer's values before the ReLU instead of after.
        name: what to call it.

    Raises:
        CurvesError: the vector has another shape, is not finite or all zero, or a tensor of places is to be everywhere.
    """

    layer: str
    vector: Tensor = field(repr=False)
    cosine: float = 0.0
    at: tuple[int, int] | None = (0, 0)
    pre: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        vector = self.vector.detach()
        if vector.dim() not in (1, 3) or not vector.is_floating_point():
            raise CurvesError(
                f"a direction is floating-point, (C,) or C x h x w, not {vector.dtype} {tuple(vector.shape)}"
            )
        if not vector.isfinite().all() or not vector.any():
            raise CurvesError(f"a direction of {self.layer} must be finite and not all zero; check how it was made")
        if vector.dim() == 3 and self.at is None:
            raise CurvesError("a direction that has places, C x h x w, cannot be everywhere; give (C,), or a place")
        object.__setattr__(self, "vector", vector if vector.dim() == 3 else vector[:, None, None])

    @property
    def _read(self) -> Read:
        return _read(self.layer, self.pre, self.at, (self.vector.shape[1], self.vector.shape[2]))

    def reads(self, net: Network) -> tuple[Read, ...]:
        """As many places of all the layer's maps as the vector has."""
        count = net.layer(self.layer).channels
        if len(self.vector) != count:
            raise CurvesError(f"{self.layer} has {count} units, the direction is of {len(self.vector)}; give one each")
        return (self._read,)

    def value(self, maps: Mapping[Read, Tensor]) -> Tensor:
        """The dot product, times the cosine to its power."""
        seen = maps[self._read]
        if self.at is None:
            seen = seen.mean(dim=(2, 3), keepdim=True)
        seen, vector = seen.flatten(1), self.vector.to(seen).flatten()
        dot = seen @ vector
        if not self.cosine:
            return dot
        return dot * F.cosine_similarity(seen, vector[None]).clamp(min=_LEAST_COSINE) ** self.cosine

    def __str__(self) -> str:
        return (self.name or f"{self.layer} direction") + _place(self.at)


@dataclass(frozen=True)
class Sum(Objective):
    """Objectives of any layers, each times a number.

    Attributes:
        terms: the numbers and the objectives.
    """

    terms: tuple[tuple[float, Objective], ...]

    def reads(self, net: Network) -> tuple[Read, ...]:
        """What any of the terms reads."""
        return tuple(dict.fromkeys(read for _, term in self.terms for read in term.reads(net)))

    def value(self, maps: Mapping[Read, Tensor]) -> Tensor:
        """The sum."""
        first, *rest = (weight * term.value(maps) for weight, term in self.terms)
        return sum(rest, start=first)

    def __str__(self) -> str:
        return " + ".join(f"{term}" if weight == 1 else f"{weight:g} × {term}" for weight, term in self.terms)


def _terms(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    return objective.terms if isinstance(objective, Sum) else ((1.0, objective),)


def _read(layer: str, pre: bool, at: tuple[int, int] | None, extent: tuple[int, int]) -> Read:
    return Read(layer, pre, None) if at is None else Read(layer, pre, extent, at)


def _place(at: tuple[int, int] | None) -> str:
    if at is None:
        return " everywhere"
    return "" if at == (0, 0) else f" @{at[0]:+d},{at[1]:+d}"
