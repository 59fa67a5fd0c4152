"""What a family did in each of a bounded number of groups of pictures, with which pictures can be drawn again.

A picture is a group of its own while there are few. Of more, those are one group whose hashes begin alike, and only so
many leading bits count that there are at most `MOST` groups. How many that are depends on which pictures there are and
on nothing else, so that groups are the same in any order and division.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import Family
from circuits.angles import difference
from evals.dataset.block import Block
from evals.dataset.floats import fixed, unfixed

__all__ = ["COMPANY", "MOST", "Groups", "company", "tallies"]

Array = NDArray[np.float64]
Amounts = NDArray[np.object_]
"""Python's integers, whose sums are exact."""

MOST = 512
"""Groups, at most: more would not make standard errors, known to 3% with so many, noticeably surer."""

COMPANY = ("neighbour", "opposite")
"""The units with which each unit's firing is compared, see `company`."""

_COUNTED = 1 + len(COMPANY)
"""Rows of counts in a tally; two of sums come after them."""


class Groups:
    """Sums of tallies by group."""

    def __init__(self) -> None:
        self._bits = 64  # leading bits of a picture's hash that name its group
        self._rows: dict[int, Amounts] = {}

    def add(self, image: int, amounts: Amounts) -> None:
        """Count a picture, given by the hash of its name, of which there is a tally."""
        self._offer([(image, amounts)])

    def merge(self, other: Groups) -> None:
        """Add what another has counted."""
        self._regroup(min(self._bits, other._bits))
        self._offer(other._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    @staticmethod
    def most_bytes(units: int) -> int:
        """Bytes that the tallies of so many units take at most: Python's integers, and as many while they merge."""
        return 2 * MOST * (1 + (_COUNTED + 2) * units) * 40

    def places(self, images: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Which group each picture, given by hash, is in: places from 0 in the order of `counts` and `sums`."""
        found: NDArray[np.intp] = np.searchsorted(self._names, images & np.uint64(self._mask))
        return found

    def counts(self) -> tuple[Array, Array]:
        """Positions of each group, (G,); and at how many each unit fired, and with each of its company, G x 3 x F."""
        table = self._table
        return table[:, 0].astype(np.float64), self._split(table)[:, :_COUNTED].astype(np.float64)

    def sums(self) -> Array:
        """Sums of pre-activations and of activations, G x 2 x F."""
        return unfixed(self._split(self._table)[:, _COUNTED:])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was counted, sums as digits."""
        amounts = np.array([list(map(str, row)) for row in self._table], dtype=np.bytes_)
        return {"bits": np.array(self._bits), "names": self._names, "amounts": amounts}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Groups:
        """The groups that `to_arrays` described."""
        made = cls()
        made._bits = int(arrays["bits"])
        for name, row in zip(arrays["names"], arrays["amounts"], strict=True):
            made._rows[int(name)] = np.array([int(number) for number in row], dtype=object)
        return made

    @property
    def _mask(self) -> int:
        return (1 << 64) - (1 << 64 - self._bits)

    @property
    def _names(self) -> NDArray[np.uint64]:
        return np.array(sorted(self._rows), dtype=np.uint64)

    @property
    def _table(self) -> Amounts:
        """The groups' tallies, in the order of their names."""
        return np.array([self._rows[name] for name in sorted(self._rows)], dtype=object)

    @staticmethod
    def _split(table: Amounts) -> Amounts:
        return table[:, 1:].reshape(len(table), _COUNTED + 2, -1)

    def _offer(self, rows: Iterable[tuple[int, Amounts]]) -> None:
        for image, amounts in rows:
            name = image & self._mask
            self._rows[name] = self._rows[name] + amounts if name in self._rows else amounts
        while len(self._rows) > MOST:
            self._regroup(self._bits - 1)

    def _regroup(self, bits: int) -> None:
        if bits < self._bits:
            rows, self._bits, self._rows = self._rows, bits, {}
            self._offer(rows.items())


def company(family: Family) -> NDArray[np.intp]:
    """By `COMPANY`, the place in the family of the next unit in direction, and of that most opposite to it, 2 x F."""
    turned = [difference(family.directions, angle + family.period / 2, family.period) for angle in family.directions]
    following = (np.arange(len(family)) + 1) % len(family)
    return np.stack([following, np.abs(np.array(turned)).argmin(axis=1)])


def tallies(block: Block, companions: NDArray[np.intp]) -> Amounts:
    """What is counted of each picture, as integers, P x (1 + 5F).

    Args:
        block: P pictures.
        companions: of each unit, 2 x F.
    """

    def by_picture(amounts: NDArray[Any]) -> NDArray[Any]:
        return np.add.reduceat(amounts, block.starts, axis=1).T

    fired = [by_picture(block.fired * others) for others in (1, *block.fired[companions])]  # exact, as in `Survey.add`
    values = block.values.astype(np.float64)
    sums = [fixed(by_picture(part)) for part in (values, np.maximum(values, 0))]
    places = np.diff(block.starts, append=block.values.shape[1])[:, None]
    return np.concatenate([part.astype(object) for part in (places, *(f.astype(np.int64) for f in fired))] + sums, 1)
