"""The report: the same bytes for the same input, nothing loaded from elsewhere, and no name that breaks it."""

import base64
import csv
import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

import evals
from circuits import CurvesError, FileDamagedError
from evals import Report, Scorecard
from evals.figures import Maps
from evals.heat_maps import heat_maps
from evals.prose import edit_sentence, sentences, warnings
from tests import small

HOSTILE = "</script><script>alert('x')</script> [bold] {{ 7 * 7 }} & ../.."


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    images = small.write_images(tmp_path_factory.mktemp("images"))
    return evals.compare({"real": small.network(), "edited": small.edited()}, tests=[small.TEST], images=images).cards


@pytest.fixture(scope="module")
def saved(cards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    Report(cards).save(folder)
    return folder


@pytest.fixture(scope="module")
def html(saved):
    return (saved / "report.html").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self._hidden = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, _tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def figures(html):
    return json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)[1])


def numbers(values):
    """An array of a figure: plain, or as plotly packs it."""
    if not isinstance(values, dict):
        return np.array(values, float)
    array = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return array.reshape([int(n) for n in values.get("shape", str(array.size)).split(",")])


def changed(card, **network):
    return dataclasses.replace(card, network={**card.network, **network})


def test_same_input_same_bytes(cards, saved, tmp_path):
    Report({name: Scorecard.load(saved / "cards" / name) for name in cards}).save(tmp_path)
    for path in ("report.html", "scores.csv", "report.json", "cards/real/scorecard.json"):
        assert (tmp_path / path).read_bytes() == (saved / path).read_bytes(), path


def test_page_loads_nothing(html):
    tags = Page(html).tags
    for tag, attributes in tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith(("data:", "#")), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", html, re.S)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert not [tag for tag, _ in tags if tag in {"iframe", "object", "embed", "base"}]


def test_page_forbids_itself_the_network(html):
    policies = [a["content"] for tag, a in Page(html).tags if "http-equiv" in a]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none';")
    assert "http" not in policies[0]
    assert "*" not in policies[0]


def test_plotly_is_there_once(html):
    assert html.count("plotly.js v") == 1


def test_page_is_accessible(html):
    tags = Page(html).tags
    assert ("html", {"lang": "en"}) in tags
    assert all(attributes.get("alt") for tag, attributes in tags if tag == "img")
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert sum(tag == "figure" for tag, _ in tags) == sum(tag == "figcaption" for tag, _ in tags) > 0
    plots = [attributes for _, attributes in tags if "plot" in attributes.get("class", "").split()]
    assert {plot["id"] for plot in plots} == {figure["id"] for figure in figures(html)}
    assert all(plot.get("aria-label") for plot in plots)


def test_hostile_names_stay_text(cards, tmp_path):
    card = changed(cards["real"], name=HOSTILE, source=HOSTILE, details={"licence": HOSTILE, HOSTILE: [HOSTILE]})
    Report({HOSTILE: card, "../x": card}, notes=[HOSTILE]).save(tmp_path / "out")
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert sum(tag == "script" for tag, _ in page.tags) == 3  # plotly, the figures and our own
    assert page.text.count(HOSTILE) >= 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert len(list((tmp_path / "out" / "cards").iterdir())) == 2
    drawn = json.dumps(figures((tmp_path / "out" / "report.html").read_text(encoding="utf-8")))
    assert "<script>" not in drawn  # plotly reads its words as HTML
    console = Console(record=True, width=300)
    console.print(Report({HOSTILE: card}).table())
    assert "[bold]" in console.export_text()


def test_folders_differ_where_names_look_alike(cards):
    names = ("a b", "a-b", "A b", "..", "/")
    folders = Report(dict.fromkeys(names, cards["real"])).folders
    assert folders == ["cards/a-b", "cards/a-b-2", "cards/A-b-3", "cards/card", "cards/card-2"]


def test_silent_units_are_shown_as_such(cards, html):
    chart = next(figure for figure in figures(html) if figure["id"] == "heat-maps")
    inside = [note["text"] for note in chart["layout"]["annotations"] if note["text"] == "silent"]
    assert len(inside) == small.SILENCED
    assert html.count('class="silent"') == small.SILENCED
    assert "only 5 of 8 still answer" in sentences(cards)["edited"]


def test_undefined_scores_are_dashes(cards, tmp_path):
    silent = {name: None if name.startswith("synthetic.e") else v for name, v in cards["real"].scores.items()}
    maps = {"synthetic.responses", "synthetic.radial_tuning"}
    data = {name: np.zeros_like(v) if name in maps else v for name, v in cards["real"].data.items()}
    card = dataclasses.replace(cards["real"], scores=silent, data=data)
    report = Report({"silent": card})
    report.save(tmp_path)
    (row,) = [row for row in report.rows if row.score == "synthetic.echo"]
    assert row.values == ("–",)
    assert row.published == "0.009"
    assert "None of them answers" in sentences({"silent": card})["silent"]
    rows = list(csv.DictReader((tmp_path / "scores.csv").open(encoding="utf-8")))
    assert {row["value"] for row in rows if row["score"] == "synthetic.echo"} == {""}


def test_all_scores_are_in_the_csv(cards, saved):
    rows = list(csv.DictReader((saved / "scores.csv").open(encoding="utf-8")))
    for name, card in cards.items():
        found = {row["score"]: row["value"] for row in rows if row["network"] == name}
        assert found == {score: "" if value is None else str(value) for score, value in card.scores.items()}
    assert {row["unit"] for row in rows if row["score"].endswith(".width")} == {"degrees"}


