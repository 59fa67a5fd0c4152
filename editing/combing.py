"""Removing combing: the edges that let curve detectors answer to ticks across a curve, found and cut.

"Curve Circuits" (Distill 2021, on combing) found the effect in the weights, and supposed that the circuit could be
edited so that it is gone. This is that edit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from circuits import CurvesError, Family, Network, Unit
from circuits.capture import Capture
from circuits.edge_changes import scale_edges
from circuits.precision import arithmetic
from circuits.regions import Box, trace_back
from circuits.sight import View, view
from circuits.surgery import Surgery
from editing.edits import Edit, entry, units_entry
from editing.places import offset, row_and_column
from editing.readers import whole
from editing.selection import Selection

__all__ = ["RemoveCombing"]

STEPS = 150
"""Gradient steps: beyond, factors change by less than 0.01."""

LINEARISATIONS = 2
"""Times that the state of a bottleneck's ReLUs is read off again; without a bottleneck one is exact."""

RIDGE = 1e-2
"""Weight of the squared change of the factors, in units of the mean square of a stimulus's contributions."""

BATCH = 64

Place = tuple[int, int, int]
"""A source's channel, and x to the right and y up from the middle of the target's kernel."""


def _cuts(given: Any) -> tuple[tuple[Unit, tuple[Place, ...]], ...]:
    pairs = given.items() if isinstance(given, Mapping) else given
    try:
        return tuple(
            (Unit.parse(unit), tuple((whole(c), whole(x), whole(y)) for c, x, y in places)) for unit, places in pairs
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, CurvesError):
            raise
        raise CurvesError(
            "cuts is a table of units with lists of [channel, x, y], as RemoveCombing.find makes"
        ) from None


@dataclass(frozen=True)
class RemoveCombing(Edit):
    """Cut the edges, place by place, through which ticks across a curve excite its detectors.

    `find` finds them; what it found is kept in the plan, and needs no stimuli to be applied.

    Attributes:
        source: the layer whose edges are cut.
        target: the family of curve detectors.
        cuts: by target, the places that it no longer sees: source channel, and x and y from its kernel's middle.
        found: on which network and stimuli, for the record.
    """

    source: Selection = units_entry()
    target: Selection = units_entry()
    cuts: tuple[tuple[Unit, tuple[Place, ...]], ...] = entry(
        _cuts, write=lambda cuts: {str(unit): [list(place) for place in places] for unit, places in cuts}
    )
    found: str = entry(str, "")

    kind: ClassVar[str] = "remove_combing"

    @classmethod
    @arithmetic()
    def find(
        cls, net: Network, family: Family, source: str | Family, combs: Tensor, curves: Tensor, *, margin: float = 0.05
    ) -> RemoveCombing:
        """Find the edges that carry combing.

        A unit's pre-activation is, in a given state of the ReLUs, linear in factors of its edges, one for each source
        unit and place. The factors nearest to 1 (least squares), between 0 and 1, are sought with which the unit stays
        below its threshold for every comb and gives every curve what it gave before, silence included, which keeps
        direction, width, echo and peak. The problem is convex and solved by accelerated projected gradient steps
        (FISTA, Beck and Teboulle 2009). Edges with a factor below one half are cut, all others stay as they are.

        Args:
            net: the network.
            family: the curve detectors.
            source: the layer whose edges may be cut, such as `3a` for 3b; or a family, of which alone.
            combs: ticks without curves, N x 3 x S x S in [0, 1], S the family's receptive field, for all directions
                together (`evals.comb_calibration` draws them).
            curves: plain curves, and whatever else is to be seen as before, M x 3 x S x S.
            margin: how far below the threshold combs should end, as a share of the unit's best response to the curves:
                room for combs that are not among those given.

        Raises:
            CurvesError: a unit does not see the source directly or through a 1x1 bottleneck, or stimuli do not fit.
        """
        layer = source.layer if isinstance(source, Family) else source
        allowed = torch.zeros(net.layer(layer).channels, dtype=torch.bool, device=net.device)
        allowed[list(source.channels) if isinstance(source, Family) else slice(None)] = True
        views = {net.unit(unit): view(net, unit, layer) for unit in family.units}
        is_comb = torch.arange(len(combs) + len(curves), device=net.device) < len(combs)
        cuts = []
        for unit, maps in _seen(net, views, torch.cat((combs, curves))).items():
            factors = _factors(views[unit], maps, is_comb, margin, allowed)
            size = (factors.shape[1], factors.shape[2])
            places = (factors < 0.5).nonzero().tolist()
            cuts.append((unit, tuple((c, *offset(row, column, size)) for c, row, column in places)))
        digest = hashlib.sha256(combs.cpu().numpy().tobytes() + curves.cpu().numpy().tobytes()).hexdigest()
        stimuli = f"{len(combs)} combs and {len(curves)} curves {digest[:16]}"
        found = f"network {net.identity[:16]}, {stimuli}, margin {margin:g}"
        return cls(Selection.of(source), Selection.of(family), tuple(cuts), found)

    def apply(self, net: Network) -> Network:
        """The network in which each target no longer sees those places.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: a place is outside the kernel, or a target does not see the source.
        """
        surgery = Surgery(net)
        layer, *others = dict.fromkeys(unit.layer for unit in self.source.resolve(net))
        if others:
            raise CurvesError(f"edges are cut from one layer, not from {layer} and {', '.join(others)}; make two edits")
        for unit, places in self.cuts:
            for copy in surgery.copies(net.unit(unit)):
                rows, columns = view(surgery.net, copy, layer).weight.shape[1:]
                factors = torch.ones(net.layer(layer).channels, rows, columns, device=net.device, dtype=net.dtype)
                for c, x, y in places:
                    if not 0 <= c < len(factors):
                        raise CurvesError(f"{unit} cannot lose {layer}:{c}; {layer} has {len(factors)} units")
                    factors[c][row_and_column(x, y, (rows, columns))] = 0
                scale_edges(surgery, copy, layer, factors)
        return surgery.net


