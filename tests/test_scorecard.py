"""Scorecards: they come back as they were, from JSON alone without arrays, and as a table for other programs."""

import json
import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from circuits import CurvesError, FileDamagedError
from evals import Scorecard
from tests.cards import DEFINITIONS, card, meaning

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
names = st.sampled_from([f"t.{of}{name}" for of in ("", "3b:1.", "3b:2.") for name in ("high", "low", "turn")])
scores = st.dictionaries(names, st.none() | numbers, min_size=1)


@st.composite
def cards(draw):
    found = draw(scores)
    again = draw(st.lists(st.sampled_from(sorted(found)), unique=True))
    values = st.floats(min_value=-1e6, max_value=1e6, width=32) | st.just(math.nan)
    times = draw(st.integers(1, 8))
    drawn = {name: draw(st.lists(values, min_size=times, max_size=times)) for name in again}
    return card(found, drawn, identity=draw(st.text(max_size=5)), seed=draw(st.integers(0, 9)))


@given(cards())
def test_a_card_comes_back_as_it_was(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("card")
    made.save(folder)
    again = Scorecard.load(folder)
    assert again.to_json() == made.to_json()
    assert again.table == made.table
    assert again.replicates.keys() == made.replicates.keys()
    for test, drawn in made.replicates.items():
        assert again.replicates[test].matches(drawn)
        np.testing.assert_array_equal(again.replicates[test].values, drawn.values)
    np.testing.assert_array_equal(again.data["t.array"], made.data["t.array"])
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again.save(folder)
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}


@given(cards())
def test_the_table_has_every_score_and_what_it_means(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("card")
    made.save(folder)
    table = parquet.read_table(folder / "scores.parquet")
    rows = {row["score"]: row for row in table.to_pylist()}
    assert rows.keys() == made.scores.keys()
    for name, row in rows.items():
        score = made.score(name)
        assert row["value"] == score.value
        assert row["test"] == "t"
        assert (row["unit_of_network"] or "") == score.of
        assert (row["unit"], row["better"], row["target"]) == (meaning(name).unit, meaning(name).better, None)
        assert row["standard_error"] == (score.spread.standard_error if score.spread else None)
    assert json.loads(table.schema.metadata[b"curve_circuits"])["identity"] == made.network["identity"]


def test_a_score_has_its_parts():
    made = card({"t.high": 1.0, "t.3b:1.low": 2.0})
    assert [(s.test, s.of, s.label) for s in made.table] == [("t", "", "high"), ("t", "3b:1", "low")]
    assert made.score("t.3b:1.low").definition is DEFINITIONS["t.low"]
    with pytest.raises(CurvesError, match=r"made up has no score 't\.none'"):
        made.score("t.none")


def test_the_json_alone_keeps_scores_and_their_uncertainty(tmp_path):
    made = card({"t.high": 1.0}, {"t.high": [0.9, 1.0, 1.2]})
    made.save(tmp_path / "card")
    shutil.copy(tmp_path / "card" / "scorecard.json", tmp_path / "baseline.json")
    alone = Scorecard.load(tmp_path / "baseline.json")
    assert (alone.scores, alone.spreads) == (made.scores, made.spreads)
    assert (dict(alone.data), dict(alone.replicates)) == ({}, {})
    # Beside another card's arrays it is as good as alone, and beside its own it has them.
    card({"t.high": 2.0}, {"t.high": [1.9, 2.0, 2.2]}).save(tmp_path)
    assert Scorecard.load(tmp_path / "baseline.json").replicates == {}
    assert Scorecard.load(tmp_path / "card" / "scorecard.json").replicates["t"].matches(made.replicates["t"])
    # A folder is a whole card or none.
    (tmp_path / "card" / "data.npz").unlink()
    with pytest.raises(FileDamagedError, match=r"is damaged .*data\.npz"):
        Scorecard.load(tmp_path / "card")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "of version 1, and this program reads version 2; run the tests again with `curves eval`"),
        ({"scores": None}, "is damaged"),
        ({"uncertainty": {"t.high": {"low": 1}}}, "is damaged"),
        ({"replicates": {"t": {}}}, "is damaged"),
        ({"definitions": {"t.high": {"unit": "1", "text": "it", "better": "most"}}}, "'most'"),
    ],
)
def test_old_and_damaged_files_are_told_in_a_sentence(tmp_path, change, message):
    card({"t.high": 1.0}, {"t.high": [0.9, 1.0]}).save(tmp_path)
    file = tmp_path / "scorecard.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(CurvesError, match=message):
        Scorecard.load(tmp_path).table  # noqa: B018
