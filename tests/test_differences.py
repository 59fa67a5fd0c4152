"""Differences between networks: their size, their uncertainty, and when stimuli are shared."""

import csv
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import evals
from circuits import CurvesError
from evals import Definition, Report, Spread, difference
from tests import small
from tests.cards import card

draws = st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4)


def noisy(centre, shared, own, seed):
    """Draws of a score that depends on what was drawn, in part as every network does."""
    noise = np.random.default_rng(seed).normal(size=400)
    return card({"t.high": centre}, {"t.high": centre + shared * np.sin(np.arange(400)) + own * noise})


@given(first=draws, second=draws)
def test_the_difference_to_itself_is_nothing_and_order_is_a_sign(first, second):
    one, two = (card({"t.high": each[0]}, {"t.high": each}) for each in (first, second))
    same = difference(one, one, "t.high")
    assert (same.value, same.spread.standard_error, same.paired) == (0, 0, True)
    there, back = difference(one, two, "t.high"), difference(two, one, "t.high")
    assert there.value == -back.value
    assert there.spread.standard_error == pytest.approx(back.spread.standard_error)
    assert there.spread.low == pytest.approx(-back.spread.high)


def test_shared_stimuli_make_a_difference_surer():
    real, edited = noisy(5.0, shared=1, own=0.05, seed=1), noisy(4.8, shared=1, own=0.05, seed=2)
    found = difference(edited, real, "t.high")
    assert found.paired
    assert found.value == pytest.approx(-0.2)
    assert found.spread.standard_error == pytest.approx(0.05 * np.sqrt(2), rel=0.15)
    assert found.spread.high < 0


@pytest.mark.parametrize("other", [{"identity": "other"}, {"seed": 1}])
def test_other_stimuli_are_taken_as_independent(other):
    values = 5 + np.sin(np.arange(400.0))
    one, two = card({"t.high": 5.0}, {"t.high": values}), card({"t.high": 5.0}, {"t.high": values}, **other)
    found = difference(one, two, "t.high")
    assert not found.paired
    assert found.spread.standard_error == pytest.approx(np.sqrt(2) * values.std(), rel=0.1)


def test_without_draws_standard_errors_add_up():
    one, two = card({"t.high": 5.0}, {"t.high": [4.0, 6.0]}), card({"t.high": 4.0}, {"t.high": [3.0, 5.0]})
    found = difference(one, dataclasses.replace(two, replicates={}), "t.high")
    assert found.spread.standard_error == pytest.approx(np.sqrt(2))
    assert (found.spread.low, found.spread.high) == pytest.approx((1 - 1.96 * np.sqrt(2), 1 + 1.96 * np.sqrt(2)))
    assert difference(one, card({"t.high": 1.0}), "t.high").spread is None


def test_directions_differ_the_short_way_round():
    one, two = card({"t.turn": 359.0}, {"t.turn": [358.0, 1.0]}), card({"t.turn": 2.0}, {"t.turn": [1.0, 4.0]})
    found = difference(one, two, "t.turn")
    assert found.value == -3
    assert found.spread.standard_error < 0.1


def test_undefined_scores_have_no_difference():
    one, two = card({"t.high": None}), card({"t.high": 1.0})
    assert difference(one, two, "t.high").value is None
    with pytest.raises(CurvesError, match="has no score"):
        difference(card({"t.low": 1.0}), two, "t.high")


def test_mostly_undefined_draws_tell_nothing():
    values = np.array([1.0, np.nan, np.nan])
    assert evals.resampling.spread(values, 1.0, Definition("1", "it")) is None
    assert evals.resampling.spread(values[:2], 1.0, Definition("1", "it")).standard_error == 0


def test_a_report_says_how_far_networks_are_from_the_first(tmp_path):
    images = small.write_images(tmp_path)
    networks = {"real": small.network(), "edited": small.edited()}
    report = evals.compare(networks, tests=[small.TEST], images=images)
    real, edited = report.cards.values()
    found = report.differences["edited"]["synthetic.responding"]
    assert found.value == edited.scores["synthetic.responding"] - real.scores["synthetic.responding"] < 0
    # The same units are shown the same curves: what is left of them has not changed at all.
    gone, stays = real.family.units[0], real.family.units[5]
    unit = report.differences["edited"][f"synthetic.{stays}.width"]
    assert (unit.value, unit.spread.standard_error, unit.paired) == (0, 0, True)
    assert report.differences["edited"][f"synthetic.{gone}.width"].value is None
    report.save(tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "differences.csv").open(encoding="utf-8")))
    row = next(row for row in rows if row["score"] == "synthetic.coverage")
    assert float(row["difference"]) == report.differences["edited"]["synthetic.coverage"].value
    assert (row["network"], row["reference"], row["paired"]) == ("edited", "real", "True")
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Differences to real" in html
    assert "radii of the curves, 3 of them, 500 draws, seed 0" in html


def test_the_reference_can_be_chosen():
    cards = {"a": card({"t.high": 1.0}), "b": card({"t.high": 3.0}), "c": card({"t.high": 2.0, "t.low": 1.0})}
    assert {n: d["t.high"].value for n, d in Report(cards, reference="b").differences.items()} == {"a": -2, "c": -1}
    assert Report(cards).reference == "a"
    (row,) = Report(cards).difference_rows
    assert row.cells == ["+2.00", "+1.00"]
    with pytest.raises(CurvesError, match="no network 'd' to compare with; there are a, b, c"):
        Report(cards, reference="d")
    with pytest.raises(CurvesError, match="no network 'd' to compare with"):
        evals.compare(cards, reference="d")
    assert Report({"a": cards["a"]}).difference_table() is None


def test_rows_of_several_tests_stand_under_their_names():
    one = card({"t.high": 0.5}, {"t.high": [0.49, 0.5, 0.51]})
    both = dataclasses.replace(
        one,
        scores={"t.high": 0.5, "[u].low": 2e-6},
        definitions={**one.definitions, "[u].low": Definition("share", "it")},
        spreads={**one.spreads, "[u].low": Spread(1e-9, 0, 0)},
    )
    for made, headings in ((one, []), (both, ["t", "[u]"])):
        console = Console(record=True, width=100)
        console.print(Report({"a": made}).table())
        lines = console.export_text().splitlines()
        assert [line.strip() for line in lines if line.strip() in {"t", "[u]"}] == headings
        assert any("0.500 ± 0.008" in line for line in lines)
    assert "0.0000 ± <0.0001" in lines[-1]
