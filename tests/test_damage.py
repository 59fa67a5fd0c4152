"""Damage: what a plain computation gives, what is recovered and how sure that is, and files that say all."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import evals
from circuits import CurvesError, Network, UnknownLayerError
from circuits.images import ImageSet
from editing import Ablate, Plan
from evals.damage_result import Damage, Variant
from tests import small
from tests.classifiers import CLASSES, classifier, write_folders

NET = classifier()
CHANGED = {
    "ablated": Plan([Ablate("3b:0", "3b:1", "3b:2")]).apply(NET),
    "half": Plan([Ablate("3b:1")]).apply(NET),
    "same": NET,
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    folder = tmp_path_factory.mktemp("folders")
    write_folders(folder, ["a", "b", "c"], each=7)  # more than one batch, the last one not full
    return ImageSet.folder(folder)


@pytest.fixture(scope="module")
def found(images: ImageSet) -> Damage:
    return evals.damage(NET, CHANGED, images, labels=[0] * 7 + [1] * 7 + [2] * 7)


def plainly(images: ImageSet, net: Network) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities and 4a, from the network itself, all pictures at once."""
    pictures = []
    for picture in images:
        left = (picture.shape[2] - 96) // 2
        top = (picture.shape[1] - 96) // 2
        pictures.append(picture[:, top : top + 96, left : left + 96])
    whole = torch.stack(pictures)
    return net(whole).double(), net.activations(whole, ["4a"])["4a"].double()


def test_the_numbers_are_those_of_a_plain_computation(images: ImageSet, found: Damage) -> None:
    p, x = plainly(images, NET)
    labels = torch.tensor([0] * 7 + [1] * 7 + [2] * 7)
    assert found.variance == pytest.approx(float(((x - x.mean((0, 2, 3), keepdim=True)) ** 2).sum()), rel=1e-6)
    for name, net in CHANGED.items():
        q, y = plainly(images, net)
        variant = found.variant(name)
        assert variant.identity == net.identity
        assert variant.kl == pytest.approx((p * (p / q).log()).sum(1).numpy(), rel=1e-3, abs=1e-6)
        apart, length = ((x - y) ** 2).sum((1, 2, 3)), (x**2).sum((1, 2, 3))
        # Both maps are rounded to float32, by their own size; how depends on the number of threads.
        rounding = 1e-6 * (apart * length).sqrt()
        assert (torch.from_numpy(variant.error) - apart).abs().le(rounding + 1e-9).all()
        scores = found.scores(variant)
        assert scores["unexplained"] == pytest.approx(float(((x - y) ** 2).sum()) / found.variance, rel=1e-6)
        assert scores["agreement"] == float((p.argmax(1) == q.argmax(1)).double().mean())
        assert scores["top1"] == float((q.argmax(1) == labels).double().mean())
        best = q.topk(5, dim=1).indices
        assert scores["top5"] == float((best == labels[:, None]).any(1).double().mean())
    assert found.scores(found.variant("same")) == found.scores(found.reference)
    assert found.scores(found.reference)["kl"] == found.scores(found.reference)["unexplained"] == 0.0
    assert found.scores(found.variant("ablated"))["kl"] > 0


