"""Finding curve detectors by behaviour, running tests on them, keeping what came out."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import evals
from circuits import CurvesError, Family, FileDamagedError, Member, Network, Unit, UnknownUnitError
from editing import Ablate, Plan
from evals import Criteria, ImageSet, Scorecard, SyntheticCurves
from evals.tuning import Tuning
from tests import small
from tests.drawn import drawn_curve
from weights import load

FAST = SyntheticCurves(directions=tuple(range(0, 360, 15)), radii=(20.0, 40.0, 80.0))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def net() -> Network:
    return small.network()


@pytest.fixture(scope="module")
def family(net: Network, images: ImageSet) -> Family:
    return evals.find_curve_family(net, "3b", test=FAST, images=images)


def test_the_family_is_ordered_and_says_why(family: Family) -> None:
    assert list(family.directions) == sorted(family.directions)
    assert sorted(round(direction) % 360 for direction in family.directions) == list(range(0, 360, 45))
    for member in family:
        assert f"answers to curves of {round(member.direction) % 360} degrees: peak" in member.why
        assert member.evidence["first_harmonic"] > 0.9
    assert Family.from_json(family.to_json()) == family


def test_curve_detectors_are_found_whatever_their_place(net: Network, images: ImageSet, family: Family) -> None:
    """Shuffle the units of 3b: the family must be the same, by new numbers."""
    order = torch.randperm(net.layer("3b").channels, generator=torch.Generator().manual_seed(3))
    changes = {name: net.tensors[name][order] for name in ("3b/5x5/weight", "3b/5x5/bias")}
    shuffled = evals.find_curve_family(net.evolve(tensors=changes), "3b", test=FAST, images=images)
    assert [int(order[channel]) for channel in shuffled.channels] == list(family.channels)
    assert shuffled.directions == pytest.approx(family.directions)


def test_lines_echoes_and_silence_are_not_curve_detectors(net: Network, images: ImageSet) -> None:
    straight = Plan([Ablate(*net.units("conv2d2")[20:])]).apply(net)  # without its small curves
    with pytest.raises(CurvesError, match=r"no unit of conv2d2 is a curve detector; the nearest is conv2d2:\d"):
        evals.find_curve_family(straight, "conv2d2", test=FAST, images=images)
    silent = Plan([Ablate(*net.units("3b"))]).apply(net)
    with pytest.raises(CurvesError, match="none responds at all"):
        evals.find_curve_family(silent, "3b", test=FAST, images=images)
    bands = net.tensors["3b/5x5/weight"][:24].view(3, 8, *net.tensors["3b/5x5/weight"].shape[1:])
    both_ways = torch.cat([(bands + bands.roll(4, 1)).flatten(0, 1), torch.zeros_like(bands[0, :4])])
    with pytest.raises(CurvesError, match="no unit of 3b is a curve detector"):
        evals.find_curve_family(
            net.evolve(tensors={"3b/5x5/weight": both_ways.clamp(min=0)}), "3b", test=FAST, images=images
        )


def test_each_criterion_counts() -> None:
    good = Tuning(
        peak=5, preferred_direction=0, first_harmonic=0.9, amplitude=1, width=50,
        echo=0.01, radius_tolerance=2, curve_over_line=0.9,
    )  # fmt: skip
    assert Criteria().met(good)
    for name, bad in {
        "peak": 1.9, "first_harmonic": 0.7, "echo": 0.3, "radius_tolerance": 0.7, "curve_over_line": 0.3,
    }.items():  # fmt: skip
        assert not Criteria().met(dataclasses.replace(good, **{name: bad})), name


def test_the_stronger_of_two_that_point_the_same_way_is_taken(net: Network, family: Family, images: ImageSet) -> None:
    one, other = family.channels[2:4]
    copied = net.tensors["3b/5x5/weight"].clone()
    copied[other] = copied[one] * 0.9  # the same direction, a little weaker against the same threshold
    found = evals.find_curve_family(net.evolve(tensors={"3b/5x5/weight": copied}), "3b", test=FAST, images=images)
    assert one in found.channels
    assert other not in found.channels
    before, after = (int(next(m for m in f if m.unit.channel == one).why.split()[-5]) for f in (family, found))
    assert after == before + 1  # strongest of so many that point this way


def test_scores_are_in_standard_deviations_over_the_images(net: Network, family: Family, images: ImageSet) -> None:
    card = evals.run(net, family, [FAST], images=images)
    pictures = [image[None] for image in images]
    values = torch.cat([net.activations(x, ["3b"], pre=True)["3b"][0].flatten(1) for x in pictures], dim=1)
    channel = family.channels[0]  # the unit of direction 0
    curve = dataclasses.replace(FAST.stimuli(net, "3b").base, direction=0.0, radius=40.0, filled=False)
    line = net.responses(curve.render()[None], "3b")[0, channel]
    area = net.responses(dataclasses.replace(curve, filled=True).render()[None], "3b")[0, channel]
    expected = (line.clamp(min=0) + area.clamp(min=0)) / 2 / values[channel].std(correction=0)
    assert card.data["synthetic.responses"][0, 0, 1] == pytest.approx(float(expected), rel=1e-4)
    assert card.details["synthetic"]["images"]["hash"] == images.hash
    twice = evals.run(net, family, [FAST], images=ImageSet(images.name, images.paths, short_side=100))
    assert twice.scores["synthetic.peak"] != card.scores["synthetic.peak"]


def test_silent_units_are_told_and_do_not_count(net: Network, family: Family, images: ImageSet) -> None:
    gone, stays = family.units[:2], family.units[2]
    edited = Plan([Ablate(*gone)]).apply(net)
    before, after = (evals.run(n, family, [FAST], images=images).scores for n in (net, edited))
    assert after["synthetic.responding"] == 0.75
    assert after[f"synthetic.{gone[0]}.echo"] is None
    assert after[f"synthetic.{stays}.width"] == before[f"synthetic.{stays}.width"]
    assert after["synthetic.coverage"] < before["synthetic.coverage"]
    everything = Plan([Ablate(*family.units)]).apply(net)
    scores = evals.run(everything, family, [FAST], images=images).scores
    assert scores["synthetic.first_harmonic"] is None
    assert scores["synthetic.coverage"] == 0


def test_a_scorecard_comes_back_from_its_folder(net: Network, family: Family, images: ImageSet, tmp_path: Path) -> None:
    card = evals.run(net, family, [FAST], images=images)
    card.save(tmp_path)
    again = Scorecard.load(tmp_path)
    assert again.to_json() == card.to_json()
    assert again.family == family
    assert again.data.keys() == card.data.keys()
    assert all(np.array_equal(again.data[name], card.data[name]) for name in card.data)
    assert again.network["identity"] == net.identity
    first = (tmp_path / "data.npz").read_bytes(), (tmp_path / "scorecard.json").read_bytes()
    evals.run(net, family, [FAST], images=images).save(tmp_path)
    assert first == ((tmp_path / "data.npz").read_bytes(), (tmp_path / "scorecard.json").read_bytes())
    (tmp_path / "data.npz").write_bytes(first[0][:100])
    with pytest.raises(FileDamagedError, match="is damaged"):
        Scorecard.load(tmp_path)
    (tmp_path / "scorecard.json").write_text('{"version": 9}')
    with pytest.raises(FileDamagedError, match="of version 9, and this program reads version 2"):
        Scorecard.load(tmp_path)
    with pytest.raises(CurvesError, match=r"holds no scorecard\.json"):
        Scorecard.load(tmp_path / "none")


def test_running_refuses_what_does_not_fit(net: Network, family: Family, images: ImageSet) -> None:
    with pytest.raises(CurvesError, match="no test 'synthetik'; there are .*; perhaps synthetic"):
        evals.run(net, family, ["synthetik"])
    stranger = Family("curve", "3b", (Member(Unit("3b", 99), 0.0),))
    with pytest.raises(UnknownUnitError, match="3b:99 is out of range"):
        evals.run(net, stranger, [FAST], images=images)


def test_families_are_well_formed() -> None:
    with pytest.raises(CurvesError, match="has no members"):
        Family("curve", "3b", ())
    with pytest.raises(CurvesError, match="is of layer 3b, but 3a:1 is not"):
        Family("curve", "3b", (Member(Unit("3a", 1), 0.0),))
    with pytest.raises(CurvesError, match="names a unit twice"):
        Family("curve", "3b", (Member(Unit("3b", 1), 0.0), Member(Unit("3b", 1), 90.0)))


def test_sweeps_are_remembered_by_content_only(net: Network, images: ImageSet) -> None:
    calls: list[str] = []
    slower = dataclasses.replace(FAST, radii=(21.0, 55.0))

    def progress(what: str, _done: int, _total: int) -> None:
        calls.append(what)

    first, _ = slower.responses(net, "3b", images, progress)
    assert calls
    calls.clear()
    again, _ = slower.responses(net.evolve(), "3b", images, progress)
    assert not calls
    assert np.array_equal(first, again)
    other, _ = slower.responses(Plan([Ablate("3b:0")]).apply(net), "3b", images, progress)
    assert calls
    assert (other[0] == 0).all()


@pytest.mark.parametrize(("name", "layer", "least"), [("vgg16_hed", "conv4_3", 12), ("bvlc_googlenet", "3b", 12)])
def test_find_curve_family_finds_real_families(name: str, layer: str, least: int) -> None:
    """On learned networks, and what it finds holds on curves that another program drew."""
    try:
        net = load(name)
    except CurvesError as error:
        pytest.skip(f"{name} cannot be had here: {error}")
    assert evals.curve_layer(net) == layer
    coarse = SyntheticCurves(directions=tuple(range(0, 360, 15)), radii=(20.0, 30.0, 45.0, 70.0, 110.0))
    family = evals.find_curve_family(net, layer, test=coarse)
    assert len(family) >= least
    assert np.diff([*family.directions, family.directions[0] + 360]).max() < 60
    size = net.receptive_field(layer).size
    with torch.inference_mode():
        for member in list(family)[::3]:
            turns = (0, 90, 180, 270)
            pictures = [drawn_curve(member.direction + t, r, size=size) for t in turns for r in (25.0, 45.0, 70.0)]
            responses = net.responses(torch.stack(pictures), layer)[:, member.unit.channel].clamp(min=0)
            own, *others = responses.reshape(len(turns), -1).mean(1).tolist()
            assert own > 2 * max(others), member
