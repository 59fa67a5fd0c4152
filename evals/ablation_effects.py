"""What ablations do to the next layer's responses to drawn curves, and to the class probabilities of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import Family, Network, Unit
from circuits.images import ImageSet
from evals.ablation import Ablation, Behind
from evals.class_scores import Classifier, batches_of_middles, divergence
from evals.oriented import POLARITIES
from evals.progress import Progress
from evals.stimuli import Curve, render_curves
from evals.sweep import BATCH, GPU_BATCH, measure_scale

__all__ = ["LEAST", "ClassEffects", "NextEffects", "class_effects", "drawings", "next_effects"]

Array = NDArray[np.float64]

LEAST = 2.0
"""Standard deviations that a unit must respond with for its relative change to be told: as a curve detector must, see
`Criteria.peak`. Small numbers change by large ratios."""


@dataclass(frozen=True)
class ClassEffects:
    """What ablations do to class probabilities.

    Attributes:
        kl: ablations x pictures, KL(intact || ablated) in nats.
        changed: ablations x pictures, whether another class is the most probable one.
    """

    kl: Array
    changed: NDArray[np.bool_]


@dataclass(frozen=True)
class NextEffects:
    """What ablations do to the responses of a layer's units, at each radius to the drawing that excites them most.

    Attributes:
        layer: the layer.
        families: those that were found in it.
        before: radii x units, activations of the intact network in standard deviations of the pre-activation.
        after: ablations x radii x units, the same of the ablated ones, to the same drawings.
        shown: the drawings by radius.
        best: radii x units, which of these excites the unit most.
    """

    layer: str
    families: tuple[Family, ...]
    before: Array
    after: Array
    shown: tuple[tuple[Curve, ...], ...]
    best: NDArray[np.intp]

    def drawing(self, channel: int) -> Curve:
        """What excites a unit most of all that was shown."""
        radius = int(self.before[:, channel].argmax())
        return self.shown[radius][int(self.best[radius, channel])]

    @property
    def changes(self) -> Array:
        """Ablations x units: relative change at the preferred radius; NaN where the response is below `LEAST`."""
        return self.preferred(np.arange(len(self.before)))

    def preferred(self, radii: NDArray[np.intp]) -> Array:
        """The same, if only these radii are shown."""
        if not len(radii):
            return np.full(self.after[:, 0].shape, np.nan)
        units = np.arange(self.before.shape[1])
        best = radii[self.before[radii].argmax(axis=0)]
        before, after = self.before[best, units], self.after[:, best, units]
        changes: Array = np.divide(after - before, before, out=np.full_like(after, np.nan), where=before >= LEAST)
        return changes

    def members(self, kinds: Sequence[str]) -> list[tuple[str, list[int]]]:
        """Channels by kind, as scores name it: `all`, and each of these kinds."""
        own = {family.name: list(family.channels) for family in self.families}
        named = [(kind.replace(" ", "_"), own.get(kind, [])) for kind in kinds]
        return [("all", list(range(self.before.shape[1]))), *named]

    def details(self, draws: int, most: int = 10) -> dict[str, Any]:
        """By kind, each unit's change with the family and with the controls; and the units that change most."""
        changes = self.changes
        family, control = (
            changes[0],
            changes[2 : 2 + draws].mean(axis=0) if draws else np.full(changes.shape[1], np.nan),
        )

        def told(channels: Sequence[int]) -> list[dict[str, Any]]:
            numbers = {"change": family, "control": control}
            return [
                {"unit": str(Unit(self.layer, channel))}
                | {name: None if np.isnan(own[channel]) else float(own[channel]) for name, own in numbers.items()}
                for channel in channels
            ]

        kinds = {each.name: told(each.channels) for each in self.families}
        order = np.argsort(np.where(np.isnan(family), 0, -np.abs(family)), kind="stable")[:most]
        return {"layer": self.layer, "kinds": kinds, "most_changed": told([int(channel) for channel in order])}


