"""Combs and curves to find out with which edges carry combing; others than the combing test shows."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from circuits import Network
from evals.combs import CombGrid
from evals.grid import CurveGrid
from evals.stimuli import Curve
from evals.sweep import BATCH, CURVE_FIELD

__all__ = ["comb_calibration"]

DIRECTIONS = tuple(float(angle) for angle in np.arange(0, 360, 15))
COMB_RADII = (18.0, 32.0, 56.0, 100.0)
TICK_LENGTHS = (9.0, 15.0)
SPACINGS = (7.0, 11.0)
CURVE_RADII = (16.0, 26.0, 50.0, 65.0, 105.0)
"""px on a receptive field of 91 px; on others in proportion."""


def comb_calibration(net: Network, layer: str) -> tuple[Tensor, Tensor]:
    """Ticks without curves, and plain curves, as the units of a layer see them, for `editing.RemoveCombing.find`.

    All directions, light on dark and dark on light. The curves are lines and edges of areas, straight ones among them.
    None of the combs has a radius, tick length or spacing of the combing test's.

    Returns:
        Combs N x 3 x S x S and curves M x 3 x S x S in [0, 1], with S the size of the layer's receptive field.
    """
    size = net.receptive_field(layer).size
    scale = size / CURVE_FIELD
    light = Curve(size=size, line_width=3.0 * scale)
    dark = Curve(size=size, line_width=3.0 * scale, foreground=light.background, background=light.foreground)
    combs, curves = [], []
    for polarity, base in enumerate((light, dark)):
        arcs = CurveGrid.of(base, direction=DIRECTIONS, radius=[r * scale for r in COMB_RADII])
        ticks = CombGrid(arcs, tuple(t * scale for t in TICK_LENGTHS), tuple(s * scale for s in SPACINGS))
        drawn = torch.cat(list(ticks.batches(BATCH, net.device)))
        combs.append(drawn[polarity::2])  # every other one of each: neighbours in direction or radius say the same
        radii = [*(r * scale for r in CURVE_RADII), math.inf]
        grid = CurveGrid.of(base, filled=(False, True), direction=DIRECTIONS, radius=radii)
        curves.append(torch.cat(list(grid.batches(BATCH, device=net.device))))
    return torch.cat(combs), torch.cat(curves)
