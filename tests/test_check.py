"""The regression check: what got worse is said and ends with 1, what is tolerated is not."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evals
from circuits import CurvesError
from evals import Tolerance
from tests import small
from tests.cards import card

amounts = st.floats(0.001, 1e3)


def verdict(name, before, now, *tolerances, **drawn):
    (found,) = evals.check(card({name: now}, **drawn), card({name: before}), tolerances).verdicts
    return found


@pytest.mark.parametrize(
    ("name", "before", "now", "worse_by"),
    [
        ("t.high", 0.8, 0.7, 0.1), ("t.high", 0.7, 0.8, -0.1), ("t.low", 0.1, 0.3, 0.2), ("t.low", 0.3, 0.1, -0.2),
        ("t.near", 48.0, 53.0, 1.0), ("t.near", 45.0, 51.0, -4.0), ("t.near", 51.0, 40.0, 9.0),
        ("t.same", 5.0, 7.0, 2.0), ("t.same", 5.0, 3.0, 2.0), ("t.turn", 359.0, 2.0, 3.0),
    ],
)  # fmt: skip
def test_each_score_knows_which_way_is_worse(name, before, now, worse_by):
    found = verdict(name, before, now, "0")
    assert found.worse_by == pytest.approx(worse_by)
    assert found.worse == (worse_by > 0)


@given(before=amounts, change=st.floats(-0.5, 0.5), allowed=st.floats(0, 0.5))
def test_a_share_of_the_baseline_is_tolerated(before, change, allowed):
    now = before * (1 + change)
    found = verdict("t.high", before, now, f"{100 * allowed:.6f}%")
    assert found.worse == (-change * before > round(allowed, 8) * before + 1e-5 * max(before, now))


@given(amounts, st.sampled_from(["absolute", "relative", "errors"]), st.sampled_from(["*", "t.high", "t.*"]))
def test_tolerances_are_read_as_they_are_written(amount, kind, scores):
    number = f"{100 * amount if kind == 'relative' else amount:.9g}"
    text = f"{'' if scores == '*' else scores + '='}{number}{ {'absolute': '', 'relative': '%', 'errors': 'se'}[kind] }"
    found = Tolerance.parse(text)
    assert (found.kind, found.scores) == (kind, scores)
    assert found.amount == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "much", "-1", "5 %%", "t.high=", "=5", "1sd", "nan"])
def test_other_texts_are_no_tolerances(text):
    with pytest.raises(CurvesError, match="is no tolerance; write 0.02"):
        Tolerance.parse(text)


def test_two_standard_errors_are_tolerated_unless_something_else_is_said():
    noise = np.random.default_rng(0).normal(0, 0.05, (2, 400))
    before = card({"t.high": 1.0}, {"t.high": 1 + noise[0]})
    for now, worse in ((0.9, False), (0.8, True)):
        after = card({"t.high": now}, {"t.high": now + noise[1]})
        (found,) = evals.check(after, before).verdicts
        assert found.allowed == pytest.approx(2 * 0.05 * np.sqrt(2), rel=0.1)
        assert found.worse == worse
    # Where every draw is as much worse, the difference is sure, however uncertain the scores are.
    (found,) = evals.check(card({"t.high": 0.9}, {"t.high": 0.9 + noise[0]}), before).verdicts
    assert found.worse


def test_the_last_tolerance_that_names_a_score_counts():
    before, now = card({"t.high": 1.0, "t.low": 1.0}), card({"t.high": 0.9, "t.low": 1.1})
    assert [v.worse for v in evals.check(now, before, ["20%", "t.low=0.05"]).verdicts] == [False, True]
    assert [v.worse for v in evals.check(now, before, ["t.low=0.05", "20%"]).verdicts] == [False, False]
    with pytest.raises(CurvesError, match=r"no score is named 't\.wide'; there are t\.high, t\.low"):
        evals.check(now, before, ["t.wide=5%"])


def test_rounding_is_no_regression_and_what_is_gone_is_one():
    assert not verdict("t.same", 5.0, 5.0 * (1 + 1e-7), "0").worse
    for now in ({"t.high": None}, {"t.low": 1.0}):
        (found,) = evals.check(card(now), card({"t.high": 0.8}), ["100%"]).worse
        assert "it was 0.8" in found.why
    with pytest.raises(CurvesError, match="the baseline has no score to compare with"):
        evals.check(card({"t.high": 1.0}), card({"t.high": None}))


def test_scores_of_units_count_when_asked_for():
    before, now = card({"t.high": 1.0, "t.3b:1.low": 0.1}), card({"t.high": 1.0, "t.3b:1.low": 0.5})
    assert not evals.check(now, before).worse
    (found,) = evals.check(now, before, units=True).worse
    assert found.score == "t.3b:1.low"


def test_what_may_be_why_is_told():
    before = card({"t.high": 1.0}, {"t.high": [1.0, 1.1]}, identity="other")
    conditions = {"quick": True, "images": {"name": "i", "hash": "other", "count": 2}}
    now = card({"t.high": 1.0}, {"t.high": [1.0, 1.1]}, conditions=conditions)
    rounded = dataclasses.replace(now, network={**now.network, "precision": "bfloat16"})
    told = " ".join(evals.check(rounded, before).remarks)
    assert all(text in told for text in ("different images", "--quick", "drew from other things"))
    assert "One of the two cards ran in bfloat16, the other in float32" in told
    assert evals.check(now, now).remarks == ()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Cards of a network, the same again, one with three units ablated, and one whose weights are a little off."""
    images = small.write_images(tmp_path_factory.mktemp("images"))
    net, family = small.network(), small.family(images)
    weight = net.tensors["3b/5x5/weight"]
    networks = {
        "base": net,
        "again": net,
        "worse": small.edited(),
        "off": net.evolve(tensors={"3b/5x5/weight": weight * 0.97}),
    }
    folder = tmp_path_factory.mktemp("cards")
    for name, each in networks.items():
        evals.run(each, family, [small.TEST], images=images, draws=100).save(folder / name)
    shutil.copy(folder / "base" / "scorecard.json", folder / "baseline.json")
    return folder


