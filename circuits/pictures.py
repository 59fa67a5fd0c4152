"""One picture of an image set, read when it is asked for, and what all sorts of image sets have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from circuits.errors import FileDamagedError

__all__ = ["SUFFIXES", "Images", "Picture", "as_image", "read_file"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
"""What the names of images end in."""


@dataclass(frozen=True)
class Picture:
    """A picture that has a name and has not been read.

    Attributes:
        name: no other picture of the set has it, and it does not depend on where the set is kept.
        read: gives the picture, RGB.
    """

    name: str
    read: Callable[[], Image.Image]

    def pixels(self, short_side: int) -> NDArray[np.uint8]:
        """H x W x 3, RGB, its shorter side scaled to `short_side` px (Lanczos, anti-aliased).

        Raises:
            FileDamagedError: it cannot be read as an image.
        """
        image = self.read()
        scale = short_side / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS)).copy()

    def scaled(self, short_side: int) -> Tensor:
        """The same as 3 x H x W in [0, 1], as networks take it.

        Raises:
            FileDamagedError: it cannot be read as an image.
        """
        return as_image(self.pixels(short_side))


def as_image(pixels: NDArray[np.uint8]) -> Tensor:
    """Pixels, H x W x 3, as 3 x H x W in [0, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


class Images(Protocol):
    """Any image set: files (`ImageSet`), tar files (`ImageTars`) or a torch data set (`ImageDataset`)."""

    @property
    def name(self) -> str:
        """What to call it in reports."""
        ...

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side that pictures are scaled to."""
        ...

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def pictures(self) -> Iterator[Picture]:
        """The pictures in a fixed order, to be read, if at all, before the next is asked for."""
        ...


def read_file(source: str | os.PathLike[str] | BinaryIO, name: str = "") -> Image.Image:
    """An image file as RGB.

    Args:
        source: its path, or the open file.
        name: what to call it if it cannot be read; its path by default.

    Raises:
        FileDamagedError: it cannot be read as an image.
    """
    try:
        with Image.open(source) as file:
            return file.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise FileDamagedError(f"{name or source} cannot be read as an image ({error}); mend or remove it") from error
