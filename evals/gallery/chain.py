"""One unit's circuit as a chain: the units of each layer that it reads most, and what the strongest of them reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from circuits import Family, Network, Unit, expanded_weights
from circuits.angles import difference
from circuits.images import ImageSet
from circuits.wiring import is_inner
from evals.gallery.subject import STEPS, Subject
from evals.progress import Progress
from evals.tuning import Array

__all__ = ["Part", "Step", "chain"]

FIRST_FIELD = 7
"""px: the receptive field of InceptionV1's conv2d0."""


@dataclass(frozen=True, eq=False)
class Part:
    """A unit and its weights to the one unit of the next layer that is followed.

    Attributes:
        unit: which.
        direction: degrees; None for a unit of the first layer, which is shown by its own weights.
        kernel: h x w, from this unit to the one followed, layers between multiplied out.
    """

    unit: Unit
    direction: float | None
    kernel: Array

    @property
    def value(self) -> float:
        """The kernel's sum: above 0 it excites on balance."""
        return float(self.kernel.sum())


@dataclass(frozen=True, eq=False)
class Step:
    """A layer of the chain.

    Attributes:
        kind: of the family, or `filter` for the first layer.
        layer: where it is.
        parts: the units with the largest kernels, in order of direction.
        followed: index of the part whose own sources are the step before: that which excites most.
        share: the family's part of all absolute weights from this layer to the unit followed, 0..1.
    """

    kind: str
    layer: str
    parts: tuple[Part, ...]
    followed: int
    share: float


def chain(
    subject: Subject, direction: float, most: int, images: ImageSet, progress: Progress | None = None
) -> tuple[Family, Unit, tuple[Step, ...]]:
    """Follow the curve unit that points most nearly in `direction` back to the image.

    Args:
        subject: the network.
        direction: degrees.
        most: units of a layer that are kept.
        images: what a standard deviation is taken over where families are to be found.
        progress: called as the work goes on.

    Returns:
        The curve family, the unit, and the steps from the first layer onwards.

    Raises:
        CurvesError: the network lacks one of the families, or one does not read the one before.
    """
    kinds = list(STEPS)
    curves = subject.family("curve", images, progress)
    turns = np.abs(difference(curves.directions, direction))
    target = unit = curves.units[int(turns.argmin())]
    steps: list[Step] = []
    for kind in reversed(kinds[:-1]):
        family = subject.family(kind, images, progress)
        steps.append(_step(subject, kind, family.layer, family, unit, most))
        unit = steps[-1].parts[steps[-1].followed].unit
    first = _first_layer(subject.net, steps[-1].layer)
    steps.append(_step(subject, "filter", first, None, unit, most))
    return curves, target, tuple(reversed(steps))


def _step(subject: Subject, kind: str, layer: str, family: Family | None, target: Unit, most: int) -> Step:
    kernels = expanded_weights(subject.net, layer, target).detach().cpu().double().numpy()
    channels = list(family.channels) if family else list(range(len(kernels)))
    sizes = np.abs(kernels).sum(axis=(1, 2))
    # Those that excite and those that inhibit, half each where there are as many: a circuit is both.
    balance = kernels.sum(axis=(1, 2))
    ranked = sorted(range(len(channels)), key=lambda i: (-sizes[channels[i]], i))
    exciting = [i for i in ranked if balance[channels[i]] > 0]
    inhibiting = [i for i in ranked if balance[channels[i]] <= 0]
    half = max(most - len(inhibiting), -(-most // 2))
    kept = sorted([*exciting[:half], *inhibiting[: most - min(half, len(exciting))]])
    parts = tuple(
        Part(Unit(layer, channels[i]), family.directions[i] if family else None, kernels[channels[i]]) for i in kept
    )
    followed = int(np.argmax([part.value for part in parts]))
    whole = float(sizes.sum())
    return Step(kind, layer, parts, followed, float(sizes[channels].sum()) / whole if whole else 0.0)


def _first_layer(net: Network, before: str) -> str:
    """The layer before another whose field is nearest to conv2d0's."""
    names = [name for name in net.layers if not is_inner(name, net.layers)]
    earlier = names[: names.index(before)] or [before]
    return min(earlier, key=lambda name: abs(net.receptive_field(name).size - FIRST_FIELD))
