"""Edits that give edges other kernels: moving, turning, replacing, averaging over rotations, doing without ReLUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from circuits import CurvesError, Family, Network, Unit
from circuits.edge_changes import linearise, move_edges, write_edges
from circuits.motifs import FamilyWeights, symmetric_part
from circuits.rotation import rotate_kernels
from circuits.sight import edge_kernels
from circuits.surgery import Surgery
from editing.edits import Edge, Edit, entry, units_entry
from editing.readers import number, plain
from editing.selection import Selection

__all__ = ["Linearize", "Replace", "Rewire", "Symmetrize"]


@dataclass(frozen=True)
class Rewire(Edit):
    """Let each target see other units in the place of the sources: edges move, with their kernels.

    All edges move at once, so that `source=["3a:1", "3a:2"], to=["3a:2", "3a:1"]` exchanges two. What the target saw of
    the new sources already stays, unless they are sources as well: kernels add up. Exact also through a bottleneck.

    Attributes:
        source: units of one layer, whose edges move.
        target: units that see them.
        to: as many units of the same layer, in the same order; the sources themselves to leave them where they are.
        rotate: degrees, counter-clockwise, that the kernels are turned by on the way. Only where the target reads the
            sources directly; multiples of 90 are exact, others are interpolated.
    """

    source: Selection = units_entry()
    target: Selection = units_entry()
    to: Selection = units_entry()
    rotate: float = entry(number, 0.0)

    kind: ClassVar[str] = "rewire"

    def apply(self, net: Network) -> Network:
        """The rewired network.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: sources and their replacements do not pair up, or kernels that are turned are not direct.
        """
        source, before, after = self._moves(net)
        surgery = Surgery(net)
        for target in self.target.resolve(net):
            for copy in surgery.copies(target):
                if self.rotate % 360:
                    kernels = edge_kernels(surgery.net, copy, source)[before]
                    write_edges(surgery, copy, source, before, rotate_kernels(kernels, self.rotate))
                if before != after:
                    move_edges(surgery, copy, source, before, after)
        return surgery.net

    def settles(self, net: Network) -> Mapping[Edge, object]:
        """The edges that have moved away."""
        layer, before, after = self._moves(net)
        targets = self.target.resolve(net)
        pairs = zip(before, after, strict=True)
        return {(Unit(layer, b), t): ("moved to", a, self.rotate) for b, a in pairs for t in targets}

    def _moves(self, net: Network) -> tuple[str, list[int], list[int]]:
        before, after = list(self.source.resolve(net)), list(self.to.resolve(net))
        layers = {unit.layer for unit in [*before, *after]}
        if len(layers) > 1:
            raise CurvesError(f"edges move within one layer, not between {', '.join(sorted(layers))}")
        if len(before) != len(after):
            raise CurvesError(f"{len(before)} sources cannot move to {len(after)} units; name one for each")
        return before[0].layer, [unit.channel for unit in before], [unit.channel for unit in after]


def _kernels(given: Any) -> tuple[Any, ...]:
    """Nested tuples of numbers, T x S x kh x kw, or kh x kw for a single edge."""
    data = given.detach().cpu() if isinstance(given, Tensor) else given
    try:
        kernels = torch.as_tensor(data, dtype=torch.float64)
    except (TypeError, ValueError):
        raise CurvesError("kernels are numbers, targets x sources x rows x columns") from None
    if kernels.ndim == 2:
        kernels = kernels[None, None]
    if kernels.ndim != 4 or not kernels.isfinite().all():
        raise CurvesError(f"kernels are finite numbers, targets x sources x rows x columns; got {tuple(kernels.shape)}")
    frozen: tuple[Any, ...] = _frozen(kernels.tolist())
    return frozen


def _frozen(nested: Any) -> Any:
    return tuple(map(_frozen, nested)) if isinstance(nested, list) else nested


@dataclass(frozen=True)
class Replace(Edit):
    """Put given kernels in the place of those of edges.

    Only where the targets read the sources directly: what is seen through others has no kernel of its own. `Linearize`
    makes it direct.

    Attributes:
        source: units of one layer.
        target: units of one layer, with kernels of the same size.
        kernels: targets x sources x kh x kw, row 0 at the top; kh x kw for a single edge.
    """

    source: Selection = units_entry()
    target: Selection = units_entry()
    kernels: tuple[Any, ...] = entry(_kernels, write=plain)

    kind: ClassVar[str] = "replace"

    def apply(self, net: Network) -> Network:
        """The network with the kernels in place.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: there are not as many kernels as edges, they have another size, or an edge is not direct.
        """
        surgery = Surgery(net)
        by_target = torch.tensor(self.kernels, dtype=net.dtype)
        sources, targets = list(self.source.resolve(net)), list(self.target.resolve(net))
        if by_target.shape[:2] != (len(targets), len(sources)):
            t, s = by_target.shape[:2]
            raise CurvesError(
                f"there are kernels for {t} x {s} edges, but {len(targets)} targets x {len(sources)} sources"
            )
        for target, kernels in zip(targets, by_target, strict=True):
            _write(surgery, target, sources, kernels)
        return surgery.net

    def settles(self, net: Network) -> Mapping[Edge, object]:
        """Every edge, with its kernel."""
        sources, targets = list(self.source.resolve(net)), list(self.target.resolve(net))
        return {
            (s, t): k for t, row in zip(targets, self.kernels, strict=False) for s, k in zip(sources, row, strict=False)
        }


def _write(surgery: Surgery, target: Unit, sources: Iterable[Unit], kernels: Tensor) -> None:
    sources = list(sources)
    if len(layers := {unit.layer for unit in sources}) > 1:
        raise CurvesError(f"the sources are of several layers ({', '.join(sorted(layers))}); make one edit for each")
    for copy in surgery.copies(target):
        write_edges(surgery, copy, sources[0].layer, [unit.channel for unit in sources], kernels)


def _family(given: Any) -> Selection:
    selection = Selection.of(given)
    if len(selection.parts) != 1 or not isinstance(selection.parts[0], Family):
        raise CurvesError("symmetrize needs one family as source and one as target, with the units' directions")
    return selection


@dataclass(frozen=True)
class Symmetrize(Edit):
    """Average the weights between two families over rotations: their symmetric part (`circuits.motifs`).

    Only where the targets read the sources directly; `Linearize` makes it so.

    Attributes:
        source: a family.
        target: a family.
    """

    source: Selection = entry(_family, write=Selection.to_json)
    target: Selection = entry(_family, write=Selection.to_json)

    kind: ClassVar[str] = "symmetrize"

    def apply(self, net: Network) -> Network:
        """The network with the symmetric weights.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: targets see the sources through other units, or with kernels of several sizes.
        """
        source, target = (selection.parts[0] for selection in (self.source, self.target))
        assert isinstance(source, Family)
        assert isinstance(target, Family)
        kernels = [edge_kernels(net, net.unit(unit), source.layer)[list(source.channels)] for unit in target.units]
        if len({found.shape for found in kernels}) > 1:
            raise CurvesError(f"units of {target.name} have kernels of several sizes; make a family of each size")
        surgery = Surgery(net)
        symmetric = symmetric_part(FamilyWeights(target, source, torch.stack(kernels))).kernels
        for unit, found in zip(target.units, symmetric, strict=True):
            _write(surgery, unit, source.units, found)
        return surgery.net


@dataclass(frozen=True)
class Linearize(Edit):
    """Let targets read a layer directly, with expanded weights, as if the bottleneck between had no ReLU.

    This is not exact: it changes what the targets compute. It is the linear alternative to private bottleneck units,
    and what `Replace`, `Symmetrize` and turned kernels need where there is a bottleneck. Source of expanded weights:
    "Visualizing Weights" (Distill 2021).

    Attributes:
        source: the layer, or units of it: the whole layer is read directly in any case.
        target: units that see it through one 1x1 bottleneck; those that read it directly already stay as they are.
    """

    source: Selection = units_entry()
    target: Selection = units_entry()

    kind: ClassVar[str] = "linearize"

    def apply(self, net: Network) -> Network:
        """The network in which the targets have no bottleneck.

        Raises:
            CurvesError: more than a 1x1 bottleneck lies between.
        """
        surgery = Surgery(net)
        for layer in dict.fromkeys(unit.layer for unit in self.source.resolve(net)):
            for target in self.target.resolve(net):
                for copy in surgery.copies(target):
                    linearise(surgery, copy, layer)
        return surgery.net
