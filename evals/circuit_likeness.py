"""Likeness of circuits: for each pair of families that two networks both have, how alike the weights between them are.

Complex Gabors make lines, lines make early curves, and these make curves, in the learned network and in the hand-built
one ("Curve Circuits"). Whether they do so with the same weights is asked here, family by family, with expanded weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from circuits import CurvesError, Family, Network, Similarity, equivariance, family_weights, weight_similarity
from circuits.motifs import FamilyWeights
from circuits.similarity import PERMUTATIONS
from evals.progress import Progress
from evals.results import defined, save_results
from evals.scorecard import provenance

__all__ = ["CircuitLikeness", "FamilyPair", "circuit_likeness"]


@dataclass(frozen=True, eq=False)
class FamilyPair:
    """Two families, one of which reads the other, in both networks, and how alike the weights between them are.

    Attributes:
        ours: the first network's weights, T x S x k x k, as it has them.
        theirs: the second network's, as it has them.
        similarity: of the two, at the first network's directions.
        equivariance: how well the first network's weights follow from its own (`circuits.equivariance`): its other
            units, turned, say how much of a likeness there is to be had.
    """

    ours: FamilyWeights = field(repr=False)
    theirs: FamilyWeights = field(repr=False)
    similarity: Similarity
    equivariance: float

    @property
    def name(self) -> str:
        """Such as `3a early curve -> 3b curve`."""
        return f"{_named(self.ours.source)} -> {_named(self.ours.target)}"

    def row(self) -> dict[str, Any]:
        """The numbers, with how many units there are and which of several families of a name is meant."""
        return {
            "source": _named(self.ours.source),
            "target": _named(self.ours.target),
            "sources": len(self.ours.source),
            "targets": len(self.ours.target),
            "other_sources": len(self.theirs.source),
            "other_targets": len(self.theirs.target),
            "other_first_source": str(self.theirs.source.units[0]),
            "other_first_target": str(self.theirs.target.units[0]),
            "cosine": self.similarity.cosine,
            "chance": self.similarity.chance,
            "matrix_correlation": self.similarity.matrix_correlation,
            "equivariance": self.equivariance,
        }


@dataclass(frozen=True, eq=False)
class CircuitLikeness:
    """How alike two networks' circuits are.

    Attributes:
        pairs: of families, from the image onwards.
        left_out: a sentence for each pair of families that both networks have and that could not be compared.
        networks: whose circuits they are, as from `evals.scorecard.provenance`.
        permutations: how many random orders of the targets give the chance level.
        seed: of the first of them.
    """

    pairs: tuple[FamilyPair, ...]
    left_out: tuple[str, ...]
    networks: tuple[Mapping[str, Any], Mapping[str, Any]]
    permutations: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Everything but the kernels: numbers, families, and the T x S matrices of kernel sums by direction."""
        found: dict[str, Any] = defined(
            {
                "pairs": [_details(pair) for pair in self.pairs],
                "left_out": self.left_out,
                "networks": self.networks,
                "permutations": self.permutations,
                "seed": self.seed,
            }
        )
        return found

    def save(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write `circuit.csv` and `circuit.json`, each whole or not at all.

        Raises:
            CurvesError: the place cannot be written to.
        """
        return save_results(folder, "circuit", [pair.row() for pair in self.pairs], self.to_json())


def circuit_likeness(
    net: Network,
    families: Sequence[Family],
    other: Network,
    others: Sequence[Family],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    progress: Progress | None = None,
) -> CircuitLikeness:
    """Compare the weights between all families that two networks have in common.

    Families correspond if they have the same name and are in layers of the same name. Of the layers with such families,
    each is compared with the next one. Where a network has several families of one name in one layer, such as curves of
    several bands of radii, each makes a pair of its own.

    Args:
        net: such as a learned network, at whose directions weights are compared.
        families: its families, such as `evals.find_families` finds.
        other: such as the hand-built network.
        others: its families.
        permutations: how many random orders of the targets give the chance level.
        seed: of the first of them.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: a network has no such unit.
        CurvesError: there are no two families in layers one after the other that both networks have, or none of them
            can be compared.
    """
    for network, own in ((net, families), (other, others)):
        for unit in (unit for family in own for unit in family.units):
            network.unit(unit)
    corresponding = list(_corresponding(net, families, others))
    if not corresponding:
        raise CurvesError(
            f"{net.provenance.name} and {other.provenance.name} have no two families in common that are in layers of "
            f"the same names, one after the other; compare networks of one architecture"
        )
    pairs, left_out = [], []
    for done, (source, target, other_source, other_target) in enumerate(corresponding, 1):
        try:
            _check_pitch(net, other, source.layer, target.layer)
            ours = family_weights(net, source, target)
            theirs = family_weights(other, other_source, other_target)
            similarity = weight_similarity(ours, theirs, permutations=permutations, seed=seed)
            pairs.append(FamilyPair(ours, theirs, similarity, equivariance(ours)))
        except CurvesError as error:
            left_out.append(f"{_named(source)} -> {_named(target)}: {error}")
        if progress:
            progress("pairs of families", done, len(corresponding))
    if not pairs:
        raise CurvesError(f"no pair of families can be compared; {left_out[0]}")
    return CircuitLikeness(tuple(pairs), tuple(left_out), (provenance(net), provenance(other)), permutations, seed)


def _corresponding(
    net: Network, families: Sequence[Family], others: Sequence[Family]
) -> Iterator[tuple[Family, Family, Family, Family]]:
    """Source and target in the one network, source and target in the other."""
    common = [(one, two) for one in families for two in others if (one.layer, one.name) == (two.layer, two.name)]
    layers = [layer for layer in net.layers if any(one.layer == layer for one, _ in common)]
    for before, after in pairwise(layers):
        for source, other_source in (pair for pair in common if pair[0].layer == before):
            for target, other_target in (pair for pair in common if pair[0].layer == after):
                yield source, target, other_source, other_target


def _check_pitch(net: Network, other: Network, source: str, target: str) -> None:
    """Weights side by side must be as far apart in the picture in both networks."""
    for layer in (source, target):
        own, theirs = (network.receptive_field(layer).stride for network in (net, other))
        if own != theirs:
            raise CurvesError(
                f"units of {layer} are {own} px apart in one network and {theirs} px in the other, so that their "
                f"kernels are of different scales; compare networks of one architecture"
            )


def _named(family: Family) -> str:
    return f"{family.layer} {family.name}"


def _details(pair: FamilyPair) -> dict[str, Any]:
    similarity = pair.similarity
    return pair.row() | {
        "by_target": similarity.by_target,
        "chances": similarity.chances,
        "families": {
            "source": pair.ours.source.to_json(evidence=False),
            "target": pair.ours.target.to_json(evidence=False),
            "other_source": pair.theirs.source.to_json(evidence=False),
            "other_target": pair.theirs.target.to_json(evidence=False),
        },
        "matrices": {
            "ours": pair.ours.matrix.tolist(),
            "theirs": pair.theirs.matrix.tolist(),
            "theirs_at_our_directions": similarity.second.matrix.tolist(),
        },
    }
