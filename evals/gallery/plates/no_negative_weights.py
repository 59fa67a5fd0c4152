"""What negative weights are for: the tuning of curves that read early curves alone, with and without inhibition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import evals.harness
from circuits import CurvesError, Family, Network
from circuits.edge_changes import scale_edges
from circuits.graph.colors import POSITIVE
from circuits.sight import edge_kernels
from circuits.surgery import Surgery
from circuits.wiring import base_layer
from evals.battery.synthetic import SyntheticCurves
from evals.families import find_families
from evals.figures import Maps
from evals.gallery.layered import evenly
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet
from evals.gallery.tuning_plots import aligned, around
from evals.scorecard import Scorecard

__all__ = ["no_negative_weights", "reading_only"]

KINDS = ("early curve", "curve")
"""What is looked for in the layer that curves read: early curves, or in networks of small steps curves."""

MOST = 12
"""Curves that are edited and measured, evenly over the family."""

TEST = SyntheticCurves(directions=tuple(float(angle) for angle in np.arange(0, 360, 15)), radii=(20.0, 40.0, 80.0))

LEFT, COLUMN, SIDE = 0.75, 3.05, 1.9


@plate(
    "no-negative-weights",
    "radial tuning of curves that read early curves alone, with and without the negative weights",
    "Curve Circuits, 3a early curve family",
)
def no_negative_weights(setting: Setting) -> Figure:
    """A column for the network as it is, for curves that see early curves alone, and these by positive weights alone.

    Raises:
        CurvesError: the network has no curves in the layer that curves read, or more than a 1x1 bottleneck is between.
    """
    subject = setting.subject
    curves = subject.family("curve", setting.images, setting.progress)
    source = _source(setting, curves)
    chosen = replace(curves, members=tuple(curves.members[i] for i in evenly(len(curves), MOST)))
    nets = {
        "as it is": subject.net,
        f"{source.layer} {source.name}s alone": reading_only(subject.net, chosen, source),
        f"{source.layer} {source.name}s, positive weights alone": reading_only(
            subject.net, chosen, source, positive=True
        ),
    }
    sheet = Sheet(LEFT + COLUMN * len(nets) - 0.1, 0.55 + SIDE + 0.5 + 1.4 + 0.55, "Without negative weights")
    for column, (name, net) in enumerate(nets.items()):
        card = evals.harness.run(net, chosen, [TEST], images=setting.images, draws=0, progress=setting.progress)
        _column(sheet, LEFT + COLUMN * column, name, chosen, card, first=column == 0)
    sheet.caption(
        setting.subjects,
        f"{len(chosen)} {chosen.layer} curves, {len(source)} {source.layer} {source.name}s; what curves see of "
        f"{source.layer} is edited exactly, their biases stay",
        f"tuning: mean over radii of {TEST.radii[0]:.0f} to {TEST.radii[-1]:.0f} px, lines and filled areas; around "
        "the circle up to the column's largest; vermilion: where echoes are looked for, 45° around the opposite",
        "echo: largest response there over the largest of all, mean over units that respond",
    )
    return sheet.figure


def reading_only(net: Network, family: Family, source: Family, *, positive: bool = False) -> Network:
    """The network in which a family sees of a source's layer the source's units alone.

    Exact, and nobody else's weights change: `editing.KeepOnly`, and with it `editing.RemoveNegative`.

    Args:
        net: the network.
        family: units that see.
        source: units that are seen.
        positive: only at the places where they excite.

    Raises:
        CurvesError: a unit does not see the source's layer, or through more than a 1x1 bottleneck.
    """
    surgery = Surgery(net)
    for target in family.units:
        kernels = edge_kernels(surgery.net, target, source.layer)
        factors = kernels.new_zeros(kernels.shape)
        own = list(source.channels)
        factors[own] = (kernels[own] > 0).to(kernels) if positive else 1.0
        scale_edges(surgery, target, source.layer, factors)
    return surgery.net


def _source(setting: Setting, curves: Family) -> Family:
    """The first kind of curves that is in the layer which curves read, all members."""
    subject = setting.subject
    inner = _read(subject.net, curves.layer)
    layers = [layer for layer in subject.net.layers if layer in inner]
    for kind in KINDS:
        for layer in layers:
            if subject.families is None:
                found = find_families(subject.net, layer, kinds=kind, images=setting.images, progress=setting.progress)
            else:
                found = tuple(f for f in subject.families if f.name == kind and f.layer == layer)
            if found:
                return found[0]
    raise CurvesError(
        f"curves of {curves.layer} of {subject.name} read {' and '.join(layers)}, where no curves are; show another"
    )


def _read(net: Network, layer: str) -> set[str]:
    """The layers that a layer reads, whatever bottlenecks are between."""
    found: set[str] = set()
    waiting = {layer}
    while waiting:
        name = waiting.pop()
        for link in net.links:
            if link.target == name:
                inner = link.source.startswith(f"{base_layer(layer)}/")
                (waiting if inner else found).add(link.source)
    return found


def _column(sheet: Sheet, left: float, name: str, family: Family, card: Scorecard, *, first: bool) -> None:
    maps = Maps.of(card)
    assert maps is not None
    sheet.text(left - 0.4, 0, name, fontsize=9, fontweight="bold")
    echo, width = (card.scores[f"synthetic.{score}"] for score in ("echo", "width"))
    heard = sum(not silent for silent in maps.silent)
    told = [f"{heard} of {len(family)} respond"]
    told += [] if echo is None else [f"echo {echo:.2f}"]
    told += [] if width is None else [f"width {width:.0f}°"]
    sheet.text(left - 0.4, 0.2, " · ".join(told), color=MUTED)
    shown = (maps.directions, maps.tuning.astype(np.float64), family.directions)
    around(sheet.axes(left, 0.6, SIDE, SIDE, projection="polar"), *shown)
    axes = sheet.axes(left - 0.2, 0.6 + SIDE + 0.4, 2.4, 1.4)
    for start in (-180, 135):
        axes.axvspan(start, start + 45, color=POSITIVE, alpha=0.12, linewidth=0)
    aligned(axes, *shown)
    axes.set_xlabel("from the unit's direction", labelpad=1)
    if not first:
        axes.set_ylabel("")
