"""Accuracy on labelled pictures: does the network as a whole still know what it sees?

"Curve Circuits" ends with it: without its curve detectors InceptionV1 loses accuracy on ImageNet, and with hand-made
ones in their place it gets most of that back.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
import torch

from circuits import CurvesError, Network
from circuits.images import ImageSet
from evals.class_scores import Classifier, batches_of_middles, within_best
from evals.scorecard import Definition, TestResult
from evals.synthetic import Progress

__all__ = ["CLASSES", "Classification", "class_labels"]

CLASSES = "classes.txt"
"""The file in an image folder that lists its subfolders in the order of a network's outputs, one a line."""

_MIDDLE = "pictures are scaled to the image set's shorter side, and the middle is shown"
_DEFINITIONS = {
    "top1": Definition("share", f"pictures whose class is the network's most probable one; {_MIDDLE}"),
    "top5": Definition("share", f"pictures whose class is among the network's five most probable; {_MIDDLE}", 0.886),
    "images": Definition("count", "pictures shown"),
    "classes": Definition("count", "classes that the pictures are of"),
}


class Classification:
    """The test. It is about the network as a whole, and needs no family."""

    name: ClassVar[str] = "classification"

    def run_network(self, net: Network, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a classifier on pictures that lie in a folder for each class.

        Raises:
            CurvesError: the network is no classifier, or the folders do not say which picture is of which class.
        """
        classifier = Classifier(net)
        labels = torch.tensor(class_labels(images, classifier.classes))
        first, best = [], []
        done = 0
        for pictures in batches_of_middles(images, net.input_size):
            scores, _ = classifier.run(pictures)
            own = labels[done : done + len(pictures)]
            first.append(within_best(scores, own, 1))
            best.append(within_best(scores, own, 5))
            done += len(pictures)
            if progress:
                progress("pictures classified", done, len(images))
        data = {"label": labels.numpy(), "top1": np.concatenate(first), "top5": np.concatenate(best)}
        scores_found = {
            "top1": float(data["top1"].mean()),
            "top5": float(data["top5"].mean()),
            "images": float(len(images)),
            "classes": float(len(set(labels.tolist()))),
        }
        details = {
            "images": {"name": images.name, "hash": images.hash},
            "size": net.input_size,
            "short_side": max(images.short_side, net.input_size),
        }
        return TestResult(scores_found, _DEFINITIONS, data, details)


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
