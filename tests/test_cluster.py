"""A local cluster of several processes, one of which is killed at work: what comes out is what one process gives."""

import os
import signal
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

import evals
from circuits import CurvesError, Family, FileDamagedError, Member, Unit
from circuits.cluster import connected, spread
from circuits.image_sources import ImageTars
from circuits.images import ImageSet
from circuits.pictures import Picture
from editing import ablation_effects, edge_effects
from evals.battery.dataset import DatasetSurvey
from evals.dataset import Settings, survey_images
from evals.dataset.cluster import survey_on
from tests import small
from tests.networks import small_network
from tests.test_dataset import FAMILY, SETTINGS, assert_same

SECONDS = 0.05
"""That a picture takes to read, so that there is a middle in which a worker can be killed."""


@dataclass(frozen=True)
class Slow:
    """An image set that takes its time."""

    images: ImageSet

    @property
    def name(self) -> str:
        return self.images.name

    @property
    def hash(self) -> str:
        return self.images.hash

    @property
    def short_side(self) -> int:
        return self.images.short_side

    def __len__(self) -> int:
        return len(self.images)

    def pictures(self) -> Iterator[Picture]:
        for picture in self.images.pictures():
            yield Picture(picture.name, partial(slowly, picture))


def slowly(picture):
    time.sleep(SECONDS)
    return picture.read()


