"""The human comparison: fair lots, labels that fit, statistics that are right, and labels that judge other networks."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

import evals
from circuits import CurvesError, Family, FileDamagedError
from editing import Ablate, Plan
from evals import HumanLabels
from evals.dataset import Settings, survey_images
from evals.human import (
    LABELS,
    cohen_kappa,
    distances,
    draw_sample,
    krippendorff_alpha,
    label_scores,
    load_sample,
    published_labels,
    read_folder,
    read_labels,
    save_sample,
    shares,
)
from evals.human.reading import COLUMNS
from evals.human.shares import intervals, picture_sample
from evals.maps import family_maps
from tests import small
from tests.made_labels import LABELLER, write_labels

ALL = 100_000
"""More positions than there are."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def family(images):
    return small.family(images)


@pytest.fixture(scope="module")
def survey(images, family):
    return survey_images(small.network(), family, images, settings=Settings(per_stratum=12))


@pytest.fixture(scope="module")
def sample(survey, family):
    return draw_sample(survey, family.units[1], per_bin=12)


@pytest.fixture(scope="module")
def folder(sample, tmp_path_factory):
    return write_labels(sample, tmp_path_factory.mktemp("labels"))


def test_every_bin_gives_its_crops_and_nobody_chooses(sample, images, family):
    maps = [family_maps(small.network(), family, picture.scaled(images.short_side))[1] for picture in images.pictures()]
    names = [picture.name for picture in images.pictures()]
    scaled = np.concatenate([each.ravel() for each in maps]) / sample.deviation
    assert sample.deviation == pytest.approx(np.concatenate([each.ravel() for each in maps]).std(), rel=1e-5)
    for number, each in enumerate(sample.bins):
        inside = (scaled >= each.low - 1e-6) & (scaled < each.high - 1e-6)
        own = [crop for crop in sample.crops if crop.bin == number]
        assert each.share == pytest.approx(inside.mean())
        assert len(own) == min(12, inside.sum())
        for crop in own:
            assert each.low - 1e-6 <= crop.value < each.high + 1e-6
            value = maps[names.index(crop.picture)][crop.row, crop.column]
            assert crop.value * sample.deviation == pytest.approx(value, rel=1e-5)
    assert sum(each.share for each in sample.bins) == pytest.approx(1)
    assert [crop.name for crop in sample.crops] == sorted(crop.name for crop in sample.crops)
    assert len({crop.name for crop in sample.crops}) == len(sample.crops)
    order = [crop.value for crop in sample.crops]
    assert abs(np.corrcoef(order, range(len(order)))[0, 1]) < 0.3  # the order does not give the activation away


def test_the_lots_are_the_seeds(images, family, sample, survey):
    def drawn(seed):
        found = survey_images(small.network(), family, images, settings=Settings(seed, per_stratum=12))
        return draw_sample(found, family.units[1], per_bin=12)

    assert drawn(0) == sample
    assert drawn(0).identity == sample.identity
    assert drawn(1).identity != sample.identity
    places = [{(crop.picture, crop.row, crop.column) for crop in each.crops} for each in (drawn(1), sample)]
    assert places[0] != places[1]
    assert draw_sample(survey, family.units[2], per_bin=12).identity != sample.identity


def test_a_sample_comes_back_from_its_file_and_a_changed_one_does_not(sample, tmp_path):
    save_sample(sample, tmp_path)
    again = load_sample(tmp_path)
    assert again == sample
    assert again.identity == sample.identity
    path = tmp_path / "sample.json"
    first = path.read_bytes()
    save_sample(sample, tmp_path)
    assert path.read_bytes() == first
    path.write_bytes(first.replace(sample.crops[0].name.encode(), b"0" * 12))
    with pytest.raises(FileDamagedError, match="is not what was written"):
        load_sample(tmp_path)
    path.write_bytes(first[:-20])
    with pytest.raises(FileDamagedError, match="write the page again"):
        load_sample(tmp_path)
    with pytest.raises(CurvesError, match="holds no sample.json"):
        load_sample(tmp_path / "nowhere")


