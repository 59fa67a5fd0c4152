"""Comparing: on which units each network is judged, and what a user did wrong."""

import pytest

import evals
from circuits import CurvesError, Family, Member, Unit
from editing import Ablate, Plan
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def compare(images):
    def run(networks, **options):
        return evals.compare(networks, tests=[small.TEST], images=images, **options)

    return run


def test_edited_network_is_judged_on_its_parents_units(compare, images):
    # The edited network comes first: its parent's family has to be found before.
    report = compare({"edited": small.edited(), "real": small.network()})
    assert list(report.cards) == ["edited", "real"]
    real, edited = report.cards["real"], report.cards["edited"]
    assert real.family == edited.family == small.family(images)
    assert real.scores["synthetic.responding"] == 1
    assert edited.scores["synthetic.responding"] == 1 - small.SILENCED / 8
    silent = [unit for unit in edited.family.units if edited.scores[f"synthetic.{unit}.peak"] is None]
    assert set(map(str, silent)) == set(map(str, edited.family.units)) & set(small.GONE)


def test_an_edit_of_an_edit_is_judged_on_the_first_ones_units(compare):
    once = small.edited()
    twice = Plan([Ablate("3b:5", "3b:13", "3b:21")]).apply(once)
    report = compare({"twice": twice, "once": once, "real": small.network()})
    assert report.cards["twice"].family == report.cards["real"].family
    assert report.cards["twice"].scores["synthetic.responding"] == 0.5


def test_edited_network_alone_is_judged_on_units_found_in_it(compare):
    card = compare({"edited": small.edited()}).cards["edited"]
    assert set(map(str, card.family.units)).isdisjoint(small.GONE)


def test_edit_that_changes_nothing_is_not_its_own_parent(compare):
    once = small.edited()
    again = Plan([Ablate(*small.GONE)]).apply(once)  # same identity, parent and all
    report = compare({"again": again, "once": once})
    assert report.cards["again"].family == report.cards["once"].family
    assert len(report.cards["once"].family) == 5
    third = Plan([Ablate(*small.GONE)]).apply(again)
    assert list(compare({"again": again, "third": third}).cards) == ["again", "third"]  # neither is the other's parent


def test_a_scorecard_is_taken_as_it_is_and_lends_its_family(compare):
    card = compare({"real": small.network()}).cards["real"]
    report = compare({"real": card, "edited": small.edited()})
    assert report.cards["real"] is card
    assert report.cards["edited"].family == card.family


def test_given_families_go_first(compare):
    family = Family("curve", "3b", (Member(Unit("3b", 3), 135.0),))
    assert compare({"real": small.network()}, families={"real": family}).cards["real"].family == family
    edited = compare({"real": small.network(), "edited": small.edited()}, families={"edited": family}).cards["edited"]
    assert edited.family == family


def test_families_are_searched_with_the_tests_own_stimuli(images, monkeypatch):
    monkeypatch.setattr("evals.catalogue.find_test", lambda _name: lambda: small.TEST)
    card = evals.compare({"real": small.network()}, images=images).cards["real"]
    # What is in the family's evidence was measured in the search, the scores in the test.
    assert card.family.members[0].evidence["width"] == card.scores[f"synthetic.{card.family.units[0]}.width"]


def test_progress_names_the_network(compare):
    told = []
    net = Plan([Ablate("3b:4")]).apply(small.network())  # not swept by any other test
    compare({"mine": net}, progress=lambda what, done, total: told.append((what, done, total)))
    assert {what.partition(": ")[0] for what, _, _ in told} == {"mine"}
    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": {}}, "nothing to compare"),
        ({"families": {"other": None}}, "families speaks of 'other'"),
        ({"layers": {"other": "3b"}}, "layers speaks of 'other'"),
        ({"layers": {"real": "3c"}}, "real: handbuilt has no layer '3c'"),
        ({"layers": {"real": "conv2d0"}}, "real: no unit of conv2d0 is a curve detector"),
        (
            {"families": {"real": Family("curve", "4b", (Member(Unit("4b", 0), 0.0),))}},
            "real: handbuilt has no layer '4b'",
        ),
        (
            {"families": {"real": Family("curve", "3b", (Member(Unit("3b", 99), 0.0),))}},
            "real: 3b has 28 units .* out of range",
        ),
        ({"tests": ["synthetik"]}, "there is no test 'synthetik'"),
    ],
)
def test_errors_say_what_is_wrong(images, options, message):
    options = {"networks": {"real": small.network()}, "tests": [small.TEST], "images": images} | options
    with pytest.raises(CurvesError, match=message):
        evals.compare(options.pop("networks"), **options)