def test_a_regression_is_caught(curves, saved):
    stricter = ("--tolerance", "synthetic.coverage=20%")  # three radii leave it uncertain
    code, out, err = curves("check", saved / "worse", "--against", saved / "base", *stricter)
    assert (code, err) == (1, "")
    assert "worse: synthetic.responding: 1 became 0.625 (share), and higher is better; allowed: 2 standard err" in out
    assert "worse: synthetic.coverage" in out
    code, out, _ = curves("check", saved / "worse", "--against", saved / "baseline.json", *stricter, "--json")
    told = json.loads(out)
    assert (code, told["passed"]) == (1, False)
    assert {v["score"] for v in told["verdicts"] if v["worse"]} >= {"synthetic.responding", "synthetic.coverage"}


def test_what_is_within_tolerance_passes(curves, saved):
    code, out, _ = curves("check", saved / "again" / "scorecard.json", "--against", saved / "base", "--tolerance", "0")
    assert code == 0
    assert "is no worse than" in out
    assert curves("check", saved / "off", "--against", saved / "base", "--tolerance", "0")[0] == 1
    code, out, _ = curves("check", saved / "off", "--against", saved / "baseline.json", "--tolerance", "20%")
    assert code == 0, out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{saved}/none", "--against", "{saved}/base"), "holds no scorecard.json"),
        (("{saved}/base", "--against", "{saved}/base", "--tolerance", "much"), "'much' is no tolerance"),
        (("{saved}/base", "--against", "{saved}/old.json"), "of version 1, and this program reads version 2"),
    ],
)
def test_errors_are_one_line_and_not_a_regression(curves, saved, arguments, message):
    (saved / "old.json").write_text('{"version": 1}')
    code, out, err = curves("check", *(argument.format(saved=saved) for argument in arguments))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