def _seen(net: Network, views: Mapping[Unit, View], patches: Tensor) -> dict[Unit, Tensor]:
    """By unit, what it reads of the source for each patch, N x C x kh x kw."""
    needs: dict[Unit, Box] = {}
    for unit, found in views.items():
        boxes = {net.producer(unit)[0]: Box(0, 1, 0, 1)}
        trace_back(net.ops, boxes, {}, given=[found.tensor])
        needs[unit] = boxes[found.tensor]
    capture = Capture(net, [{views[unit].tensor: box} for unit, box in needs.items()], None)
    layer = next(iter(views)).layer
    size = net.receptive_field(layer).size
    if patches.shape[1:] != (3, size, size):
        raise CurvesError(
            f"combs and curves must be N x 3 x {size} x {size}, what {layer} sees; got {tuple(patches.shape)}"
        )
    whole = {net.layer(layer).pre: Box(0, 1, 0, 1)}
    trace_back(net.ops, whole, {})
    part = capture.box.within(whole["input"])
    patches = patches[..., part.top : part.bottom, part.left : part.right].to(net.device, net.dtype)
    parts: dict[Unit, list[Tensor]] = {unit: [] for unit in views}
    with torch.no_grad():
        for batch in torch.split(patches, BATCH):
            captured = capture.run(batch)
            for unit, box in needs.items():
                parts[unit].append(captured.crop(views[unit].tensor, box))
    return {unit: torch.cat(found) for unit, found in parts.items()}


def _linear(found: View, maps: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """Pre-activations (N,) and their derivatives by each factor (N x C x kh x kw) in the present state of the ReLUs."""
    if found.bottleneck is None:
        contributions = maps * found.weight
        return (contributions * factors).sum((1, 2, 3)) + found.bias, contributions
    inner, offset = found.bottleneck
    inside = torch.einsum("bc,ncyx->nbyx", inner, maps * factors) + offset[:, None, None]
    pre = (inside.relu() * found.weight).sum((1, 2, 3)) + found.bias
    return pre, maps * torch.einsum("bc,nbyx->ncyx", inner, (inside > 0) * found.weight)


def _factors(found: View, maps: Tensor, is_comb: Tensor, margin: float, allowed: Tensor) -> Tensor:
    factors = torch.ones_like(maps[0])
    before = _linear(found, maps, factors)[0]
    target = torch.where(is_comb, -margin * before[~is_comb].max().clamp(min=0), before)
    least = (~allowed)[:, None, None].expand(factors.shape).to(factors).flatten()
    for _ in range(LINEARISATIONS if found.bottleneck else 1):
        pre, slopes = _linear(found, maps, factors)
        slopes = slopes.flatten(1)
        rest = pre - slopes @ factors.flatten() - target
        ridge = RIDGE * slopes.square().sum(1).mean()
        step = 1 / (_largest_eigenvalue(slopes) + ridge).clamp(min=torch.finfo(slopes.dtype).tiny)
        x = ahead = factors.flatten()
        momentum = 1.0
        for _ in range(STEPS):
            error = rest + slopes @ ahead
            error = torch.where(is_comb, error.clamp(min=0), error)  # a comb may be as far below as it likes
            moved = (ahead - step * (slopes.T @ error + ridge * (ahead - 1))).clamp(max=1).maximum(least)
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            ahead, x, momentum = moved + (momentum - 1) / following * (moved - x), moved, following
        factors = x.reshape(factors.shape)
    return factors


def _largest_eigenvalue(rows: Tensor) -> Tensor:
    """Of rows^T rows, by 25 power iterations, with 5% to spare."""
    vector = rows.new_ones(rows.shape[1])
    size = rows.new_zeros(())
    for _ in range(25):
        vector = rows.T @ (rows @ vector)
        size = vector.norm()
        vector = vector / size.clamp(min=torch.finfo(rows.dtype).tiny)
    return size * 1.05
