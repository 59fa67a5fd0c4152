"""The dataset test: the same whatever parts it is done in, exact, bounded, and right about a real network."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

import evals
from circuits import CurvesError, Family, FileDamagedError, Member, Unit
from circuits.image_sources import ImageDataset
from circuits.images import ImageSet
from circuits.pictures import Picture
from evals.dataset import (
    Settings,
    draw_quilt,
    groups,
    load_survey,
    merged,
    result,
    save_survey,
    shard_path,
    stratified,
    survey_images,
)
from evals.dataset.floats import name_hash
from evals.dataset.strata import OUTSIDE, crops
from tests import small
from tests.networks import small_network

FAMILY = Family("thing", "b", tuple(Member(Unit("b", channel), 72.0 * channel) for channel in (3, 0, 4, 1, 2)))
SETTINGS = Settings(places=500, top=4, per_stratum=3)
REAL = {9: 5, 346: 55, 386: 78, 66: 91, 236: 105, 368: 117, 336: 142, 330: 154, 206: 168, 358: 178, 335: 201, 326: 222,
        321: 250, 78: 277, 408: 319, 244: 351}  # fmt: skip
"""Channels and directions of the curve detectors that are found in bvlc_googlenet's 3b."""


@pytest.fixture(scope="module")
def net():
    return small_network()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Twenty pictures of several sizes."""
    folder = tmp_path_factory.mktemp("many")
    noise = np.random.default_rng(1)
    for number in range(20):
        coarse = Image.fromarray(noise.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((32 + 4 * (number % 3), 32), Image.Resampling.BICUBIC).save(folder / f"{number:02}.png")
    return ImageSet.folder(folder, short_side=32)


def survey(net, images, **options):
    return survey_images(net, FAMILY, images, settings=SETTINGS, **options)


def assert_same(one, other):
    """Bit for bit: scores, distributions, samples and examples."""
    first, second = result(one), result(other)
    assert first.scores == second.scores
    for name, array in first.data.items():
        assert np.array_equal(array, second.data[name], equal_nan=array.dtype.kind == "f"), name
    for part in ("sample", "top", "strata"):
        assert np.array_equal(getattr(one, part).rows, getattr(other, part).rows), part
    assert (one.images, one.content, one.names) == (other.images, other.content, other.names)
    for part in ("histogram", "groups"):
        ours, theirs = (getattr(each, part).to_arrays() for each in (one, other))
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours), part


def assert_near(told, scores):
    """What a sample tells is what the survey says, but for rounding."""
    for name, value in told.items():
        assert value == (scores[name] and pytest.approx(scores[name], rel=1e-9)), name


def test_one_part_and_seven_in_any_order_give_the_same(net, images, tmp_path):
    whole = survey(net, images)
    parts = [survey(net, images, shard=(index, 7)) for index in range(7)]
    for index, part in enumerate(parts):
        save_survey(part, tmp_path / f"{index}.npz")
    read = [load_survey(tmp_path / f"{index}.npz") for index in (3, 0, 6, 1, 5, 2, 4)]
    together = merged(read)
    assert_same(merged([whole]), together)
    assert_same(merged([merged(parts[4:]), parts[3], merged(parts[:3])]), together)
    assert together.complete
    assert not merged(parts[1:]).complete
    more_than_pictures = [survey(net, images, shard=(index, 23)) for index in range(23)]
    assert_same(merged(more_than_pictures), together)


KILLED = """
import sys, time
from circuits.images import ImageSet
from circuits.pictures import Picture
from tests.test_dataset import small_network, survey
images = ImageSet.folder(sys.argv[1], short_side=32)
def wait_to_be_killed(what, done, total):
    time.sleep(300 if done >= 10 else 0)
