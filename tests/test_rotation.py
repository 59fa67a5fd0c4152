"""Turning kernels: exact for quarter turns, near the truth between."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import CurvesError
from circuits.rotation import rotate_kernels

quarters = st.integers(-9, 9)
sizes = st.integers(1, 8)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def bump(size: int, degrees: float, off: float = 1.0, along: float = 1.0, across: float = 1.4) -> torch.Tensor:
    """An oval bump `off` its kernel's centre in the direction `degrees`, drawn there rather than rotated."""
    steps = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    u, v = right * cos - down * sin - off, -right * sin - down * cos
    return torch.exp(-((u / along) ** 2 + (v / across) ** 2) / 2)


@given(sizes, quarters, quarters)
def test_quarter_turns_are_exact_and_add_up(size: int, a: int, b: int) -> None:
    kernels = noise(3, 2, size, size, seed=size)
    assert torch.equal(rotate_kernels(kernels, 90.0 * a), torch.rot90(kernels, a, (-2, -1)))
    twice = rotate_kernels(rotate_kernels(kernels, 90.0 * a), 90.0 * b)
    assert torch.equal(twice, rotate_kernels(kernels, 90.0 * (a + b)))


def test_it_turns_counter_clockwise_as_displayed() -> None:
    right = torch.zeros(3, 3)
    right[1, 2] = 1
    assert rotate_kernels(right, 90)[0, 1] == 1  # to the top
    corner = rotate_kernels(right, 45)
    assert corner.argmax() == 2  # between both: the upper right corner


@pytest.mark.parametrize("size", [5, 6, 7, 11])
def test_other_angles_are_near_the_truth(size: int) -> None:
    angles = torch.arange(0, 360, 7.5, dtype=torch.float64)
    found = rotate_kernels(bump(size, 10), angles)
    expected = torch.stack([bump(size, 10 + float(angle)) for angle in angles])
    error = (found - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)
    assert error.max() < (0.04 if size > 6 else 0.11)  # at the edges of small kernels much is cut


@settings(max_examples=40, deadline=None)
@given(st.floats(-720, 720), st.floats(-360, 360))
def test_turning_on_and_back_comes_near(a: float, b: float) -> None:
    smooth = bump(11, 30)
    there = rotate_kernels(smooth, a)
    assert (rotate_kernels(there, -a) - smooth).norm() < 0.06 * smooth.norm()
    assert (rotate_kernels(there, b) - rotate_kernels(smooth, a + b)).norm() < 0.08 * smooth.norm()


@given(st.floats(-360, 360), quarters, sizes)
def test_a_quarter_turn_before_or_after_is_one_rotation(angle: float, quarter: int, size: int) -> None:
    kernel = noise(size, size)
    both = rotate_kernels(kernel, angle + 90 * quarter)
    assert torch.allclose(rotate_kernels(rotate_kernels(kernel, 90 * quarter), angle), both, atol=1e-9)
    assert torch.allclose(rotate_kernels(rotate_kernels(kernel, angle), 90 * quarter), both, atol=1e-9)


@given(st.floats(-360, 360), st.floats(-360, 360))
def test_kernels_of_one_weight_stay_as_they_are(a: float, b: float) -> None:
    kernels = noise(2, 3, 1, 1)
    assert torch.allclose(rotate_kernels(kernels, torch.tensor([[a], [b]])), kernels, rtol=1e-12)


def test_angles_broadcast_with_the_leading_axes() -> None:
    kernels, angles = noise(2, 1, 4, 4), torch.tensor([0.0, 20.0, 90.0])
    found = rotate_kernels(kernels, angles)
    assert found.shape == (2, 3, 4, 4)
    for i in range(2):
        for j, angle in enumerate(angles):
            assert torch.equal(found[i, j], rotate_kernels(kernels[i, 0], float(angle)))
    assert rotate_kernels(kernels[0, 0], angles).shape == (3, 4, 4)
    assert rotate_kernels(kernels.float(), 30).dtype == torch.float32


def test_gradients_are_right() -> None:
    kernels = noise(4, 3, 3).requires_grad_()
    angles = torch.tensor([0.0, 90.0, 33.0, 200.0])
    assert torch.autograd.gradcheck(lambda k: rotate_kernels(k, angles), kernels)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 5)])
def test_only_square_kernels_turn(shape: tuple[int, ...]) -> None:
    with pytest.raises(CurvesError, match=r"cannot rotate kernels of shape .*; give square ones"):
        rotate_kernels(torch.zeros(shape), 90)
