"""Interventions: activations that are changed for one run, as an argument of the run and with no new weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Protocol

from circuits.errors import CurvesError
from circuits.execution import Change
from circuits.ops import Linear
from circuits.regions import Program

if TYPE_CHECKING:
    from circuits.network import Network

__all__ = ["Intervention", "bind", "changed_tensors"]


class Intervention(Protocol):
    """A change of the activations of one layer. `editing.interventions` has those with names."""

    def tensor(self, net: Network) -> str:
        """The tensor of `net` that is changed.

        Raises:
            CurvesError: the network has no such layer or unit.
        """

    def change(self, net: Network, shape: tuple[int, ...]) -> Change:
        """The function from the tensor, of that shape, to what is read instead; it leaves the tensor as it is.

        Raises:
            CurvesError: the values that it holds do not fit the shape.
        """


def changed_tensors(net: Network, interventions: Sequence[Intervention], program: Program) -> tuple[str, ...]:
    """The tensors that the interventions change.

    Raises:
        CurvesError: nothing that `program` computes depends on one of them.
    """
    computed = {step.op.name for step in program.steps}
    names = tuple(intervention.tensor(net) for intervention in interventions)
    if idle := [name for name in names if name not in computed]:
        asked = ", ".join(map(repr, program.targets))
        raise CurvesError(f"changing {idle[0]!r} has no effect on {asked}; read a layer behind it, or leave it out")
    return names


def bind(net: Network, interventions: Sequence[Intervention], program: Program, images: int) -> dict[str, Change]:
    """What `execute` must do to the tensors of `program`, in the order of the interventions on each.

    Args:
        net: the network of the program.
        interventions: what to change, in tensors that the program computes.
        program: the program that will run.
        images: how many it will run on.

    Raises:
        CurvesError: the values of an intervention do not fit.
    """
    boxes = program.boxes
    flat: set[str] = set()  # tensors without rows and columns
    for op in net.ops:
        if isinstance(op, Linear) or flat.intersection(op.inputs):
            flat.add(op.name)
    by_tensor: dict[str, list[Change]] = {}
    for intervention in interventions:
        name = intervention.tensor(net)
        shape = (images, net.channels(name), *(() if name in flat else boxes[name].size))
        by_tensor.setdefault(name, []).append(intervention.change(net, shape))
    return {name: _in_order(several) for name, several in by_tensor.items()}


def _in_order(changes: Sequence[Change]) -> Change:
    return lambda values: reduce(lambda value, change: change(value), changes, values)
