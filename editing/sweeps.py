"""Sweeps of ablations: the effect of silencing each of many units, or cutting each of many edges, on other units.

Equal to applying `Ablate` to one unit after another and running the network each time, at a small fraction of the
work: what lies upstream runs once for each stimulus, and of what lies downstream only what the units that are read see
(`circuits.replacing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from circuits.capture import Captured
from circuits.ops import Conv, Linear
from circuits.replacing import Replacements
from circuits.wiring import is_inner
from editing.interventions import Units, units_of_one_layer
from editing.sweeping import Job, Sweep, channels

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ablation_effects", "edge_effects"]


def ablation_effects(
    net: Network,
    units: Units,
    read: Units,
    stimuli: Tensor,
    *,
    value: float | Tensor = 0.0,
    pre: bool = True,
    whole: bool = False,
    memory: int | None = None,
    client: Client | None = None,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """How the responses of units change when each of other units is ablated alone.

    Ablating sets a unit's pre-activation to `value` for every stimulus and place: as if its weights were zero and its
    bias `value`. With the unit's mean activation as value it is mean ablation.

    Args:
        net: any network.
        units: A units of one layer, or a layer for all its units: those to ablate, one at a time.
        read: R units of one later layer, or a layer: those that respond.
        stimuli: RGB in [0, 1]: patches of the size that the read units see, as for `Network.responses`.
        value: a number, or A numbers, one for each unit.
        pre: read pre-activations (default) or activations.
        whole: the stimuli are whole images of any size, and maps are read.
        memory: bytes to use at a time, beside the result; by default 64 MB, or what the network's budget leaves beside
            the result. It changes nothing in the result but rounding.
        client: of a Dask cluster to run it on (`circuits.cluster`): the result is the same, bit for bit.
        progress: called with the number of stimuli done after each batch.

    Returns:
        A x R x N: the response after ablation minus the response before; negative where the unit had excited. With
        `whole`, A x R x N x H x W, or A x R x N for dense layers.

    Raises:
        UnknownLayerError, UnknownUnitError: there is no such layer or unit.
        CurvesError: units of several layers, units that do not reach those that are read, or stimuli that do not fit.
    """
    ablated, readers = _whole(net, units), units_of_one_layer(net, read)
    values = _values(net, value, len(ablated))
    sweep = Sweep(net, readers, stimuli, pre=pre, whole=whole)
    stage = sweep.replacements(net.layer(ablated[0].layer).pre, channels(ablated))
    again = partial(ablation_effects, units=ablated, read=readers, value=values, pre=pre, whole=whole)
    job = Job([stage], lambda captured, most: stage.changes(captured, values, most), again, len(ablated))
    return sweep.run(job, memory, client, progress)


def edge_effects(
    net: Network,
    sources: Units,
    target: str | Unit,
    stimuli: Tensor,
    *,
    read: Units | None = None,
    value: float | Tensor = 0.0,
    pre: bool = True,
    whole: bool = False,
    memory: int | None = None,
    client: Client | None = None,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """How responses change when the edge from each of many units to one target unit is cut alone.

    When an edge is cut the target alone sees the source's pre-activation as `value`, also through the bottleneck units
    that lie between, of which it then has copies of its own; every other unit reads the source as before. Edges are
    those between a layer and the next one that the target reads: paths through the units of another layer are none.

    Args:
        net: any network.
        sources: A units of one layer, or a layer: where the edges start.
        target: the unit where they end.
        stimuli: RGB in [0, 1]: patches of the size that the read units see (the target if `read` is None).
        read: R units of one later layer that respond; None for the target itself (R is 1).
        value: a number, or A numbers, one for each source.
        pre: read pre-activations (default) or activations.
        whole: the stimuli are whole images of any size, and maps are read.
        memory: as in `ablation_effects`.
        client: as in `ablation_effects`.
        progress: called with the number of stimuli done after each batch.

    Returns:
        A x R x N: the response after the cut minus the response before, as `ablation_effects`.

    Raises:
        UnknownLayerError, UnknownUnitError: there is no such layer or unit.
        CurvesError: sources of several layers, sources that the target does not read, a target that the read units
            do not depend on, or stimuli that do not fit.
    """
    starts, end = _whole(net, sources), net.unit(target)
    values = _values(net, value, len(starts))
    source, seen = net.layer(starts[0].layer).pre, net.layer(end.layer).pre
    cut = _other_layers(net, {starts[0].layer, end.layer})
    sweep = Sweep(net, [end] if read is None else units_of_one_layer(net, read), stimuli, pre=pre, whole=whole)
    again = partial(edge_effects, sources=starts, target=end, read=read, value=values, pre=pre, whole=whole)
    if read is None:
        stage = sweep.replacements(source, channels(starts), cut)
        job = Job([stage], lambda captured, most: stage.changes(captured, values, most), again, len(starts))
        return sweep.run(job, memory, client, progress)
    behind = sweep.replacements(seen, [end.channel] * len(starts))
    before = Replacements(net, source, channels(starts), seen, [end.channel], behind.needs[seen], sweep.image, cut)

    def effects(captured: Captured, most: int) -> Tensor:
        changes = before.changes(captured, values, most)[:, 0].transpose(0, 1)
        intact = captured.crop(seen, behind.needs[seen])[:, end.channel, None]
        return behind.changes(captured, intact + changes, most)

    return sweep.run(Job([before, behind], effects, again, len(starts)), memory, client, progress)


def _whole(net: Network, where: Units) -> list[Unit]:
    """The units of one layer, of which the network has no private copies: an edit would reach those, a sweep would not.

    Raises:
        CurvesError: it has.
    """
    units = units_of_one_layer(net, where)
    layer = units[0].layer
    if copies := [name for name in net.layers if name.startswith(f"{layer}@")]:
        raise CurvesError(f"{layer} has private copies ({', '.join(copies)}) here; sweep the network before the edit")
    return units


def _values(net: Network, value: float | Tensor, count: int) -> Tensor:
    values = torch.as_tensor(value, dtype=net.dtype, device=net.device).detach()
    if values.dim() and values.shape != (count,):
        raise CurvesError(f"the values are {tuple(values.shape)}; give one number, or one for each of {count} units")
    return values.expand(count)


def _other_layers(net: Network, names: Collection[str]) -> set[str]:
    """The tensors of layers with weights that edges end at: all but bottlenecks and the layers of those names."""
    weighted = {op.name for op in net.ops if isinstance(op, Conv | Linear)}
    return {
        tensor
        for layer in net.layers.values()
        if layer.name not in names
        and not is_inner(layer.name, net.layers)
        and all(piece.op in weighted for piece in net.pieces(layer.name))
        for tensor in (layer.pre, layer.post)
    }
