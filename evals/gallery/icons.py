"""Small pictures of features (a Gabor, a line, an arc in its direction) and of kernels."""

from __future__ import annotations

import math

import numpy as np
import torch

from circuits import Network, expanded_weights
from circuits.regions import INPUT
from evals.gallery.style import SIGNED
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["feature_icon", "image_kernel", "kernel_icon"]

SIDE = 48
"""px of an icon."""

RADII = {"early curve": 14.0, "curve": 17.0}


def feature_icon(kind: str, direction: float) -> Array:
    """SIDE x SIDE x 3: what a unit of a family detects, in its direction (degrees), light on grey.

    A `complex Gabor` is drawn as waves, of no phase in particular; what is no curve, as a straight line.
    """
    if "Gabor" in kind:
        return _waves(direction)
    radius = RADII.get(kind, math.inf)
    # A line's angle runs along it, a curve's to its centre of curvature.
    turned = direction + 90 if math.isinf(radius) else direction
    # Half of a bend is on either side of the middle of the picture.
    sagitta = 0.0 if math.isinf(radius) else radius * (1 - math.cos(math.radians(60))) / 2
    place = -sagitta * np.array([math.cos(math.radians(turned)), math.sin(math.radians(turned))])
    drawn = Curve(
        direction=turned, radius=radius, arc_length=34 if math.isinf(radius) else math.inf, max_angle=120,
        line_width=4, position=(float(place[0]), float(place[1])), size=SIDE, foreground=(1, 1, 1),
        background=(0.42, 0.45, 0.48),
    )  # fmt: skip
    pixels: Array = drawn.render().permute(1, 2, 0).double().numpy()
    return pixels


def kernel_icon(kernel: Array, largest: float) -> Array:
    """H x w x 3: a kernel from blue over white (0) to vermilion, full at `largest`."""
    pixels: Array = np.asarray(SIGNED(0.5 + 0.5 * kernel / largest))[..., :3]
    return pixels


def image_kernel(net: Network, unit: str) -> Array:
    """H x w x 3 in [0, 1]: the weights with which a unit reads the image's red, green and blue; grey is 0."""
    with torch.no_grad():
        kernel = expanded_weights(net, INPUT, unit).detach().cpu().double()
    if net.preprocessing.order == "BGR":
        kernel = kernel.flip(0)
    pixels: Array = (0.5 + 0.5 * kernel / kernel.abs().max().clamp(min=1e-12)).permute(1, 2, 0).numpy()
    return pixels


def _waves(direction: float) -> Array:
    across = math.radians(direction + 90)
    x, y = np.meshgrid(np.arange(SIDE) - (SIDE - 1) / 2, (SIDE - 1) / 2 - np.arange(SIDE))
    phase = 2 * math.pi * (x * math.cos(across) + y * math.sin(across)) / 13
    envelope = np.exp(-(x * x + y * y) / (2 * 11.0**2))
    return np.repeat((0.45 + 0.55 * np.cos(phase) * envelope).clip(0, 1)[..., None], 3, axis=2)