def test_what_cannot_be_drawn_is_refused(survey, family, images):
    with pytest.raises(CurvesError, match="kept 12 positions of each range, fewer than 13"):
        draw_sample(survey, family.units[0], per_bin=13)
    with pytest.raises(CurvesError, match="was not surveyed"):
        draw_sample(survey, "3b:83", per_bin=2)
    with pytest.raises(CurvesError, match="2 bins at least"):
        draw_sample(survey, family.units[0], bins=1)
    lines = dataclasses.replace(family, name="line", period=180.0)
    with pytest.raises(CurvesError, match="labels are about curves"):
        draw_sample(dataclasses.replace(survey, family=lines), family.units[0], per_bin=2)
    silent = Plan([Ablate(str(family.units[0]))]).apply(small.network())
    gone = survey_images(silent, Family("curve", "3b", family.members[:1]), images)
    with pytest.raises(CurvesError, match="never varies"):
        draw_sample(gone, family.units[0], per_bin=2)


def test_labels_are_read_as_they_were_given(sample, folder):
    labelled = read_folder(folder)
    assert labelled.labellers == (LABELLER,)
    assert (labelled.given >= 0).all()
    strong = [number for number, crop in enumerate(sample.crops) if crop.value > 1.5]
    assert (labelled.given[0, strong] == 0).mean() > 0.7
    assert labelled.votes.sum(axis=1) == pytest.approx(1)