def drawings(net: Network, layer: str, directions: int, radii: Sequence[float]) -> tuple[tuple[Curve, ...], ...]:
    """What a layer is shown: curves of all directions and a circle, as lines and as areas, light and dark.

    Curves have the middle of their arc, circles their own, in the middle of the receptive field.

    Args:
        net: the network.
        layer: which looks at them.
        directions: how many.
        radii: as shares of the receptive field.

    Returns:
        The drawings by radius; the last radius is infinite, straight lines.
    """
    field = net.receptive_field(layer).size
    shown = []
    for radius in [*(share * field for share in radii), math.inf]:
        arcs = [Curve(radius=radius, direction=360 * i / directions, size=field) for i in range(directions)]
        circle = arcs[0] if math.isinf(radius) else replace(arcs[0], max_angle=360, position=(-radius, 0))
        shown.append(
            tuple(
                replace(curve, filled=filled, foreground=foreground, background=background)
                for foreground, background in POLARITIES.values()
                for filled in (False, True)
                for curve in (*arcs, circle)
            )
        )
    return tuple(shown)


def next_effects(
    net: Network,
    layer: str,
    reader: str,
    families: tuple[Family, ...],
    ablations: Sequence[Ablation],
    shown: tuple[tuple[Curve, ...], ...],
    images: ImageSet,
    progress: Progress | None = None,
) -> NextEffects:
    """Show drawings to a layer behind the ablated one.

    Args:
        net: the network.
        layer: whose units are ablated.
        reader: the layer that is read.
        families: of that layer, for the result.
        ablations: what to do.
        shown: from `drawings`.
        images: what a standard deviation is taken over.
        progress: called as the work goes on.
    """
    behind = Behind(net, layer, net.layer(reader).post)
    std = measure_scale(net, reader, images).std.double().numpy()
    batch = BATCH if net.device.type == "cpu" else GPU_BATCH
    every = [curve for by_radius in shown for curve in by_radius]
    parts = []
    for start in range(0, len(every), batch):
        pictures = render_curves(every[start : start + batch], device=net.device)
        parts.append(torch.stack(list(behind.run(pictures, ablations))))
        if progress:
            progress(
                f"drawings through {reader}, {len(ablations)} ablations", min(start + batch, len(every)), len(every)
            )
    values = torch.cat(parts, dim=1).double().numpy()  # 1 + ablations x drawings x units
    values = np.divide(values, std, out=np.zeros_like(values), where=std > 0)
    values = values.reshape(len(values), len(shown), -1, values.shape[-1])
    best = values[0].argmax(axis=1)  # radii x units
    chosen = np.take_along_axis(values, best[None, :, None], axis=2)[:, :, 0]
    return NextEffects(reader, families, chosen[0], chosen[1:], shown, best)


def class_effects(
    classifier: Classifier,
    layer: str,
    images: ImageSet,
    ablations: Sequence[Ablation],
    progress: Progress | None = None,
) -> ClassEffects:
    """Show the middles of pictures to a classifier, some units of a layer being ablated.

    Args:
        classifier: the network.
        layer: whose units are ablated.
        images: the pictures, scaled as `evals.damage` does.
        ablations: what to do.
        progress: called as the work goes on.
    """
    size = classifier.net.input_size
    behind = Behind(classifier.net, layer, classifier.scores, (size, size))
    kl, changed, done = [], [], 0
    for pictures in batches_of_middles(images, size):
        said = [scores.flatten(1).double().log_softmax(dim=1) for scores in behind.run(pictures, ablations)]
        kl.append(np.stack([divergence(said[0], other) for other in said[1:]]))
        changed.append(np.stack([(other.argmax(1) != said[0].argmax(1)).numpy() for other in said[1:]]))
        done += len(pictures)
        if progress:
            progress(f"pictures, {len(ablations)} ablations", done, len(images))
    return ClassEffects(np.concatenate(kl, axis=1), np.concatenate(changed, axis=1))
