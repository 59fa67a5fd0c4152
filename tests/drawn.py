"""Curves and other shapes drawn by Pillow, 8x supersampled: a program that shares nothing with our renderer."""

import math
from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, ImageDraw

SCALE = 8

Points = list[tuple[float, float]]


def drawn_curve(
    direction: float,
    radius: float,
    *,
    size: int = 91,
    width: float = 3.0,
    filled: bool = False,
    foreground: tuple[int, int, int] = (255, 255, 255),
    background: tuple[int, int, int] = (0, 0, 0),
    offset: tuple[float, float] = (0.0, 0.0),
) -> torch.Tensor:
    """3 x size x size in [0, 1]: half a circle, its middle `offset` px (right, up) from the middle of the picture."""
    turn = min(math.pi / 2, 100 / radius)
    angles = np.linspace(-turn, turn, 400)
    along, deep = radius * np.sin(angles), radius * (1 - np.cos(angles))
    if filled:  # on along the tangents, far out of the picture
        ends = [(np.cos(angles[i]), abs(np.sin(angles[i]))) for i in (0, -1)]
        along = np.concatenate([[along[0] - 300 * ends[0][0]], along, [along[-1] + 300 * ends[1][0]]])
        deep = np.concatenate([[deep[0] + 300 * ends[0][1]], deep, [deep[-1] + 300 * ends[1][1]]])
        along, deep = np.append(along, [along[-1], along[0]]), np.append(deep, [2000, 2000])
    a = math.radians(direction)
    x = size / 2 + offset[0] + deep * math.cos(a) - along * math.sin(a)
    y = size / 2 - offset[1] - deep * math.sin(a) - along * math.cos(a)
    image = Image.new("RGB", (size * SCALE, size * SCALE), background)
    points = [(float(px) * SCALE - 0.5, float(py) * SCALE - 0.5) for px, py in zip(x, y, strict=True)]
    if filled:
        ImageDraw.Draw(image).polygon(points, fill=foreground)
    else:
        ImageDraw.Draw(image).line(points, fill=foreground, width=round(width * SCALE), joint="curve")
    return _pixels(image, size)


def drawn_strokes(strokes: Iterable[Points], size: int, width: float = 3.0) -> torch.Tensor:
    """3 x size x size in [0, 1]: light strokes on black through points, px to the right and up from the middle."""
    image = Image.new("RGB", (size * SCALE, size * SCALE))
    for points in strokes:
        pixels = [((size / 2 + x) * SCALE - 0.5, (size / 2 - y) * SCALE - 0.5) for x, y in points]
        ImageDraw.Draw(image).line(pixels, fill=(255, 255, 255), width=round(width * SCALE), joint="curve")
    return _pixels(image, size)


def arc(centre: tuple[float, float], radius: float, first: float, last: float) -> Points:
    """Points of an arc from one angle to another, degrees counter-clockwise."""
    angles = np.deg2rad(np.linspace(first, last, 200))
    return [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]


def turned(strokes: Iterable[Points], degrees: float) -> list[Points]:
    """The strokes turned about the middle, counter-clockwise."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[(x * c - y * s, x * s + y * c) for x, y in points] for points in strokes]


def mirrored(strokes: Iterable[Points]) -> list[Points]:
    """The strokes upside down."""
    return [[(x, -y) for x, y in points] for points in strokes]


def _pixels(image: Image.Image, size: int) -> torch.Tensor:
    small = image.resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1).float() / 255
