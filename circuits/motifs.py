"""The equivariance motif: weights between two families that turn with the units they connect.

Order two families by direction and lay the kernels between them out as a matrix, and one kernel seems to repeat along
the diagonals, turned a little further at each step. That is what it is to be equivariant: when target and source are
both exchanged for those that point phi degrees further, the kernel between them is the same, turned by phi. It holds
exactly in a circuit that treats all directions alike, and roughly in many learned ones. From each target one can so
predict the weights of every other: the score is how right that is, the symmetric part is the mean of the predictions.

Only differences of directions within a family matter, so it is no harm if the two families measure from other zeros.

Source: "Naturally Occurring Equivariance in Neural Networks" (Distill 2020); "Curve Circuits" (Distill 2021),
section on equivariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from circuits.errors import CurvesError
from circuits.expanded import expanded_weights
from circuits.network import Network
from circuits.rotation import rotate_kernels
from circuits.units import Family

__all__ = [
    "FamilyWeights",
    "cosine",
    "equivariance",
    "equivariance_by_target",
    "family_weights",
    "leave_one_out",
    "mixing",
    "permuted",
    "predicted",
    "predictions",
    "symmetric_part",
]

Array = NDArray[np.float64]

DECIMALS = 6  # of a degree; finer is float noise, which must not make a quarter turn inexact or split a direction


@dataclass(frozen=True, eq=False)
class FamilyWeights:
    """The kernels with which the units of one family read those of another.

    Attributes:
        target: the family that reads.
        source: the family that is read.
        kernels: T x S x k x k; targets and sources in order of direction, rows from top to bottom.

    Raises:
        CurvesError: a family does not point in two directions or more, has a period that does not divide 360, or the
            kernels are not square or not of the families' sizes.
    """

    target: Family
    source: Family
    kernels: Tensor

    def __post_init__(self) -> None:
        for family in (self.target, self.source):
            if family.period <= 0 or 360 % family.period:
                raise CurvesError(f"a period of {family.period:g} degrees does not divide 360; give 360, 180, 120 ...")
            if len(np.unique(_around(family.directions, family.period))) < 2:
                raise CurvesError(
                    f"the family {family.name!r} of {family.layer} points in one direction only; "
                    "equivariance needs members in two or more"
                )
        shape = tuple(self.kernels.shape)
        if shape[:2] != (len(self.target), len(self.source)) or len(shape) != 4 or shape[2] != shape[3]:
            raise CurvesError(
                f"kernels of shape {shape} do not fit; give {len(self.target)} x {len(self.source)} x k x k"
            )

    @property
    def matrix(self) -> Tensor:
        """T x S: each kernel's sum, the effect of a source that is active everywhere."""
        return self.kernels.sum(dim=(-2, -1))


def family_weights(net: Network, source: Family, target: Family) -> FamilyWeights:
    """The expanded weights between two families of a network.

    Raises:
        UnknownLayerError: the network has no such layer.
        UnknownUnitError: the network has no such unit.
        CurvesError: the target's layer does not read the source's; or as for `FamilyWeights`.
    """
    for unit in source.units:
        net.unit(unit)
    return FamilyWeights(target, source, expanded_weights(net, source.layer, target)[:, source.channels])


def predictions(weights: FamilyWeights) -> Tensor:
    """What each target's weights are if it is another target, turned: T x T x S x k x k.

    The kernel at [t, u, s] is that from source s to target t as target u predicts it. Let phi be the turn from u's
    direction to t's: it is the kernel to u from the source that points phi less than s, turned by phi. Where no source
    points exactly so, the kernels of the nearest on either side are mixed linearly, however wide the gap between them;
    sources that point the same way count as one with their mean kernel. If the target is itself again after less than
    a whole turn (a line after 180 degrees), phi is not unique, and this is the mean over all that it can be.
    """
    target = weights.target
    directions = np.array(target.directions)
    wholes = np.arange(0, 360, target.period)
    return predicted(weights, directions[:, None, None] - directions[:, None] + wholes, weights.source.directions)


