"""The gallery: every figure draws, no words meet, files are the same on a second run, and errors say what is wrong."""

import dataclasses
import itertools
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import handbuilt
from circuits import CurvesError
from evals import Damage, Setting, Subject, Variant, draw_figure, find_plate, plates, save_figure
from evals.dataset import Settings, survey_images
from evals.gallery.style import RC
from evals.human import draw_sample, read_folder
from tests import small
from tests.made_labels import write_labels

NAMES = tuple(plates())
COMPARING = tuple(name for name, plate in plates().items() if plate.compares)
ALONE = tuple(name for name in NAMES if name not in COMPARING)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@cache
def built(orientations):
    net = handbuilt.build(orientations)
    return Subject("handbuilt", net, handbuilt.families(net))


def damage(labels, count=12):
    """Made up numbers; the last network does more damage than the ablation, the picture's worst case."""
    random = np.random.default_rng(0)

    def variant(name, size):
        right = random.random(count) > size
        return Variant(
            name, name * 8, random.random(count) * size, random.random(count) * size, right,
            right if labels else None, right | (random.random(count) > 0.5) if labels else None,
        )  # fmt: skip

    reference = dataclasses.replace(variant("net", 0.0), kl=np.zeros(count), error=np.zeros(count))
    sizes = {
        "ablated": 0.6,
        "mean-ablated": 0.5,
        "grafted": 0.2,
        "random units ablated": 0.3,
        "random units grafted": 1,
    }
    others = tuple(variant(name, size) for name, size in sizes.items())
    files = tuple(f"{i}.png" for i in range(count))
    return Damage(reference, others, "4a", 10.0, "made up", "0" * 64, files)


def setting(images, *subjects, labels=False, human=None):
    return Setting(subjects, images, human=human, measure_damage=lambda: damage(labels), steps=2)


@pytest.fixture(scope="module")
def human(images, tmp_path_factory):
    """Labels of what a unit of the small network sees, made up by a rule."""
    subject = built(8)
    (family,) = subject.bands("curve", images)[:1]
    unit = dataclasses.replace(family, members=(family.nearest(45),))
    survey = survey_images(subject.net, unit, images, settings=Settings(per_stratum=8))
    folder = tmp_path_factory.mktemp("labels")
    return read_folder(write_labels(draw_sample(survey, unit.units[0], per_bin=8), folder))


def check_words(figure):
    """No two words meet, and none leaves the sheet."""
    with rc_context(RC):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        left_out = beyond(figure)
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in left_out
        ]
    assert len(boxes) > 5
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert width <= 0.5 or height <= 0.5, f"{one!r} meets {other!r}"
    for words, box in boxes:
        assert figure.bbox.x0 <= box.x0, words
        assert box.x1 <= figure.bbox.x1, words
        assert figure.bbox.y0 <= box.y0, words
        assert box.y1 <= figure.bbox.y1, words


def beyond(figure):
    """Tick labels beyond an axis's limits: they are there, but are not drawn."""
    return {
        label
        for axes in figure.axes
        if axes.name != "polar"
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in axis.get_major_ticks()
        if not min(limits) - 1e-9 <= tick.get_loc() <= max(limits) + 1e-9
        for label in (tick.label1, tick.label2)
    }


def names_network(figure, subject):
    return any(subject.label in text.get_text().replace("\n", " ") for text in figure.texts)


