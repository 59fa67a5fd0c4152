"""Pictures side by side: what is small in each of them takes the time of one when it is counted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evals.dataset.floats import codes, name_hash
from evals.dataset.smallest import place_grid

__all__ = ["FULL", "Block", "Seen"]

FULL = 2**16
"""Pre-activations that are enough for a block: of more, the time of each no longer falls."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a family did in one picture.

    Attributes:
        name: of the picture, unlike all others of the set.
        content: hash of its pixels.
        maps: pre-activations, F x H x W.
    """

    name: str
    content: int
    maps: NDArray[np.float32]


class Block:
    """P pictures with N positions in all, one picture's after the other's.

    Args:
        pictures: at least one.

    Attributes:
        hashes: of the pictures' names, (P,).
        starts: the first position of each picture, (P,).
        values: pre-activations, F x N.
        codes: the same as integers in the values' order, F x N.
        image: the hash of each position's picture, (N,).
        place: of each position in its picture: row x 65536 + column, (N,).
    """

    def __init__(self, pictures: Sequence[Seen]) -> None:
        sizes = [seen.maps[0].size for seen in pictures]
        self.hashes = np.array([name_hash(seen.name) for seen in pictures], np.uint64)
        self.starts = np.concatenate([[0], np.cumsum(sizes[:-1], dtype=np.int64)])
        self.values = np.concatenate([seen.maps.reshape(len(seen.maps), -1) for seen in pictures], axis=1)
        self.codes = codes(self.values)
        self.image = np.repeat(self.hashes, sizes)
        self.place = np.concatenate([place_grid(*seen.maps.shape[1:]) for seen in pictures])

    @cached_property
    def fired(self) -> NDArray[np.float32]:
        """Where each unit's pre-activation was above 0: ones and zeros, F x N."""
        return (self.values > 0).astype(np.float32)

    @cached_property
    def highest(self) -> NDArray[np.intp]:
        """The first of each unit's highest positions in each picture, F x P."""
        parts = np.split(self.values, self.starts[1:], axis=1)
        best: NDArray[np.intp] = np.stack([part.argmax(axis=1) for part in parts], axis=1) + self.starts
        return best