def test_each_network_sees_each_picture_once(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    run = evals.class_scores.Classifier.run
    monkeypatch.setattr(
        evals.class_scores.Classifier, "run", lambda self, pictures: seen.append(len(pictures)) or run(self, pictures)
    )
    told: list[tuple[int, int]] = []
    evals.damage(NET, CHANGED, images, progress=lambda _, done, total: told.append((done, total)))
    assert sum(seen) == len(images) * (len(CHANGED) + 1)
    assert told == [(16, 21), (21, 21)]


def test_a_softmax_is_not_needed_and_no_probability_is_rounded_away(images: ImageSet) -> None:
    plain = classifier(softmax=False)
    changed = Plan([Ablate("3b:0", "3b:1", "3b:2")]).apply(plain)
    same = evals.damage(plain, {"ablated": changed}, images).variant("ablated").kl
    assert same == pytest.approx(evals.damage(NET, CHANGED, images).variant("ablated").kl, rel=1e-9)
    sharp = plain.evolve(tensors={"classifier/weight": plain.tensors["classifier/weight"].detach() * 1e6})
    dull = Plan([Ablate("3b:0", "3b:1", "3b:2")]).apply(sharp)
    assert np.isfinite(evals.damage(sharp, {"ablated": dull}, images).variant("ablated").kl).all()


def test_what_is_recovered_and_how_sure_that_is(found: Damage) -> None:
    for measure in ("kl", "unexplained"):
        share = found.recovered("half", measure=measure)
        ours, whole = (found.scores(found.variant(name))[measure] for name in ("half", "ablated"))
        assert share.value == pytest.approx(1 - ours / whole)
        assert share.low <= share.value <= share.high
        assert found.recovered("same", measure=measure) == evals.Recovered(1.0, 1.0, 1.0)
        assert found.recovered("ablated", measure=measure) == evals.Recovered(0.0, 0.0, 0.0)
    assert found.recovered("half", seed=1) == found.recovered("half", seed=1) != found.recovered("half", seed=2)
    assert {"kl", "unexplained"} <= set(found.measures())


def made(kl: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> Damage:
    def variant(name: str) -> Variant:
        count = len(right[name])
        nothing = np.zeros(count)
        return Variant(name, name, kl.get(name, nothing), nothing, right[name], right[name], right[name])

    first, *others = (variant(name) for name in right)
    files = tuple(map(str, range(len(first.kl))))
    return Damage(first, tuple(others), "4a", 0.0, "made", "0", files)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Half of the damage is undone on average; 200 sets of 40 pictures each."""
    noise, held = np.random.default_rng(0), 0
    for seed in range(200):
        whole = noise.gamma(2.0, 1.0, 40)
        part = whole * noise.uniform(0.2, 0.8, 40)
        damage = made({"ablated": whole, "half": part}, dict.fromkeys(["whole", "ablated", "half"], np.ones(40, bool)))
        share = damage.recovered("half", seed=seed)
        held += share.low <= 0.5 <= share.high
    assert 0.88 <= held / 200 <= 0.99


def test_the_lost_accuracy_that_comes_back() -> None:
    right = {"whole": [1, 1, 1, 1, 0], "ablated": [0, 0, 0, 1, 1], "half": [1, 1, 0, 1, 0]}
    damage = made({}, {name: np.array(values, bool) for name, values in right.items()})
    assert damage.recovered("half", measure="top1").value == pytest.approx(1 - (0.8 - 0.6) / (0.8 - 0.4))
    assert damage.measures() == ("top1", "top5", "agreement")
    assert damage.scores(damage.reference)["unexplained"] is None
    with pytest.raises(CurvesError, match="'ablated' does no damage by kl, so there is none to recover"):
        damage.recovered("half")


def test_files_say_all(found: Damage, images: ImageSet, tmp_path: Path) -> None:
    table, summary = found.save(tmp_path / "out", {"seed": 3})
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21 * 4
    mine = [row for row in rows if row["network"] == "half"]
    assert [row["picture"] for row in mine][:2] == ["a/0.png", "a/1.png"]
    assert np.mean([float(row["kl"]) for row in mine]) == pytest.approx(found.scores(found.variant("half"))["kl"])
    data = json.loads(summary.read_text())
    assert data["seed"] == 3
    assert data["images"] == {"name": images.name, "hash": images.hash, "count": 21}
    assert data["networks"]["half"] == {
        "identity": CHANGED["half"].identity,
        "scores": found.scores(found.variant("half")),
    }
    with pytest.raises(CurvesError, match="cannot write"):
        found.save(summary)


def test_without_labels_there_is_no_accuracy(images: ImageSet) -> None:
    damage = evals.damage(NET, {"ablated": CHANGED["ablated"]}, images, layer="3b")
    assert damage.layer == "3b"
    assert damage.scores(damage.reference)["top1"] is None
    assert damage.measures() == tuple(m for m in damage.measures() if m not in {"top1", "top5"})
    with pytest.raises(CurvesError, match="top1 needs labels"):
        damage.recovered("ablated", measure="top1")
    with pytest.raises(CurvesError, match="there is no measure 'loss'; there are kl, "):
        damage.recovered("ablated", measure="loss")
    with pytest.raises(CurvesError, match="there is no network 'x'; there are ablated"):
        damage.recovered("x")


@pytest.mark.parametrize(
    ("reference", "changed", "arguments", "says"),
    [
        (NET, {}, {}, "nothing to compare with"),
        (NET, {"a": small.network()}, {}, "handbuilt"),
        (small.network(), {"a": NET}, {"layer": "3b"}, "handbuilt gives no class probabilities: it ends in"),
        (NET, CHANGED, {"labels": [0]}, f"a class from 0 to {CLASSES - 1} for each of the 21 pictures"),
        (NET, CHANGED, {"labels": [CLASSES] * 21}, f"a class from 0 to {CLASSES - 1} for each"),
        (NET, {"a": Plan([Ablate("3b:0")]).apply(classifier())}, {"layer": "4z"}, "has no layer '4z'"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    reference: Network, changed: dict[str, Network], arguments: dict[str, object], says: str, images: ImageSet
) -> None:
    with pytest.raises(CurvesError, match=says):
        evals.damage(reference, changed, images, **arguments)


def test_networks_must_be_alike(images: ImageSet) -> None:
    weight = NET.tensors["classifier/weight"].detach()
    fewer = NET.evolve(tensors={"classifier/weight": weight[:3], "classifier/bias": torch.zeros(3)})
    with pytest.raises(CurvesError, match="'fewer' has 3 classes, the reference 7"):
        evals.damage(NET, {"fewer": fewer}, images)
    with pytest.raises(UnknownLayerError):
        evals.damage(NET, CHANGED, images, layer="5b")