def predicted(weights: FamilyWeights, turns: ArrayLike, sources: ArrayLike) -> Tensor:
    """What the weights of each target say of units of other directions: N x T x S x k x k.

    Args:
        weights: T targets, kernels of k x k.
        turns: degrees, N x T x W: how far the n-th unit is turned from each target; of several ways to get there, W,
            the mean is taken.
        sources: degrees, S: where the sources point that the kernels are to come from.
    """
    turns = _rounded(turns)
    at = np.asarray(sources, dtype=np.float64) - turns[..., None]
    mixed = torch.from_numpy(mixing(weights.source, at)).to(weights.kernels)
    kernels = [  # one unit after the other, to hold little more than the result
        rotate_kernels(torch.einsum("uwsr,urhv->uwshv", mix, weights.kernels), turn[..., None]).mean(dim=1)
        for mix, turn in zip(mixed, torch.from_numpy(turns), strict=True)
    ]
    return torch.stack(kernels)


def symmetric_part(weights: FamilyWeights) -> FamilyWeights:
    """The weights made equivariant: for each target the mean of all predictions, its own included.

    Weights that are equivariant stay as they are. Where all turns between targets are multiples of 90 degrees that
    map the sources to one another, this is the projection on equivariant weights: doing it twice changes nothing.
    Elsewhere both hold up to the interpolation between sources and between places of a kernel, which blurs a little.
    Differentiable in the kernels.
    """
    return replace(weights, kernels=predictions(weights).mean(dim=1))


def leave_one_out(weights: FamilyWeights) -> FamilyWeights:
    """For each target the mean of the predictions from all others, its own weights unseen."""
    every = predictions(weights)
    own = torch.eye(len(every), dtype=torch.bool, device=every.device)[..., None, None, None]
    return replace(weights, kernels=every.masked_fill(own, 0).sum(dim=1) / (len(every) - 1))


def equivariance(weights: FamilyWeights) -> float:
    """How well each target's weights follow from the others': the cosine between them and `leave_one_out`.

    Returns:
        In [-1, 1], over all weights at once. 1 for an equivariant circuit, less what interpolation costs where turns
        are no multiples of 90 degrees (in the hand-built network 0.003 between 3a and 3b, 0.07 from lines to 3a, across
        a pool); around 0 for weights without relation; NaN where there are none but zeros. What has no direction, such
        as the same blob in every kernel, is equivariant too, so compare with the score of `permuted`.
    """
    return float(cosine(weights.kernels.flatten(), leave_one_out(weights).kernels.flatten()))


def equivariance_by_target(weights: FamilyWeights) -> tuple[float, ...]:
    """`equivariance` of each target's weights alone, in order of direction; NaN for a target without weights."""
    return tuple(cosine(weights.kernels.flatten(1), leave_one_out(weights).kernels.flatten(1)).tolist())


def permuted(weights: FamilyWeights, seed: int = 0) -> FamilyWeights:
    """The same with the targets' weights dealt out to the targets at random: its `equivariance` is what chance gives.

    Take the mean over some seeds: among few targets, many orders only move all of them on by the same turn, and then
    the weights are as equivariant as before.
    """
    order = torch.randperm(len(weights.target), generator=torch.Generator().manual_seed(seed))
    return replace(weights, kernels=weights.kernels[order.to(weights.kernels.device)])


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """The cosine between vectors along the last axis, in double precision on the CPU; NaN where one is all zero."""
    a, b = a.cpu().double(), b.cpu().double()
    return (a * b).sum(dim=-1) / torch.sqrt((a * a).sum(dim=-1) * (b * b).sum(dim=-1))


def mixing(family: Family, at: Array) -> Array:
    """How much of each unit is in one that would point to `at`, (*at.shape, S): linear around the circle."""
    own = _around(family.directions, family.period)
    places, which, counts = np.unique(own, return_inverse=True, return_counts=True)
    at = _around(at, family.period)
    following = np.searchsorted(places, at, side="right")
    before, after = (following - 1) % len(places), following % len(places)
    share = ((at - places[before]) % family.period / ((places[after] - places[before]) % family.period))[..., None]
    one = np.eye(len(places))
    mixed: Array = ((1 - share) * one[before] + share * one[after])[..., which] / counts[which]
    return mixed


def _around(degrees: ArrayLike, period: float) -> Array:
    """Directions each once around the circle, equal ones equal to the last bit."""
    return _rounded(np.asarray(degrees) % period) % period  # rounding may reach the period itself


def _rounded(degrees: ArrayLike) -> Array:
    return np.asarray(degrees, dtype=np.float64).round(DECIMALS)
