"""Image sets: which pictures a score in standard deviations, or a fit, speaks of."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from torch import Tensor

from circuits.errors import CurvesError
from circuits.pictures import SUFFIXES, Picture, read_file

__all__ = ["PHOTOGRAPHS", "ImageSet"]

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "retina.jpg", "rocket.jpg",
)  # fmt: skip
"""The photographs in scikit-image's wheel. Left out: charts, logos, masks, phantoms, scans of text, thumbnails
(lfw, microaneurysms) and the second of a stereo pair."""


@dataclass(frozen=True)
class ImageSet:
    """Images read from files when iterated, each scaled to a short side of `short_side` px.

    Attributes:
        name: what to call it in reports.
        paths: the files, in the order they are read.
        short_side: pixels of the shorter side after scaling (Lanczos, anti-aliased).
        root: the folder that they were found in, whose subfolders may say what they show.
    """

    name: str
    paths: tuple[Path, ...]
    short_side: int = 224
    root: Path | None = None

    def __post_init__(self) -> None:
        if not self.paths:
            raise CurvesError(f"the image set {self.name!r} is empty; give at least one image")

    @classmethod
    def photographs(cls, short_side: int = 224) -> ImageSet:
        """The default set: the photographs that scikit-image ships, see `PHOTOGRAPHS`."""
        import skimage

        folder = Path(skimage.__file__).parent / "data"
        paths = tuple(folder / name for name in PHOTOGRAPHS)
        if absent := [path.name for path in paths if not path.is_file()]:
            raise CurvesError(
                f"the installed scikit-image does not ship {', '.join(absent)}; install scikit-image>=0.24"
            )
        return cls(f"{len(paths)} photographs of scikit-image", paths, short_side)

    @classmethod
    def folder(cls, path: str | os.PathLike[str], short_side: int = 224) -> ImageSet:
        """All images in a folder and its subfolders, in order of name.

        Raises:
            CurvesError: the folder does not exist or holds no image.
        """
        root = Path(path)
        if not root.is_dir():
            raise CurvesError(f"there is no folder {root}; name one that holds images")
        paths = tuple(sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES))
        if not paths:
            raise CurvesError(f"{root} holds no images ({', '.join(sorted(SUFFIXES))}); name another folder")
        return cls(root.name, paths, short_side, root)

    def halves(self) -> tuple[ImageSet, ImageSet]:
        """Every second image from the first, and every second from the second: two sets that share none.

        Raises:
            CurvesError: there is but one image.
        """
        if len(self) < 2:
            raise CurvesError(f"the image set {self.name!r} has one image, which cannot be halved; give two or more")
        first, second = (
            replace(self, name=f"{name} half of {self.name}", paths=self.paths[start::2])
            for start, name in enumerate(("first", "second"))
        )
        return first, second

    def shared(self, other: ImageSet) -> tuple[Path, ...]:
        """The files of this set whose content is that of a file of the other."""
        theirs = set(other.digests)
        return tuple(path for path, digest in zip(self.paths, self.digests, strict=True) if digest in theirs)

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of each file's content."""
        return tuple(hashlib.sha256(path.read_bytes()).digest() for path in self.paths)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the files' contents in order and of the scale."""
        return hashlib.sha256(f"short side {self.short_side}".encode() + b"".join(self.digests)).hexdigest()

    def __len__(self) -> int:
        return len(self.paths)

    def pictures(self) -> Iterator[Picture]:
        """The images, none read yet; each is named by its place below `root`, or below the folder common to all."""
        base = self.root or Path(os.path.commonpath([path.parent for path in self.paths]))
        for path in self.paths:
            yield Picture(path.relative_to(base).as_posix(), partial(read_file, path))

    def __iter__(self) -> Iterator[Tensor]:
        """The images as 3 x H x W, RGB in [0, 1].

        Raises:
            FileDamagedError: a file cannot be read as an image.
        """
        return (picture.scaled(self.short_side) for picture in self.pictures())
