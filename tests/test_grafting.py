"""Grafting by the rule: the fit is the best there is, planted units are found, and the host is otherwise untouched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import handbuilt
from circuits import CurvesError, Network
from circuits.images import ImageSet
from circuits.ops import Conv, Padding
from editing import Ablate, Graft, Plan
from handbuilt.rectified import FAR, Sorted
from tests import small

HAND = small.network()
VALUES = st.lists(st.floats(-3, 3, width=16), min_size=2, max_size=30)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def unexplained(x: np.ndarray, target: np.ndarray, scale: float, shift: float) -> float:
    return float(np.sum((np.maximum(scale * x + shift, 0) - target) ** 2) / np.sum((target - target.mean()) ** 2))


def brute_force(x: np.ndarray, target: np.ndarray) -> float:
    """The least unexplained share over a fine grid of shifts, the best scale for each."""
    span = x.max() - x.min()
    least = 1.0  # a constant, which shifts without end come near to
    for t in np.linspace(-x.max(), -x.min() + 20 * span, 4000)[1:]:
        rectified = np.maximum(x + t, 0)
        scale = max(float(rectified @ target) / float(rectified @ rectified), 0.0)
        least = min(least, unexplained(x, target, scale, scale * t))
    return least


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 2**31))
def test_no_scale_and_shift_come_nearer_than_the_fit(values: list[float], seed: int) -> None:
    x = np.array(values)
    target = np.maximum(np.random.default_rng(seed).normal(size=len(x)) + 0.5 * x, 0)
    found = Sorted(x).fit(target)
    if x.min() == x.max() or target.min() == target.max():
        assert found is None
        return
    assert found is not None
    assert found.scale > 0
    assert 1 - found.explained == pytest.approx(unexplained(x, target, found.scale, found.shift), rel=1e-6, abs=1e-9)
    # Where a constant is best of all, it is met but for the slope that is left: a thousandth of the mean over all of x.
    left = abs(float(target.mean())) / (FAR * float(target.std()))
    slack = max(1e-2, 2 * left + left**2) if found.explained < 0.01 else 0.0
    assert 1 - found.explained <= brute_force(x, target) + slack + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 100), st.floats(-1, 1))
def test_what_was_planted_is_found(seed: int, scale: float, threshold: float) -> None:
    x = np.random.default_rng(seed).normal(size=500)
    found = Sorted(x).fit(np.maximum(scale * (x - threshold), 0))
    assert found is not None
    assert found == pytest.approx((scale, -scale * threshold, 1.0), rel=1e-6, abs=1e-6 * scale)


def test_where_only_a_constant_fits_the_fit_is_as_good_as_one() -> None:
    x = np.linspace(0, 1, 200)
    found = Sorted(x).fit(1 - x)
    assert found is not None
    assert found.scale > 0
    assert -0.01 < found.explained < 0
    assert Sorted(x).fit(np.ones(200)) is Sorted(np.ones(200)).fit(x) is Sorted(x).fit(-x) is None


def test_planted_units_are_found_with_scale_and_shift(images: ImageSet) -> None:
    pairs, scale, shift = {"3b:0": "3b:5", "3b:2": "3b:1"}, (3.0, 0.2), (-0.02, 0.01)
    host = Graft(HAND, pairs, scale, shift).apply(HAND)
    told: list[tuple[int, int]] = []
    fit = handbuilt.fit_graft(
        host, HAND, "3b", list(pairs), images=images, progress=lambda _, done, total: told.append((done, total))
    )
    assert {str(m.unit): str(m.donor) for m in fit.matches} == pairs
    assert [m.scale for m in fit.matches] == pytest.approx(scale, rel=1e-3)
    assert [m.shift for m in fit.matches] == pytest.approx(shift, rel=1e-2)
    assert all(m.explained > 1 - 1e-6 for m in fit.matches)
    assert (fit.images, fit.images_hash, fit.places) == (images.name, images.hash, 2 * 12 * 12)
    assert told == [(1, 2), (2, 2), *((i, 28) for i in range(1, 29))]
    same, want = (net.activations(next(iter(images))[None], ["3b"])["3b"] for net in (fit.apply(HAND), host))
    assert torch.allclose(same, want, atol=1e-4)


def test_grafted_units_are_as_loud_as_those_they_replace(images: ImageSet) -> None:
    """Also where the fit explains little, of which least squares alone would make too little."""
    units, donors = ["3b:0", "3b:2"], {"3b:0": ["3b:1"], "3b:2": ["3b:10"]}  # a neighbour, another band of radii
    fit = handbuilt.fit_graft(HAND, HAND, "3b", units, images=images, candidates=donors)
    own, grafted = (
        torch.cat([net.activations(picture[None], ["3b"])["3b"][0, [0, 2]].flatten(1) for picture in images], dim=1)
        for net in (HAND, fit.apply(HAND))
    )
    assert torch.allclose((grafted**2).mean(1), (own**2).mean(1), rtol=1e-4)
    for match, target, found in zip(fit.matches, own.double(), grafted.double(), strict=True):
        assert match.explained < 0.95
        timid = found * (found @ target) / (found @ found)  # of all scales, the least squared error
        assert 1 - float(((timid - target) ** 2).mean() / target.var(correction=0)) == pytest.approx(match.explained)


def test_candidates_can_be_named_for_each_unit(images: ImageSet) -> None:
    pairs = {"3b:0": "3b:5", "3b:2": ["3b:1"]}
    fit = handbuilt.fit_graft(HAND, HAND, units=list(pairs), candidates=pairs, images=images)
    assert [str(m.donor) for m in fit.matches] == ["3b:5", "3b:1"]
    best = handbuilt.fit_graft(HAND, HAND, units="3b:0", candidates="3b:0", images=images)
    assert best.matches[0].explained > 0.999
    assert all(m.explained < 0.5 for m in fit.matches)


def test_a_network_that_pads_as_inceptionv1_can_be_a_host(images: ImageSet) -> None:
    first = HAND.ops[0]
    assert isinstance(first, Conv)
    host = HAND.evolve(ops=[replace(first, padding=Padding(2, 3, 2, 3)), *HAND.ops[1:]])
    fit = handbuilt.fit_graft(host, HAND, units=["3b:3"], images=images)
    assert fit.matches[0].donor == "3b:3"
    assert fit.matches[0].explained > 1 - 1e-6
    picture = small.pictures(1, 120, curves=12)
    found, want = (net.activations(picture, ["3b"])["3b"] for net in (fit.apply(host), host))
    assert torch.allclose(found, want, atol=1e-4)


def test_a_graft_touches_nothing_else_and_can_be_repeated(bvlc: Network, tmp_path: Path) -> None:
    images = ImageSet.photographs()
    units = [f"3b:{c}" for c in (9, 66, 78, 206, 236, 244, 321, 326, 330, 335, 336, 346, 358, 368, 386, 408)]
    before = bvlc.identity
    fit = handbuilt.fit_graft(bvlc, HAND, "3b", units, images=images)
    grafted = handbuilt.graft(bvlc, HAND, "3b", units, images=images)
    assert fit.apply(bvlc).identity == grafted.identity != before == bvlc.identity

    pictures = small.pictures(2, 224, curves=30)
    upstream = [layer for layer in bvlc.layers if layer < "3b"] + ["conv2d0", "conv2d1", "conv2d2"]
    found, want = (net.activations(pictures, [*upstream, "3b"], pre=True) for net in (grafted, bvlc))
    home = HAND.activations(pictures, ["3b"], pre=True)["3b"]
    assert all(torch.equal(found[layer], want[layer]) for layer in upstream)
    others = [c for c in range(480) if f"3b:{c}" not in units]
    assert torch.equal(found["3b"][:, others], want["3b"][:, others])
    for match in fit.matches:
        says = found["3b"][:, match.unit.channel]
        assert torch.allclose(
            says, home[:, match.donor.channel] * match.scale + match.shift, atol=1e-4 * float(abs(says).max())
        )

    # The record is an entry of a plan; with the donor's file it can be repeated by anyone.
    (edit,) = grafted.provenance.edits
    assert grafted.provenance.parent == before
    assert edit["donor"] == {"identity": HAND.identity}
    assert images.hash in edit["reference"]
    plan = Plan([Graft.from_json({**edit, "donor": HAND})], network=before)
    assert plan.apply(bvlc).provenance == grafted.provenance
    plan.save(tmp_path / "plan.toml")
    assert Plan.load(tmp_path / "plan.toml").apply(bvlc).identity == grafted.identity
    grafted.save(tmp_path / "grafted.safetensors")
    assert Network.load(tmp_path / "grafted.safetensors").provenance.edits[0] == edit


def test_the_fit_as_data_says_all_but_the_weights(images: ImageSet) -> None:
    found = handbuilt.fit_graft(HAND, HAND, units=["3b:1"], images=images).to_json()
    (match,) = found.pop("matches")
    assert (match["unit"], match["donor"]) == ("3b:1", "3b:1")
    assert found == {
        "donor": {"name": "handbuilt", "identity": HAND.identity},
        "host": HAND.identity,
        "images": {"name": images.name, "hash": images.hash, "places": 288},
    }


def wider() -> Network:
    """A host with another receptive field."""
    ops = [Conv("3b", ("input",), (9, 9), (8, 8), Padding.same(4))]
    tensors = {"3b/weight": torch.randn(4, 3, 9, 9), "3b/bias": torch.zeros(4)}
    return Network(ops, tensors, {"3b": ("3b", "3b")})


@pytest.mark.parametrize(
    ("host", "arguments", "says"),
    [
        (HAND, {"units": []}, "name the units to replace, .*; these are none"),
        (HAND, {"units": ["3b:0", "3a:0"]}, "all of one layer.*these are 3b:0, 3a:0"),
        (HAND, {"units": ["3b:99"]}, "3b:99 is out of range"),
        (HAND, {"units": ["3b:0"], "layer": "3c"}, "has no layer '3c'"),
        (HAND, {"units": ["3b:0"], "candidates": []}, "no candidates for 3b:0 in 3b of handbuilt"),
        (HAND, {"units": ["3b:0"], "candidates": {"3b:1": "3b:0"}}, "no candidates for 3b:0 in 3b of handbuilt"),
        (HAND, {"units": ["3b:0"], "layer": "3a"}, "cannot take these units: units of 3a of handbuilt see 59 px"),
        (wider(), {"units": ["3b:0"]}, r"unnamed cannot take these units: .*those of 3b of unnamed 9 px every 8 px"),
        (Plan([Ablate("3b:0")]).apply(HAND), {"units": ["3b:0"]}, "3b:0 or all candidates for it say the same"),
    ],
)
def test_what_cannot_be_grafted_is_refused(
    host: Network, arguments: dict[str, object], says: str, images: ImageSet
) -> None:
    with pytest.raises(CurvesError, match=says):
        handbuilt.graft(host, HAND, images=images, **arguments)
