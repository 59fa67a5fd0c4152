"""The weights between layers as one tensor for each op and source: the bulk from which a circuit's edges are taken.

A `Route` says by which weights units read units: an op's own or, where bottlenecks are contracted, those of two ops
composed. All edges of a route have kernels of one size, so norms and masses are computed for all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.expanded import expanded_weights
from circuits.network import Network
from circuits.ops import Conv
from circuits.precision import arithmetic
from circuits.units import Unit
from circuits.wiring import Link, is_inner

__all__ = ["Route", "route_kernels", "routes"]


@dataclass(frozen=True)
class Route:
    """How the units that one op computes read units of an earlier layer.

    Attributes:
        outer: the link of the op that computes the target units.
        inner: the same link; where a bottleneck is contracted, the link by which that reads the source.
    """

    outer: Link
    inner: Link

    @property
    def direct(self) -> bool:
        """Whether there is no bottleneck between."""
        return self.outer is self.inner


def routes(net: Network, bottlenecks: bool) -> dict[str, list[Route]]:
    """All routes of a network, by the op that computes the target units, in order of the ops.

    Args:
        net: any network.
        bottlenecks: whether inner layers (`3b/5x5_bottleneck`) are kept; else routes lead through them.

    Raises:
        CurvesError: an op reads units twice, which one edge cannot carry.
    """
    found: dict[str, list[Route]] = {}
    for link in net.links:
        if bottlenecks or not is_inner(link.target, net.layers):
            found.setdefault(link.op, []).extend(_through(net, link, link, bottlenecks))
    for op, group in found.items():
        sources = [route.inner.source for route in group]
        if twice := sorted({source for source in sources if sources.count(source) > 1}):
            remedy = "" if bottlenecks else "; keep the bottlenecks"
            raise CurvesError(f"{op!r} reads {', '.join(twice)} in two ways, which one edge cannot carry{remedy}")
    return found


def _through(net: Network, outer: Link, link: Link, bottlenecks: bool) -> Iterator[Route]:
    if bottlenecks or not is_inner(link.source, net.layers):
        yield Route(outer, link)
        return
    for behind in net.links:
        if behind.target == link.source:
            yield from _through(net, outer, behind, bottlenecks)


@arithmetic()
def route_kernels(net: Network, route: Route, rows: Sequence[int]) -> list[Tensor]:
    """The kernels of a route for rows of its op, each S x kh x kw for the S units of the source.

    Those of a direct route are views of the op's tensor (copies only if the op has groups). Those through a bottleneck
    are expanded weights: computed, with the bottleneck's ReLU ignored and pools inside the layer taken as means.
    """
    outer, inner = route.outer, route.inner
    if route.direct:
        own = net.kernels(outer.op).detach()[:, outer.columns.start : outer.columns.stop]
        return [own[row] for row in rows]
    targets = [Unit(outer.target, outer.rows[row]) for row in rows]
    to_inner = expanded_weights(net, inner.target, targets)[:, inner.rows.start : inner.rows.stop]
    own = net.kernels(inner.op)[:, inner.columns.start : inner.columns.stop]
    op = net.op(inner.op)
    return list(F.conv_transpose2d(to_inner, own, stride=op.stride if isinstance(op, Conv) else 1).detach().unbind())
