"""The sums behind the attribution test: what the layer before contributes to one unit on drawn curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import Attribution, CurvesError, Family, Network, Unit, attribution
from circuits.regions import INPUT, upstream
from circuits.wiring import is_inner
from evals.grid import CurveGrid
from evals.stimuli import Curve
from evals.sweep import BATCH, field_sizes

__all__ = ["attribution_terms", "curves_shown", "layer_before"]

Array = NDArray[np.float64]


def layer_before(net: Network, layer: str) -> str:
    """The last layer with a receptive field that another reads, not counting parts of layers such as bottlenecks.

    Raises:
        CurvesError: there is none.
    """
    read = upstream(net.ops, net.layer(layer).pre)
    names = [
        name
        for name in field_sizes(net, inner=False)
        if name != layer and "@" not in name and not is_inner(layer, [name]) and net.layer(name).post in read
    ]
    if not names:
        raise CurvesError(f"no layer lies before {layer}, to which its units could be attributed; test a later one")
    return names[-1]


def curves_shown(
    net: Network, layer: str, directions: Sequence[float], base: Curve, radii: Sequence[float]
) -> CurveGrid:
    """Lines and filled areas of some directions and radii, the size of the layer's receptive field."""
    base = replace(base, size=net.receptive_field(layer).size)
    return CurveGrid.of(base, direction=directions, filled=(False, True), radius=radii)


def attribution_terms(
    net: Network,
    unit: Unit,
    direction: float,
    before: str,
    sources: Mapping[str, Family | None],
    base: Curve,
    radii: Sequence[float],
) -> dict[str, Array]:
    """Sums by radius from which all scores of a unit follow.

    Args:
        net: the network.
        unit: which looks at curves.
        direction: degrees, its own.
        before: the layer that its pre-activation is split among.
        sources: families of that layer, `lines` and `curves`; None where there is none.
        base: the curves but for direction, radius, size and `filled`.
        radii: px.
    """
    grid = curves_shown(net, unit.layer, [direction], base, radii)
    pictures = torch.cat(list(grid.batches(BATCH, net.device)))
    own = attribution(net, unit, before, patches=pictures)
    fires = (own.values > 0).cpu().double().view(-1, 1, 1, 1)
    given = own.tensor.cpu().double() * fires
    assert own.remainders is not None
    told = {
        "excite": _by_radius(given.clamp(min=0), radii),
        "inhibit": _by_radius(-given.clamp(max=0), radii),
        "left": _by_radius(own.remainders.abs().cpu().double(), radii),
        "values": _by_radius(own.values.abs().cpu().double(), radii),
    }
    opposite = torch.cat(list(curves_shown(net, unit.layer, [direction + 180], base, radii).batches(BATCH, net.device)))
    answer = attribution(net, unit, before, patches=opposite).tensor.cpu().double()
    facing = _facing(grid, own)
    for who, family in sources.items():
        channels = [] if family is None else list(family.channels)
        angles = torch.tensor([] if family is None else family.directions, dtype=torch.float64)
        part, turns = given[:, channels], 1 if who == "curves" else 2
        along = facing if who == "curves" else facing + 90
        match = torch.cos(torch.deg2rad(turns * (angles[None, :, None, None] - along[:, None])))
        told |= {
            f"{who}_excite": _by_radius(part.clamp(min=0), radii),
            f"{who}_inhibit": _by_radius(-part.clamp(max=0), radii),
            f"{who}_along": _by_radius(part * match, radii),
            f"{who}_size": _by_radius(part.abs(), radii),
            f"{who}_opposite": _by_radius(answer[:, channels], radii),
            f"{who}_opposite_size": _by_radius(answer[:, channels].abs(), radii),
        }
    return told | _ink(net, unit, grid, fires.flatten())


def _ink(net: Network, unit: Unit, grid: CurveGrid, fires: Tensor) -> dict[str, Array]:
    """Where more ink would excite the unit, on lines at which it fires."""
    count = len(grid) // 2  # lines come before filled areas
    pictures = torch.cat(list(grid.batches(BATCH, net.device)))[:count]
    drawn = grid.with_base(foreground=(1.0, 1.0, 1.0), background=(0.0, 0.0, 0.0))
    line = torch.cat(list(drawn.batches(BATCH)))[:count, 0].double()
    gradient = attribution(net, unit, INPUT, patches=pictures, method="gradient").tensor.cpu().double()
    colour = torch.tensor(np.subtract(grid.base.foreground, grid.base.background))[:, None, None]
    wanted = (gradient * colour).sum(1).clamp(min=0) * fires[:count, None, None]
    on = line * fires[:count, None, None]
    return {
        "wanted_on_line": (wanted * line).sum((1, 2)).numpy(),
        "wanted": wanted.sum((1, 2)).numpy(),
        "line": on.sum((1, 2)).numpy(),
        "picture": (fires[:count] * line[0].numel()).numpy(),
    }


def _by_radius(values: Tensor, radii: Sequence[float]) -> Array:
    """Sums of (lines and areas x radii) x anything by radius."""
    found: Array = values.reshape(2, len(radii), -1).sum((0, 2)).numpy()
    return found


def _facing(grid: CurveGrid, found: Attribution) -> Tensor:
    """Drawings x H x W: degrees from the middle of each place's receptive field to the curve's centre of curvature."""
    assert found.field is not None
    height, width = found.tensor.shape[-2:]
    size = grid.base.size
    middle = found.field.offset + found.field.size / 2
    x = (middle + found.field.stride * torch.arange(width, dtype=torch.float64) - size / 2)[None, :]
    y = (size / 2 - middle - found.field.stride * torch.arange(height, dtype=torch.float64))[:, None]
    maps = []
    for number in range(len(grid)):
        curve = grid[number]
        angle = np.deg2rad(curve.direction)
        to_x, to_y = curve.radius * np.cos(angle) - x, curve.radius * np.sin(angle) - y
        maps.append(torch.rad2deg(torch.atan2(to_y.expand(height, width), to_x.expand(height, width))))
    return torch.stack(maps)
