"""The labelling page: it gives nothing away, and works in Chromium with the keyboard alone, and after a reload."""

import base64
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from circuits import CurvesError
from circuits.images import ImageSet
from evals.dataset import Settings, survey_images
from evals.dataset.strata import crops
from evals.human import LABELS, draw_sample, label_page, read_labels, save_page
from tests import small
from tests.chromium import CHROMIUM, Browser

in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

WHERE = "document.getElementById('where').textContent"
STATUS = "document.getElementById('status').textContent"
FOCUS = "document.activeElement.id"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def survey(images):
    return survey_images(small.network(), small.family(images), images, settings=Settings(per_stratum=2))


@pytest.fixture(scope="module")
def sample(survey):
    return draw_sample(survey, survey.family.units[3], per_bin=2, bins=4)


@pytest.fixture(scope="module")
def page(sample, images, tmp_path_factory):
    return save_page(sample, images, tmp_path_factory.mktemp("page"))


def data(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_page_has_the_crops_and_gives_nothing_away(sample, images, page):
    text = page.read_text(encoding="utf-8")
    assert text == label_page(sample, images)
    shown = data(text)
    assert set(shown) == {"sample", "columns", "labels", "crops"}
    assert [crop["name"] for crop in shown["crops"]] == [crop.name for crop in sample.crops]
    for crop, pixels in zip(
        shown["crops"], crops(sample, images, [sample.example(crop) for crop in sample.crops]), strict=True
    ):
        assert set(crop) == {"name", "picture"}
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(crop["picture"].partition(",")[2]))))
        assert np.abs(drawn / 255 - pixels).max() <= 0.51 / 255
    without = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*", "", text)
    for secret in (str(sample.unit), "handbuilt", *(crop.picture for crop in sample.crops)):
        assert secret not in without
    assert "://" not in without  # nothing is asked of any server
    for label in LABELS:
        assert label.name in without


def test_a_page_needs_the_images_of_the_sample(sample, tmp_path):
    small.save_picture(small.pictures(1, 96)[0], tmp_path / "other.png")
    with pytest.raises(CurvesError, match="give the images that were surveyed"):
        label_page(sample, ImageSet.folder(tmp_path, short_side=96))


@in_chromium
def test_a_person_labels_with_the_keyboard_goes_on_after_a_reload_and_saves(sample, page, tmp_path):
    count = len(sample.crops)
    with Browser(tmp_path / "profile") as browser:
        browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.open(page)
        assert browser.run(WHERE) == f"Crop 1 of {count}; 0 labelled"
        browser.press("1")  # nobody has said who labels
        assert browser.run(STATUS) == "Write your name first."
        assert browser.run(FOCUS) == "labeller"
        browser.type('Ada "1" L, Dr')
        browser.press("Enter")
        browser.press("1")
        browser.press("3")
        browser.press("ArrowLeft")
        browser.press("4")  # changes its mind about the second; the next without a label is the third
        assert browser.run(WHERE) == f"Crop 3 of {count}; 2 labelled"
        browser.press("ArrowRight")
        browser.press("2")
        assert browser.run(WHERE) == f"Crop 5 of {count}; 3 labelled"
        assert browser.run("document.getElementById('progress').value") == 3
        browser.send("Page.reload")
        browser.until(f"document.readyState === 'complete' && {WHERE} === 'Crop 5 of {count}; 3 labelled'")
        assert not browser.errors
    with Browser(tmp_path / "profile") as browser:  # another day
        browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.open(page)
        assert browser.run(WHERE) == f"Crop 5 of {count}; 3 labelled"
        name = f"labels-Ada-1-L-Dr-{sample.identity[:8]}.csv"
        browser.press("s")
        browser.until(f"{STATUS} === 'Saved 3 labels as {name}.'")
        browser.until("true")
        saved = _wait_for(tmp_path / name, browser)
        while "3 labelled" in browser.run(WHERE) or browser.run(STATUS) != "All crops are labelled. Save the labels.":
            browser.press("3")
        assert browser.run(WHERE).endswith(f"; {count} labelled")
        assert not browser.errors
    found = read_labels([saved], sample)
    assert found.labellers == ('Ada "1" L, Dr',)
    assert found.given[0, :5].tolist() == [0, 3, -1, 1, -1]


@in_chromium
def test_a_saved_file_goes_on_elsewhere_and_a_wrong_one_is_refused(sample, survey, page, images, tmp_path):
    rows = [f'{sample.identity},{crop.name},{LABELS[2].name},"B, b",2026-01-01T00:00:00Z' for crop in sample.crops[:2]]
    head = "sample,crop,label,labeller,time"
    good, other, none = (tmp_path / name for name in ("good.csv", "other.csv", "none.csv"))
    good.write_text("\r\n".join([head, *rows]) + "\r\n")  # as a spreadsheet may write it
    other.write_text("\n".join([head, rows[0].replace(sample.identity, "0" * 64)]))
    none.write_text("a,b\n1,2\n")
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)

        def give(path):
            root = browser.send("DOM.getDocument")["root"]["nodeId"]
            node = browser.send("DOM.querySelector", nodeId=root, selector="#load")["nodeId"]
            browser.send("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

        give(other)
        browser.until(f"{STATUS} === 'other.csv has labels of other crops.'")
        give(none)
        browser.until(f"{STATUS} === 'none.csv is no file of labels.'")
        assert browser.run(WHERE).endswith("; 0 labelled")
        give(good)
        browser.until(f"{STATUS} === 'Read 2 labels from good.csv.'")
        assert browser.run(WHERE) == f"Crop 3 of {len(sample.crops)}; 2 labelled"
        assert browser.run("document.getElementById('labeller').value") == "B, b"
        # Another sample's page keeps its labels apart.
        another = draw_sample(survey, survey.family.units[0], per_bin=1, bins=4)
        browser.open(save_page(another, images, tmp_path / "another"))
        assert browser.run(WHERE) == f"Crop 1 of {len(another.crops)}; 0 labelled"
        assert not browser.errors


@in_chromium
def test_the_page_can_be_used_without_a_mouse_and_by_clicks(sample, page, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        reached = []
        for _ in range(12):
            browser.press("Tab")
            reached.append(browser.run(f"{FOCUS} || document.activeElement.dataset.label"))
        assert reached[:10] == ["labeller", "save", "load", "clear", "back", "skip", "0", "1", "2", "3"]
        assert browser.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
        assert browser.run("[...document.querySelectorAll('button, input')].every((x) => x.innerText || x.labels[0])")
        browser.run("document.getElementById('labeller').focus()")
        browser.type("s1")  # letters of a name are no commands
        assert browser.run(WHERE).endswith("; 0 labelled")
        browser.run("document.querySelector('[data-label=\"2\"]').click()")
        assert browser.run(WHERE) == f"Crop 2 of {len(sample.crops)}; 1 labelled"
        browser.run("document.getElementById('back').click()")
        pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map((x) => x.dataset.label).join()"
        assert browser.run(pressed) == "2"
        assert not browser.errors


def _wait_for(path, browser):
    for _ in range(100):
        if path.is_file() and path.stat().st_size:
            kept = path.with_suffix(".kept.csv")
            shutil.copy(path, kept)
            return kept
        browser.run("new Promise((done) => setTimeout(done, 50))")
    raise AssertionError(f"{path} was not saved")
