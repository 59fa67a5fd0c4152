"""Networks whose units are templates: each answers to how much a picture looks like one drawing."""

import numpy as np
import torch

from circuits import Family, Member, Network, Unit
from circuits.ops import Conv, Padding, ReLU
from evals import Curve, render_curves

SIZE = 31


def network(curves, bias=0.0):
    """A layer `t`, a unit for each curve: its kernel is the drawing less its mean, SIZE px a side."""
    drawn = render_curves(curves)
    kernels = drawn - drawn.mean((-2, -1), keepdim=True)
    kernels = kernels / kernels.flatten(1).norm(dim=1)[:, None, None, None]
    tensors = {"t/pre/weight": kernels.clone(), "t/pre/bias": torch.full((len(curves),), bias)}
    ops = [Conv("t/pre", ("input",), (SIZE, SIZE), (1, 1), Padding()), ReLU("t", ("t/pre",))]
    return Network(ops, tensors, {"t": ("t/pre", "t")}, input_size=64)


def arcs(directions, radius=12.0, **fields):
    """Curves in the middle, one for each direction."""
    return [Curve(direction=float(d), radius=radius, size=SIZE, max_angle=120, **fields) for d in directions]


def family(directions, name="curve", period=360.0):
    """Of the layer `t`, a unit for each direction in their order."""
    members = tuple(Member(Unit("t", i), float(d)) for i, d in enumerate(directions))
    return Family(name, "t", members, period, "by construction")


DIRECTIONS = tuple(np.arange(0, 360, 45.0))