survey(small_network(), images, shard=(0, 1), path=sys.argv[2], every=0, progress=wait_to_be_killed)
"""


def test_a_killed_pass_goes_on_and_counts_nothing_twice(net, images, tmp_path):
    path = shard_path(tmp_path, (0, 1))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(images.root), str(path)])
    try:
        while not (path.exists() and load_survey(path).images >= 4):
            assert process.poll() is None, "it should have run for a while"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert 4 <= load_survey(path).images < len(images)
    steps = []
    resumed = survey(net, images, path=path, progress=lambda _, done, total: steps.append((done, total)))
    assert steps[0][0] > 4
    assert steps[-1] == (20, 20)
    assert_same(merged([resumed]), merged([survey(net, images)]))
    again = survey(net, images, path=path, progress=lambda *_: pytest.fail("all was done"))
    assert_same(again, resumed)


@pytest.mark.parametrize(("cores", "beside"), [(1, False), (999, True)])
def test_pictures_are_read_beside_the_network_where_a_core_is_free(net, images, monkeypatch, cores, beside):
    whole, threads, pixels = survey(net, images), set(), Picture.pixels

    def watched(picture, short_side):
        threads.add(threading.current_thread())
        return pixels(picture, short_side)

    monkeypatch.setattr(Picture, "pixels", watched)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert_same(survey(net, images), whole)
    assert threading.main_thread() not in threads if beside else threads == {threading.main_thread()}


def test_everything_is_what_a_plain_program_finds(net, images):
    found = survey(net, images)
    maps = [net.activations(image[None], ["b"], pre=True)["b"][0, list(FAMILY.channels)] for image in images]
    flat = torch.cat([m.flatten(1) for m in maps], dim=1).double().numpy()
    scores = result(found).scores
    active = np.maximum(flat, 0)
    assert found.positions == flat.shape[1]
    for place, unit in enumerate(FAMILY.units):
        std = flat[place].std()
        assert scores[f"{unit}.deviation"] == pytest.approx(std, rel=1e-12)
        assert scores[f"{unit}.mean"] == pytest.approx(flat[place].mean() / std, rel=1e-10)
        assert scores[f"{unit}.firing"] == (flat[place] > 0).mean()
        assert scores[f"{unit}.expected"] == pytest.approx(active[place].mean() / std, rel=1e-10)
        assert scores[f"{unit}.highest"] == pytest.approx(flat[place].max() / std, rel=1e-10)
        order = np.sort(active[place])[::-1]
        half = order[np.searchsorted(np.cumsum(order), order.sum() / 2)] / std
        assert scores[f"{unit}.half_of_expected"] == pytest.approx(half, rel=0.01)
        best = sorted((float(-m[place].max()), path.name) for m, path in zip(maps, images.paths, strict=True))[:4]
        top = [e for e in found.examples(found.top.rows) if e.unit == unit]
        assert [(-e.value, e.picture) for e in top] == best
        for e in top:
            index = [path.name for path in images.paths].index(e.picture)
            assert float(maps[index][place, e.row, e.column]) == e.value
    data = result(found).data
    fired = flat > 0
    assert np.allclose(data["firing_correlation"], np.corrcoef(fired))
    assert np.allclose(data["fires_too"], (fired @ fired.T.astype(float)) / fired.sum(axis=1)[:, None])
    assert np.allclose(data["share"].sum(axis=1), 1)
    assert np.allclose(data["contribution"].sum(axis=1), 1)
    for place in range(len(FAMILY)):
        counted, _ = np.histogram(flat[place] / flat[place].std(), data["edges"][place])
        assert np.allclose(counted / flat.shape[1], data["share"][place], atol=2 / flat.shape[1])


def test_all_pictures_once_give_the_scores_and_a_draw_those_of_its_pictures(net, images):
    found = result(survey(net, images))
    sample = found.sample
    assert (sample.what, sample.count) == ("pictures", 20)
    told = sample.scores(np.arange(20))
    assert {"firing", "mean", "highest", "tail_scale", "firing_with_opposite", "b:2.expected"} < set(told)
    assert not {"exponential_over_gaussian", "b:2.deviation"} & set(told)
    assert_near(told, found.scores)
    hashes = np.array([name_hash(path.name) for path in images.paths], np.uint64)
    places = survey(net, images).groups.places(hashes)
    drawn = np.sort(np.random.default_rng(0).integers(0, 20, 20))
    maps = [net.activations(image[None], ["b"], pre=True)["b"][0, list(FAMILY.channels)] for image in images]
    of_place = dict(zip(places, maps, strict=True))
    flat = torch.cat([of_place[place].flatten(1) for place in drawn], dim=1).double().numpy()
    told = sample.scores(drawn)
    rates = []
    for place, unit in enumerate(FAMILY.units):
        std = found.scores[f"{unit}.deviation"]
        assert told[f"{unit}.firing"] == (flat[place] > 0).mean()
        assert told[f"{unit}.mean"] == pytest.approx(flat[place].mean() / std, rel=1e-9)
        assert told[f"{unit}.expected"] == pytest.approx(np.maximum(flat[place], 0).mean() / std, rel=1e-9)
        highest = flat[place].max() / std
        if told[f"{unit}.highest"] is not None:  # of each unit the four best pictures are kept here
            assert told[f"{unit}.highest"] == pytest.approx(highest, rel=1e-9)
        rates.append(np.corrcoef(flat[place] > 0, flat[(place + 1) % len(FAMILY)] > 0)[0, 1])
    assert told["firing_with_neighbour"] == pytest.approx(np.mean(rates))


def test_many_pictures_are_drawn_in_groups_that_no_division_changes(net, images, monkeypatch):
    alone = result(survey(net, images))
    monkeypatch.setattr(groups, "MOST", 8)
    whole = survey(net, images)
    assert_same(merged([whole]), merged([survey(net, images, shard=(index, 3)) for index in (2, 0, 1)]))
    found = result(whole)
    assert (found.sample.what, found.scores) == ("groups of pictures", alone.scores)
    assert 4 <= found.sample.count <= 8
    assert_near(found.sample.scores(np.arange(found.sample.count)), found.scores)


def test_samples_do_not_grow_and_are_even(net, images):
    found = survey(net, images)
    assert len(found.sample.rows) == SETTINGS.places < found.positions
    assert np.bincount(found.top.rows["group"]).tolist() == [SETTINGS.top] * len(FAMILY)
    assert np.unique(found.strata.rows["group"], return_counts=True)[1].max() == SETTINGS.per_stratum
    other = survey_images(net, FAMILY, images, settings=Settings(seed=1, places=500, top=4, per_stratum=3))
    assert not np.array_equal(found.sample.rows, other.sample.rows)
    assert np.array_equal(found.top.rows, other.top.rows)
    of_seeds = []
    for seed in range(12):
        rows = survey_images(net, FAMILY, images, settings=Settings(seed, places=100)).sample.rows
        of_seeds.append(rows["value"].mean(axis=0, dtype=np.float64))
    for place in range(len(FAMILY)):
        mean, deviation = found.histogram.moments(place)
        drawn = np.mean(of_seeds, axis=0)[place]
        assert abs(drawn - mean) < 4 * deviation / np.sqrt(1200), "a sample should not lean to any side"


def test_strata_cover_all_positions_and_hold_what_they_say(net, images):
    found = survey(net, images)
    unit = FAMILY.units[1]
    strata = stratified(found, unit)
    assert sum(s.share for s in strata) == pytest.approx(1)
    assert 2 <= len(strata) <= 12
    for one, other in itertools.pairwise(strata):
        assert one.high <= other.low
    _, deviation = found.histogram.moments(1)
    for stratum in strata:
        assert 1 <= len(stratum.examples) <= SETTINGS.per_stratum
        for example in stratum.examples:
            assert example.unit == unit
            assert stratum.low <= example.value / deviation < stratum.high


def test_a_crop_is_what_the_unit_saw(net, images):
    found = survey(net, images)
    examples = found.examples(found.strata.rows, strata=True)
    inside = 0
    for example, crop in zip(examples, crops(found, images, examples), strict=True):
        size, stride, offset = (found.field[name] for name in ("size", "stride", "offset"))
        assert crop.shape == (size, size, 3)
        if min(example.row, example.column) * stride + offset >= 0 and (crop != OUTSIDE).all():
            inside += 1
            patch = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
            assert float(net.responses(patch, "b")[0, example.unit.channel]) == pytest.approx(
                example.value, rel=1e-4, abs=1e-5
            )
    assert inside, "no crop lies inside its picture"


def test_what_does_not_fit_together_is_refused(net, images, tmp_path):
    parts = [survey(net, images, shard=(index, 3)) for index in range(3)]
    with pytest.raises(CurvesError, match=r"part 1 of 3 of many\d* has pictures in common with part 1 of 3"):
        merged([*parts, parts[1]])
    with pytest.raises(CurvesError, match="merge each part once"):
        merged([parts[0], survey(net, images, shard=(1, 2))])
    with pytest.raises(CurvesError, match="different settings"):
        merged([parts[0], survey_images(net, FAMILY, images, shard=(1, 3))])
    tensors = {name: tensor * 2 for name, tensor in net.tensors.items()}
    with pytest.raises(CurvesError, match="different networks"):
        merged([parts[0], survey(net.evolve(tensors=tensors), images, shard=(1, 3))])
    with pytest.raises(CurvesError, match="there is nothing to merge"):
        merged([])
    with pytest.raises(CurvesError, match="there is no part 3 of 3"):
        survey(net, images, shard=(3, 3))
    with pytest.raises(CurvesError, match="at least 1"):
        Settings(top=0)
    path = tmp_path / "part.npz"
    survey(net, images, shard=(1, 3), path=path)
    with pytest.raises(CurvesError, match="other pictures or another part"):
        survey(net, images, shard=(2, 3), path=path)
    with pytest.raises(CurvesError, match="is another survey .*different settings"):
        survey_images(net, FAMILY, images, shard=(1, 3), path=path)
    with pytest.raises(CurvesError, match="there is no survey"):
        load_survey(tmp_path / "none.npz")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileDamagedError, match="is damaged"):
        load_survey(path)
    unlike = Family("thing", "b", (Member(Unit("b", 9), 0.0),))
    with pytest.raises(CurvesError, match="out of range"):
        survey_images(net, unlike, images)


def test_a_changed_folder_is_noticed(net, images, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in images.paths[:4]:
        (folder / path.name).write_bytes(path.read_bytes())
    survey(net, ImageSet.folder(folder, 32), path=tmp_path / "s.npz")
    (folder / images.paths[0].name).rename(folder / "renamed.png")
    with pytest.raises(CurvesError, match="of other pictures"):
        survey(net, ImageSet.folder(folder, 32), path=tmp_path / "s.npz")


def test_units_that_are_silent_or_never_vary_have_no_tail(net, images):
    tensors = {name: tensor.clone() for name, tensor in net.tensors.items()}
    tensors["b/pre/weight"][:2] = 0
    tensors["b/pre/bias"][0], tensors["b/pre/bias"][1] = 0, 5
    dead = survey(net.evolve(tensors=tensors), images)
    scores = result(dead).scores
    assert (scores["b:0.firing"], scores["b:1.firing"]) == (0, 1)
    assert (scores["b:0.deviation"], scores["b:1.deviation"]) == (0, 0)
    assert scores["b:0.half_of_expected"] is None
    assert scores["b:0.gaussian_p"] is scores["b:1.gaussian_p"] is None
    assert scores["firing_with_neighbour"] is not None
    for unit in ("b:0", "b:1", "b:2"):
        assert draw_quilt(dead, images, unit).axes
    endless = net.evolve(tensors={**net.tensors, "b/pre/bias": torch.full((5,), torch.inf)})
    with pytest.raises(CurvesError, match=r"gives no finite number for 00\.png"):
        survey(endless, images)


def test_the_quilt_is_a_picture_and_refuses_other_images(net, images, tmp_path):
    found = survey(net, images)
    evals.save_figure(draw_quilt(found, images, "b:3"), tmp_path / "quilt.png")
    assert Image.open(tmp_path / "quilt.png").width > 1000
    with pytest.raises(CurvesError, match="was not surveyed; choose of b:0, b:1"):
        draw_quilt(found, images, "a:0")
    with pytest.raises(CurvesError, match="lacks"):
        draw_quilt(found, small.write_images(tmp_path), "b:3")


def test_data_sets_give_what_their_files_give(net, images):
    samples = [Image.open(path) for path in images.paths]
    whole, of_samples = survey(net, images), survey(net, ImageDataset("many", samples, 32))
    first, second = result(whole).scores, result(of_samples).scores
    for name in ("firing", "mean", "highest", "expected", "half_of_expected", "firing_with_neighbour"):
        assert first[name] == second[name], name


def test_it_is_a_test_of_the_harness(net, images, tmp_path):
    test = evals.DatasetSurvey(SETTINGS)
    report = evals.compare(
        {"one": net, "other": net.evolve(tensors={**net.tensors, "b/pre/bias": net.tensors["b/pre/bias"] - 0.1})},
        families={"one": FAMILY, "other": FAMILY},
        tests=[test],
        images=images,
    )
    card = report.cards["one"]
    found = result(survey(net, images))
    assert card.scores["dataset.firing"] == found.scores["firing"]
    assert card.details["dataset"]["images"]["count"] == 20
    assert set(card.family_scores) <= set(card.scores)
    assert set(found.definitions) == {name.rpartition(".")[2] for name in found.scores}
    assert card.score("dataset.firing").definition.published == 0.11
    assert card.score("dataset.tail_distance").definition.better == "lower"
    spread = card.spreads["dataset.firing"]
    rates = [card.replicates["dataset"].of(f"dataset.{unit}.firing") for unit in FAMILY.units]
    assert spread.low < card.scores["dataset.firing"] < spread.high
    assert np.mean(rates, axis=0).std() == pytest.approx(spread.standard_error, rel=1e-5)
    fewer = report.differences["other"]["dataset.firing"]
    assert fewer.paired
    assert fewer.spread.high < 0
    assert fewer.spread.standard_error < spread.standard_error
    figures = test.figures(card)
    assert set(figures) == {"distribution", "expected-value", "firing"}
    for name, figure in figures.items():
        evals.save_figure(figure, tmp_path / f"{name}.png")


def test_the_quick_test_shows_some_pictures_evenly(net, images):
    assert evals.DatasetSurvey().quick().most == 100
    quick = evals.DatasetSurvey(SETTINGS, most=7).quick().run(net, FAMILY, images)
    assert quick.scores["pictures"] == 7
    third = result(survey(net, images, shard=(0, 3)))
    assert quick.scores == third.scores
    assert not quick.details["complete"]
    with pytest.raises(CurvesError, match="cannot survey 0 pictures"):
        evals.DatasetSurvey(most=0)


def test_where_and_how_it_was_run_is_kept(net, images, tmp_path):
    parts = [survey(net, images, shard=(index, 2)) for index in range(2)]
    assert {name: parts[0].network[name] for name in ("device", "precision")} == net.execution
    parts[1].network = {**parts[1].network, "device": "cuda:1 (some GPU)"}
    assert merged(parts).network["device"] == merged(parts[::-1]).network["device"] == "cpu and cuda:1 (some GPU)"
    path = tmp_path / "part.npz"
    save_survey(parts[1], path)
    assert survey(net, images, shard=(1, 2), path=path).network["device"] == "cpu and cuda:1 (some GPU)"
    assert load_survey(path).network["device"] == "cpu and cuda:1 (some GPU)"
    rounded = net.evolve(precision="bfloat16")
    with pytest.raises(CurvesError, match="different precisions"):
        merged([parts[0], survey(rounded, images, shard=(1, 2))])


def test_real_curve_detectors_fire_rarely_and_fall_off_slowly(bvlc):
    members = tuple(Member(Unit("3b", channel), float(angle)) for channel, angle in REAL.items())
    family = Family("curve", "3b", members)
    parts = [survey_images(bvlc, family, shard=(index, 3)) for index in range(3)]
    scores = result(merged(parts)).scores
    assert scores["positions"] == 14784
    assert 0.03 < scores["firing"] < 0.15
    assert scores["mean"] < -1
    assert scores["gaussian_over_exponential"] == 0
    assert scores["exponential_over_gaussian"] > 0.2
    assert scores["exponential_over_power_law"] > 0.5
    assert scores["firing_with_neighbour"] > 0.1 > 0 > scores["firing_with_opposite"]


def test_the_command_line_surveys_in_parts_and_merges(curves, tmp_path):
    small.network().save(tmp_path / "net.safetensors")
    pictures = small.write_images(tmp_path)
    common = ["dataset", tmp_path / "net.safetensors", "--images", tmp_path, "--layer", "3b"]
    code, out, error = curves(*common, "-o", tmp_path / "found", "--json")
    assert code == 0, error
    assert json.loads(out)["scores"]["units"] > 2
    units = '{"3b:1" = 0.0, "3b:5" = 90.0}'
    (tmp_path / "one.toml").write_text(f'[[family]]\nname = "curve"\nlayer = "3b"\nunits = {units}\n')
    named = [*common, "--family", tmp_path / "one.toml"]
    code, out, error = curves(*named, "-o", tmp_path / "whole", "--json")
    assert code == 0, error
    assert json.loads(out)["scores"]["units"] == 2
    for part in range(len(pictures)):
        code, _, error = curves(*named, "-o", tmp_path / "parts", "--shards", 2, "--shard", part)
        assert code == 0, error
    code, out, error = curves("dataset", "merge", tmp_path / "parts", "-o", tmp_path / "merged", "--images", tmp_path)
    assert code == 0, error
    assert "2 pictures" in out
    written = [(tmp_path / folder / "dataset.csv").read_text() for folder in ("whole", "merged")]
    assert written[0] == written[1]
    summary = json.loads((tmp_path / "merged" / "dataset.json").read_text())
    assert summary["drawn"]["what"] == "pictures"
    spread = summary["uncertainty"]["firing"]
    assert spread["low"] <= summary["scores"]["firing"] <= spread["high"]
    code, _, error = curves("dataset", "merge", tmp_path / "parts", tmp_path / "parts", "-o", tmp_path / "twice")
    assert code == 2
    assert "merge each part once" in error
    code, _, error = curves(*named, "-o", tmp_path / "rounded", "--precision", "bfloat16")
    assert code == 0, error
    summary = json.loads((tmp_path / "rounded" / "dataset.json").read_text())
    assert (summary["network"]["device"], summary["network"]["precision"]) == ("cpu", "bfloat16")
    code, _, error = curves("dataset", "merge", tmp_path / "whole", tmp_path / "rounded", "-o", tmp_path / "twice")
    assert (code, "different precisions" in error) == (2, True)
    code, _, error = curves(*named, "-o", tmp_path, "--device", "cuda:x")
    assert (code, "is no device" in error) == (2, True)
    code, _, error = curves(*common[:-1], "3a", "-o", tmp_path / "named", "--family", tmp_path / "one.toml")
    assert (code, "should have one family to survey, and has none" in error) == (2, True)
    code, _, error = curves(*common, "-o", tmp_path / "named", "--family", tmp_path / "net.safetensors")
    assert (code, "holds no families" in error) == (2, True)
    code, _, error = curves(*named, "-o", tmp_path, "--shards", 2, "--shard", 2)
    assert (code, "there is no part 2 of 2" in error) == (2, True)
