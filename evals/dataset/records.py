"""What a survey is told to keep, the parts of image sets that it is of, and the examples that it gives."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

from circuits import CurvesError, Unit

__all__ = ["Example", "Piece", "Settings"]


@dataclass(frozen=True)
class Settings:
    """What is kept of the images.

    Attributes:
        seed: of all samples.
        places: positions, of all images, whose pre-activations are kept for tests and correlations.
        top: images in which each unit is highest, one position of each.
        per_stratum: positions of each unit that are kept from each stratum of its pre-activation.
    """

    seed: int = 0
    places: int = 2**16
    top: int = 16
    per_stratum: int = 8

    def __post_init__(self) -> None:
        if min(self.places, self.top, self.per_stratum) < 1:
            raise CurvesError("a survey keeps at least 1 place, 1 top example and 1 of each stratum; give more")


@dataclass(frozen=True)
class Piece:
    """A part of an image set, and how far it has been surveyed.

    Attributes:
        images: name of the set.
        index: which part, from 0: of every `count` pictures, this one; or of every `count` files of pictures.
        count: how many parts there are.
        total: pictures in the part.
        done: of these, the first so many are in the survey.
        names: hash of their names in order, by which a set that has changed is noticed.
        of: what the set was divided by: `pictures` or `files`.
    """

    images: str
    index: int
    count: int
    total: int
    done: int = 0
    names: str = ""
    of: str = "pictures"

    def after(self, name: str) -> Piece:
        """The piece with one picture more."""
        chained = hashlib.blake2b(f"{self.names}/{name}".encode(), digest_size=16).hexdigest()
        return dataclasses.replace(self, done=self.done + 1, names=chained)


@dataclass(frozen=True)
class Example:
    """A position of a picture that was kept.

    Attributes:
        unit: whose.
        picture: name of the picture in its set.
        row: of the layer's map.
        column: of the layer's map.
        value: the unit's pre-activation there.
    """

    unit: Unit
    picture: str
    row: int
    column: int
    value: float
