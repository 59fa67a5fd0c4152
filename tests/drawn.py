"""Curves drawn by Pillow, a program that shares nothing with our renderer: 8x supersampled polylines and polygons."""

import math

import numpy as np
import torch
from PIL import Image, ImageDraw

SCALE = 8


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
    small = image.resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1).float() / 255
