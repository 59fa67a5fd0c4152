"""Image sets that are no folder of files: tar files, as webdataset writes them, and torch data sets.

Both are read one picture at a time. Tar files are an `ImageSet` like any other; a data set is for `evals.dataset`,
which runs through it once. webdataset's own package is not needed: its shards are plain tar files, whose
images are all that is looked at here, and members are kept in their order and can be skipped without being read,
which a resumed pass does.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from circuits.errors import CurvesError, FileDamagedError
from circuits.images import ImageSet
from circuits.pictures import SUFFIXES, Picture, read_file

__all__ = ["ImageDataset", "ImageTars", "open_images"]

_TARS = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class ImageTars(ImageSet):
    """The images in tar files, such as webdataset's shards; whatever else is in there (labels, JSON) is passed over.

    Attributes:
        name: what to call the set in reports.
        paths: the tar files, in the order they are read.
        short_side: pixels of the shorter side after scaling.
        root: None: no folders say what is shown.
    """

    @classmethod
    def at(cls, path: str | os.PathLike[str], short_side: int = 224) -> ImageTars:
        """One tar file, or all of a folder in order of name.

        Raises:
            CurvesError: there is none.
        """
        place = Path(path)
        paths = tuple(sorted(p for p in (place.iterdir() if place.is_dir() else (place,)) if _is_tar(p)))
        if not paths:
            raise CurvesError(f"{place} holds no tar files; name a .tar, .tar.gz or .tgz, or a folder of them")
        return cls(place.name, paths, short_side)

    def part(self, index: int, count: int) -> ImageTars:
        """Of every `count` files the one from `index`, from 0, on."""
        return replace(self, paths=self.paths[index::count])

    @cached_property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of each image's content: tar files have the hash of the folder that went into them."""
        return tuple(hashlib.sha256(_content(tar, member, name)).digest() for name, tar, member in self._members())

    def shared(self, other: ImageSet) -> tuple[Path, ...]:
        """The images of this set, as `TAR/MEMBER`, whose content is that of an image of the other."""
        theirs, names = set(other.digests), (picture.name for picture in self.pictures())
        return tuple(Path(name) for name, digest in zip(names, self.digests, strict=True) if digest in theirs)

    @cached_property
    def _count(self) -> int:
        return sum(1 for _ in self.pictures())

    def __len__(self) -> int:
        """How many images there are; only the headers of their members are read for it, once."""
        return self._count

    def pictures(self) -> Iterator[Picture]:
        """The images in the order of files and members, each named `TAR/MEMBER`.

        Raises:
            FileDamagedError: a tar file is cut or is none.
        """
        for name, tar, member in self._members():
            yield Picture(name, partial(_read_member, tar, member, name))

    def _members(self) -> Iterator[tuple[str, tarfile.TarFile, tarfile.TarInfo]]:
        for path in self.paths:
            try:
                with tarfile.open(path) as tar:
                    while (member := tar.next()) is not None:
                        tar.members.clear()  # type: ignore[attr-defined]  # it would grow with the number of images
                        if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                            yield f"{path.name}/{member.name}", tar, member
            except (tarfile.TarError, EOFError, OSError) as error:
                raise FileDamagedError(f"{path} cannot be read as a tar file ({error}); fetch it again") from error


class Samples(Protocol):
    """A torch data set with a length."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...  # noqa: ANN401 (whatever it holds)


@dataclass(frozen=True)
class ImageDataset:
    """The images of a torch data set, such as torchvision's.

    Attributes:
        name: what to call the set in reports.
        samples: gives an image, or a tuple that begins with one: a PIL image, or RGB pixels 3 x H x W as bytes or as
            floats in [0, 1] (no normalised ones: that is part of a network here).
        short_side: pixels of the shorter side after scaling.
    """

    name: str
    samples: Samples
    short_side: int = 224

    def __post_init__(self) -> None:
        if not len(self.samples):
            raise CurvesError(f"the image set {self.name!r} is empty; give at least one image")

    def __len__(self) -> int:
        return len(self.samples)

    def pictures(self) -> Iterator[Picture]:
        """The images in order, each named by its number."""
        for index in range(len(self.samples)):
            yield Picture(str(index), partial(self._read, index))

    def _read(self, index: int) -> Image.Image:
        sample = self.samples[index]
        image = sample[0] if isinstance(sample, tuple | list) else sample
        if isinstance(image, Image.Image):
            return image.convert("RGB")
        if isinstance(image, torch.Tensor) and image.ndim == 3 and image.shape[0] == 3:
            pixels = image if image.dtype == torch.uint8 else (image * 255).round()
            if pixels.amin() >= 0 and pixels.amax() <= 255:
                return Image.fromarray(pixels.permute(1, 2, 0).numpy().astype(np.uint8))
        raise CurvesError(
            f"sample {index} of {self.name} is no picture; give a data set without transforms, or with ToTensor() alone"
        )


def open_images(path: str | os.PathLike[str], short_side: int = 224) -> ImageSet:
    """The image set at a path: a folder of images, a tar file, or a folder of tar files.

    Raises:
        CurvesError: there is none.
    """
    place = Path(path)
    if _is_tar(place) or (place.is_dir() and any(map(_is_tar, place.iterdir()))):
        return ImageTars.at(place, short_side)
    return ImageSet.folder(place, short_side)


def _is_tar(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_TARS)


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Image.Image:
    return read_file(BytesIO(_content(tar, member, name)), name)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    try:
        content = tar.extractfile(member)
        assert content is not None  # it is a file
        return content.read()
    except tarfile.TarError as error:
        raise FileDamagedError(f"{name} cannot be read from its tar file ({error}); fetch it again") from error
