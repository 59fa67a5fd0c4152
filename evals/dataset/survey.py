"""What a family did over many images: all accumulators of the dataset test, and which images went into them.

Everything in here is a count, a sum of integers or a set of records with the smallest keys, so that surveys of parts of
a data set merge, in any order, into what one survey of the whole is, bit for bit.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, Family
from evals.dataset.block import Block, Seen
from evals.dataset.floats import mixed, name_hash
from evals.dataset.groups import Groups, company, tallies
from evals.dataset.histogram import Histogram
from evals.dataset.records import Example, Piece, Settings
from evals.dataset.smallest import Rows, Smallest, lots

__all__ = ["STRATA", "Survey", "merged"]

STRATA = 2**11
"""Strata for all numbers that there are: four an octave (1, 1.25, 1.5, 1.75, 2 ...)."""

_STRATUM = np.uint32(21)
"""Bits of a code below those that name its stratum."""


_AND = " and "


@dataclass(eq=False)
class Survey:
    """What a family did over the pictures of some pieces.

    Attributes:
        network: what the family is of, as from `evals.scorecard.provenance`.
        family: the units, F of them.
        field: receptive field of their layer: size, stride, offset in px.
        short_side: px that the pictures' shorter side was scaled to.
        settings: what was kept.
        pieces: what went in.
        images: how many pictures.
        content: sum, modulo 2^256, of hashes of all pictures' names and pixels: a name for what was seen, in any order.
        together: F x F, positions where both units fired (their pre-activation was above 0).
        histogram: of pre-activations at all positions.
        groups: firing and sums of pre-activations in groups of pictures.
        sample: pre-activations of all units at a random sample of positions.
        top: each unit's highest position in each of the pictures where that is highest.
        strata: a random sample of positions from each stratum of each unit.
        companions: of each unit, see `company`.
        names: of pictures by their hash; at least of those in `top` and `strata`.
    """

    network: Mapping[str, Any]
    family: Family
    field: Mapping[str, int]
    short_side: int
    settings: Settings
    pieces: tuple[Piece, ...] = ()
    images: int = 0
    content: int = 0
    together: NDArray[np.int64] = dataclasses.field(init=False)
    histogram: Histogram = dataclasses.field(init=False)
    groups: Groups = dataclasses.field(init=False, default_factory=Groups)
    sample: Smallest = dataclasses.field(init=False)
    top: Smallest = dataclasses.field(init=False)
    strata: Smallest = dataclasses.field(init=False)
    companions: NDArray[np.intp] = dataclasses.field(init=False)
    names: dict[int, str] = dataclasses.field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        units = len(self.family)
        self.together = np.zeros((units, units), np.int64)
        self.histogram = Histogram(units)
        self.sample = Smallest(self.settings.places, 1, units)
        self.top = Smallest(self.settings.top, units)
        self.strata = Smallest(self.settings.per_stratum, units * STRATA)
        self._most_names = 1024
        self.companions = company(self.family)
        self._unit_keys = np.array([name_hash(channel) for channel in self.family.channels], np.uint64)[:, None]

    def add(self, pictures: Sequence[Seen]) -> None:
        """Count pictures: small ones are sooner done together. What is counted depends on no division into calls.

        Raises:
            CurvesError: the network gives no finite number for one of them; none is counted then.
        """
        for seen in pictures:
            if not np.isfinite(seen.maps).all():
                raise CurvesError(f"{self.family.layer} gives no finite number for {seen.name}; leave the picture out")
        block = Block(pictures)
        self.images += len(pictures)
        self.content = (self.content + sum(_digest(f"{seen.content}/{seen.name}") for seen in pictures)) % 2**256
        self.histogram.add(block.codes)
        self.together += (block.fired @ block.fired.T).astype(np.int64)  # exact: a block has less than 2^24 positions
        for image, amounts in zip(block.hashes, tallies(block, self.companions), strict=True):
            self.groups.add(int(image), amounts)
        keys = lots(self.settings.seed, block.image, block.place)
        self.sample.draw(keys, block.image, block.place, block.values)
        kept = {*map(int, self._add_top(block)), *map(int, self._add_strata(block, keys))}
        self.names |= {image: name for seen in pictures if (image := name_hash(name := seen.name)) in kept}
        if len(self.names) > self._most_names:
            self.forget()

    def merge(self, other: Survey) -> None:
        """Add what another survey counted.

        Raises:
            CurvesError: it is of another network, precision, family or scale, kept other things, or counted the same
                pictures.
        """
        self.check_like(other)
        for piece in other.pieces:
            for own in self.pieces:
                alike = (own.count, own.of) == (piece.count, piece.of)
                if own.images == piece.images and (not alike or own.index == piece.index):
                    raise CurvesError(
                        f"part {piece.index} of {piece.count} of {piece.images} has pictures in common with part "
                        f"{own.index} of {own.count}, which is counted already; merge each part once"
                    )
        self.pieces = tuple(sorted((*self.pieces, *other.pieces), key=lambda piece: (piece.images, piece.index)))
        self.join_devices(other)
        self.images += other.images
        self.content = (self.content + other.content) % 2**256
        self.together += other.together
        self.histogram.merge(other.histogram)
        self.groups.merge(other.groups)
        for own_rows, rows in ((self.sample, other.sample), (self.top, other.top), (self.strata, other.strata)):
            own_rows.merge(rows)
        self.names |= other.names
        self.forget()

    def check_like(self, other: Survey) -> None:
        """Refuse a survey that does not count the same things. Devices may differ, and so may the last bits they give.

        Raises:
            CurvesError: it is of another network, precision, family or scale, or kept other things.
        """
        pairs = {
            "networks": (self.network["identity"], other.network["identity"]),
            "precisions": (self.network["precision"], other.network["precision"]),
            "families": (self.family.to_json(evidence=False), other.family.to_json(evidence=False)),
            "scales of pictures": (self.short_side, other.short_side),
            "settings": (self.settings, other.settings),
        }
        if unlike := [what for what, (one, another) in pairs.items() if one != another]:
            raise CurvesError(f"the surveys are of different {' and '.join(unlike)}; survey both alike")

    def join_devices(self, other: Survey) -> None:
        """Name the devices of both as this survey's."""
        devices = {name for survey in (self, other) for name in survey.network["device"].split(_AND)}
        self.network = {**self.network, "device": _AND.join(sorted(devices))}

    @property
    def complete(self) -> bool:
        """Whether all parts of all image sets are in it, whole."""
        have = {(piece.images, piece.index) for piece in self.pieces if piece.done == piece.total}
        needed = {(piece.images, index) for piece in self.pieces for index in range(piece.count)}
        return bool(needed) and have == needed

    @property
    def most_bytes(self) -> int:
        """Bytes that it takes however many pictures there are, also while it sorts what it has kept."""
        records = sum(rows.most_bytes for rows in (self.sample, self.top, self.strata))
        return self.histogram.most_bytes + records + Groups.most_bytes(len(self.family))

    @property
    def positions(self) -> int:
        """Positions of the layer in all pictures."""
        return self.histogram.total

    def examples(self, rows: Rows, strata: bool = False) -> list[Example]:
        """Records of `top`, or of `strata`, as examples."""
        units = rows["group"] // STRATA if strata else rows["group"]
        return [
            Example(
                self.family.units[unit],
                self.names[int(r["image"])],
                *divmod(int(r["place"]), 2**16),
                float(r["value"][0]),
            )
            for unit, r in zip(units, rows, strict=True)
        ]

    def forget(self) -> None:
        """Forget the names of pictures of which no example is left."""
        used = np.unique(np.concatenate([self.top.rows["image"], self.strata.rows["image"]]))
        self.names = {image: self.names[image] for image in map(int, used)}
        self._most_names = 2 * len(self.names) + 1024

    def _add_top(self, block: Block) -> NDArray[np.uint64]:
        """The pictures of which an example may be kept."""
        units = np.arange(len(self.family)).repeat(len(block.hashes))
        at = block.highest.ravel()
        key = np.uint64(2**32 - 1) - block.codes[units, at].astype(np.uint64)
        kept = self.top.wanted(units, key)
        units, at = units[kept], at[kept]
        self.top.add(units, key[kept], block.image[at], block.place[at], block.values[units, at][:, None])
        return block.image[at]

    def _add_strata(self, block: Block, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The pictures of which an example may be kept."""
        own = mixed(keys[None] ^ self._unit_keys).ravel()
        stratum = (block.codes >> _STRATUM).astype(np.int64)
        group = (stratum + STRATA * np.arange(len(stratum))[:, None]).ravel()
        kept = self.strata.wanted(group, own)
        at = kept % len(keys)
        self.strata.add(group[kept], own[kept], block.image[at], block.place[at], block.values.ravel()[kept, None])
        return np.unique(block.image[at])


def merged(surveys: Sequence[Survey]) -> Survey:
    """One survey of all that several have counted; these stay as they are.

    Raises:
        CurvesError: there are none, or they do not fit together.
    """
    if not surveys:
        raise CurvesError("there is nothing to merge; give at least one survey")
    first = surveys[0]
    made = Survey(first.network, first.family, first.field, first.short_side, first.settings)
    for survey in surveys:
        made.merge(survey)
    return made


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=32).digest(), "little")
