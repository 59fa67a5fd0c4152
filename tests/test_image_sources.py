"""Images from tar files and torch data sets: the same pictures as from a folder, read one at a time."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import FakeData
from torchvision.transforms import Normalize, ToTensor

from circuits import CurvesError, FileDamagedError
from circuits.image_sources import ImageDataset, ImageTars, open_images
from circuits.images import ImageSet
from evals import class_labels, measure_scale
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_tars_hold_the_same_pictures_as_a_folder(images: ImageSet, tmp_path: Path, ending: str) -> None:
    for number, path in enumerate(images.paths):
        with tarfile.open(tmp_path / f"{number}.{ending}", "w:gz" if ending.endswith("gz") else "w") as tar:
            tar.add(path, f"{number:06}.png")
            label = tarfile.TarInfo(f"{number:06}.cls")
            label.size = 1
            tar.addfile(label, io.BytesIO(b"7"))
    tars = open_images(tmp_path, short_side=96)
    assert isinstance(tars, ImageTars)
    assert len(tars) == 2
    assert [picture.name for picture in tars.pictures()] == [f"{n}.{ending}/{n:06}.png" for n in range(2)]
    read = [picture.scaled(tars.short_side) for picture in tars.pictures()]
    assert all(torch.equal(one, other) for one, other in zip(read, images, strict=True))
    assert len(open_images(tmp_path / f"1.{ending}")) == 1
    assert isinstance(open_images(images.root), ImageSet)


def test_broken_tars_are_refused(images: ImageSet, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "whole.tar", "w") as tar:
        tar.add(images.paths[0], "0.png")
        tar.add(images.paths[1], "1.png")
    whole = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "whole.tar").write_bytes(whole[: images.paths[0].stat().st_size // 2])
    with pytest.raises(FileDamagedError, match=r"whole\.tar"):
        [picture.read() for picture in ImageTars.at(tmp_path).pictures()]
    (tmp_path / "whole.tar").write_bytes(b"no tar file at all")
    with pytest.raises(FileDamagedError, match="cannot be read as a tar file"):
        len(ImageTars.at(tmp_path))
    with pytest.raises(CurvesError, match="holds no tar files"):
        ImageTars.at(images.root)


def test_data_sets_give_pictures_and_refuse_what_is_none() -> None:
    plain = FakeData(3, (3, 40, 60), transform=None)
    as_tensors = FakeData(3, (3, 40, 60), transform=ToTensor())
    found = ImageDataset("fake", plain, short_side=20)
    assert len(found) == 3
    assert [picture.name for picture in found.pictures()] == ["0", "1", "2"]
    for one, other in zip(found.pictures(), ImageDataset("fake", as_tensors).pictures(), strict=True):
        assert np.array_equal(np.asarray(one.read()), np.asarray(other.read()))
        assert one.scaled(20).shape == (3, 20, 30)
    assert next(ImageDataset("bare", [Image.new("L", (8, 8))]).pictures()).read().mode == "RGB"
    normalised = FakeData(1, (3, 40, 60), transform=lambda x: Normalize(0.5, 0.1)(ToTensor()(x)))
    with pytest.raises(CurvesError, match="sample 0 of normalised is no picture"):
        next(ImageDataset("normalised", normalised).pictures()).read()
    with pytest.raises(CurvesError, match="is empty"):
        ImageDataset("none", [])


def test_tar_files_are_an_image_set_like_the_folder_that_went_into_them(images: ImageSet, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for path in images.paths:
            tar.add(path, path.name)
    with tarfile.open(tmp_path / "second.tar", "w") as tar:
        tar.add(images.paths[1], "x.png")
    tars, second = (open_images(tmp_path / f"{name}.tar", short_side=96) for name in ("all", "second"))
    assert tars.hash == images.hash
    assert second.hash != images.hash
    assert all(torch.equal(one, other) for one, other in zip(tars, images, strict=True))
    assert tars.shared(second) == (Path("all.tar") / images.paths[1].name,)
    assert images.shared(second) == (images.paths[1],)
    scales = [measure_scale(small.network(), "3b", each) for each in (tars, images)]
    assert torch.equal(scales[0].std, scales[1].std)
    with pytest.raises(CurvesError, match="have no labels; give a folder of images with a subfolder for each class"):
        class_labels(tars, 1000)


def test_every_command_takes_tar_files(images: ImageSet, tmp_path: Path, curves) -> None:
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for path in images.paths:
            tar.add(path, path.name)
    small.network().save(tmp_path / "net.safetensors")
    cards = []
    for place in (tmp_path / "all.tar", images.root):
        arguments = ("--tests", "synthetic", "--quick", "--images", place, "--json")
        code, out, error = curves("eval", tmp_path / "net.safetensors", "-o", tmp_path / "card", *arguments)
        assert code == 0, error
        cards.append(json.loads(out))
    assert cards[0]["scores"] == cards[1]["scores"]
    assert cards[0]["conditions"]["images"]["hash"] == cards[1]["conditions"]["images"]["hash"]


@pytest.mark.parametrize("command", ["eval", "compare", "families", "likeness", "dataset", "recovery", "label page"])
def test_what_is_not_there_is_told_before_a_folder_is_made(command: str, tmp_path: Path, curves) -> None:
    net, made = tmp_path / "net.safetensors", tmp_path / "made"
    code, _, error = curves(*command.split(), net, "-o", made)
    assert code == 2
    assert "there is no file" in error
    small.network().save(net)
    code, _, error = curves(*command.split(), net, "-o", made, "--images", tmp_path / "no")
    assert code == 2
    assert "there is no folder" in error
    assert not made.exists()
