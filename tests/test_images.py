"""Image sets: named, hashed, halved, and compared by what is in the files."""

import shutil
from pathlib import Path

import pytest

import evals
from circuits import CurvesError, FileDamagedError
from circuits.images import PHOTOGRAPHS, ImageSet
from tests import small


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return small.write_images(tmp_path_factory.mktemp("images"))


def test_image_sets_are_named_hashed_and_refuse_what_is_no_image(images: ImageSet, tmp_path: Path) -> None:
    photographs = ImageSet.photographs()
    assert len(photographs) == len(PHOTOGRAPHS) == 16
    assert evals.ImageSet is ImageSet
    assert photographs.hash != ImageSet.photographs(short_side=100).hash
    sizes = [tuple(image.shape) for image in images]
    assert sizes == [(3, 96, 96)] * 2
    with pytest.raises(CurvesError, match="there is no folder"):
        ImageSet.folder(tmp_path / "none")
    with pytest.raises(CurvesError, match="holds no images"):
        ImageSet.folder(tmp_path)
    with pytest.raises(CurvesError, match="the image set 'none' is empty"):
        ImageSet("none", ())
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(FileDamagedError, match=r"broken\.png cannot be read as an image"):
        list(ImageSet.folder(tmp_path))


def test_halves_share_nothing_and_leave_nothing_out(images: ImageSet) -> None:
    photographs = ImageSet.photographs()
    first, second = photographs.halves()
    assert [p for pair in zip(first.paths, second.paths, strict=True) for p in pair] == list(photographs.paths)
    assert not first.shared(second)
    assert first.name == f"first half of {photographs.name}"
    assert len({first.hash, second.hash, photographs.hash}) == 3
    with pytest.raises(CurvesError, match="has one image, which cannot be halved"):
        images.halves()[0].halves()


def test_a_picture_is_known_by_its_content(images: ImageSet, tmp_path: Path) -> None:
    shutil.copy(images.paths[1], tmp_path / "renamed.png")
    other = ImageSet.folder(tmp_path, short_side=50)
    assert images.shared(other) == (images.paths[1],)
    assert other.shared(images) == other.paths
    assert images.halves()[0].shared(other) == ()