def test_cards_survive_the_report(cards, saved):
    for name, card in cards.items():
        loaded = Scorecard.load(saved / "cards" / name)
        assert loaded.to_json() == json.loads(json.dumps(card.to_json()))
        assert loaded.data.keys() == card.data.keys()
        assert all(np.array_equal(loaded.data[key], card.data[key]) for key in card.data)
    assert json.loads((saved / "report.json").read_text())["cards"]["real"]["scores"] == cards["real"].scores


def test_heat_maps_show_the_responses_of_the_nearest_unit(cards):
    maps = Maps.of(cards["real"])
    figure = heat_maps({"real": maps})
    place = 2  # 90 degrees
    unit = maps.nearest(90)
    assert abs(maps.members[unit].direction - 90) < 1
    z = numbers(figure["data"][place]["z"])
    assert z.shape == (len(maps.radii) + 1, len(maps.directions) + 1)
    np.testing.assert_allclose(z[:-2, :-1], maps.responses[unit][:, :-1].T, atol=1e-3)
    np.testing.assert_allclose(z[-1, :-1], maps.responses[unit][:, -1], atol=1e-3)  # the straight line, set apart
    assert np.isnan(z[-2]).all()
    np.testing.assert_array_equal(z[:, -1], z[:, 0])  # the circle is closed
    assert "90°" in figure["layout"]["annotations"][place]["text"]


def test_directions_without_a_unit_are_left_empty(cards):
    card = cards["real"]
    family = dataclasses.replace(card.family, members=card.family.members[:1])
    data = {**card.data, **{f"synthetic.{k}": card.data[f"synthetic.{k}"][:1] for k in ("responses", "radial_tuning")}}
    figure = heat_maps({"one": Maps.of(dataclasses.replace(card, family=family, data=data))})
    filled = [trace for trace in figure["data"] if np.isfinite(numbers(trace["z"])).any()]
    assert len(filled) == 1


def test_charts_go_round_the_circle(html):
    chart = next(figure for figure in figures(html) if figure["id"] == "radial-1")
    axis = chart["layout"]["polar"]["angularaxis"]
    assert (axis["direction"], axis["rotation"]) == ("counterclockwise", 0)
    for trace in chart["data"]:
        assert numbers(trace["theta"])[-1] == numbers(trace["theta"])[0] + 360
        assert numbers(trace["r"])[-1] == numbers(trace["r"])[0]
    assert len({trace["line"]["color"] for trace in chart["data"]}) == 8


def test_an_edited_network_shares_its_parents_radial_scale(cards, tmp_path):
    key = "synthetic.radial_tuning"
    weak = dataclasses.replace(cards["edited"], data={**cards["edited"].data, key: cards["edited"].data[key] / 2})
    other = changed(weak, parent=None)
    Report({"real": cards["real"], "edited": weak, "other": other}).save(tmp_path)
    charts = figures((tmp_path / "report.html").read_text(encoding="utf-8"))[1:]
    real, edited, alone = (chart["layout"]["polar"]["radialaxis"]["range"] for chart in charts)
    assert real == edited
    assert alone[1] == pytest.approx(1.03 * weak.data[key].max())


def test_gap_is_named(cards):
    # Those gone point to 0, 45 and 90 degrees; their neighbours hear something of 0 and 90.
    found = re.search(r"No unit answers to curves from (\d+)° to (\d+)°", sentences(cards)["edited"])
    start, end = map(int, found.groups())
    assert start < 45 < end < start + 135
    assert "No unit answers" not in sentences(cards)["real"]


def test_what_does_not_compare_is_said(cards, tmp_path):
    card = cards["real"]
    assert warnings(cards) == []
    details = json.loads(json.dumps(card.details))
    details["synthetic"]["images"]["hash"] = "other"
    other = dataclasses.replace(card, details=details)
    assert "different image sets" in warnings({"a": card, "b": other})[0]
    Report({"a": card, "b": other}).save(tmp_path)
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "different image sets" in text
    assert text.count(f"taken over {details['synthetic']['images']['name']}") == 2
    details = json.loads(json.dumps(card.details))
    details["synthetic"]["stimuli"]["base"]["line_width"] = 5.0
    assert "different curves" in warnings({"a": card, "b": dataclasses.replace(card, details=details)})[0]
    details = json.loads(json.dumps(card.details))
    details["synthetic"]["stimuli"]["base"]["size"] += 1  # another receptive field is no other test
    assert warnings({"a": card, "b": dataclasses.replace(card, details=details)}) == []


def test_a_card_without_the_curve_test_is_still_reported(cards, tmp_path):
    bare = dataclasses.replace(cards["real"], data={}, details={}, scores={}, definitions={})
    Report({"bare": bare}).save(tmp_path / "bare")
    Report({"bare": bare, "real": cards["real"]}).save(tmp_path / "both")
    assert "The synthetic-curve test was not run on bare." in Page((tmp_path / "both/report.html").read_text()).text


def test_edits_are_told_in_words(html):
    assert edit_sentence({"kind": "remove_negative", "source": "3a", "target": "3b:1"}) == (
        "remove negative source 3a; target 3b:1"
    )
    assert f"ablate {', '.join(small.GONE)}" in Page(html).text
    assert "is real after one edit (ablate nine units), judged on the same 8 units" in Page(html).text


def test_errors(cards, tmp_path):
    with pytest.raises(CurvesError, match="nothing to report"):
        Report({})
    (tmp_path / "file").touch()
    with pytest.raises(CurvesError, match="cannot write"):
        Report(cards).save(tmp_path / "file")
    Report(cards).save(tmp_path / "out")
    (tmp_path / "out/cards/real/data.npz").write_bytes(b"")
    with pytest.raises(FileDamagedError):
        Scorecard.load(tmp_path / "out/cards/real")
