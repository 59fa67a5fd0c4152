"""The k smallest of every group, in whatever order they come: samples, best and stratified examples are of this kind.

A sample in which all are equally likely is the smallest of random keys (bottom-k sampling; Cohen and Kaplan, 2007).
With keys that are hashes of what is sampled, the same are drawn in any order and on any machine. The best are the
smallest when keys fall with the value. Of equal keys the smaller image comes first, then the earlier place.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evals.dataset.floats import mixed, name_hash

__all__ = ["Rows", "Smallest", "lots", "place_grid", "row_type"]

Rows = NDArray[np.void]
"""Records with the fields of `row_type`."""

_ALL = np.iinfo(np.uint64).max


def row_type(values: int) -> np.dtype[np.void]:
    """A record: its group, key, image (hash of the name), place (row x 65536 + column) and some values."""
    return np.dtype([("group", "<i4"), ("key", "<u8"), ("image", "<u8"), ("place", "<u4"), ("value", "<f4", (values,))])


def lots(seed: int, image: NDArray[np.uint64], place: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """The lots that N places of images (hashes of their names) draw: of these the smallest are sampled."""
    start = image + np.uint64(name_hash("seed", seed))  # modulo 2^64
    return mixed(mixed(place.astype(np.uint64)) ^ start)


@lru_cache(maxsize=64)
def place_grid(rows: int, columns: int) -> NDArray[np.uint32]:
    """The place of every position of a map: row x 65536 + column."""
    row, column = np.indices((rows, columns), np.uint32)
    grid: NDArray[np.uint32] = (row * np.uint32(2**16) + column).ravel()
    return grid


class Smallest:
    """Keeps the records with the smallest keys of every group.

    Args:
        size: how many of each group.
        groups: how many there are.
        values: how many values each record carries.
    """

    def __init__(self, size: int, groups: int, values: int = 1) -> None:
        self._size, self._most = size, size * groups
        self._limits = np.full(groups, _ALL, np.uint64)  # of a full group: the largest key that is kept
        self._kept: Rows = np.empty(0, row_type(values))
        self._new: list[Rows] = []
        self._pending = 0

    def wanted(self, group: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Which records, given by group and key, may be among the smallest."""
        return np.flatnonzero(key <= self._limits[group])

    def add(
        self,
        group: NDArray[np.int64],
        key: NDArray[np.uint64],
        image: NDArray[np.uint64],
        place: NDArray[np.uint32],
        value: NDArray[np.float32],
    ) -> None:
        """Offer N records; `value` is N x values. What is not `wanted` may be left out before."""
        if not len(key):
            return
        rows = np.empty(len(key), self._kept.dtype)
        rows["group"], rows["key"], rows["image"], rows["place"], rows["value"] = group, key, image, place, value
        self._offer(rows)

    def draw(
        self, key: NDArray[np.uint64], image: NDArray[np.uint64], place: NDArray[np.uint32], values: NDArray[np.float32]
    ) -> None:
        """Offer N positions, all of group 0; `values` is units x N."""
        kept = self.wanted(np.zeros(len(key), np.int64), key)
        self.add(np.zeros(len(kept), np.int64), key[kept], image[kept], place[kept], values[:, kept].T)

    def merge(self, other: Smallest) -> None:
        """Offer what another has kept."""
        self._offer(other.rows)

    @property
    def rows(self) -> Rows:
        """What is kept, in order of group and key."""
        if self._new:
            self._prune()
        return self._kept

    @property
    def most_bytes(self) -> int:
        """Bytes that it takes at most, if all groups are full and as many records wait: while they are sorted."""
        record, sorting = self._kept.itemsize, 7 * 8  # keys as sorted, places, ranks
        return 2 * max(self._most, 4096) * (3 * record + sorting) + self._most * record

    @classmethod
    def from_rows(cls, size: int, groups: int, rows: Rows) -> Smallest:
        """The accumulator that has kept these."""
        made = cls(size, groups, rows.dtype["value"].shape[0])
        made._offer(rows)
        return made

    def _offer(self, rows: Rows) -> None:
        self._new.append(rows)
        self._pending += len(rows)
        if self._pending > max(len(self._kept), 4096):
            self._prune()

    def _prune(self) -> None:
        rows = np.concatenate([self._kept, *self._new])
        order = np.lexsort((rows["place"], rows["image"], rows["key"], rows["group"]))
        group = rows["group"][order]
        rank = np.arange(len(rows)) - np.searchsorted(group, group)  # in its group
        last = rows[order[rank == self._size - 1]]
        self._limits[last["group"]] = last["key"]
        self._kept, self._new, self._pending = rows[order[rank < self._size]], [], 0