def line(of, **changes):
    usual = {
        "sample": of.identity, "crop": of.crops[0].name, "label": "curve", "labeller": "Ada",
        "time": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return usual | changes


def write(path, *rows, columns=COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sample": "f" * 64}, "has labels of another sample"),
        ({"crop": "nothing"}, "line 2 of .* names a crop 'nothing'"),
        ({"label": "circle"}, "label 'circle'; labels are curve, imperfect curve, unrelated, opposing curve"),
        ({"labeller": " "}, "does not say who labelled"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_a_sentence(sample, tmp_path, changes, says):
    with pytest.raises(CurvesError, match=says):
        read_labels([write(tmp_path / "labels-x.csv", line(sample, **changes))], sample)


def test_files_that_are_no_labels_are_refused(sample, tmp_path):
    path = tmp_path / "labels-x.csv"
    with pytest.raises(CurvesError, match="cannot be read as labels"):
        read_labels([path], sample)
    with pytest.raises(CurvesError, match="hold"):
        read_labels([write(path)], sample)
    with pytest.raises(CurvesError, match="needs the columns"):
        read_labels([write(path, {"crop": "x"}, columns=("crop",))], sample)
    path.write_text(",".join(COLUMNS) + "\nonly,two\n")
    with pytest.raises(CurvesError, match="needs the columns"):
        read_labels([path], sample)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CurvesError, match="cannot be read as labels"):
        read_labels([path], sample)
    with pytest.raises(CurvesError, match="another label before"):
        read_labels([write(path, line(sample), line(sample, label="unrelated"))], sample)
    save_sample(sample, tmp_path)
    path.unlink()
    with pytest.raises(CurvesError, match="holds no labels; open label.html"):
        read_folder(tmp_path)


def test_files_of_several_people_and_repeated_lines_go_together(sample, tmp_path):
    names = [crop.name for crop in sample.crops[:3]]
    one = write(tmp_path / "1.csv", *(line(sample, crop=name) for name in names))
    two = write(tmp_path / "2.csv", line(sample), line(sample, crop=names[1], labeller="Bo", label="unrelated"))
    found = read_labels([one, two], sample)
    assert found.labellers == ("Ada", "Bo")
    assert found.given[:, :4].tolist() == [[0, 0, 0, -1], [-1, 2, -1, -1]]
    assert found.votes[:4].tolist() == [[1, 0, 0, 0], [0.5, 0, 0.5, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_agreement_is_that_of_the_textbooks():
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C: 0.743.
    said = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    given = np.array([[-1 if letter == "." else int(letter) - 1 for letter in row] for row in said])
    counts = np.stack([(given == label).sum(axis=0) for label in range(5)], axis=1)
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)
    # Two judges of fifty: both yes 20, both no 15, 5 and 10 apart: 0.4.
    first = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    second = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa(np.append(first, [-1, 1]), np.append(second, [0, -1])) == pytest.approx(0.4)
    assert cohen_kappa(first, np.full(50, -1)) is None
    assert cohen_kappa(np.zeros(3, int), np.zeros(3, int)) is None
    assert krippendorff_alpha(np.array([[2, 0], [2, 0]])) is None
    assert krippendorff_alpha(np.array([[1, 0], [0, 1]])) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=8), st.data())
def test_alpha_is_one_less_observed_over_expected_disagreement(rows, data):
    counts = np.array(rows)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    repeated = np.repeat(counts, times, axis=0)
    paired = repeated[repeated.sum(axis=1) >= 2]
    values = [np.repeat(np.arange(4), row) for row in paired]
    pool = np.concatenate([*values, []])
    apart = sum(float((v[:, None] != v).sum()) / (len(v) - 1) for v in values)
    expected = float((pool[:, None] != pool).sum())
    found = krippendorff_alpha(counts, np.array(times, float))
    if expected == 0:
        assert found is None
    else:
        assert found == pytest.approx(1 - (len(pool) - 1) * apart / expected)


def test_with_every_position_labelled_shares_are_those_of_all_positions(images, family, tmp_path):
    unit = Family("curve", "3b", family.members[1:2])
    survey = survey_images(small.network(), unit, images, settings=Settings(per_stratum=ALL))
    whole = draw_sample(survey, unit.units[0], per_bin=ALL, bins=8)
    assert len(whole.crops) == survey.positions
    labelled = read_folder(write_labels(whole, tmp_path))
    activation = np.maximum(whole.values, 0)
    label = labelled.given[0]
    scores = label_scores(labelled)
    assert scores["covered"] == pytest.approx(1)
    for number, each in enumerate(LABELS):
        assert scores[f"expected_{each.key}"] == pytest.approx(activation[label == number].sum() / activation.sum())
    assert scores["expected_curves"] == pytest.approx(activation[label < 2].sum() / activation.sum())
    assert scores["firing_curves"] == pytest.approx((label[whole.values > 0] < 2).mean())
    highest = np.argsort(-whole.values)[: round(0.1 * len(label))]
    assert scores["top_curve"] == pytest.approx((label[highest] == 0).mean())
    found = shares(labelled)
    assert found.by_probability.sum(axis=0) == pytest.approx([(label == n).mean() for n in range(4)])
    assert found.by_expected.sum() == pytest.approx(1)
    assert found.crops.sum() == len(label)


def test_shares_are_of_positions_and_not_of_crops(sample, folder):
    labelled = read_folder(folder)
    found, scores = shares(labelled), label_scores(labelled)
    assert found.by_activation.sum(axis=1) == pytest.approx(1)
    assert found.by_probability.sum(axis=1) == pytest.approx([each.share for each in sample.bins])
    assert found.by_probability / found.by_probability.sum(axis=1, keepdims=True) == pytest.approx(found.by_activation)
    assert found.by_expected.sum(axis=0) == pytest.approx([scores[f"expected_{label.key}"] for label in LABELS])
    label, values = labelled.given[0], sample.values
    plain = mannwhitneyu(values[label == 0], values[label == 2]).statistic
    assert scores["separation"] == pytest.approx(plain / ((label == 0).sum() * (label == 2).sum()))
    low, high = intervals(labelled)
    running = found.by_activation.cumsum(axis=1)
    assert (low <= running + 1e-9).all()
    assert (running <= high + 1e-9).all()
    assert (high > low).any()


def test_bins_without_labels_stand_for_nothing(sample, tmp_path):
    strong = [crop for crop in sample.crops if crop.value > 0]
    write(tmp_path / "labels-a.csv", *(line(sample, crop=crop.name) for crop in strong))
    save_sample(sample, tmp_path)
    labelled = read_folder(tmp_path)
    scores, found = label_scores(labelled), shares(labelled)
    positive = [each.share for number, each in enumerate(sample.bins) if any(c.bin == number for c in strong)]
    assert scores["covered"] == pytest.approx(sum(positive))
    assert scores["expected_curve"] == 1
    assert scores["agreement"] is None
    assert scores["separation"] is None
    assert np.isnan(found.by_activation[0]).all()
    assert np.isnan(intervals(labelled)[0][0]).all()


def test_another_networks_bins_are_of_its_own_activations(sample, folder):
    """Crops of unequal bins meet in one bin of another network, and count as their bins' positions do."""
    labelled = read_folder(folder)
    middle = np.full(len(sample.crops), (sample.bins[-1].low + sample.bins[-1].high) / 2)
    found = shares(labelled, middle)
    assert found.crops.tolist() == [0] * (len(sample.bins) - 1) + [len(sample.crops)]
    assert found.by_probability.sum() == pytest.approx(1)
    assert found.by_activation[-1] == pytest.approx(shares(labelled).by_probability.sum(axis=0))
    shifted = shares(labelled, sample.values)
    assert shifted.by_activation == pytest.approx(shares(labelled).by_activation)


def test_all_pictures_once_give_the_scores(folder):
    labelled = read_folder(folder)
    drawn = picture_sample(labelled)
    scores = label_scores(labelled)
    assert drawn.count == 2
    told = drawn.scores(np.arange(drawn.count))
    assert told == {name: scores[name] for name in told}
    assert set(scores) - set(told) == {"labelled", "labellers"}
    assert drawn.scores(np.zeros(2, int))["expected_curves"] != told["expected_curves"]


def test_the_published_labels_say_what_the_article_says(tmp_path):
    found = published_labels()
    assert found.counts == (206, 170, 379, 102)
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    assert found.positions[middles > 0].sum() == pytest.approx(0.11, abs=0.005)  # it fires at 11%
    assert float(found.expected[:, :2].sum()) == pytest.approx(0.55, abs=0.04)  # curves and imperfect curves: 55%
    assert found.shares[middles > 5][:-1, 0].min() > 0.8  # what excites it most is curves
    assert found.between(5, 6)[0] > 0.8
    assert found.between(20, 21) is None
    path = tmp_path / "published.json"
    heights = [[0, 0.25, 1], [0, 0.25, 0], [0, 0.5, 0], [0, 0, 0]]
    path.write_text(json.dumps({"source": "made up", "bins": [-25, 0, 25], "heights": heights}))
    given = published_labels(path)
    assert np.isnan(given.shares[0]).all()
    assert given.shares[1].tolist() == [0.25, 0.25, 0.5, 0]
    assert given.positions is None
    assert given.between(-1, given.edges[2]) == pytest.approx([0.25, 0.25, 0.5, 0])  # what has no labels does not count
    path.write_text(json.dumps({"source": "made up", "bins": [0, 25, 75], "heights": heights}))
    with pytest.raises(FileDamagedError, match="holds no shares of labels"):
        published_labels(path)
    with pytest.raises(CurvesError, match="there is no file"):
        published_labels(tmp_path / "nothing.json")


def test_labels_like_the_published_ones_are_near_to_them(folder):
    labelled = read_folder(folder)
    theirs = published_labels()
    own = dataclasses.replace(
        theirs, edges=np.array([b.low for b in labelled.sample.bins] + [labelled.sample.bins[-1].high]),
        shares=shares(labelled).by_activation,
    )  # fmt: skip
    assert np.array(distances(labelled, own)) == pytest.approx(0, abs=1e-9)
    opposite = dataclasses.replace(own, shares=np.tile([0.0, 0, 0, 1], (len(labelled.sample.bins), 1)))
    assert distances(labelled, opposite) == pytest.approx(1 - shares(labelled).by_activation[:, 3])


def test_it_is_a_test_of_the_harness(sample, folder, family, images, tmp_path):
    card = evals.run(small.network(), family, [HumanLabels(str(folder))], images=images)
    scores = label_scores(read_folder(folder))
    assert card.scores == {f"human.{name}": value for name, value in scores.items()}
    assert card.spreads["human.expected_curves"].standard_error > 0
    card.save(tmp_path)
    figures = HumanLabels().figures(evals.Scorecard.load(tmp_path))
    assert set(figures) == {"activation", "probability", "expected"}
    heights = [patch.get_height() for patch in figures["activation"].axes[0].patches]
    assert sum(heights) == pytest.approx(len(sample.bins))


def test_other_networks_are_judged_by_the_same_labels(sample, folder, family, images):
    """One in which the unit is as it was, one in which it is silent, and one in which another takes its place."""
    test = HumanLabels(str(folder))
    others = [str(unit) for unit in family.units if unit != sample.unit]
    untouched = evals.run(Plan([Ablate(*others)]).apply(small.network()), family, [test], images=images).scores
    own = evals.run(small.network(), family, [test], images=images).scores
    assert untouched == {name: value and pytest.approx(value, rel=1e-4) for name, value in own.items()}
    silent = Plan([Ablate(str(sample.unit))]).apply(small.network())
    gone = evals.run(silent, family, [test], images=images)
    assert gone.scores["human.labelled"] == own["human.labelled"]
    assert gone.scores["human.expected_curves"] is None
    assert gone.scores["human.separation"] is None
    assert "human.separation" not in gone.spreads
    away = dataclasses.replace(family, members=tuple(m for m in family if m.unit != sample.unit))
    with pytest.raises(CurvesError, match=r"no unit of 3b points within 22\.5 degrees"):
        evals.run(silent, away, [test], images=images)


def test_what_the_test_needs_is_said(folder, family, images, tmp_path):
    with pytest.raises(CurvesError, match="the test human needs labels: `curves label page"):
        evals.run(small.network(), family, ["human"], images=images)
    silent = Plan([Ablate("3b:1")]).apply(small.network())
    (tmp_path / "one").mkdir()
    small.save_picture(small.pictures(1, 96)[0], tmp_path / "one" / "other.png")
    one = evals.ImageSet.folder(tmp_path / "one", short_side=96)
    with pytest.raises(CurvesError, match="which was labelled; give the images of the labels"):
        evals.run(silent, family, [HumanLabels(str(folder))], images=one)
    early = Family("curve", "3a", (dataclasses.replace(family.members[1], unit=small.network().units("3a")[0]),))
    with pytest.raises(CurvesError, match="sees crops of 59 px every 8 px, and those labelled are of 91 px"):
        evals.run(silent, early, [HumanLabels(str(folder))], images=images)


def test_the_command_line_makes_a_page_and_reads_labels(curves, images, tmp_path):
    small.network().save(tmp_path / "net.safetensors")
    net, place = tmp_path / "net.safetensors", tmp_path / "lab"
    arguments = ("label", "page", net, "-o", place, "--images", images.root, "--per-bin", 6)
    code, out, _ = curves(*arguments, "--json")
    assert code == 0
    made = json.loads(out)
    page = (place / "label.html").read_bytes()
    assert curves(*arguments, "--json")[0] == 0  # it goes on from the survey
    assert (place / "label.html").read_bytes() == page
    code, _, error = curves("label", "read", place)
    assert code == 2
    assert "holds no labels; open label.html" in error
    write_labels(load_sample(place), place)
    write_labels(load_sample(place), place, "another rule", noise=0.4)
    code, out, _ = curves("label", "read", place)
    assert code == 0
    assert f"{made['crops']} crops labelled by another rule, {LABELLER}" in out
    assert "Krippendorff's alpha 0." in out
    code, out, _ = curves("label", "read", place, place / "labels-another-rule.csv", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["labellers"] == [{"name": "another rule", "labelled": made["crops"]}]
    assert told["scores"]["agreement"] is None
    rows = list(csv.DictReader((place / "results" / "labels.csv").open()))
    assert len(rows) == len(made["bins"])
    assert sum(int(each["labelled"]) for each in rows) == made["crops"]
    assert (place / "results" / "by-expected.svg").read_text().startswith("<?xml")
    for wrong, says in (
        (("label", "page", net, "-o", place, "--unit", "3b:83", "--images", images.root), "is not of the family"),
        ((*arguments, "--bins", 5), "has labels of other crops; name another folder"),
        (("label", "read", tmp_path), "holds no sample.json"),
        (("eval", net, "-o", tmp_path / "card", "--tests", "human"), "the test human needs labels"),
        (("eval", net, "-o", tmp_path / "card", "--human", place), "--human is for the test human"),
        (("figure", "false-positives", net, "-o", tmp_path / "x.png"), "shows what people labelled"),
    ):
        code, _, error = curves(*wrong)
        assert code == 2, wrong
        assert says in error
    quick = ("--images", images.root, "--quick", "--tests", "human", "--human", place, "--figures", "--json")
    code, out, _ = curves("eval", net, "-o", tmp_path / "card", *quick)
    assert code == 0
    assert json.loads(out)["scores"]["human.labellers"] == 2
    assert (tmp_path / "card" / "figures" / "human-activation.svg").is_file()
    code, _, _ = curves(
        "figure", "human-labels", net, "-o", tmp_path / "x.png", "--images", images.root, "--human", place
    )
    assert code == 0
