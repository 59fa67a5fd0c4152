"""The articles' last experiment: `curves.recovery`, `curves graft`, `curves recovery` and `curves eval --tests`."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Family, Member, Network
from circuits.images import ImageSet
from curves.recovery import ABLATED, PUT_RIGHT, recovery, variants
from tests import small
from tests.classifiers import classifier, write_folders

NET, HAND = classifier(), small.network()
UNITS = ["3b:0", "3b:2", "3b:5"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures to fit on and to test on; the latter in a folder for each class."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "fit").mkdir()
    small.write_images(root / "fit")
    write_folders(root / "test", [str(n) for n in range(4)], each=3)
    NET.save(root / "net.safetensors")
    HAND.save(root / "hand.safetensors")
    return root


@pytest.fixture(scope="module")
def sets(folders: Path) -> tuple[ImageSet, ImageSet]:
    return ImageSet.folder(folders / "fit", short_side=96), ImageSet.folder(folders / "test")


def test_the_same_units_put_back_undo_all_damage(sets: tuple[ImageSet, ImageSet]) -> None:
    fit, test = sets
    found = recovery(NET, HAND, UNITS, fit=fit, test=test, labels=[i // 3 for i in range(12)])
    assert [v.name for v in found.damage.variants] == list(found.variants.networks)
    rows = {row["network"]: row for row in found.rows()}
    assert rows[ABLATED]["kl"] > 0
    assert rows["grafted"]["recovered"]["kl"]["value"] == pytest.approx(1, abs=1e-4)
    assert rows["grafted"]["recovered"]["unexplained"]["value"] == pytest.approx(1, abs=1e-4)
    assert rows["random units grafted"]["recovered"]["kl"]["value"] < 0.9
    assert {name for name, row in rows.items() if row["recovered"]} == set(PUT_RIGHT)
    assert rows["toy classifier"]["top5"] is not None
    assert found.rows() == recovery(NET, HAND, UNITS, fit=fit, test=test, labels=[i // 3 for i in range(12)]).rows()


def test_the_variants_are_what_they_are_called(sets: tuple[ImageSet, ImageSet]) -> None:
    fit, _ = sets
    made = variants(NET, HAND, UNITS, images=fit)
    picture = small.pictures(1, 96, seed=1, curves=12)
    maps = {name: net.activations(picture, ["3b"])["3b"][0] for name, net in made.networks.items()}
    before = NET.activations(picture, ["3b"])["3b"][0]
    gone, rest = [0, 2, 5], [1, 3, 4, 6, 7]
    assert not maps["ablated"][gone].any()
    assert all((maps["mean-ablated"][c] == maps["mean-ablated"][c, 0, 0]).all() for c in gone)
    assert maps["mean-ablated"][gone].any()
    assert torch.allclose(maps["grafted"], before, atol=1e-4)
    for name, now in maps.items():
        if name != "random units ablated":
            assert torch.allclose(now[rest], before[rest], atol=1e-6), name
    silent = [c for c in range(8) if not maps["random units ablated"][c].any() and before[c].any()]
    assert len(silent) <= 3
    assert not set(silent) & set(gone)
    assert torch.allclose(maps["random units ablated"][gone], before[gone], atol=1e-6)
    assert [m.unit for m in made.random.matches] == [m.unit for m in made.fit.matches] == UNITS
    assert all(a.explained <= b.explained for a, b in zip(made.random.matches, made.fit.matches, strict=True))

    def drawn(seed: int) -> str:
        return variants(NET, HAND, UNITS, images=fit, seed=seed).networks["random units ablated"].identity

    assert drawn(0) == made.networks["random units ablated"].identity
    assert len({drawn(seed) for seed in range(5)}) > 1


def test_what_was_fitted_on_is_not_tested_on(sets: tuple[ImageSet, ImageSet], folders: Path, tmp_path: Path) -> None:
    fit, _ = sets
    shutil.copytree(folders / "test", tmp_path / "test")
    shutil.copy(fit.paths[1], tmp_path / "test" / "other name.png")
    with pytest.raises(CurvesError, match=r"other name\.png is among the pictures of fit .* \(1 are shared\)"):
        recovery(NET, HAND, UNITS, fit=fit, test=ImageSet.folder(tmp_path / "test"))
    with pytest.raises(CurvesError, match="handbuilt gives no class probabilities"):
        recovery(HAND, HAND, UNITS, fit=fit, test=sets[1], read="3b")
    with pytest.raises(CurvesError, match="3b has 12 units besides these 16, too few"):
        variants(NET, HAND, [f"3b:{c}" for c in range(16)], images=fit)


def test_graft_on_the_command_line(curves, folders: Path, tmp_path: Path) -> None:
    net, hand, out = folders / "net.safetensors", folders / "hand.safetensors", tmp_path / "grafted.safetensors"
    options = ("--donor", hand, "--units", "3b:0, 3b:2", "--images", folders / "fit")
    code, text, told = curves("graft", net, "-o", out, *options)
    assert code == 0
    assert [line.split()[:2] for line in text.splitlines()[1:3]] == [["3b:0", "3b:0"], ["3b:2", "3b:2"]]
    assert "100.0%" in text
    assert "fitted on fit" in text
    assert "photographs through 3b of both networks: 2 of 2" in told
    grafted = Network.load(out)
    assert grafted.provenance.parent == NET.identity
    assert grafted.provenance.edits[0]["units"] == {"3b:0": "3b:0", "3b:2": "3b:2"}
    code, text, _ = curves("graft", net, "-o", out, *options, "--json")
    found = json.loads(text)
    assert code == 0
    assert (found["identity"], found["path"]) == (grafted.identity, str(out))
    assert [match["donor"] for match in found["fit"]["matches"]] == ["3b:0", "3b:2"]


def test_recovery_on_the_command_line(curves, folders: Path, tmp_path: Path) -> None:
    net, hand = folders / "net.safetensors", folders / "hand.safetensors"
    options = ("--donor", hand, "--units", ",".join(UNITS), "--fit", folders / "fit", "--images", folders / "test")
    code, text, told = curves("recovery", net, "-o", tmp_path / "out", *options, "--labels")
    assert code == 0
    assert "top-5" in text
    assert "fitted on 2 images (fit), tested on 12 images (test)" in text
    assert "no --images were given" not in text
    assert "pictures through 6 networks: 12 of 12" in told
    with (tmp_path / "out" / "damage.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6 * 12
    data = json.loads((tmp_path / "out" / "damage.json").read_text())
    assert [m["donor"] for m in data["fit"]["matches"]] == UNITS
    code, text, _ = curves("recovery", net, "-o", tmp_path / "json", *options, "--seed", 3, "--json")
    found = json.loads(text)
    assert code == 0
    assert found["seed"] == 3
    assert found["networks"]["ablated"]["scores"]["top1"] is None
    assert Path(found["paths"]["csv"]).is_file()


def test_without_images_the_default_set_is_halved_and_that_is_said(
    curves, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = tmp_path / "flat"
    write_folders(flat, ["a"], each=5)
    tiny = ImageSet.folder(flat, short_side=96)
    every = Family("curve", "3b", tuple(Member(unit, 0.0) for unit in HAND.units("3b")))
    monkeypatch.setattr(ImageSet, "photographs", classmethod(lambda _cls: tiny))
    monkeypatch.setattr(evals, "find_curve_family", lambda *_args, **_kwargs: every)
    net, hand = folders / "net.safetensors", folders / "hand.safetensors"
    code, text, _ = curves("recovery", net, "-o", tmp_path / "out", "--donor", hand, "--units", "3b:1", "--seed", 1)
    assert code == 0
    assert "no --images were given" in text
    assert "fitted on 3 images (first half of flat), tested on 2 images (second half of flat)" in text.replace(
        "\n", " "
    )
    # The curve detectors are what is replaced if nothing is named: here all units.
    code, _, error = curves("recovery", net, "-o", tmp_path / "out", "--donor", hand)
    assert code == 2
    assert "3b has 0 units besides these 28" in error


def test_classification_on_the_command_line(curves, folders: Path, tmp_path: Path) -> None:
    net = folders / "net.safetensors"
    options = ("--tests", "classification", "--images", folders / "test")
    code, text, told = curves("eval", net, "-o", tmp_path / "card", *options)
    assert code == 0
    assert text.splitlines()[1].split()[0] == "top1"
    assert "curves through" not in told  # no family was looked for
    assert evals.Scorecard.load(tmp_path / "card").scores["classification.images"] == 12
    code, _, error = curves("eval", net, "-o", tmp_path / "card", "--tests", "classification")
    assert code == 2
    assert "have no labels" in error
    code, _, error = curves("eval", net, "-o", tmp_path / "card", "--tests", "clasification")
    assert code == 2
    assert "there is no test 'clasification'; there are " in error
    assert "perhaps classification" in error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("graft", "{net}", "-o", "{root}/no/x.safetensors"), "name a file in a folder that exists"),
        (("graft", "{net}", "-o", "{root}/x.safetensors", "--units", "3b:99"), "3b:99 is out of range"),
        (("graft", "{net}", "-o", "{root}/x.safetensors", "--units", "3b"), "write layer:channel"),
        (("recovery", "{net}", "-o", "{net}"), "cannot write"),
        (("recovery", "{net}", "-o", "{root}/out", "--labels"), "have no labels"),
        (
            (
                "recovery",
                "{net}",
                "-o",
                "{root}/out",
                "--fit",
                "{root}/fit",
                "--images",
                "{root}/fit",
                "--units",
                "3b:1",
            ),
            "among the pictures of fit that are fitted on",
        ),
    ],
)
def test_errors_are_one_line_and_nothing_is_written(curves, folders: Path, arguments, says: str) -> None:
    places = {"net": folders / "net.safetensors", "root": folders}
    code, out, error = curves(*(a.format(**places) for a in arguments))
    assert code == 2
    assert out == ""
    assert error.splitlines()[-1].startswith("error: ")
    assert says in error
    assert not (folders / "x.safetensors").exists()


def test_a_graft_of_a_real_network_undoes_more_than_the_controls(bvlc: Network) -> None:
    """Half of scikit-image's photographs is fitted on, the other half tested on."""
    fit, test = ImageSet.photographs().halves()
    units = [f"3b:{c}" for c in (9, 66, 78, 206, 236, 244, 321, 326, 330, 335, 336, 346, 358, 368, 386, 408)]
    found = recovery(bvlc, handbuilt.build(), units, fit=fit, test=test)
    rows = {row["network"]: row for row in found.rows()}
    assert rows["ablated"]["kl"] > 2 * rows["random units ablated"]["kl"]
    for measure, least in (("kl", 0.5), ("unexplained", 0.5)):
        share = {name: rows[name]["recovered"][measure]["value"] for name in PUT_RIGHT}
        assert share["grafted"] > least
        assert share["grafted"] > 5 * share["mean-ablated"]
        assert share["grafted"] > share["random units grafted"]  # as loud, and they too see edges
    assert share["grafted"] > 1.3 * share["random units grafted"]  # of 4a's activations
    assert found.damage.reference.identity == bvlc.identity