def test_the_registry_finds_every_figure():
    assert all(name.startswith("artificial-") for name in COMPARING)
    page = (Path(__file__).parents[1] / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## ([a-z0-9-]+)$", page, re.M)) == sorted(NAMES)
    assert len(NAMES) == 42
    for plate in plates().values():
        assert plate.about
        assert plate.section.startswith(("Curve Detectors", "Curve Circuits"))


@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize("orientations", [8, 48])
def test_every_comparing_figure_draws_and_no_words_meet(name, orientations, images):
    figure = draw_figure(name, setting(images, built(orientations), built(8)))
    check_words(figure)
    assert names_network(figure, built(8))


@pytest.mark.parametrize("name", ALONE)
def test_every_figure_of_one_network_draws_twice_the_same_and_no_words_meet(name, images, human, tmp_path):
    subject = built(8 if find_plate(name).labelled else 24)
    shown = setting(images, subject, human=human if subject is built(8) else None)
    figure = draw_figure(name, shown)
    save_figure(figure, tmp_path / "first.png")
    save_figure(draw_figure(name, shown), tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    check_words(figure)
    assert names_network(figure, subject)


def test_a_figure_of_one_network_refuses_two(images, monkeypatch):
    alone = dataclasses.replace(find_plate("artificial-circuit"), compares=False)
    monkeypatch.setattr("evals.gallery.registry.find_plate", lambda _: alone)
    with pytest.raises(CurvesError, match="shows one network; draw it once for each of 2"):
        draw_figure("artificial-circuit", setting(images, built(8), built(8)))


def test_accuracy_where_there_are_labels(images):
    figure = draw_figure("artificial-accuracy", setting(images, built(8), labels=True))
    check_words(figure)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[:2] == ["top-5 accuracy", "top-1 accuracy"]
    unedited = figure.axes[1].patches[0].get_width()
    assert unedited == pytest.approx(damage(labels=True).reference.top1.mean())


def test_bars_are_the_numbers_that_were_measured(images):
    found = damage(labels=False)
    figure = draw_figure("artificial-accuracy", setting(images, built(8)))
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == pytest.approx([variant.kl.mean() for variant in found.variants])
    recovered = [patch.get_width() for patch in figure.axes[2].patches]
    names = ("mean-ablated", "grafted", "random units grafted")
    assert recovered == pytest.approx([found.recovered(name).value for name in names])


@pytest.mark.parametrize("name", COMPARING)
def test_files_are_the_same_on_a_second_run(name, images, tmp_path):
    figures = [draw_figure(name, setting(images, built(8))) for _ in range(2)]
    for suffix, start in ((".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")):
        contents = []
        for number, figure in enumerate(figures):
            path = tmp_path / f"{number}{suffix}"
            save_figure(figure, path)
            contents.append(path.read_bytes())
        assert contents[0].startswith(start)
        assert contents[0] == contents[1]


def test_the_score_is_told_under_a_pair_and_not_made_up(images):
    def words(shown):
        return [text.get_text() for text in draw_figure("artificial-weights", shown).texts]

    pair = words(setting(images, built(8), built(8)))
    assert sum(text.startswith("similarity 1.00 (") for text in pair) == 3
    assert not any("similarity" in text for text in words(setting(images, built(8))))


def test_a_real_network_beside_the_hand_built_one(bvlc, images):
    check_words(draw_figure("artificial-circuit", setting(images, Subject("bvlc_googlenet", bvlc), built(24))))


def test_errors_are_clear(images, tmp_path):
    with pytest.raises(CurvesError, match="no figure 'artificial-weight'; nearest are artificial-weights"):
        find_plate("artificial-weight")
    with pytest.raises(CurvesError, match=r"a figure is one of \.png, \.svg, \.pdf"):
        save_figure(draw_figure("artificial-accuracy", setting(images, built(8))), tmp_path / "x.gif")
    assert not list(tmp_path.iterdir())
    with pytest.raises(CurvesError, match="needs a network"):
        Setting((), images)
    with pytest.raises(CurvesError, match="give measure_damage"):
        draw_figure("artificial-accuracy", Setting((built(8),), images))
    bare = Subject("bare", built(8).net, tuple(f for f in built(8).families if f.name != "line"))
    with pytest.raises(CurvesError, match="bare was built without a family 'line'"):
        draw_figure("artificial-weights", setting(images, bare))


def test_the_command_line(curves, images, tmp_path):
    built(8).net.save(tmp_path / "built.safetensors")
    net, folder = tmp_path / "built.safetensors", images.root
    code, out, _ = curves("figure", "--list")
    assert code == 0
    assert all(name in out for name in NAMES)
    code, out, _ = curves(
        "figure", "artificial-circuit", net, "--with", net, "--images", folder, "-o", tmp_path / "c.svg", "--json"
    )
    assert code == 0
    assert built(8).net.identity in out
    assert (tmp_path / "c.svg").read_bytes().startswith(b"<?xml")
    for arguments, says in (
        (("artificial-circut", net, "-o", tmp_path / "x.svg"), "nearest are artificial-circuit"),
        (("artificial-circuit", net), "needs a network and a file"),
        (("artificial-circuit", net, "-o", tmp_path / "x.gif"), "a figure is one of"),
        ((), "name a figure"),
        (("artificial-accuracy", net, "--with", net, "-o", tmp_path / "x.svg"), "give one network of each"),
    ):
        code, _, error = curves("figure", *arguments)
        assert code == 2, arguments
        assert says in error
        assert not (tmp_path / "x.svg").exists()
