"""The equivariance motif: exact by construction, high in the hand-built network, above chance in a learned one."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import CurvesError, Family, Member, Network, Unit, UnknownUnitError, expanded_weights
from circuits.motifs import (
    FamilyWeights,
    equivariance,
    equivariance_by_target,
    family_weights,
    leave_one_out,
    permuted,
    predictions,
    symmetric_part,
)
from tests import small

# Curve detectors of bvlc_googlenet and their directions, by evals.find_curve_family at steps of 15 degrees.
BVLC_3A = {
    92: 3, 107: 44, 213: 55, 221: 79, 130: 93, 138: 135, 84: 176, 173: 200, 119: 219, 64: 247, 205: 280, 171: 292,
    83: 337,
}  # fmt: skip
BVLC_3B = {
    9: 5, 324: 45, 346: 56, 386: 79, 66: 91, 236: 104, 368: 117, 336: 142, 206: 168, 358: 178, 335: 201, 326: 222,
    321: 250, 78: 278, 408: 319, 382: 349,
}  # fmt: skip


def make_family(layer: str, channels: Sequence[int], directions: Sequence[float], period: float = 360) -> Family:
    members = [Member(Unit(layer, c), float(d)) for c, d in zip(channels, directions, strict=True)]
    return Family("feature", layer, tuple(members), period)


def evenly(layer: str, count: int, period: float = 360, first: float = 0.0) -> Family:
    return make_family(layer, range(count), first + np.arange(count) * period / count, period)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@st.composite
def equivariant_circuits(draw: st.DrawFn) -> FamilyWeights:
    """Random kernels of one target, copied to three others by quarter turns; sources are curves or lines."""
    per_quarter, size, seed = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(0, 999))
    first, other = (float(draw(st.integers(0, 89))) for _ in range(2))
    lines = draw(st.booleans())
    count = (2 if lines else 4) * per_quarter
    source = evenly("a", count, 180 if lines else 360, first)
    kernels = noise(count, size, size, seed=seed)
    turned = [torch.rot90(kernels.roll(i * per_quarter, 0), i, (-2, -1)) for i in range(4)]
    return FamilyWeights(evenly("b", 4, first=other), source, torch.stack(turned))


def families(net: Network) -> dict[str, Family]:
    """The hand-built network's families by layer and name; of several bands of radii the first."""
    return {f"{family.layer} {family.name}": family for family in reversed(handbuilt.families(net))}


@settings(max_examples=40, deadline=None)
@given(equivariant_circuits())
def test_what_is_equivariant_by_quarter_turns_scores_one_and_stays_as_it_is(weights: FamilyWeights) -> None:
    assert equivariance(weights) == pytest.approx(1, abs=1e-6)
    assert equivariance_by_target(weights) == pytest.approx([1] * 4, abs=1e-6)
    assert equivariance(dataclasses.replace(weights, kernels=weights.kernels * 1e-15)) == pytest.approx(1, abs=1e-6)
    assert torch.allclose(symmetric_part(weights).kernels, weights.kernels, atol=1e-6)
    assert torch.allclose(leave_one_out(weights).kernels, weights.kernels, atol=1e-6)
    for u in range(4):
        assert torch.equal(predictions(weights)[:, u], weights.kernels)


@settings(max_examples=40, deadline=None)
@given(equivariant_circuits(), st.integers(0, 999))
def test_the_symmetric_part_is_a_projection(weights: FamilyWeights, seed: int) -> None:
    """Exact by quarter turns: idempotent, and what it takes away is orthogonal to what is equivariant."""
    given_kernels = noise(*weights.kernels.shape, seed=seed)
    part = symmetric_part(dataclasses.replace(weights, kernels=given_kernels))
    assert torch.allclose(symmetric_part(part).kernels, part.kernels, atol=1e-6)
    assert equivariance(part) == pytest.approx(1, abs=1e-6)
    rest = given_kernels - part.kernels
    assert abs(float((rest * weights.kernels).sum())) < 1e-5 * float(given_kernels.norm() * weights.kernels.norm())


@pytest.mark.parametrize("seed", range(10))
def test_unrelated_weights_score_near_nothing(seed: int) -> None:
    weights = FamilyWeights(evenly("b", 12, first=7), evenly("a", 9), noise(12, 9, 5, 5, seed=seed))
    assert abs(equivariance(weights)) < 0.1


