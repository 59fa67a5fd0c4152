# Copyright 2018 The Lucid Authors. Licensed under the Apache License, Version 2.0 (see LICENSE).
"""The baseline: how Lucid draws curve stimuli.

Restated from `lucid/misc/stimuli.py` of https://github.com/tensorflow/lucid at commit
0bc33f0c737fc7428343f6c778c478fe9c0dd2b0: `sample_binary_image`, `rmin` and `rounded_corner`. Changed: blur and fade
are left out (they are off by default, where they cost Lucid two passes over the image), and names and layout follow
this project. The arithmetic of a sample, the number of samples and the random offsets are Lucid's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sample_binary_image(
    energy: Callable[[Array, Array], Array],
    size: int,
    *,
    alias_factor: int = 10,
    color_a: tuple[float, float, float] = (1, 1, 1),
    color_b: tuple[float, float, float] = (0, 0, 0),
    boundary_line: bool = False,
    boundary_width: float = 1,
) -> Array:
    """Draw where an implicit function is at least 0 (in color_a), or its boundary (in color_b)."""
    across = np.arange(size) - size // 2
    x, y = across[None, :], across[:, None]
    alias_offsets = [tuple(np.random.uniform(-0.5, 0.5, size=2)) for _ in range(alias_factor)]  # noqa: NPY002
    angles = 2 * np.pi * np.arange(16) / 16
    boundary_offsets = [(boundary_width * np.cos(a), boundary_width * np.sin(a)) for a in angles]

    def sample(x_off: float, y_off: float) -> Array:
        return np.greater_equal(energy(x + x_off, y + y_off), 0).astype("float32")

    def boundary_sample(x_off: float, y_off: float) -> Array:
        images = [sample(x_off + dx, y_off + dy) for dx, dy in boundary_offsets]
        values = 2 * np.abs(np.mean(images, axis=0) - 0.5)
        return np.greater_equal(values, 0.99).astype("float32")

    sampler = boundary_sample if boundary_line else sample
    image = np.mean([sampler(*offset) for offset in alias_offsets], axis=0)
    image = np.clip(image, 0, 1)[..., None]
    return image * np.reshape(color_a, (1, 1, 3)) + (1 - image) * np.reshape(color_b, (1, 1, 3))


def rmin(x: Array, y: Array, r: float) -> Array:
    """Rounded minimum of two implicit functions."""
    rounded = y + r * np.sin(np.pi / 4 + np.arcsin(np.clip((x - y) / np.maximum(r, 1e-6) / np.sqrt(2), -1, 1))) - r
    return np.where(np.less_equal(np.abs(x - y), r), rounded, np.minimum(x, y))


def rounded_corner(
    orientation: float, r: float, angular_width: float = 90, size: int = 224, **options: object
) -> Array:
    """Draw a corner of radius r: size x size x 3; the options are those of `sample_binary_image`."""
    turn = np.radians(orientation) + np.pi / 2
    half = np.radians(angular_width) / 2
    first, second = turn - half, turn + half + np.pi

    def energy(x: Array, y: Array) -> Array:
        shift = r * (1 - 1 / np.sqrt(2.0))
        x_ = np.cos(first) * x + np.sin(first) * y + shift
        y_ = np.cos(second) * x + np.sin(second) * y + shift
        return 10 * rmin(x_, y_, r)

    return sample_binary_image(energy, size, **options)  # type: ignore[arg-type]
