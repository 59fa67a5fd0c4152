"""Similarity of circuits: 1 for the same weights, blind to scale and to a common turn, nothing for unrelated ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import CurvesError, FamilyWeights, Network, weight_similarity
from circuits.motifs import family_weights
from circuits.similarity import resized, turned_to
from tests.test_motifs import BVLC_3A, BVLC_3B, evenly, make_family, noise


@st.composite
def pairs(draw: st.DrawFn) -> tuple[FamilyWeights, FamilyWeights]:
    """Random kernels between families of one kind at any directions, no two units of one pointing the same way."""
    periods = [draw(st.sampled_from([180, 360])) for _ in "ba"]
    odd = draw(st.booleans())
    found = []
    for _ in range(2):
        families = []
        for layer, period in zip("ba", periods, strict=True):
            angles = draw(st.lists(st.integers(0, period * 10 - 1), min_size=2, max_size=6, unique=True))
            families.append(make_family(layer, range(len(angles)), np.array(angles) / 10, period))
        size = 2 * draw(st.integers(1, 3)) - odd
        kernels = noise(*map(len, families), size, size, seed=draw(st.integers(0, 999)))
        found.append(FamilyWeights(*families, kernels))
    return found[0], found[1]


def turned(given: FamilyWeights) -> FamilyWeights:
    """The circuit that sees the picture turned by 90 degrees: other directions, turned kernels."""
    kernels = torch.rot90(given.kernels, 1, (-2, -1))
    families, orders = [], []
    for family in (given.target, given.source):
        moved = make_family(family.layer, family.channels, [(d + 90) % family.period for d in family.directions],
                            family.period)  # fmt: skip
        families.append(moved)
        orders.append([family.channels.index(channel) for channel in moved.channels])
    return FamilyWeights(*families, kernels[orders[0]][:, orders[1]])


@settings(max_examples=40, deadline=None)
@given(pairs(), st.floats(0.01, 100))
def test_the_same_weights_are_alike_whatever_their_scale(
    pair: tuple[FamilyWeights, FamilyWeights], scale: float
) -> None:
    given = pair[0]
    found = weight_similarity(given, given, permutations=1)
    assert torch.equal(found.second.kernels, given.kernels)
    assert found.cosine == pytest.approx(1, abs=1e-12)
    assert found.by_target == pytest.approx([1] * len(given.target), abs=1e-12)
    assert found.matrix_correlation == pytest.approx(1, abs=1e-6)
    scaled = replace(given, kernels=given.kernels * scale)
    assert weight_similarity(given, scaled, permutations=1).cosine == pytest.approx(1, abs=1e-6)
    assert weight_similarity(given, replace(given, kernels=-given.kernels)).cosine == pytest.approx(-1, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(pairs())
def test_turning_both_circuits_changes_nothing(pair: tuple[FamilyWeights, FamilyWeights]) -> None:
    before, after = (weight_similarity(*both, permutations=1) for both in (pair, map(turned, pair)))
    assert after.cosine == pytest.approx(before.cosine, abs=1e-4)
    assert after.matrix_correlation == pytest.approx(before.matrix_correlation, abs=1e-4)
    assert sorted(after.by_target) == pytest.approx(sorted(before.by_target), abs=1e-4)


def test_families_of_different_kinds_are_not_compared() -> None:
    curves, lines = evenly("a", 4), evenly("a", 4, 180)
    one, two = (FamilyWeights(evenly("b", 4), source, noise(4, 4, 3, 3)) for source in (curves, lines))
    with pytest.raises(
        CurvesError, match="the feature units of a are themselves again after 180 degrees, those to com"
    ):
        weight_similarity(one, two)


def test_an_equivariant_circuit_is_alike_at_other_directions() -> None:
    """Of four targets by quarter turns each other one is left out: the rest say exactly what it is."""
    kernels = torch.stack([torch.rot90(noise(4, 5, 5).roll(i, 0), i, (-2, -1)) for i in range(4)])
    whole = FamilyWeights(evenly("b", 4), evenly("a", 4), kernels)
    half = FamilyWeights(make_family("b", [0, 2], [0, 180]), whole.source, kernels[[0, 2]])
    assert weight_similarity(half, whole).cosine == pytest.approx(1, abs=1e-9)
    back = turned_to(half, whole).kernels
    assert torch.allclose(back[1], kernels[1], atol=1e-5)
    assert torch.allclose(back[3], kernels[3], atol=1e-5)


def test_targets_between_two_are_mixed_from_both() -> None:
    values = torch.tensor([[2.0, 2.0], [10.0, 10.0]])[..., None, None]
    have = FamilyWeights(make_family("b", [0, 1], [0, 100]), evenly("a", 2), values)
    want = FamilyWeights(make_family("b", range(3), [0, 25, 230]), evenly("a", 2), torch.zeros(3, 2, 1, 1))
    assert turned_to(have, want).kernels[:, 0, 0, 0].tolist() == pytest.approx([2, 4, 10 - 8 * 130 / 260])


def test_kernels_of_two_sizes_meet_in_the_middle() -> None:
    small = FamilyWeights(evenly("b", 4), evenly("a", 4), noise(4, 4, 3, 3))
    large = resized(small, 7)
    assert large.kernels.shape == (4, 4, 7, 7)
    assert torch.equal(resized(large, 3).kernels, small.kernels)
    for one, two in ((small, large), (large, small)):
        assert weight_similarity(one, two).cosine == pytest.approx(1, abs=1e-9)
    with pytest.raises(CurvesError, match="kernels of 3 and of 4 weights on a side have no common middle"):
        resized(small, 4)


def test_unrelated_weights_are_as_alike_as_chance_says() -> None:
    families = evenly("b", 12), evenly("a", 12)
    one, two = (FamilyWeights(*families, noise(12, 12, 5, 5, seed=seed)) for seed in (0, 1))
    found = weight_similarity(one, two)
    assert abs(found.cosine) < 0.1
    assert abs(found.chance) < 0.02
    # What has no direction is alike whichever target has it: chance says so.
    blobs = replace(one, kernels=one.kernels * 0.1 + 1)
    assert weight_similarity(blobs, blobs).chance > 0.95
    assert weight_similarity(one, one, seed=5).chances == weight_similarity(one, one, seed=5).chances
    with pytest.raises(CurvesError, match="0 permutations"):
        weight_similarity(one, two, permutations=0)


def test_no_weights_have_no_similarity() -> None:
    one = FamilyWeights(evenly("b", 4), evenly("a", 4), noise(4, 4, 3, 3))
    found = weight_similarity(one, replace(one, kernels=torch.zeros(4, 4, 3, 3)))
    assert np.isnan([found.cosine, found.matrix_correlation, found.chance, *found.by_target]).all()


def test_hand_built_curves_are_connected_as_learned_ones_beyond_chance(bvlc: Network) -> None:
    early = make_family("3a", list(BVLC_3A), list(BVLC_3A.values()))
    late = make_family("3b", list(BVLC_3B), list(BVLC_3B.values()))
    hand = handbuilt.build()
    families = {(family.layer, family.name): family for family in handbuilt.families(hand)}
    made = family_weights(hand, families["3a", "early curve"], families["3b", "curve"])
    learned = family_weights(bvlc, early, late)
    found = weight_similarity(learned, made)
    assert found.cosine > 0.2
    assert found.cosine > max(found.chances)
    assert found.matrix_correlation > 0.2
    mirrored = replace(made, kernels=made.kernels.flip(-1))
    assert weight_similarity(learned, mirrored).cosine < found.cosine - 0.05
