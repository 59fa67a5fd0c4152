"""The cosmetic test and its variants of curves."""

import pytest
import torch

import evals
import handbuilt
from circuits import Network
from editing import Ablate, Plan
from evals import Cosmetic, ImageSet
from evals.variants import DISTURBANCES, VARIANTS
from tests import small

SMALL = Cosmetic(directions=(0.0, 90.0, 180.0, 270.0), radii=(30.0, 60.0))
PLAIN = [name for name, variant in VARIANTS.items() if not variant.disturbance]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def drawn(name: str | None, size: int = 61, batch: int = 8) -> torch.Tensor:
    grid = SMALL.stimuli(size, VARIANTS[name] if name else None)
    return torch.cat(list(grid.batches(batch)))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_looks_otherwise_and_the_same_every_time(name: str) -> None:
    own, base = drawn(name), drawn(None)
    assert own.shape == base.shape
    assert (own.min() >= 0, own.max() <= 1) == (True, True)
    assert (own - base).abs().mean() > 0.005
    assert torch.equal(own, drawn(name, batch=3))  # however many at a time


def test_disturbances_do_what_they_say() -> None:
    base, area = drawn(None), drawn("fill")
    assert set(DISTURBANCES) == {v.disturbance for v in VARIANTS.values()} - {None}
    inside, outside = drawn("texture_inside"), drawn("texture_outside")
    assert torch.equal(inside[area == 0], area[area == 0])
    assert torch.equal(outside[area == 1], area[area == 1])
    assert inside[area == 1].std() > 0.2
    assert outside[area == 0].std() > 0.2
    assert torch.allclose(drawn("blur")[..., 6:-6, 6:-6].mean(), base[..., 6:-6, 6:-6].mean(), atol=0.01)
    assert drawn("blur").max() < base.max()
    hidden = drawn("occlusion") == 0.5
    assert hidden[0, 0].all(dim=0).float().mean() == pytest.approx(1 / 6, abs=0.02)
    assert not hidden[..., 30].any()  # the middle stays in sight
    other = SMALL.stimuli(61, VARIANTS["noise"]).__class__(SMALL.stimuli(61), "noise", seed=1)
    assert not torch.equal(torch.cat(list(other.batches())), drawn("noise"))


def test_hand_built_detectors_do_not_mind_looks(images: ImageSet) -> None:
    """All but what hides or breaks the contour; learned units, too, are thrown by textures."""
    net = handbuilt.build()
    family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
    card = evals.run(net, family, ["cosmetic"], images=images, quick=True, draws=5)
    for name in (*PLAIN, "blur", "noise"):
        assert card.scores[f"cosmetic.{name}"] > 0.99, name
        assert card.scores[f"cosmetic.{name}_strength"] == pytest.approx(1, abs=0.15), name
    assert 0.8 < card.scores["cosmetic.occlusion"] < 1
    assert card.scores["cosmetic.texture_outside"] < 0.95
    assert set(card.spreads) >= {"cosmetic.fill", f"cosmetic.{family.units[0]}.fill"}
    assert Cosmetic().figures(card).keys() == {"variants"}


def test_silent_units_have_no_likeness(images: ImageSet) -> None:
    net = small.network()
    silent: Network = Plan([Ablate("3b:0")]).apply(net)
    family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
    card = evals.run(silent, family, [SMALL], images=images, draws=3)
    assert card.scores["cosmetic.3b:0.fill"] is None
    assert card.scores["cosmetic.3b:0.fill_strength"] is None
    assert card.scores["cosmetic.fill"] > 0.9  # over those that are heard
    same = evals.run(net, family, [SMALL], images=images, draws=3)
    assert same.scores["cosmetic.3b:4.fill"] == card.scores["cosmetic.3b:4.fill"]