@settings(max_examples=20, deadline=None)
@given(st.floats(-400, 400), st.floats(-400, 400))
def test_only_differences_of_directions_matter(a: float, b: float) -> None:
    """Both families may measure from where they like; the order of members then differs, too."""
    target, source = [0, 50, 90, 200, 260], [10, 60, 130, 240, 300, 350]
    kernels = noise(5, 6, 3, 3)

    def score(a: float, b: float) -> float:
        one = make_family("b", range(5), [d + a for d in target])
        other = make_family("a", range(6), [d + b for d in source])
        return equivariance(FamilyWeights(one, other, kernels[list(one.channels)][:, list(other.channels)]))

    assert score(a, b) == pytest.approx(score(0, 0), abs=1e-5)


def test_the_numbers_of_units_do_not_matter() -> None:
    """Shuffle early curves and curves in the network and tell the families: the same weights come out."""
    net = small.network()
    found = families(net)
    order = torch.tensor([3, 7, 0, 1, 6, 2, 5, 4])
    reads = net.tensors["3b/5x5_bottleneck/pre/weight"].clone()
    reads[:, 12:20] = reads[:, 12:20][:, order]
    changes = {name: net.tensors[name].clone() for name in ("3a/5x5/weight", "3a/5x5/bias", "3b/5x5/weight")}
    for tensor in changes.values():
        tensor[:8] = tensor[order]  # early curves come first in the 5x5 branch of 3a, curves in that of 3b
    shuffled = net.evolve(tensors={**changes, "3b/5x5_bottleneck/pre/weight": reads})
    early = make_family("3a", range(12, 20), order * 45.0)
    late = make_family("3b", range(8), order * 45.0)
    weights = family_weights(net, found["3a early curve"], found["3b curve"])
    assert torch.equal(family_weights(shuffled, early, late).kernels, weights.kernels)
    assert torch.equal(weights.kernels, expanded_weights(net, "3a", "3b")[:8, 12:20])
    assert torch.equal(weights.matrix[2], weights.kernels[2].sum(dim=(1, 2)))


