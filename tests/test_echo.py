"""The echo test: the numbers of the synthetic test, apart by radius and by kind of drawing."""

import numpy as np
import pytest

import evals
from circuits import Family, Network
from evals.battery.echo import Echo
from evals.battery.synthetic import SyntheticCurves
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def family(images):
    return small.family(images)


def test_its_mean_is_the_synthetic_tests_echo_and_its_pictures_are_swept_once(
    bvlc: Network, images, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = evals.find_curve_family(bvlc, "3b", test=small.TEST, images=images)
    card = evals.run(bvlc, family, [small.TEST, Echo(small.TEST)], images=images, draws=20)
    assert card.scores["echo.mean"] == pytest.approx(card.scores["synthetic.echo"])
    for unit in family.units:
        assert card.scores[f"echo.{unit}.mean"] == pytest.approx(card.scores[f"synthetic.{unit}.echo"])
    loud = np.mean([card.scores[f"echo.{unit}.mean"] > 0.1 for unit in family.units])
    assert card.scores["echo.loud"] == pytest.approx(loud)
    assert card.scores["echo.largest"] >= card.scores["echo.radius_30"] >= 0
    assert card.spreads["echo.lines"].standard_error >= 0
    monkeypatch.setattr(Network, "responses", None)  # what was swept is remembered
    evals.run(bvlc, family, [Echo(small.TEST)], images=images, draws=0)


def test_an_echo_is_found_at_its_radius_and_in_its_style(family: Family, images, monkeypatch) -> None:
    """Made up responses: of all units a peak at 0 degrees; of the first an echo on areas at 60 px, of a quarter."""
    net, test = small.network(), small.TEST
    heard = np.zeros((2, net.layer("3b").channels, len(test.directions), 4))
    heard[:, :, 0, :3] = 1.0
    heard[1, family.channels[0], 8, 1] = 0.5  # both styles together: 0.25 of 1
    heard[:, family.channels[1]] = 0
    _, scale = test.responses(net, "3b", images)
    monkeypatch.setattr(SyntheticCurves, "responses_by_style", lambda *_: (heard, scale))
    scores = evals.run(net, family, [Echo(test)], images=images, draws=10).scores
    first, silent = (f"echo.{unit}" for unit in family.units[:2])
    assert scores[f"{first}.lines"] == 0
    assert scores[f"{first}.filled"] == pytest.approx(0.5 / 3)
    assert scores[f"{first}.mean"] == pytest.approx(0.25 / 3)
    assert scores[f"{first}.largest"] == pytest.approx(0.25)
    assert scores[f"{silent}.mean"] is None
    responding = len(family) - 1
    assert scores["echo.radius_60"] == pytest.approx(0.25 / responding)
    assert scores["echo.radius_30"] == 0
    assert scores["echo.loud"] == 0


def test_quick_and_its_figure(family: Family, images) -> None:
    assert len(Echo().quick().curves.radii) < len(Echo().curves.radii)
    test = Echo(small.TEST)
    card = evals.run(small.network(), family, [test], images=images, draws=0)
    assert set(test.figures(card)) == {"by-style"}
