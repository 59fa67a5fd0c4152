"""A circuit as a graph: which units read which, by which kernels, and how much of it matters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Literal

from torch import Tensor

from circuits.errors import CurvesError
from circuits.graph.attribution import contributions
from circuits.graph.build import Targets, build, membership, target_units, walked_routes
from circuits.graph.family import FamilyGraph
from circuits.graph.isolation import isolate
from circuits.graph.pruning import By, Rule
from circuits.graph.view import GraphView
from circuits.network import Network
from circuits.regions import INPUT
from circuits.units import Family, Unit

__all__ = ["CircuitGraph"]


class CircuitGraph(GraphView):
    """The units that some targets depend on, back to the image, and the kernels by which they read one another.

    `.nx` is a frozen `networkx.DiGraph`. Its nodes are `Unit`s, which equal their names: `graph.nx.nodes["3b:379"]`.
    The image's channels are the units 0 to 2 of the layer `input`, in the order in which the network reads them. Only
    layers with weights have nodes; pools and normalisation between them are named on the edges. It is a view: kernels
    share the network's memory, and what edits change is a network, from which a new graph can be read.

    Attributes of every node:
        layer, channel: of the unit.
        bias: of the unit, before the ReLU. Not on the image's channels, which have `color` instead: R, G or B.
        family, direction: of the family that the unit is in, if any; degrees.
        mean: the mean pre-activation, if `images` or `patches` are given and the unit's inputs are in the graph.

    Attributes of every edge, from what is read to what reads it:
        kernel: the weights, kh x kw: a view of the network's tensor. A new tensor if the op has groups, or if the edge
            leads through a bottleneck that is contracted; then it is the expanded weight. A dense layer's kernel is one
            column of all positions that it reads.
        norm: the square root of the sum of the kernel's squares.
        positive, negative: the sums of its positive and of its negative weights; the second is never above 0.
        op: the op with the weights; of a contracted edge, the last one.
        via: ops between the activation and the weights, in order: pools and normalisation.
        attribution: if `images` or `patches` are given, the mean contribution to the pre-activation. Without
            contraction and pruning, those into a unit and its bias sum to its `mean`; with contraction the
            bottlenecks' biases contribute the rest.

    A kernel of zeros is no edge.

    Args:
        net: any network.
        targets: where the circuit ends: a unit, a family, a layer for all its units, or several of these.
        until: a layer or several at which to stop: their units are nodes, what they read is left out.
        bottlenecks: whether bottleneck units (`3b/5x5_bottleneck:17`) are nodes. If not, the layer around reads the
            layer before by expanded weights.
        families: names units of families and their directions.
        images: whole images, N x 3 x H x W in [0, 1], over which to take mean contributions.
        patches: instead, what single units of the targets' layer see, as `Network.responses` takes it.
        top: only so many of the strongest edges into each unit; as `prune`, but what is dropped is never built.
        share: instead, as few edges into each unit as have this share of the absolute weight or attribution.
        by: compare edges by the sum of their absolute weights, or by their absolute attribution.

    Raises:
        UnknownLayerError: there is no such layer.
        UnknownUnitError: there is no such unit.
        CurvesError: a target has no weights, `until` is not behind the targets, an option does not fit another; or the
            network cannot be such a graph.
    """

    def __init__(
        self,
        net: Network,
        targets: Targets,
        *,
        until: str | Iterable[str] = INPUT,
        bottlenecks: bool = True,
        families: Family | Iterable[Family] = (),
        images: Tensor | None = None,
        patches: Tensor | None = None,
        top: int | None = None,
        share: float | None = None,
        by: By = "weight",
    ) -> None:
        rule = None if top is None and share is None and by == "weight" else Rule(top, share, by)
        self.families = (families,) if isinstance(families, Family) else tuple(families)
        self.until = frozenset([until] if isinstance(until, str) else until)
        self.bottlenecks = bottlenecks
        ends = target_units(net, targets)
        walked = walked_routes(net, ends, self.until, bottlenecks)
        means = None
        if images is not None or patches is not None:
            every = [route for group in walked.values() for route in group]
            means = contributions(net, [unit.layer for unit in ends], every, images=images, patches=patches)
        graph = build(net, ends, walked, means, rule)
        for unit, names in membership(net, self.families).items():
            if unit in graph:
                graph.nodes[unit].update(names)
        options = {"until": sorted(self.until), "bottlenecks": bottlenecks, "pruned": [asdict(rule)] if rule else []}
        super().__init__(net, graph, tuple(ends), options)

    @property
    def parameters(self) -> int:
        """How many weights the edges carry, all kernels together."""
        return sum(kernel.numel() for _, _, kernel in self.nx.edges(data="kernel"))

    def network(self) -> Network:
        """The circuit alone, as a network that ends at the targets' layers.

        In the layers that the graph goes through, all weights that are no edge and all units that are no node are
        zero. What lies behind the layers of `until` is as it was. So an unpruned graph's network computes the targets
        as the original does, and its graph is this graph.

        Raises:
            CurvesError: bottlenecks are contracted.
        """
        if not self.bottlenecks:
            raise CurvesError(
                "expanded weights are no weights of a network, whose bottlenecks have ReLUs; "
                "build the graph with bottlenecks=True"
            )
        return isolate(self.net, self.nx, [Unit.parse(target) for target in self.targets], self.until)

    def contract(
        self, families: Iterable[Family] | None = None, *, rest: Literal["units", "other"] = "units"
    ) -> FamilyGraph:
        """The graph with one node for each family.

        Args:
            families: those given to the graph by default.
            rest: units of no family stay `units`, or are one `other` node for each layer.

        Raises:
            CurvesError: none of the families has a unit in the graph, or two have a unit or their name in common.
        """
        chosen = self.families if families is None else tuple(families)
        return FamilyGraph(self, membership(self.net, chosen), rest)

    def __repr__(self) -> str:
        ends = ", ".join(map(str, self.targets[:3])) + (" ..." if len(self.targets) > 3 else "")
        return (
            f"CircuitGraph({self.net.provenance.name}, {ends}: {len(self.nx):,} units, "
            f"{self.nx.number_of_edges():,} edges, {self.parameters:,} weights)"
        )
