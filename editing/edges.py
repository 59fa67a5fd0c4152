"""Edits of edges that scale what a target sees of its sources: ablating, keeping, scaling, clamping, one sign only.

The effect of a source on one target is changed, and on no other unit. Where both are joined by a bottleneck, whose
units serve many, the target gets copies of them for itself (`circuits.surgery`), so that the edit is exact, ReLUs and
all. Signs and places are those of the edge's kernel: its weights, or through a 1x1 bottleneck its expanded weights.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from circuits.edge_changes import scale_edges
from circuits.sight import edge_kernels
from circuits.surgery import Surgery
from editing import readers
from editing.edits import Edge, Edit, entry, units_entry
from editing.places import row_and_column
from editing.selection import Selection

__all__ = ["AblateEdge", "ClampWeights", "KeepOnly", "RemoveNegative", "RemovePositive", "Scale"]

Sign = Literal["negative", "positive"]


def _sign(given: object) -> object:
    if given not in (None, "negative", "positive"):
        raise CurvesError(f'sign is "negative" or "positive", not {given!r}')
    return given


def _limit(given: Any) -> float:
    infinite = isinstance(given, float) and math.isinf(given)
    return given if infinite else readers.number(given)


@dataclass(frozen=True)
class EdgeEdit(Edit):
    """An edit of the edges from some units to others, each pair on its own.

    Attributes:
        source: units that are seen.
        target: units that see them.
        sign: only weights of that sign.
        direction: only pairs whose source direction minus target direction lies in [from, to], degrees
            counter-clockwise from the first to the second, ends included; both must be families.
        positions: only these places of the target's kernel, as (x, y) to the right and up from its middle.
    """

    source: Selection = units_entry()
    target: Selection = units_entry()
    sign: Sign | None = entry(_sign, None)
    direction: tuple[float, float] | None = entry(readers.direction, None, readers.plain)
    positions: tuple[tuple[int, int], ...] | None = entry(readers.positions, None, readers.plain)

    removes: ClassVar[bool] = False
    """Whether the edges in question are gone afterwards."""

    @abstractmethod
    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:
        """What the kernels are multiplied by.

        Args:
            kernels: of all units of a source layer, C x kh x kw; C x 1 x 1 of no meaning unless `needs_kernels`.
            chosen: which of their weights the edit is about, of the same shape.
        """

    @property
    def needs_kernels(self) -> bool:
        """Whether anything depends on the weights or their places, and not on whole edges alone."""
        return self.sign is not None or self.positions is not None

    def apply(self, net: Network) -> Network:
        """The network in which each target sees each source as the edit says.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: a target does not see its sources, or their edge has no places or signs.
        """
        surgery = Surgery(net)
        for layer, target, chosen in self._pairs(net):
            for copy in surgery.copies(target):
                if self.needs_kernels:
                    kernels = edge_kernels(surgery.net, copy, layer)
                else:
                    kernels = torch.ones(len(chosen), 1, 1, device=net.device, dtype=net.dtype)
                mask = self._weights(kernels, chosen.to(net.device))
                scale_edges(surgery, copy, layer, self.factors(kernels, mask))
        return surgery.net

    def settles(self, net: Network) -> Mapping[Edge, object]:
        """The edges that are gone, if it removes whole edges."""
        if not self.removes or self.needs_kernels:
            return {}
        removed: dict[Edge, object] = {}
        for layer, target, chosen in self._pairs(net):
            gone = self.factors(torch.ones(len(chosen), 1, 1), chosen[:, None, None]).flatten() == 0
            removed |= {(Unit(layer, int(c)), target): "gone" for c in gone.nonzero().flatten()}
        return removed

    def _pairs(self, net: Network) -> list[tuple[str, Unit, Tensor]]:
        """Each source layer and target, with which of the layer's units are chosen."""
        sources, targets = self.source.resolve(net), self.target.resolve(net)
        layers = dict.fromkeys(unit.layer for unit in sources)
        angles = self.source.directions() | self.target.directions()
        pairs = []
        for target in targets:
            for layer in layers:
                chosen = torch.zeros(net.layer(layer).channels, dtype=torch.bool)
                for unit in sources:
                    if unit.layer == layer and self._within(unit, target, angles):
                        chosen[unit.channel] = True
                pairs.append((layer, target, chosen))
        return pairs

    def _within(self, source: Unit, target: Unit, angles: Mapping[Unit, tuple[float, ...]]) -> bool:
        if self.direction is None:
            return True
        if lacking := [unit for unit in (source, target) if unit not in angles]:
            raise CurvesError(f"{lacking[0]} has no direction, so pairs cannot be chosen by it; give families")
        low, high = self.direction
        span = high - low if high - low == 360 else (high - low) % 360
        slack = 1e-6  # degrees: ends are included whatever the rounding
        turns = ((a - b - low + slack) % 360 for a in angles[source] for b in angles[target])
        return any(turn <= span + 2 * slack for turn in turns)

    def _weights(self, kernels: Tensor, chosen: Tensor) -> Tensor:
        mask = chosen[:, None, None].expand(kernels.shape).clone()
        if self.sign is not None:
            mask &= kernels < 0 if self.sign == "negative" else kernels > 0
        if self.positions is not None:
            rows, columns = kernels.shape[1:]
            places = torch.zeros(rows, columns, dtype=torch.bool, device=mask.device)
            for x, y in self.positions:
                places[row_and_column(x, y, (rows, columns))] = True
            mask &= places
        return mask


