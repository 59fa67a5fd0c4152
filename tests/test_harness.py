"""The harness: tests found by name, in our package and in others; what a quick run shows; what a run says of itself."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import evals
import evals.battery
from circuits import CurvesError, Family, Member, Unit, equivariance, family_weights
from evals import Combing, Definition, Equivariance, ImageSet, Sample, SyntheticCurves, Test, TestResult, catalogue
from tests import small

MODULE = """
from evals import Definition, Test, TestResult


class Counted(Test):
    name = "counted"
    about = "how many units there are"

    def run(self, net, family, images, progress=None):
        return TestResult({"units": float(len(family))}, {"units": Definition("count", "units")}, {}, {})
"""


@dataclass(frozen=True)
class Told(Test):
    """A test that says what it is told to."""

    scores: tuple[tuple[str, float], ...] = (("high", 1.0),)
    details: Mapping[str, object] = field(default_factory=dict)

    name = "told"
    about = "what it is told"
    needs_family = False

    def run(self, net, family, images, progress=None):  # noqa: ARG002
        return TestResult(dict(self.scores), {"high": Definition("1", "it", better="higher")}, {}, self.details)

    def quick(self):
        return replace(self, scores=(("high", 0.5),))


class NoTest:
    """Nothing that could be run."""

    name = "far"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def early(images: ImageSet) -> Family:
    """The hand-built early curves that feed the curves."""
    kinds = evals.find_families(small.network(), "3a", kinds="early curve", images=images)
    return kinds[0]


def offer(monkeypatch, *offers):
    points = [EntryPoint(name, value, catalogue.GROUP) for name, value in offers]
    monkeypatch.setattr(catalogue, "entry_points", lambda group: points if group == catalogue.GROUP else [])


def test_each_module_of_the_battery_is_a_test_of_its_name():
    assert set(evals.known_tests()) >= {"synthetic", "combing", "classification", "equivariance"}
    for name in evals.known_tests():
        test = evals.find_test(name)
        assert (test.name, test().name) == (name, name)
        assert test.about
        assert test().quick().name == name


def test_adding_a_file_is_adding_a_test(tmp_path, monkeypatch, images, curves):
    (tmp_path / "counted.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(evals.battery, "__path__", [*evals.battery.__path__, str(tmp_path)])
    family = small.family(images)
    card = evals.run(small.network(), family, ["counted"], images=images)
    assert card.scores == {"counted.units": 8.0}
    _, out, _ = curves("tests", "--json")
    assert {"name": "counted", "about": "how many units there are", "needs_family": True} in json.loads(out)


def test_another_package_can_offer_a_test(monkeypatch, images):
    offer(monkeypatch, ("told", "tests.test_harness:Told"))
    assert "told" in evals.known_tests()
    card = evals.run(small.network(), None, ["told"], images=images)
    assert card.scores == {"told.high": 1.0}
    assert evals.find_test("synthetic") is SyntheticCurves


@pytest.mark.parametrize(
    ("offers", "name", "message"),
    [
        ([("far", "tests.test_harness:NoTest")], "far", "is no test named 'far'; let it name a subclass of evals.Test"),
        ([("other", "tests.test_harness:Told")], "other", "is no test named 'other'"),
        ([("far", "tests.nowhere:Told")], "far", "'far' of tests.nowhere:Told cannot be loaded .No module named"),
        ([("told", "tests.test_harness:Told"), ("told", "tests.small:Told")], "told", "both offer a test 'told'"),
        ([], "synthetik", "there is no test 'synthetik'; there are .*; perhaps synthetic"),
    ],
)
def test_what_cannot_be_found_is_said(monkeypatch, offers, name, message):
    offer(monkeypatch, *offers)
    with pytest.raises(CurvesError, match=message):
        evals.find_test(name)


def test_a_test_that_fails_to_load_stops_no_other(monkeypatch):
    offer(monkeypatch, ("far", "tests.nowhere:Told"))
    assert "far" in evals.known_tests()
    assert evals.make_tests(["synthetic"]) == [SyntheticCurves()]


def test_runs_that_make_no_sense_are_refused(images):
    net = small.network()
    with pytest.raises(CurvesError, match="told is there twice"):
        evals.run(net, None, [Told(), Told()], images=images)
    with pytest.raises(CurvesError, match="nothing to test"):
        evals.run(net, None, [], images=images)
    with pytest.raises(CurvesError, match="test 'told' does not define its score '3b:1.low'; add it"):
        evals.run(net, None, [Told((("3b:1.low", 1.0),))], images=images)
    with pytest.raises(CurvesError, match="test 'told' gives nan for 'high'; give None"):
        evals.run(net, None, [Told((("high", math.nan),))], images=images)
    with pytest.raises(CurvesError, match="details of the test .told. are not JSON"):
        evals.run(net, None, [Told(details={"radius": math.inf})], images=images)
    with pytest.raises(CurvesError, match="cannot draw -1 times"):
        evals.run(net, None, [Told()], images=images, draws=-1)


@pytest.mark.parametrize(
    "fields", [{"better": "large"}, {"better": "higher", "target": 1.0}, {"better": "lower", "target": 0.0}]
)
def test_definitions_that_contradict_themselves_are_refused(fields):
    with pytest.raises(CurvesError, match=r"a score (is better higher, lower or near|that is better)"):
        Definition("1", "it", **fields)


def test_quick_shows_less_and_says_so(images):
    family = small.family(images)
    few = replace(family, members=family.members[:2])
    card = evals.run(small.network(), few, ["synthetic", Combing(radii=(40.0,))], images=images, quick=True, draws=5)
    axes = dict(card.details["synthetic"]["stimuli"]["axes"])
    full = dict(SyntheticCurves().stimuli(small.network(), "3b").axes)
    assert len(axes["direction"]) * len(axes["radius"]) < len(full["direction"]) * len(full["radius"]) / 3
    assert Combing().quick() == Combing(radii=(42.0,))
    assert card.provenance["quick"] is True
    report = evals.compare({"one": card, "two": evals.run(small.network(), None, [Told()], images=images)})
    assert any("one was tested quickly, with fewer stimuli" in remark for remark in report.remarks)
    report = evals.compare({"net": small.network()}, tests=[Told()], images=images, quick=True)
    assert report.cards["net"].scores == {"told.high": 0.5}


def test_all_tests_are_those_that_can_be_run(monkeypatch, images, tmp_path, curves):
    monkeypatch.setattr(catalogue, "known_tests", lambda: ("classification", "synthetic"))
    net = small.network()
    with pytest.raises(CurvesError, match="gives no class probabilities"):
        evals.run(net, small.family(images), ["synthetic", "classification"], images=images)
    net.save(tmp_path / "net.safetensors")
    code, *_ = curves(
        "eval", tmp_path / "net.safetensors", "-o", tmp_path, "--layer", "3b", "--tests", "all",
        "--images", images.root, "--quick", "--figures",
    )  # fmt: skip
    assert code == 0
    card = evals.Scorecard.load(tmp_path)
    assert set(card.details) == {"synthetic"}
    assert set(card.refused) == {"classification"}
    assert {path.name.split("-")[0] for path in (tmp_path / "figures").iterdir()} == {"synthetic"}
    report = evals.Report({"built": card})
    assert f"built: the test classification was not run: {card.refused['classification']}" in report.remarks
    monkeypatch.setattr(catalogue, "known_tests", lambda: ("classification",))
    with pytest.raises(CurvesError, match="no test can be run on .*: classification: "):
        evals.run(net, None, "all", images=images)


def test_every_test_of_ours_runs_with_its_usual_settings(images, tmp_path):
    family = small.family(images)
    few = replace(family, members=family.members[::2])
    card = evals.run(small.network(), few, "all", images=images, draws=5)
    assert set(card.refused) == {"classification", "human"}
    card.save(tmp_path)
    again = evals.Scorecard.load(tmp_path)
    assert (again.scores, again.refused) == (card.scores, card.refused)
    assert {score.test for score in again.table} == set(evals.known_tests()) - set(card.refused)


def test_a_card_says_what_produced_it(images):
    edited = small.edited()
    card = evals.run(edited, small.family(images), [small.TEST], images=images, seed=7, draws=3)
    told = json.loads(json.dumps(card.provenance))
    assert (told["identity"], told["parent"]) == (edited.identity, small.network().identity)
    assert told["plan"][0]["units"] == list(small.GONE)
    assert told["stimuli"]["synthetic"] == card.details["synthetic"]["stimuli"]
    assert told["images"] == {"name": images.name, "hash": images.hash, "count": 2}
    assert (told["seed"], told["draws"], told["quick"]) == (7, 3, False)
    assert (told["device"], told["precision"]) == ("cpu", "float32")
    assert set(told["versions"]) >= {"curve-circuits", "torch", "numpy"}


@pytest.mark.parametrize("name", ["synthetic", "combing", "equivariance"])
def test_all_that_was_shown_once_each_gives_the_tests_scores(images, early, name):
    few = Combing(radii=(30.0, 60.0), tick_lengths=(7.0,))
    test = {"synthetic": small.TEST, "combing": few, "equivariance": Equivariance(sources=(early,))}[name]
    family = small.family(images)
    family = replace(family, members=family.members[:3])
    result = test.run(small.network(), family, images)
    again = result.sample.scores(np.arange(result.sample.count))
    assert {"width", "ticks", "equivariance"} & set(again)
    for score, value in again.items():
        expected = result.scores[score]
        assert (value is None) == (expected is None)
        assert value is None or math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-12), score
    assert {score.rpartition(".")[2] for score in result.scores} <= set(result.definitions)
    card = evals.run(small.network(), family, [test], images=images, draws=5)
    assert all(evals.charts.data_uri(figure).startswith("data:image/svg") for figure in test.figures(card).values())


def test_stimuli_of_fields_of_other_sizes_are_the_same_stimuli(images):
    """So that networks of two architectures can be compared draw by draw."""
    family = small.family(images)
    one = small.TEST.run(small.network(), family, images).sample
    other = replace(small.TEST, base=replace(small.TEST.base, size=120)).run(small.network(), family, images).sample
    thick = replace(small.TEST, base=replace(small.TEST.base, line_width=5.0)).run(small.network(), family, images)
    assert one.identity == other.identity != thick.sample.identity


def test_equivariance_of_one_source_is_that_of_the_circuit(images, early):
    net, family = small.network(), small.family(images)
    card = evals.run(net, family, [Equivariance(sources=(early,))], images=images, draws=50)
    found = card.score("equivariance.equivariance")
    assert found.value == pytest.approx(equivariance(family_weights(net, early, family)), rel=1e-6)
    assert found.value > 0.9 > 0.6 > card.scores["equivariance.chance"]
    assert found.spread.standard_error < 0.05
    assert card.details["equivariance"]["sources"][0]["name"] == "early curve"


def test_a_learned_network_is_more_equivariant_than_chance(bvlc, images):
    coarse = SyntheticCurves().quick()
    family = evals.find_curve_family(bvlc, "3b", test=coarse, images=images)
    card = evals.run(bvlc, family, [coarse, "equivariance"], images=images, draws=20)
    found, chance = (card.score(f"equivariance.{name}") for name in ("equivariance", "chance"))
    assert found.spread.low > chance.spread.high + 0.1
    assert {source["layer"] for source in card.details["equivariance"]["sources"]} == {"3a"}
    harmonic = card.score("synthetic.first_harmonic")
    assert harmonic.value > 0.9
    assert 0 < harmonic.spread.standard_error < 0.02


def test_equivariance_needs_a_layer_before_and_two_directions(images, early):
    net = small.network()
    gabors = Family("Gabor", "conv2d0", (Member(Unit("conv2d0", 0), 0.0),))
    with pytest.raises(CurvesError, match="no layer before conv2d0 can be searched"):
        evals.run(net, gabors, ["equivariance"], images=images)
    one = Family("curve", "3b", (Member(Unit("3b", 0), 0.0),))
    with pytest.raises(CurvesError, match="do not compare: .* points in one direction only"):
        evals.run(net, one, [Equivariance(sources=(early,))], images=images)


def test_draws_follow_from_the_seed_and_the_count_alone():
    seen: list[list[tuple[int, ...]]] = []

    def sample(identity: str) -> Sample:
        drawn: list[tuple[int, ...]] = []
        seen.append(drawn)

        def scores(places):
            drawn.append(tuple(places.tolist()))
            return {"mean": float(places.mean())}

        return Sample("things", 30, identity, scores)

    one, two = (evals.resampling.replicates(sample(name), seed=3, times=20) for name in "ab")
    assert np.array_equal(one.values, two.values)
    assert seen[0] == seen[1]
    assert all(len(places) == 30 and list(places) == sorted(places) for places in seen[0])
    other = evals.resampling.replicates(sample("a"), seed=4, times=20)
    assert not np.array_equal(one.values, other.values)
    assert (one.matches(two), one.matches(other)) == (False, False)


def test_equal_draws_are_computed_once():
    calls = []

    def scores(places):
        calls.append(tuple(places))
        return {"mean": float(places.mean()), "undefined": None}

    found = evals.resampling.replicates(Sample("things", 2, "", scores), times=200)
    assert len(calls) == len(set(calls)) == 3
    assert np.isnan(found.of("undefined")).all()
    assert found.of("mean").std() == pytest.approx(0.5 / math.sqrt(2), rel=0.1)


def test_the_bootstrap_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(3, 2, 400)
    sample = Sample("values", 400, "", lambda places: {"mean": float(values[places].mean())})
    drawn = evals.resampling.replicates(sample, times=1000)
    found = evals.resampling.spread(drawn.of("mean"), values.mean(), Definition("1", "the mean"))
    assert found.standard_error == pytest.approx(values.std() / 20, rel=0.1)
    assert (found.high - found.low) / found.standard_error == pytest.approx(2 * 1.96, rel=0.1)
