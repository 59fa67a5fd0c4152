"""Figures of natural images and of human labels: what they draw is what was counted and labelled, and whose it is."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import handbuilt
from circuits import CurvesError
from editing import Ablate, Plan
from evals import Setting, Subject, draw_figure, plates
from evals.dataset import Settings, survey_images
from evals.gallery.natural import curves_at, surveyed
from evals.human import LABELS, draw_sample, published_labels, read_folder, shares
from tests import small
from tests.made_labels import LABELLER, write_labels
from tests.test_gallery import check_words

LABELLED = ("human-labels", "label-probability", "expected-value")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@cache
def subject():
    net = small.network()
    return Subject("handbuilt", net, handbuilt.families(net))


@pytest.fixture(scope="module")
def human(images, tmp_path_factory):
    family = curves_at(Setting((subject(),), images))
    survey = survey_images(subject().net, family, images, settings=Settings(per_stratum=10))
    folder = tmp_path_factory.mktemp("labels")
    return read_folder(write_labels(draw_sample(survey, family.units[0], per_bin=10), folder))


def heights(axes):
    """Bars by label, bins x 4."""
    bars = [[bar.get_height() for bar in container] for container in axes.containers]
    assert [container.get_label() for container in axes.containers] == [label.name for label in LABELS]
    return np.array(bars).T


def words(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_labels_are_stacked_as_they_were_given(images, human):
    found, bins = shares(human), human.sample.bins
    width = np.array([each.high - each.low for each in bins])[:, None]
    drawn = [draw_figure(name, Setting((subject(),), images, human=human)) for name in LABELLED]
    assert heights(drawn[0].axes[0]) == pytest.approx(found.by_activation)
    assert heights(drawn[1].axes[0]) == pytest.approx(found.by_probability / width)
    assert heights(drawn[2].axes[0]) == pytest.approx(found.by_expected / width)
    for figure in drawn:
        check_words(figure)
        assert LABELLER in words(figure)
        assert "published" not in words(figure)


@pytest.mark.parametrize("name", LABELLED)
def test_without_labels_the_published_ones_are_shown_as_such(name, images):
    figure = draw_figure(name, Setting((subject(),), images))
    check_words(figure)
    assert "published human labels of InceptionV1" in figure.axes[0].get_title("left")
    told = words(figure) + " ".join(axes.get_title("left") for axes in figure.axes)
    assert "whose numbers are not of this network" in told
    assert "of handbuilt: nobody has labelled what it sees" in told
    theirs = published_labels()
    own = heights(figure.axes[0])
    if name == "human-labels":
        assert own == pytest.approx(np.nan_to_num(theirs.shares))
    else:
        # The network's own distribution stands by itself, in one colour.
        colours = {bar.get_facecolor() for bar in figure.axes[1].patches}
        assert len(colours) == 1
        width = np.diff(theirs.edges)
        assert own.sum(axis=1) @ width == pytest.approx(1, abs=2e-3)
        assert sum(bar.get_height() * bar.get_width() for bar in figure.axes[1].patches) == pytest.approx(1)


def test_labels_of_another_network_are_refused(images, human):
    other = Subject("edited", Plan([Ablate("3b:0")]).apply(small.network()), subject().families)
    for name in (*LABELLED, "false-positives"):
        with pytest.raises(CurvesError, match=r"the labels are of 3b:\d+ of handbuilt .*, and the figure is of edited"):
            draw_figure(name, Setting((other,), images, human=human))


def test_false_positives_need_labels_and_are_the_strongest_unrelated(images, human):
    assert [name for name, plate in plates().items() if plate.labelled] == ["false-positives"]
    with pytest.raises(CurvesError, match="shows what people labelled; `curves label page"):
        draw_figure("false-positives", Setting((subject(),), images))
    figure = draw_figure("false-positives", Setting((subject(),), images, human=human))
    values = sorted(-v for v in human.sample.values[human.given[0] == 2] if v > 0)[:12]
    assert [text.get_text() for text in figure.texts if text.get_text().endswith(" SD")] == [
        f"{-value:.1f} SD" for value in values
    ]
    nothing = dataclasses.replace(human, given=np.zeros_like(human.given))
    with pytest.raises(CurvesError, match="no false positive to show"):
        draw_figure("false-positives", Setting((subject(),), images, human=nothing))


def test_the_distribution_is_that_of_the_survey(images):
    setting = Setting((subject(),), images)
    figure = draw_figure("activation-distribution", setting)
    linear = figure.axes[0].patches
    assert sum(bar.get_height() * bar.get_width() for bar in linear) == pytest.approx(1)
    above = sum(bar.get_height() * bar.get_width() for bar in linear if bar.get_x() >= 0)
    survey = surveyed(setting, curves_at(setting))
    assert above == pytest.approx(survey.together[0, 0] / survey.positions)


def test_the_best_pictures_of_each_unit_are_in_order(images):
    figure = draw_figure("dataset-examples", Setting((subject(),), images))
    numbers = [text.get_text() for text in figure.texts]
    shown = [
        float(number.replace("−", "-")) for number in numbers if number.replace("−", "").replace(".", "").isdigit()
    ]
    assert len(shown) == 8 * len(images)
    pairs = np.array(shown).reshape(8, -1)
    assert (pairs[:, 0] >= pairs[:, 1]).all()
    assert np.median(pairs[:, 0]) > 2


def test_figures_of_a_silent_family_are_refused(images):
    family = subject().bands("curve", images)[0]
    silent = Plan([Ablate(*map(str, family.units))]).apply(small.network())
    with pytest.raises(CurvesError, match="no curve detector of silent fires"):
        draw_figure("activation-distribution", Setting((Subject("silent", silent, (family,)),), images))