@dataclass(frozen=True)
class AblateEdge(EdgeEdit):
    """Remove the effect of sources on targets: each target sees them as 0, and nobody else notices."""

    kind: ClassVar[str] = "ablate_edge"
    removes: ClassVar[bool] = True

    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:  # noqa: D102
        return (~chosen).to(kernels)


@dataclass(frozen=True)
class KeepOnly(EdgeEdit):
    """Remove the effect on the targets of all else in the sources' layers: what is chosen is kept."""

    kind: ClassVar[str] = "keep_only"
    removes: ClassVar[bool] = True

    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:  # noqa: D102
        return chosen.to(kernels)


@dataclass(frozen=True)
class _OneSign(EdgeEdit):
    gone: ClassVar[Sign]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sign is not None:
            raise CurvesError(f"{self.kind} is about {self.gone} weights; leave sign out")

    @property
    def needs_kernels(self) -> bool:
        return True

    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:
        wrong = kernels < 0 if self.gone == "negative" else kernels > 0
        return (~(wrong & chosen)).to(kernels)


@dataclass(frozen=True)
class RemoveNegative(_OneSign):
    """Remove the negative weights of edges: at those places the targets see the sources as 0."""

    kind: ClassVar[str] = "remove_negative"
    gone: ClassVar[Sign] = "negative"


@dataclass(frozen=True)
class RemovePositive(_OneSign):
    """Remove the positive weights of edges: at those places the targets see the sources as 0."""

    kind: ClassVar[str] = "remove_positive"
    gone: ClassVar[Sign] = "positive"


@dataclass(frozen=True)
class Scale(EdgeEdit):
    """Let the targets see the sources' activations times a factor, as they arrive there (after pools on the way).

    Attributes:
        factor: any number; 1 changes nothing, 1 / factor undoes it.
    """

    factor: float = entry(readers.number, 1.0)

    kind: ClassVar[str] = "scale"

    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:  # noqa: D102
        return torch.where(chosen, self.factor, torch.ones_like(kernels))


@dataclass(frozen=True)
class ClampWeights(EdgeEdit):
    """Bring the weights of edges into a range.

    Attributes:
        low: no weight is less; at most 0.
        high: no weight is more; at least 0.
    """

    low: float = entry(_limit, -float("inf"))
    high: float = entry(_limit, float("inf"))

    kind: ClassVar[str] = "clamp_weights"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low <= 0 <= self.high:
            raise CurvesError(f"weights are clamped to a range around 0, not {self.low}..{self.high}")

    @property
    def needs_kernels(self) -> bool:  # noqa: D102
        return True

    def factors(self, kernels: Tensor, chosen: Tensor) -> Tensor:  # noqa: D102
        ratio = kernels.clamp(self.low, self.high) / kernels
        return torch.where(chosen & (kernels != 0), ratio, torch.ones_like(kernels))
