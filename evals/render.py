"""Draw circular arcs from their signed distance, many images at once.

Every shape here is one circular arc, ended by round caps, continued along its tangents, or filled on its concave
side. Its distance to a pixel has a closed form, so a pixel's coverage by the shape (the distance to the edge plus
0.5, clamped to 0..1: exact for a straight edge along the pixel grid, within 0.05 at any angle) takes neither samples
nor random numbers.

Two things make it fast:
- Only the pixels that an edge crosses need the arithmetic. The distance at the middle of an 8 x 8 tile says whether
  an edge can cross the tile at all, because a distance changes by at most 1 px per px; other tiles are plain
  foreground or background. So one formula makes two passes: over the middles of all tiles, then over the pixels of
  the tiles that are left, which are then put in place.
- Every term of the formula is a function of x plus a function of y. The functions are computed for 8 columns and
  8 rows; only their sums are computed for 64 pixels. The last axis is the tile, so that operations run over long rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Arcs", "render_arcs"]

_TILE = 8  # px
_TILES_AT_ONCE = 2048  # half a MB for each number of a pixel: few calls, and the four in use stay in the cache
_SMALLEST_RADIUS = 1e-3  # px; a corner is drawn as an arc too small to see, which spares the 0 / 0 of radius 0
_FARTHEST = 1e9  # px; an end farther away than this is out of every image, and its square still fits float32
_STEEPNESS = 64.0  # makes "px past the end of the arc" a number that wins or loses every comparison of distances

_Array = NDArray[np.float64]


class _Style(IntEnum):
    CAPPED = 0  # a line that ends in round caps
    EXTENDED = 1  # a line that goes on along its tangents
    FILLED = 2  # what lies on the concave side of that line


@dataclass(frozen=True)
class Arcs:
    """N arcs. Angles in radians (counter-clockwise, y up), lengths in px.

    Attributes:
        direction: (N,) from the arc's middle to its centre of curvature.
        radius: (N,) radius of curvature; `inf` is a straight line, 0 a corner.
        turning: (N,) angle of the arc, 0 to 2 pi.
        length: (N,) length of the arc; read only where the radius is infinite.
        line_width: (N,).
        filled: (N,) the concave side instead of the line.
        extended: (N,) the line goes on along its tangents instead of ending in round caps.
        foreground: (N, 3) RGB.
        background: (N, 3) RGB.
        position: (2, N) of the arc's middle from the image's centre, x to the right and y up.
    """

    direction: _Array
    radius: _Array
    turning: _Array
    length: _Array
    line_width: _Array
    filled: NDArray[np.bool_]
    extended: NDArray[np.bool_]
    foreground: _Array
    background: _Array
    position: _Array


def _shapes(arcs: Arcs, capped: NDArray[np.bool_]) -> _Array:
    """Reduce each arc to the numbers that `_inside` reads.

    Returns:
        31 x N: sign, half width and greatest coverage; then the slopes and the offsets of seven linear functions of x,
        and of y, in the order of `_inside`.
    """
    radius = np.maximum(arcs.radius, _SMALLEST_RADIUS)
    half = arcs.turning / 2
    straight = np.isinf(radius)
    # From the arc's middle to its ends: `run` across, `rise` towards the centre. Written so that no difference of large
    # numbers is taken; float32 is enough from here on.
    with np.errstate(invalid="ignore"):  # inf * 0, where the radius is infinite
        run = np.where(straight, arcs.length / 2, radius * np.sin(half)).clip(max=_FARTHEST)
        rise = np.where(straight, 0.0, 2 * radius * np.sin(half / 2) ** 2).clip(max=_FARTHEST)
    # Past the end is past either end; where the arc is more than half a circle, it is past both.
    sign = np.where(np.cos(half) < 0, -1.0, 1.0)
    steep = sign * _STEEPNESS

    # Points and directions as x + iy. The left end is the one on the left of who looks at the centre.
    to_centre = np.exp(1j * arcs.direction)
    left_to_centre, right_to_centre = np.exp(1j * (arcs.direction - half)), np.exp(1j * (arcs.direction + half))
    across = 1j * run * to_centre
    both = np.full_like(to_centre, 1 + 1j)  # the same for x and y; a real number goes to x alone
    curvature = both * (1 / radius)
    functions = [
        (curvature, -to_centre),
        (np.where(capped, both, left_to_centre), np.where(capped, -rise * to_centre - across, rise)),
        (np.where(capped, both, right_to_centre), np.where(capped, -rise * to_centre + across, rise)),
        (1j * steep * left_to_centre, -steep * run),
        (-1j * steep * right_to_centre, -steep * run),
        (-curvature, 2 * to_centre),
        (both, 0 * both),
    ]
    slopes, offsets = (np.array(part) for part in zip(*functions, strict=True))
    x, y = arcs.position
    sides = (slopes.real, offsets.real - slopes.real * x, slopes.imag, offsets.imag - slopes.imag * y)
    # Where the sides of a region run parallel or meet, it is no wider than its arc: next to nothing for a corner.
    widest = np.where(arcs.filled, np.where(arcs.turning < np.pi, 1.0, 2 * radius), arcs.line_width)
    return np.concatenate(((sign, arcs.line_width / 2, widest.clip(max=1)), *sides))


def _inside(shapes: Tensor, x: Tensor, y: Tensor, style: _Style, work: Tensor) -> Tensor:
    """Signed distance to the edge of the shape in px, positive inside.

    Args:
        shapes: 31 x T, from `_shapes`.
        x: columns x T (or x 1), in px from the image's centre to the right.
        y: rows x T (or x 1), in px upwards.
        style: of all the shapes.
        work: memory for 3 numbers per pixel; the result lies in it.

    Returns:
        rows x columns x T.
    """
    sign, half_width = shapes[:2]
    capped = style is _Style.CAPPED
    sides = []
    for (slope, offset), at in zip(shapes[3:].view(2, 2, 7, 1, shapes.shape[1]), (x, y), strict=True):
        side = (slope * at).add_(offset)
        side[: 3 if capped else 1].square_()
        side[5].mul_(side[6])
        sides.append(side)
    across, up = sides[0][:, None].unbind(), sides[1][:, :, None].unbind()
    a, b, c = work[: 3 * len(up[0]) * across[0].numel()].view(3, len(up[0]), *across[0].shape[1:])

    def plane(index: int, out: Tensor) -> Tensor:
        return torch.add(across[index], up[index], out=out)

    # Distance to the circle, positive inside. R - |p - c| cancels for a large radius and has no value for a straight
    # line; (2 R t - s^2 - t^2) / (R + |p - c|), divided by R above and below, does neither.
    circle = plane(5, a).div_(plane(0, b).sqrt_().add_(1))
    past = torch.maximum(plane(3, b), plane(4, c), out=b).mul_(sign)
    if capped:
        line = torch.maximum(circle.abs_(), past, out=a)
        to_end = torch.minimum(plane(1, b), plane(2, c), out=b).sqrt_()
        return torch.sub(half_width, torch.minimum(line, to_end, out=a), out=a)
    # The tangents lie outside the circle, so their distance is the greater one; it counts where `past` lets it.
    tangent = torch.minimum(past, plane(1, c), out=b)
    tangent = torch.minimum(tangent, plane(2, c), out=b)
    contour = torch.maximum(circle, tangent, out=a)
    return contour if style is _Style.FILLED else torch.sub(half_width, contour.abs_(), out=a)


def _coverage(inside: Tensor, most: Tensor) -> Tensor:
    """Share of each pixel that is foreground; takes the place of `inside`."""
    return torch.minimum(inside.add_(0.5).clamp_(min=0), most, out=inside)


def _draw(shapes: Tensor, size: int, style: _Style) -> Tensor:
    """Coverage of N shapes of one style: N x size x size."""
    device = shapes.device
    count, tile = shapes.shape[1], min(_TILE, size)
    starts = torch.arange(0, size, tile, device=device).clamp(max=size - tile)  # the last two may overlap
    centres = (starts + (tile - size) / 2)[:, None]  # of the tiles, from the centre of the image
    work = torch.empty(3 * max(_TILES_AT_ONCE * tile**2, len(starts) ** 2 * count), device=device)

    inside = _inside(shapes, centres, -centres, style, work)
    reach = 0.5 + math.sqrt(0.5) * (tile - 1) + 0.01  # to the pixels in the corners, and a margin for rounding
    # In the order of the images, so that pixels are put in place in the order of the memory.
    image, row, column = (inside.abs() < reach).permute(2, 0, 1).nonzero().t().contiguous()
    if bool((inside >= reach).any()):
        tile_of = torch.arange(size, device=device) // tile
        tiles = _coverage(inside, shapes[2]).permute(2, 0, 1).index_select(2, tile_of)
        canvas = tiles.index_select(1, tile_of)
    else:
        canvas = torch.zeros(count, size, size, device=device)

    step = torch.arange(tile, device=device)
    offset, pixel = (step - (tile - 1) / 2)[:, None], step[:, None, None] * size + step[:, None]
    corner = image * size**2 + starts.index_select(0, row) * size + starts.index_select(0, column)
    x, y = centres[:, 0].index_select(0, column) + offset, -centres[:, 0].index_select(0, row) - offset
    pieces = (tiles.split(_TILES_AT_ONCE, -1) for tiles in (image, corner, x, y))
    for of_image, at, across, up in zip(*pieces, strict=True):
        shape = shapes.index_select(1, of_image)
        coverage = _coverage(_inside(shape, across, up, style, work), shape[2])
        canvas.view(-1).scatter_(0, (at + pixel).view(-1), coverage.view(-1))
    return canvas


def render_arcs(arcs: Arcs, size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Draw the arcs.

    Args:
        arcs: what to draw, one image each.
        size: of the images in px; pixel i covers [i, i + 1), the centre of the image is at size / 2.
        device: where the work is done and the images stay.
        dtype: of the images; the work is done in float32.

    Returns:
        N x 3 x size x size, in 0..1. The three channels share memory where all colours are grey.
    """
    styles = np.where(arcs.filled, _Style.FILLED, np.where(arcs.extended, _Style.EXTENDED, _Style.CAPPED))
    shapes = torch.from_numpy(_shapes(arcs, styles == _Style.CAPPED)).float().to(device)
    if (styles == styles[0]).all():
        canvas = _draw(shapes, size, _Style(styles[0]))
    else:
        canvas = torch.empty(len(styles), size, size, device=device)
        for style in np.unique(styles):
            images = torch.from_numpy(np.flatnonzero(styles == style)).to(device)
            canvas.index_copy_(0, images, _draw(shapes.index_select(1, images), size, _Style(style)))

    colours = np.stack((arcs.foreground, arcs.background))
    if (colours == colours[:, :, :1]).all():
        colours = colours[:, :, :1]
    images = canvas[:, None]
    if (colours[0] != 1).any() or (colours[1] != 0).any():
        foreground, background = torch.from_numpy(colours).float().to(device)[..., None, None]
        # Gives both colours exactly, which background + coverage * (foreground - background) does not.
        images = (images * foreground).add_((1 - images).mul(background))
    return images.to(dtype).expand(-1, 3, -1, -1)
