"""The class of every picture, told by the folder that it lies in."""

from __future__ import annotations

from collections import Counter

from circuits import CurvesError
from circuits.images import ImageSet

__all__ = ["CLASSES", "class_labels"]

CLASSES = "classes.txt"
"""The file in an image folder that lists its subfolders in the order of a network's outputs, one a line."""


def class_labels(images: ImageSet, outputs: int) -> tuple[int, ...]:
    """The class of every picture as a number from 0, told by the first folder on its way.

    The folders of `images.root` are read in one of three ways: by `classes.txt` in it, if there is one; as numbers, if
    all their names are; in order of name, if there are as many as the network has outputs.

    Args:
        images: a folder's images.
        outputs: how many classes the network knows.

    Raises:
        CurvesError: there are no folders, or none of the three ways fits.
    """
    if images.root is None:
        raise CurvesError(f"{images.name} have no labels; give a folder of images with a subfolder for each class")
    parts = [path.relative_to(images.root).parts for path in images.paths]
    if loose := [path.name for path, part in zip(images.paths, parts, strict=True) if len(part) < 2]:
        raise CurvesError(f"{loose[0]} lies in no class's folder; put each picture into a subfolder of {images.root}")
    folders = sorted(p.name for p in images.root.iterdir() if p.is_dir() and not p.name.startswith("."))
    listing = images.root / CLASSES
    if listing.is_file():
        numbers = _listed(listing.read_text(encoding="utf-8").split("\n"), outputs, str(listing))
    elif all(name.isascii() and name.isdigit() for name in folders):
        numbers = {name: int(name) for name in folders}
    elif len(folders) == outputs:
        numbers = {name: number for number, name in enumerate(folders)}
    else:
        raise CurvesError(
            f"{images.root} has {len(folders)} folders for {outputs} classes: name them by the classes' numbers from "
            f"0, or have a folder for every class in order of the network's outputs, or list them in {listing} in "
            f"that order, one a line"
        )
    names = [part[0] for part in parts]
    if unknown := [name for name in names if name not in numbers]:
        raise CurvesError(f"{listing} does not list the folder {unknown[0]!r}; add it in its class's line")
    if large := [name for name in names if numbers[name] >= outputs]:
        raise CurvesError(
            f"{images.root / large[0]} is no class: the network has {outputs} (0..{outputs - 1}); rename the folder, "
            f"or list the folders in {listing} in order of the network's outputs, one a line"
        )
    return tuple(numbers[name] for name in names)


def _listed(lines: list[str], outputs: int, path: str) -> dict[str, int]:
    """The line, from 0, in which each folder stands."""
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    if len(names) != outputs:
        raise CurvesError(
            f"{path} has {len(names)} lines for {outputs} classes; give each output of the network a line"
        )
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise CurvesError(f"{path} lists {twice[0]!r} twice; give each class one line")
    return {name: number for number, name in enumerate(names) if name}
