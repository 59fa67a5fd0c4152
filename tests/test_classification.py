"""Accuracy: labels from folders in three ways, what is counted as right, and a scorecard without a family."""

import sys
from pathlib import Path

import pytest
import torch

import evals
from circuits import CurvesError
from circuits.images import ImageSet
from evals import Classification, Scorecard
from evals.class_scores import within_best
from tests import small
from tests.classifiers import CLASSES, classifier, write_folders

NET = classifier()
NAMES = ["n01", "n02", "n03", "n04", "n05", "n06", "n07"]


def labels(folder: Path, outputs: int = CLASSES) -> tuple[int, ...]:
    return evals.class_labels(ImageSet.folder(folder), outputs)


def test_folders_in_order_of_name_are_the_outputs_in_order(tmp_path: Path) -> None:
    write_folders(tmp_path, NAMES)
    assert labels(tmp_path) == (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6)
    (tmp_path / ".cache").mkdir()
    assert labels(tmp_path)[-1] == 6


def test_folders_named_by_numbers_are_the_outputs_of_those_numbers(tmp_path: Path) -> None:
    write_folders(tmp_path, ["0006", "2"], each=1)
    assert labels(tmp_path) == (6, 2)
    with pytest.raises(CurvesError, match=r"0006 is no class: the network has 3 \(0..2\)"):
        labels(tmp_path, 3)


def test_a_listing_says_which_folder_is_which_output(tmp_path: Path) -> None:
    write_folders(tmp_path, ["cat", "dog", "7"], each=1)
    (tmp_path / "cat" / "more").mkdir()
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "more" / "0.png")
    (tmp_path / "classes.txt").write_text("unused\ndog\n\nbird\n7\ncat\nfish\n")
    assert labels(tmp_path) == (4, 5, 1)
    with pytest.raises(CurvesError, match=r"classes.txt has 7 lines for 8 classes"):
        labels(tmp_path, 8)
    (tmp_path / "classes.txt").write_text("unused\ndog\n\nbird\n7\nlion\nfish\n")
    with pytest.raises(CurvesError, match="does not list the folder 'cat'"):
        labels(tmp_path)
    (tmp_path / "classes.txt").write_text("cat\ndog\ncat\nbird\n7\nlion\nfish\n")
    with pytest.raises(CurvesError, match="lists 'cat' twice"):
        labels(tmp_path)


def test_folders_that_say_nothing_are_refused(tmp_path: Path) -> None:
    write_folders(tmp_path, ["cat", "dog"])
    with pytest.raises(
        CurvesError, match="has 2 folders for 7 classes: name them by the classes' numbers .*/classes.txt in that order"
    ):
        labels(tmp_path)
    (tmp_path / "cat" / "0.png").rename(tmp_path / "loose.png")
    with pytest.raises(CurvesError, match=r"loose\.png lies in no class's folder"):
        labels(tmp_path)
    with pytest.raises(CurvesError, match="16 photographs of scikit-image have no labels"):
        evals.class_labels(ImageSet.photographs(), CLASSES)


def test_right_is_among_the_best_and_no_tie_helps() -> None:
    scores = torch.tensor([[3.0, 1.0, 2.0], [0.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
    assert within_best(scores, torch.tensor([0, 1, 2]), 1).tolist() == [True, False, False]
    assert within_best(scores, torch.tensor([2, 1, 2]), 2).tolist() == [True, True, True]
    assert within_best(scores, torch.tensor([1, 2, 0]), 2).tolist() == [False, False, False]


def test_accuracy_is_scored_without_a_family(tmp_path: Path) -> None:
    write_folders(tmp_path / "images", NAMES, each=3)
    images = ImageSet.folder(tmp_path / "images", short_side=110)
    told: list[tuple[int, int]] = []
    card = evals.run(
        NET, None, ["classification"], images=images, progress=lambda _, done, total: told.append((done, total))
    )
    assert told[:2] == [(16, 21), (21, 21)]
    assert told[2:] == [(done, 500) for done in range(1, 501)]
    middles = torch.stack([image[:, 7:103, (image.shape[2] - 96) // 2 :][:, :, :96] for image in images])
    ranks = NET(middles).argsort(dim=1, descending=True)
    own = torch.arange(7).repeat_interleave(3)[:, None]
    assert card.scores == {
        "classification.top1": float((ranks[:, :1] == own).any(1).double().mean()),
        "classification.top5": float((ranks[:, :5] == own).any(1).double().mean()),
        "classification.images": 21.0,
        "classification.classes": 7.0,
    }
    assert 0 < card.scores["classification.top5"] < 1
    assert card.definitions["classification.top5"].published == 0.886
    card.save(tmp_path / "card")
    loaded = Scorecard.load(tmp_path / "card")
    assert loaded.family is None
    assert loaded.scores == card.scores
    assert loaded.data["classification.top5"].mean() == card.scores["classification.top5"]


def test_fewer_pictures_are_evenly_spaced(tmp_path: Path) -> None:
    write_folders(tmp_path, NAMES, each=3)
    images = ImageSet.folder(tmp_path)
    card = evals.run(NET, None, [Classification(most=8)], images=images)
    assert card.scores["classification.images"] == 7
    assert card.data["classification.label"].tolist() == list(range(7))
    assert card.details["classification"]["images"]["name"] == f"one in 3 of {images.name}"
    whole = evals.run(NET, None, ["classification"], images=images)
    assert (card.data["classification.top1"] == whole.data["classification.top1"][::3]).all()
    assert Classification().quick() == Classification(most=200) == Classification(most=500).quick()
    assert Classification(most=8).quick() == Classification(most=8)
    with pytest.raises(CurvesError, match="cannot classify 0 pictures"):
        Classification(most=0)


def test_accuracy_is_drawn_again_over_pictures(tmp_path: Path) -> None:
    write_folders(tmp_path, NAMES, each=3)
    card = evals.run(NET, None, ["classification"], images=ImageSet.folder(tmp_path), draws=400)
    right = card.data["classification.top5"]
    found = card.spreads["classification.top5"].standard_error
    assert found == pytest.approx(right.std() / len(right) ** 0.5, rel=0.15)
    assert "classification.images" not in card.spreads


def test_comparing_whole_networks_looks_for_no_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folders(tmp_path / "images", NAMES, each=1)
    monkeypatch.setattr(sys.modules["evals.compare"], "find_curve_family", None)
    report = evals.compare(
        {"one": NET, "two": NET}, tests=["classification"], images=ImageSet.folder(tmp_path / "images")
    )
    assert [row.label for row in report.rows] == ["top1", "top5", "images", "classes"]
    html = report.save(tmp_path / "out").read_text(encoding="utf-8")
    assert "Tests of one and two" in html
    assert "was tested as a whole" in html
    assert "family, and why each is in" not in html


def test_tests_of_families_need_one(tmp_path: Path) -> None:
    write_folders(tmp_path, NAMES, each=1)
    images = ImageSet.folder(tmp_path)
    with pytest.raises(CurvesError, match="synthetic and combing test a family; give one"):
        evals.run(NET, None, ["classification", "synthetic", "combing"], images=images)
    with pytest.raises(CurvesError, match="handbuilt gives no class probabilities"):
        evals.run(small.network(), None, ["classification"], images=images)


def test_both_kinds_of_tests_go_on_one_card(tmp_path: Path) -> None:
    write_folders(tmp_path, NAMES, each=1)
    images = ImageSet.folder(tmp_path)
    card = evals.run(NET, small.family(images), [small.TEST, "classification"], images=images)
    assert {"synthetic.units", "classification.top1"} <= card.family_scores.keys()
