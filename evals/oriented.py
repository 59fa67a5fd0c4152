"""Stimuli of an orientation: gratings and straight lines, as large as the receptive field that looks at them.

An orientation is the angle along which the bars of a grating or the line run, in degrees counter-clockwise with y up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from evals.stimuli import Curve, render_curves

__all__ = ["COLOURS", "ORIENTATIONS", "POLARITIES", "Gratings", "Lines"]

Colour = tuple[float, float, float]

COLOURS = {
    "light-dark": (1.0, 1.0, 1.0),
    "red-green": (1.0, -0.299 / 0.587, 0.0),
    "blue-yellow": (-0.114 / 0.886, -0.114 / 0.886, 1.0),
}
"""The axes of colour along which a grating changes: what is added to grey at one end and taken from it at the other.
The last two have equal luma everywhere (Rec. 601), so that what answers to them answers to colour."""

POLARITIES: dict[str, tuple[Colour, Colour]] = {
    "light": ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    "dark": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""Foreground and background of what is drawn."""

ORIENTATIONS = tuple(float(angle) for angle in np.arange(0, 180, 15))
"""Degrees, of gratings and lines."""


@dataclass(frozen=True)
class Gratings:
    """Sinusoidal gratings around grey: colour x orientation x wavelength x phase, at full contrast.

    They fill the receptive field to its edge, which is where the unit's own sight ends: no other window is needed.

    Attributes:
        size: of the square images, px.
        wavelengths: px, above 2 (a pixel cannot show less).
        orientations: degrees, evenly spaced over 180.
        phases: degrees, evenly spaced over 360; at 0 a light bar is in the middle, at 180 a dark one.
    """

    size: int
    wavelengths: tuple[float, ...]
    orientations: tuple[float, ...] = ORIENTATIONS
    phases: tuple[float, ...] = tuple(float(angle) for angle in np.arange(0, 360, 45))

    @property
    def shape(self) -> tuple[int, ...]:
        """Colours, orientations, wavelengths, phases."""
        return len(COLOURS), len(self.orientations), len(self.wavelengths), len(self.phases)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def spec(self) -> dict[str, Any]:
        """Describe the gratings with JSON's types alone, the same for equal ones."""
        return {"gratings": asdict(self), "colours": COLOURS}

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw them in C order over the axes, `batch_size` at a time: N x 3 x size x size in [0, 1]."""
        x = torch.arange(self.size, device=device) + 0.5 - self.size / 2
        combinations = itertools.product(COLOURS.values(), self.orientations, self.wavelengths, self.phases)
        while batch := list(itertools.islice(combinations, batch_size)):
            colour, *numbers = (torch.tensor(column, device=device) for column in zip(*batch, strict=True))
            orientation, wavelength, phase = (rearrange(column, "n -> n 1 1") for column in numbers)
            # Across the bars, counted from the middle of the image; y is up, rows go down.
            angle = torch.deg2rad(orientation)
            across = -x[:, None] * angle.cos() - x * angle.sin()
            wave = torch.cos(2 * math.pi * across / wavelength - torch.deg2rad(phase))
            yield 0.5 + 0.5 * rearrange(colour, "n c -> n c 1 1") * wave[:, None]


@dataclass(frozen=True)
class Lines:
    """Straight lines: light or dark x orientation x offset.

    Attributes:
        size: of the square images, px.
        line_width: px.
        offsets: px from the middle of the image, across the line.
        orientations: degrees, evenly spaced over 180.
    """

    size: int
    line_width: float
    offsets: tuple[float, ...]
    orientations: tuple[float, ...] = ORIENTATIONS

    @property
    def shape(self) -> tuple[int, ...]:
        """Polarities (light on dark, dark on light), orientations, offsets."""
        return len(POLARITIES), len(self.orientations), len(self.offsets)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def spec(self) -> dict[str, Any]:
        """Describe the lines with JSON's types alone, the same for equal ones."""
        return {"lines": asdict(self)}

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw them in C order over the axes, `batch_size` at a time: N x 3 x size x size in [0, 1]."""
        combinations = itertools.product(POLARITIES.values(), self.orientations, self.offsets)
        while batch := list(itertools.islice(combinations, batch_size)):
            yield render_curves([self._line(*line) for line in batch], device=device)

    def _line(self, colours: tuple[Colour, Colour], orientation: float, offset: float) -> Curve:
        foreground, background = colours
        angle = math.radians(orientation)
        return Curve(
            direction=orientation + 90,
            radius=math.inf,
            line_width=self.line_width,
            foreground=foreground,
            background=background,
            position=(-math.sin(angle) * offset, math.cos(angle) * offset),
            size=self.size,
        )