class Killer:
    """A progress callback that once kills a worker, the one with the most to do."""

    def __init__(self, client: Client) -> None:
        self.client, self.lost, self.pid = client, (), 0

    def __call__(self, *_) -> None:
        if self.lost:
            return
        busy = self.client.processing()
        address = max(busy, key=lambda worker: len(busy[worker]))
        self.lost, self.pid = busy[address], self.client.run(os.getpid, workers=[address])[address]
        os.kill(self.pid, signal.SIGKILL)

    def check(self) -> None:
        """It was at work, and is no more."""
        assert self.lost
        assert self.pid not in self.client.run(os.getpid).values()


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(3, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    for number, picture in enumerate(small.pictures(16, 96, seed=3)):
        small.save_picture(picture, folder / f"{number:02}.png")
    return ImageSet.folder(folder, short_side=96)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def card(images, progress=None, **options):
    family = Family("curve", "3b", tuple(Member(Unit("3b", n), 45.0 * n) for n in range(8)))
    test = DatasetSurvey(Settings(places=5000, top=4, per_stratum=3), **options)
    return evals.run(small.network(), family, [test], images=images, draws=5, progress=progress)


def test_the_scorecard_is_the_same_though_a_worker_is_killed(client, images, tmp_path):
    killer = Killer(client)
    card(images).save(tmp_path / "one")
    card(Slow(images), client=client, progress=killer).save(tmp_path / "many")
    killer.check()
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "scorecard.json" in files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes(), name


@pytest.mark.parametrize("whole", [False, True])
def test_a_sweep_of_ablations_is_the_same_though_a_worker_is_killed(client, whole):
    net, stimuli = small.network(), small.pictures(96, 96 if whole else 91, seed=4)
    read, memory = [f"3b:{n}" for n in range(8)], 2**22 if whole else 2**19
    killer = Killer(client)
    here = ablation_effects(net, "3a", read, stimuli, whole=whole, memory=memory)
    there = ablation_effects(net, "3a", read, stimuli, whole=whole, memory=memory, client=client, progress=killer)
    killer.check()
    assert here.abs().max() > 0
    assert torch.equal(here, there)


def test_a_sweep_of_edges_is_the_same(client):
    net, stimuli = small.network(), small.pictures(6, 91, seed=5)
    ways = ({}, {"client": client})
    here, there = (edge_effects(net, "3a", "3b:3", stimuli, memory=2**20, **way) for way in ways)
    assert here.abs().max() > 0
    assert torch.equal(here, there)


def test_parts_that_are_there_are_not_run_again(client, tmp_path):
    images = ImageSet.folder(small_images(tmp_path / "images"), short_side=32)
    net, folder = small_network(), tmp_path / "surveys"
    survey = partial(survey_on, client, net, FAMILY, images, parts=5, settings=SETTINGS, folder=folder)
    whole = survey_images(net, FAMILY, images, settings=SETTINGS)
    folder.mkdir()
    survey_images(net, FAMILY, images, shard=(3, 5), settings=SETTINGS, path=folder / "3-of-5.survey.npz")
    before = (folder / "3-of-5.survey.npz").stat().st_mtime_ns
    assert_same(survey(), whole)
    assert len(list(folder.iterdir())) == 5
    for path in images.paths[:3]:
        path.rename(path.with_suffix(".gone"))  # nothing reads them any more
    assert_same(survey(), whole)
    assert (folder / "3-of-5.survey.npz").stat().st_mtime_ns == before
    with pytest.raises(CurvesError, match="is another survey .* different families"):
        survey_on(
            client, net, Family("thing", "b", FAMILY.members[:3]), images, parts=5, settings=SETTINGS, folder=folder
        )


def test_of_several_tar_files_each_is_opened_once(client, tmp_path):
    (tmp_path / "tars").mkdir()
    files = sorted(small_images(tmp_path / "images").iterdir())
    for number in range(4):  # of 3, 3, 2 and 1 pictures
        with tarfile.open(tmp_path / "tars" / f"{number}.tar", "w") as tar:
            for file in (files[:3], files[3:6], files[6:8], files[8:])[number]:
                tar.add(file, file.name)
    tars = ImageTars.at(tmp_path / "tars", short_side=32)
    net = small_network()
    survey = survey_on(client, net, FAMILY, tars, parts=3, settings=SETTINGS)
    assert_same(survey, survey_images(net, FAMILY, tars, settings=SETTINGS))
    assert [(piece.of, piece.total) for piece in survey.pieces] == [("files", 4), ("files", 3), ("files", 2)]
    assert survey.complete
    by_picture = survey_images(net, FAMILY, tars, shard=(0, 3), settings=SETTINGS)
    with pytest.raises(CurvesError, match="pictures in common"):
        survey.merge(by_picture)


def small_images(folder):
    folder.mkdir()
    for number, picture in enumerate(small.pictures(9, 32, seed=1)):
        small.save_picture(picture, folder / f"{number}.png")
    return folder


def test_the_network_goes_to_a_worker_once_and_jobs_leave_nothing(client):
    net = small_network()
    found = dict(spread(client, net, see, range(20), threads=1))
    again = dict(spread(client, net, see, range(20), threads=1))
    assert {identity for identity, _, _ in found.values()} == {net.identity}
    assert len({(pid, place) for _, pid, place in (*found.values(), *again.values())}) <= len(client.nthreads())
    names = {name for own in client.run(lambda dask_worker: list(dask_worker.plugins)).values() for name in own}
    assert any(net.identity in name for name in names)
    assert not any(name.startswith("job") for name in names)


def see(net, _):
    """What a worker has: a network, where."""
    time.sleep(0.01)
    return net.identity, os.getpid(), id(net)


def test_errors_come_back_and_what_kills_all_workers_is_one(client, tmp_path, monkeypatch):
    images = ImageSet.folder(small_images(tmp_path / "images"), short_side=32)
    (tmp_path / "images" / "4.png").write_bytes(b"nothing")
    with pytest.raises(FileDamagedError, match=r"4\.png cannot be read"):
        survey_on(client, small_network(), FAMILY, images, settings=SETTINGS)
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(CurvesError, match="lost with one worker after another"):
        list(spread(client, small_network(), die, range(1)))
    assert_same(
        survey_on(client, small_network(), FAMILY, replace_images(images), settings=SETTINGS),
        survey_images(small_network(), FAMILY, replace_images(images), settings=SETTINGS),
    )


def replace_images(images):
    return replace(images, paths=tuple(path for path in images.paths if path.name != "4.png"))


def die(*_):
    os._exit(1)


def test_the_command_line_runs_on_a_cluster(curves, tmp_path):
    folder = small_images(tmp_path / "images")
    units = "\n".join(f'{{ unit = "3b:{n}", direction = {45.0 * n} }},' for n in range(8))
    (tmp_path / "curves.toml").write_text(
        f'[[family]]\nname = "curve"\nlayer = "3b"\nperiod = 360.0\nmembers = [{units}]'
    )
    options = ["dataset", "handbuilt", "--images", str(folder), "--family", str(tmp_path / "curves.toml")]
    curves(*options, "-o", str(tmp_path / "here"))
    curves(*options, "-o", str(tmp_path / "there"), "--cluster", "local:2", "--shards", "3")
    for name in ("dataset.csv", "dataset.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_a_place_without_a_scheduler_is_an_error():
    for where, says in (("local:0", "no number of processes"), ("local:x", "local:4"), ("nowhere", "no scheduler")):
        with pytest.raises(CurvesError, match=says), connected(where):
            pass
