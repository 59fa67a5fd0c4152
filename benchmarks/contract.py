"""What an item of the comparison is made of: jobs, and the ways in which tools do them.

A job is a number of equal pieces of work (stimuli, ablations, pictures, units). Ours does all of them; a peer that
would take hours does some, evenly spread, and what is compared is the time of one piece. Every way gives its answers
for its pieces, which must agree with ours.

Items are modules of `benchmarks.items`; a module has a `jobs` function and needs nothing of a peer until a way of that
peer is prepared, because each tool has a process, and a peer an environment, of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

__all__ = [
    "DOCUMENTED",
    "HANDED",
    "OURS",
    "Job",
    "Options",
    "Run",
    "Way",
    "difference",
    "spread_pieces",
]

OURS = "ours"
DOCUMENTED = "as documented"
HANDED = "handed our crop or method"

Run = Callable[[], Tensor]
"""Does the work that is timed and returns its answers: the first axis is pieces, from the first piece onwards."""


@dataclass(frozen=True)
class Options:
    """What a run of the benchmarks is told.

    Attributes:
        network: with InceptionV1's layers.
        quick: less work, to check that everything runs.
        threads: of torch, for all tools alike.
    """

    network: str = "bvlc_googlenet"
    quick: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Way:
    """How one tool does a job.

    Attributes:
        tool: its name, one of `benchmarks.environments.TOOLS`.
        column: `DOCUMENTED`, `HANDED`, or "" for ours and for what has but one way.
        prepare: from the pieces to do, to what is timed. Whatever it raises becomes a row that says so.
        label: what tells it from other ways of the same tool.
        pieces: how many are done; None for all.
        share: of the time that is for the pieces; the rest is what the tool does once for all of them.
        reference: the right answers for pieces; None for what ours answered.
        tolerance: the largest difference that is agreement, of a tool known to be less exact; None for the job's.
    """

    tool: str
    column: str
    prepare: Callable[[Sequence[int]], Run]
    label: str = ""
    pieces: int | None = None
    share: float = 1.0
    reference: Callable[[Sequence[int]], Tensor] | None = None
    tolerance: float | None = None

    @property
    def name(self) -> str:
        """Tells ways of one job apart."""
        return ", ".join(part for part in (self.tool, self.label, self.column) if part)


def difference(found: Tensor, right: Tensor) -> float:
    """The largest difference, as a share of the largest right answer; answers that are not known (nan) say nothing.

    An answer that is missing, or of which nothing is known, is infinitely far off.
    """
    known = right.isfinite()
    if found.shape != right.shape or not known.any() or not found[known].isfinite().all():
        return float("inf")
    return float((found - right)[known].abs().max() / right[known].abs().max())


@dataclass(frozen=True)
class Job:
    """A piece of work done by several tools, ours first.

    Attributes:
        name: what is done.
        piece: what a time is given for.
        count: pieces in all.
        ways: in the order of the table.
        targets: by column or tool, how many times as fast as the peers ours is meant to be.
        clock: "wall" or "cpu": which time is compared.
        difference: between answers and the right ones.
        tolerance: the largest difference that is agreement.
        limit: seconds that a piece takes at least, and its multiply-adds.
    """

    name: str
    piece: str
    count: int
    ways: tuple[Way, ...]
    targets: Mapping[str, float] = field(default_factory=dict)
    clock: str = "wall"
    difference: Callable[[Tensor, Tensor], float] = difference
    tolerance: float = 1e-5
    limit: Callable[[], tuple[float, int]] | None = None

    def target(self, way: Way) -> float | None:
        """How many times as fast as this way ours is meant to be."""
        return self.targets.get(way.tool, self.targets.get(way.column))

    def pieces(self, way: Way) -> range:
        """The pieces that a way does."""
        return spread_pieces(self.count, way.pieces)


def spread_pieces(count: int, some: int | None) -> range:
    """Evenly spread places among `count`: `some` of them, or all."""
    if some is None or some >= count:
        return range(count)
    return range(0, count - count % some, count // some)
