"""A network as the figures show it, and the families on the way from Gabors to curves in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from circuits import CurvesError, Family, Member, Network
from circuits.angles import difference
from circuits.images import ImageSet
from evals.families import find_curve_family, find_families
from evals.kinds import KINDS
from evals.progress import Progress
from evals.sweep import CURVE_FIELD, field_sizes

__all__ = ["MOST", "STEPS", "Subject", "nearest_layer", "thinned"]

STEPS = {"complex Gabor": 11, "line": 19, "early curve": 59, "curve": CURVE_FIELD}
"""The families that lead to curves, and the receptive fields in px of the layers where InceptionV1 has them: conv2d1,
conv2d2, 3a, 3b ("Curve Circuits", section on the artificial artificial neural network)."""

MOST = 24
"""Units of a found family that are shown: as many as the articles' hand-built network has directions."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and what is known of it.

    Attributes:
        name: what to call it.
        net: the network.
        families: known by construction; None if they are to be found by what units do.
    """

    name: str
    net: Network
    families: tuple[Family, ...] | None = None

    @property
    def label(self) -> str:
        """Name and identity, for the line below a figure."""
        return f"{self.name} ({self.net.identity[:8]})"

    def bands(self, kind: str, images: ImageSet, progress: Progress | None = None) -> tuple[Family, ...]:
        """The families of one of the `STEPS`: one, or one for each band of radii where they were built so.

        Families that are found have at most `MOST` members, the strongest of each direction.

        Raises:
            CurvesError: the network has no such family.
        """
        layer = nearest_layer(self.net, kind)
        if self.families is not None:
            built = tuple(family for family in self.families if family.name == kind)
            if not built:
                raise CurvesError(f"{self.name} was built without a family {kind!r}; show another network")
            own = next(name for name in (layer, *(f.layer for f in built)) if any(f.layer == name for f in built))
            return tuple(family for family in built if family.layer == own)
        if kind == "curve":
            return (find_curve_family(self.net, layer, images=images, progress=progress),)
        found = find_families(self.net, layer, kinds=kind, images=images, progress=progress)
        if not found:
            raise CurvesError(f"no unit of {layer} of {self.name} is a {kind}, which this figure shows; try another")
        return (thinned(found[0]),)

    def family(self, kind: str, images: ImageSet, progress: Progress | None = None) -> Family:
        """The family of one of the `STEPS`, of several bands the first with the most members.

        Raises:
            CurvesError: the network has no such family.
        """
        return max(self.bands(kind, images, progress), key=len)


def nearest_layer(net: Network, kind: str) -> str:
    """The layer whose field is nearest, by ratio, to that of the step; of several the last, and never a bottleneck.

    Raises:
        CurvesError: no layer's field is one in which such units are looked for.
    """
    wanted = STEPS[kind]
    least, most = KINDS[kind].fields
    sizes = field_sizes(net, inner=False).items()
    ratios = {name: abs(math.log(size / wanted)) for name, size in sizes if least < size <= most}
    if not ratios:
        raise CurvesError(
            f"{net.provenance.name} has no layer whose receptive field fits a {kind}; show another network"
        )
    return [name for name, ratio in ratios.items() if ratio == min(ratios.values())][-1]


def thinned(family: Family, most: int = MOST) -> Family:
    """The members with the strongest responses, each at least period / `most` from any stronger one."""
    taken: list[Member] = []
    for member in sorted(family, key=lambda m: (-m.evidence["peak"], m.unit)):
        turns = [abs(difference(member.direction, other.direction, family.period)) for other in taken]
        if all(turn >= family.period / most for turn in turns):
            taken.append(member)
    return replace(family, members=tuple(taken))
