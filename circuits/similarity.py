"""Similarity of circuits: how alike two networks connect two families, whatever directions their units happen to have.

A learned family has k units at odd directions, a hand-built one two dozen at even ones, so that their kernels cannot be
laid over each other as they are. But the equivariance motif (circuits/motifs.py) says what the second network's kernels
would be at the first one's directions: those of its nearest units, turned. These are compared weight by weight.

Source: "Curve Circuits" (Distill 2021), sections on the weights between families and on the artificial artificial
network, which set such matrices side by side; the score is this toolkit's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

from circuits.angles import difference
from circuits.errors import CurvesError
from circuits.motifs import FamilyWeights, cosine, mixing, permuted, predicted

__all__ = ["PERMUTATIONS", "Similarity", "resized", "turned_to", "weight_similarity"]

PERMUTATIONS = 50
"""How many orders of the targets say what chance gives."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """How alike the weights between two families are in two networks. What is not defined, for want of weights, is NaN.

    Attributes:
        first: the first network's weights, at the size of the larger of the two networks' kernels.
        second: the second network's weights, at the first one's directions and of the same shape.
        cosine: between all weights of the first and of the second, -1..1.
        by_target: the same for each target of the first, in order of direction.
        matrix_correlation: Pearson's, between the T x S matrices of kernel sums.
        chances: the cosine with the first network's weights dealt out to its targets at random, many times.
    """

    first: FamilyWeights = field(repr=False)
    second: FamilyWeights = field(repr=False)
    cosine: float
    by_target: tuple[float, ...]
    matrix_correlation: float
    chances: tuple[float, ...] = field(repr=False)

    @property
    def chance(self) -> float:
        """What the cosine is on average if it does not matter which target has which weights."""
        return float(np.mean(self.chances))


def weight_similarity(
    first: FamilyWeights, second: FamilyWeights, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> Similarity:
    """Compare the weights between two families with those between the corresponding families of another network.

    A scale that is common to all weights does not matter. Equal weights have the similarity 1 (exactly, if no two units
    of a family point the same way), and turning both networks' circuits by 90 degrees changes nothing.

    Args:
        first: such as a learned network's. Its directions are those at which the two are compared.
        second: such as the hand-built one's; of one radius band, where there are several.
        permutations: how many random orders say what chance gives, 1 or more.
        seed: of the first of them.

    Raises:
        CurvesError: the families' periods differ, one network's kernels have an odd and the other's an even size, or
            there are no permutations.
    """
    if permutations < 1:
        raise CurvesError(f"{permutations} permutations cannot say what chance gives; give 1 or more")
    size = max(first.kernels.shape[-1], second.kernels.shape[-1])
    ours, theirs = resized(first, size), turned_to(resized(second, size), first)
    own, other = ours.kernels.cpu().double(), theirs.kernels.cpu().double()
    orders = (permuted(ours, seed + i).kernels.flatten() for i in range(permutations))
    sums = torch.stack([ours.matrix.cpu().double().flatten(), theirs.matrix.cpu().double().flatten()])
    sums = sums - sums.mean(dim=1, keepdim=True)
    return Similarity(
        first=ours,
        second=theirs,
        cosine=float(cosine(own.flatten(), other.flatten())),
        by_target=tuple(cosine(own.flatten(1), other.flatten(1)).tolist()),
        matrix_correlation=float(cosine(sums[0], sums[1])),
        chances=tuple(float(cosine(order, other.flatten())) for order in orders),
    )


def turned_to(weights: FamilyWeights, like: FamilyWeights) -> FamilyWeights:
    """The weights that a network has between units of other directions, by turning and mixing those that there are.

    The kernels to a target are those to the nearest targets on either side, turned to point where it points (the
    shorter way round) and mixed linearly; those from a source are, before they are turned, mixed from the nearest
    sources in the same way. Units that point the same way count as one with their mean kernel.

    Args:
        weights: the network's.
        like: which directions to give the weights at.

    Returns:
        T x S x k x k for the families of `like`, with the size of kernels of `weights`.

    Raises:
        CurvesError: the families' periods differ.
    """
    for have, want in ((weights.target, like.target), (weights.source, like.source)):
        if have.period != want.period:
            raise CurvesError(
                f"the {have.name} units of {have.layer} are themselves again after {have.period:g} degrees, those to "
                f"compare with after {want.period:g}; compare families of one kind"
            )
    own, wanted = (np.array(family.directions) for family in (weights.target, like.target))
    turns = difference(wanted[:, None], own, weights.target.period)
    kernels = predicted(weights, turns[..., None], np.array(like.source.directions))
    share = torch.from_numpy(mixing(weights.target, wanted)).to(kernels)
    return FamilyWeights(like.target, like.source, torch.einsum("tu,tushv->tshv", share, kernels))


def resized(weights: FamilyWeights, size: int) -> FamilyWeights:
    """The weights in the middle of kernels of another size: zeros around them, or without what lies outside.

    Raises:
        CurvesError: the middle of one size is a weight, and that of the other lies between weights.
    """
    more = size - weights.kernels.shape[-1]
    if more % 2:
        raise CurvesError(
            f"kernels of {size - more} and of {size} weights on a side have no common middle; compare layers whose "
            f"kernels are both odd or both even"
        )
    around = more // 2  # where it is negative, padding takes away
    return replace(weights, kernels=F.pad(weights.kernels, (around,) * 4))
