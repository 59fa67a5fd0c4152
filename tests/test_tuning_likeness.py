"""Published tuning curves: read in our convention, refused where damaged, and compared with a network's."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import evals
import handbuilt
from circuits import CurvesError, FileDamagedError
from circuits.images import ImageSet
from evals.tuning import radial_tuning
from tests import small
from tests.test_published import REFERENCE

PUBLISHED = REFERENCE / "inceptionv1_mixed3b_tuning.json"
TEST = evals.SyntheticCurves(directions=tuple(np.arange(0, 360, 7.5)), radii=(30.0, 60.0, 120.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def write(path: Path, **changes: object) -> Path:
    """A file of two curves; each is a bump at its unit's number."""
    steps = np.arange(0, 360, 2.0)
    bumps = {str(at): np.exp(np.cos(np.radians(steps - at)) * 8 - 8).tolist() for at in (60, 310)}
    data = {"model": "M", "layer": "mixed3b", "step_deg": 2.0, "source": "S", "units": [310, 60], "activations": bumps}
    path.write_text(json.dumps(data | changes))
    return path


def test_orientations_become_directions(tmp_path: Path) -> None:
    curves = evals.read_tuning_curves(write(tmp_path / "curves.json"))
    assert [str(unit) for unit in curves.units] == ["3b:310", "3b:60"]
    assert (curves.model, curves.source) == ("M", "S")
    assert curves.directions[curves.responses.argmax(axis=1)].tolist() == [50, 300]  # -310 and -60
    assert curves.at([50.0, 51.0, 52.0])[0].tolist() == pytest.approx(
        [1, (1 + curves.responses[0, 26]) / 2, curves.responses[0, 26]]
    )
    assert curves.at([359.0])[0] == pytest.approx((curves.responses[0, -1] + curves.responses[0, 0]) / 2)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"step_deg": 1.0}, "the curve of 3b:310 in .* has 180 values 1 degrees apart, which do not go once around"),
        ({"step_deg": -2.0}, "do not go once around"),
        ({"units": []}, "names no units"),
        ({"units": [7]}, r"holds no tuning curves \(KeyError\('7'\)\); they are JSON with model"),
        ({"activations": {"310": [0.0] * 180, "60": [0.0] * 180}}, "all 0"),
        ({"activations": {"310": [-1.0] * 180, "60": [1.0] * 180}}, "negative"),
        ({"activations": {"310": [float("nan")] * 180, "60": [1.0] * 180}}, "no numbers"),
        ({"activations": {"310": ["x"] * 180, "60": [1.0] * 180}}, "holds no tuning curves"),
    ],
)
def test_damaged_curves_are_refused(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(FileDamagedError, match=says):
        evals.read_tuning_curves(write(tmp_path / "curves.json", **changes))


def test_what_is_no_file_of_curves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CurvesError, match="there is no file"):
        evals.read_tuning_curves(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("curves")
    with pytest.raises(FileDamagedError, match="holds no tuning curves"):
        evals.read_tuning_curves(tmp_path / "text.json")
    (tmp_path / "list.json").write_text("[1, 2]")
    with pytest.raises(FileDamagedError, match="holds no tuning curves"):
        evals.read_tuning_curves(tmp_path / "list.json")


def own_curves(images: ImageSet, turn: float = 0.0) -> evals.TuningCurves:
    """Tuning curves of two units of the small network as if they were published, turned on."""
    net = small.network()
    maps = TEST.responses(net, "3b", images)[0][[1, 6], :, :-1]
    tunings = np.stack([radial_tuning(each) for each in maps])
    steps = round(turn / 7.5)
    units = (net.unit("3b:1"), net.unit("3b:6"))
    return evals.TuningCurves(units, np.asarray(TEST.directions), np.roll(tunings, steps, axis=1), "M", "S")


def test_a_network_is_tuned_as_itself(images: ImageSet, tmp_path: Path) -> None:
    net = small.network()
    curves, family = own_curves(images), next(f for f in handbuilt.families(net) if f.layer == "3b")
    found = evals.tuning_likeness(curves, net, family, images=images, test=TEST)
    assert [str(pair.partner) for pair in found.pairs] == ["3b:1", "3b:6"]
    assert found.shift == 0
    for pair in found.pairs:
        assert (pair.correlation, pair.shifted, pair.turned) == pytest.approx((1, 1, 1))
        assert pair.direction == pytest.approx(pair.partner_direction)
        assert pair.width == pytest.approx(pair.partner_width)
    table, summary = found.save(tmp_path)
    with table.open() as file:
        assert [row["unit"] for row in csv.DictReader(file)] == ["3b:1", "3b:6"]
    data = json.loads(summary.read_text())
    assert data["network"]["identity"] == net.identity
    assert data["images"]["hash"] == images.hash
    assert data["published"] == {"model": "M", "source": "S"}
    assert data["means"]["correlation"]["value"] == pytest.approx(1)


def test_a_common_turn_is_found(images: ImageSet) -> None:
    net = small.network()
    family = next(f for f in handbuilt.families(net) if f.layer == "3b")
    found = evals.tuning_likeness(own_curves(images, turn=15), net, family, images=images, test=TEST)
    assert found.shift == -15
    assert found.means()["shifted"].value == pytest.approx(1)
    assert found.means()["turned"].value == pytest.approx(1)
    assert found.means()["correlation"].value < 0.99


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published figures are not here")
def test_the_published_detectors_are_tuned_as_hand_built_ones() -> None:
    curves = evals.read_tuning_curves(PUBLISHED)
    (family,) = evals.published_families()
    assert set(curves.units) == set(family.units)
    peaks = dict(zip(curves.units, curves.directions[curves.responses.argmax(axis=1)], strict=True))
    assert peaks == {member.unit: member.direction for member in family}
    hand = handbuilt.build()
    detectors = [f for f in handbuilt.families(hand) if (f.layer, f.name) == ("3b", "curve")]
    found = evals.tuning_likeness(curves, hand, detectors, test=evals.SyntheticCurves())
    assert found.means()["correlation"].value >= 0.95
    assert min(pair.correlation for pair in found.pairs) >= 0.85
