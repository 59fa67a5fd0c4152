"""Small pictures of features (a Gabor, a line, an arc in its direction) and of kernels."""

from __future__ import annotations

import math

import numpy as np
import torch

from circuits import Family, Network, Unit, expanded_weights
from circuits.regions import INPUT
from evals.gallery.style import SIGNED
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["feature_icon", "feature_ink", "has_icon", "image_kernel", "kernel_icon", "unit_icon"]

SIDE = 48
"""px of an icon."""

RADII = {"small curve": 9.0, "early curve": 14.0, "curve": 17.0, "line": math.inf}
"""px of an arc that stands for a kind."""

FACING_RADIUS = 15.0
"""px of the two arcs that stand for a double curve."""

GREY = (0.42, 0.45, 0.48)


def feature_icon(kind: str, direction: float) -> Array:
    """SIDE x SIDE x 3: what a unit of a family detects, in its direction (degrees), light on grey.

    A `complex Gabor` is drawn as waves, of no phase in particular; a kind that is not known here as a ray from the
    middle in its direction.
    """
    if not has_icon(kind):
        return _ray(direction)
    if "Gabor" in kind:
        return _waves(direction)
    if kind == "double curve":
        arcs = [_arc(direction + half, FACING_RADIUS, middle=False) for half in (0, 180)]
        facing: Array = np.maximum(*arcs)
        return facing
    # A line's angle runs along it, a curve's to its centre of curvature.
    return _arc(direction + (90 if kind == "line" else 0), RADII[kind])


def has_icon(kind: str) -> bool:
    """Whether `feature_icon` draws the kind itself, and not its direction alone."""
    return "Gabor" in kind or kind in {*RADII, "double curve"}


def feature_ink(kind: str, direction: float) -> Array:
    """SIDE x SIDE in [0, 1]: where the icon of a kind is lighter than its ground."""
    icon = feature_icon(kind, direction)[..., 0]
    ground = float(np.median(icon))
    ink: Array = ((icon - ground) / (1 - ground)).clip(0, 1)
    return ink


def _arc(direction: float, radius: float, *, middle: bool = True) -> Array:
    """An arc or a straight line in its direction; in the middle of the picture, or with its own middle there."""
    # Half of a bend is on either side of the middle of the picture.
    sagitta = 0.0 if math.isinf(radius) or not middle else radius * (1 - math.cos(math.radians(60))) / 2
    place = -sagitta * np.array([math.cos(math.radians(direction)), math.sin(math.radians(direction))])
    return _drawn(
        Curve(
            direction=direction,
            radius=radius,
            arc_length=34 if math.isinf(radius) else math.inf,
            max_angle=120,
            line_width=4,
            position=(float(place[0]), float(place[1])),
            size=SIDE,
            foreground=(1, 1, 1),
            background=GREY,
        )
    )


def _ray(direction: float) -> Array:
    half = 9.0
    place = half * math.cos(math.radians(direction)), half * math.sin(math.radians(direction))
    return _drawn(
        Curve(
            direction=direction + 90,
            radius=math.inf,
            arc_length=2 * half,
            line_width=4,
            position=place,
            size=SIDE,
            foreground=(1, 1, 1),
            background=GREY,
        )
    )


def _drawn(curve: Curve) -> Array:
    pixels: Array = curve.render().permute(1, 2, 0).double().numpy()
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


def unit_icon(net: Network, unit: Unit, family: Family | None) -> Array:
    """The icon of a unit's kind; where it reads the image, or is of no kind, the weights with which it does so."""
    reads_image = all(link.source == INPUT for link in net.links if link.target == unit.layer)
    if family is None or reads_image:
        return image_kernel(net, str(unit))
    return feature_icon(family.name, family.directions[family.units.index(unit)])


def _waves(direction: float) -> Array:
    across = math.radians(direction + 90)
    x, y = np.meshgrid(np.arange(SIDE) - (SIDE - 1) / 2, (SIDE - 1) / 2 - np.arange(SIDE))
    phase = 2 * math.pi * (x * math.cos(across) + y * math.sin(across)) / 13
    envelope = np.exp(-(x * x + y * y) / (2 * 11.0**2))
    return np.repeat((0.45 + 0.55 * np.cos(phase) * envelope).clip(0, 1)[..., None], 3, axis=2)