@pytest.mark.parametrize("period", [360, 180])
def test_sources_are_mixed_linearly_around_the_circle(period: float) -> None:
    """With kernels of one weight, only which source is taken is left."""
    values = torch.tensor([[8.0, 4.0, 2.0], [1.0, 1.0, 1.0]])[..., None, None]
    source = make_family("a", range(3), [20, 30.4, 110], period)
    found = predictions(FamilyWeights(make_family("b", range(2), [0, 20]), source, values))[..., 0, 0]
    assert found[0, 0].tolist() == [8, 4, 2]
    # Target 1 is 20 further on: its sources are target 0's at 0, 10.4 and 90, two of them in the gap across zero.
    gap = period - 90
    expected = [(2 * 20 + 8 * (gap - 20)) / gap, (2 * 9.6 + 8 * (gap - 9.6)) / gap, (4 * 20 + 2 * 59.6) / 79.6]
    assert found[1, 0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("directions", [(0.3, 0.1 + 0.2 + 360, 180.3), (0, 359.99999999, 180)])
def test_sources_that_differ_by_float_noise_share(directions: Sequence[float]) -> None:
    values, source = noise(2, 3, 1, 1), make_family("a", range(3), directions)
    part = symmetric_part(FamilyWeights(evenly("b", 2), source, values[:, list(source.channels)])).kernels.flatten(1)
    mean = (values[0, :2].mean() + values[1, 2, 0, 0]) / 2
    assert [float(part[0, source.channels.index(i)]) for i in (0, 1)] == pytest.approx([float(mean)] * 2)


def test_lines_are_themselves_again_after_half_a_turn() -> None:
    target, source = evenly("b", 2, 180), evenly("a", 4, 360)
    part = symmetric_part(FamilyWeights(target, source, noise(2, 4, 3, 3))).kernels
    assert torch.allclose(part.roll(2, 1).rot90(2, (-2, -1)), part)
    assert torch.allclose(part[0].roll(1, 0).rot90(1, (-2, -1)), part[1])


@pytest.mark.parametrize(
    ("source", "target", "least"),
    [
        ("3a early curve", "3b curve", 0.99),  # turned between the places of its grid, a thin arc is blurred
        ("conv2d1 complex Gabor", "conv2d2 line", 0.98),
        ("conv2d2 line", "3a early curve", 0.92),  # through a pool of stride 2: its grid does not turn
    ],
)
def test_the_handbuilt_network_is_equivariant(source: str, target: str, least: float) -> None:
    net = handbuilt.build(16)
    weights = family_weights(net, families(net)[source], families(net)[target])
    assert equivariance(weights) > least
    assert min(equivariance_by_target(weights)) > least - 0.02
    assert np.mean([equivariance(permuted(weights, seed)) for seed in range(5)]) < 0.3
    mirrored = dataclasses.replace(weights, kernels=weights.kernels.flip(-1))
    assert equivariance(mirrored) < equivariance(weights) - 0.05
    assert equivariance(symmetric_part(weights)) > 0.995


def test_a_learned_network_is_equivariant_beyond_chance(bvlc: Network) -> None:
    early = make_family("3a", list(BVLC_3A), list(BVLC_3A.values()))
    late = make_family("3b", list(BVLC_3B), list(BVLC_3B.values()))
    weights = family_weights(bvlc, early, late)
    chance = [equivariance(permuted(weights, seed)) for seed in range(20)]
    assert equivariance(weights) > 0.35
    assert np.mean(chance) < 0.1
    assert max(chance) < 0.5 * equivariance(weights)
    assert min(equivariance_by_target(weights)) > 0


def test_a_silent_target_has_no_score() -> None:
    kernels = noise(4, 4, 3, 3)
    kernels[2] = 0
    weights = FamilyWeights(evenly("b", 4), evenly("a", 4), kernels)
    assert [np.isnan(score) for score in equivariance_by_target(weights)] == [False, False, True, False]
    assert np.isfinite(equivariance(weights))
    assert np.isnan(equivariance(dataclasses.replace(weights, kernels=torch.zeros(4, 4, 3, 3))))


def test_a_target_does_not_predict_itself() -> None:
    kernels = noise(4, 4, 3, 3).requires_grad_()
    weights = FamilyWeights(evenly("b", 4), evenly("a", 4), kernels)
    (gradient,) = torch.autograd.grad(leave_one_out(weights).kernels[1].sum(), kernels)
    assert [bool(g.any()) for g in gradient] == [True, False, True, True]
    own, predicted = (k.kernels[1].detach().flatten() for k in (weights, leave_one_out(weights)))
    expected = float(torch.cosine_similarity(own, predicted, dim=0))
    assert equivariance_by_target(weights)[1] == pytest.approx(expected, abs=1e-5)


def test_permuting_is_repeatable_and_moves_targets_only() -> None:
    weights = FamilyWeights(evenly("b", 8), evenly("a", 4), noise(8, 4, 3, 3))
    once, again, other = (permuted(weights, seed).kernels for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert sorted(once.sum(dim=(1, 2, 3)).tolist()) == sorted(weights.kernels.sum(dim=(1, 2, 3)).tolist())


def test_what_does_not_fit_is_refused() -> None:
    two, one = evenly("a", 2), make_family("b", [0], [30])
    with pytest.raises(CurvesError, match="the family 'feature' of b points in one direction only"):
        FamilyWeights(one, two, torch.zeros(1, 2, 3, 3))
    with pytest.raises(CurvesError, match="of b points in one direction only"):
        FamilyWeights(two, make_family("b", [0, 1], [0, 180], 180), torch.zeros(2, 2, 3, 3))
    for period in (100, -180):
        with pytest.raises(CurvesError, match=f"a period of {period} degrees does not divide 360"):
            FamilyWeights(two, evenly("b", 2, period), torch.zeros(2, 2, 3, 3))
    for shape in ((2, 3, 3, 3), (2, 2, 3, 5), (2, 2, 3)):
        with pytest.raises(CurvesError, match="do not fit; give 2 x 2 x k x k"):
            FamilyWeights(two, two, torch.zeros(shape))
    net = small.network()
    with pytest.raises(UnknownUnitError):
        family_weights(net, make_family("3a", [0, 99], [0, 90]), evenly("3b", 2))
