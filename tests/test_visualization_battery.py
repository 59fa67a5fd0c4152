"""Whether pictures point where their units do: the measurement on pictures of known direction, then on real ones."""

import dataclasses

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Family, Member, Network, Unit, visualize
from circuits.angles import difference
from editing import Ablate, Plan
from evals import Curve, ImageSet, Visualizations, render_curves
from evals.pointing import pointing
from evals.tuning import first_harmonic
from evals.turned import heard_turned
from tests import small

TURNS = tuple(float(turn) for turn in range(0, 360, 15))
FEW = Visualizations(steps=2)
NET = handbuilt.build(16)
FAMILY = next(f for f in handbuilt.families(NET) if (f.layer, f.name) == ("3b", "curve"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def curves(directions: list[float], size: int = 91) -> torch.Tensor:
    return render_curves([Curve(direction=d, radius=40, size=size) for d in directions])


def seen_by(net: Network, family: Family, pictures: torch.Tensor) -> list[float]:
    """Directions of pictures in the eyes of a family."""
    every = [heard_turned(net, family.layer, picture, torch.tensor(TURNS), 0.2) for picture in pictures]
    heard = np.maximum(np.stack(every)[..., list(family.channels)], 0)
    return [
        first_harmonic(curve, np.asarray(TURNS))[0] for curve in pointing(heard, TURNS, family.directions).mean(axis=1)
    ]


def test_the_family_tells_the_direction_of_a_picture() -> None:
    directions = [0.0, 33.0, 101.0, 250.0]
    assert np.abs(difference(seen_by(NET, FAMILY, curves(directions)), directions)).max() < 3


def shown(monkeypatch: pytest.MonkeyPatch, turned: float) -> None:
    """Let each unit's picture be a drawn curve that points `turned` degrees away from it."""

    def draw(net: Network, family: Family, **_: object) -> object:
        found = visualize(net, family, steps=1)
        return dataclasses.replace(found, images=curves([d + turned for d in family.directions]))

    monkeypatch.setattr("evals.battery.visualization.visualize", draw)


@pytest.mark.parametrize("turned", [0.0, 15.0, -60.0])
def test_pictures_that_point_elsewhere_are_found_out(
    turned: float, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(monkeypatch, turned)
    found = FEW.run(NET, FAMILY, images)
    # A unit that its picture does not excite at all has no picture to judge.
    judged = [unit for unit in FAMILY.units if found.scores[f"{unit}.apart"] is not None]
    if turned == -60:
        assert not judged
        assert found.scores["agreeing"] is None
        return
    assert len(judged) == len(FAMILY)
    assert found.scores["apart"] == pytest.approx(abs(turned), abs=3)
    assert found.scores["agreeing"] == 1
    for member in FAMILY:
        assert abs(difference(found.scores[f"{member.unit}.direction"], member.direction + turned)) < 4


def test_a_unit_has_no_say_in_its_own_picture(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, 15.0)
    wrong = [dataclasses.replace(m, direction=m.direction + (20 if n == 3 else 0)) for n, m in enumerate(FAMILY)]
    # It is told a wrong direction, by which its picture is drawn; all others are right.
    family = dataclasses.replace(FAMILY, members=tuple(wrong))
    odd = FAMILY.units[3]
    right = dict(zip(FAMILY.units, FAMILY.directions, strict=True))[odd]
    found = FEW.run(NET, family, images)
    assert abs(difference(found.scores[f"{odd}.direction"], right + 35)) < 4


def test_silent_units_have_no_direction_and_see_nothing(images: ImageSet) -> None:
    family = next(f for f in handbuilt.families(small.network()) if (f.layer, f.name) == ("3b", "curve"))
    silent = family.units[0]
    net = Plan([Ablate(silent)]).apply(small.network())
    card = evals.run(net, family, [Visualizations(steps=24)], images=images, draws=20)
    for name in ("direction", "apart", "clarity", "peak", "over_curves"):
        assert card.scores[f"visualization.{silent}.{name}"] is None
    heard = [card.scores[f"visualization.{unit}.apart"] for unit in family.units[1:]]
    assert sum(value is not None for value in heard) > 4
    assert card.scores["visualization.apart"] < 20
    assert card.spreads["visualization.apart"].standard_error > 0
    assert "visualization.peak" not in card.spreads
    assert Visualizations().figures(card).keys() == {"tuning"}
    assert Visualizations().quick().steps < Visualizations().steps


def test_lines_point_both_ways(images: ImageSet) -> None:
    net = small.network()
    lines = next(f for f in handbuilt.families(net) if f.name == "line")
    assert lines.period == 180
    found = Visualizations(steps=24).run(net, lines, images).scores
    assert found["apart"] < 20
    assert all(0 <= found[f"{unit}.direction"] < 180 for unit in lines.units if found[f"{unit}.direction"] is not None)


def test_learned_units_pictures_point_their_way_also_to_a_network_that_never_saw_them(bvlc: Network) -> None:
    """The hand-built family has no part in the pictures, and knows its directions by construction."""
    units = {"3b:9": 5.0, "3b:346": 55.0, "3b:236": 105.0, "3b:330": 154.0, "3b:326": 222.0, "3b:408": 319.0}
    family = Family("curve", "3b", tuple(Member(Unit.parse(u), d) for u, d in units.items()))
    found = visualize(bvlc, family, steps=32)
    apart = np.abs(difference(seen_by(NET, FAMILY, found.images), family.directions))
    assert np.median(apart) < 10, apart
    assert (apart < 20).mean() >= 5 / 6, apart


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(CurvesError, match="crop them to what is seen"):
        heard_turned(NET, "3b", torch.rand(3, 64, 64), torch.tensor(TURNS), 0.2)
