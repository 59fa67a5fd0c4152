"""The pass over the images: each is read once, in parts if need be, and a killed pass goes on where it was saved."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.image_sources import ImageTars
from circuits.images import ImageSet
from circuits.memory import ImageRoom
from circuits.pictures import Images, Picture, as_image
from evals.dataset.block import FULL, Seen
from evals.dataset.records import Piece, Settings
from evals.dataset.store import SUFFIX, load_survey, save_survey
from evals.dataset.survey import Survey
from evals.maps import family_maps
from evals.progress import Progress
from evals.scorecard import provenance

__all__ = ["begun", "shard_path", "survey_images"]

T = TypeVar("T")


def survey_images(
    net: Network,
    family: Family,
    images: Images | None = None,
    *,
    shard: tuple[int, int] = (0, 1),
    by_file: bool = False,
    settings: Settings | None = None,
    path: str | os.PathLike[str] | None = None,
    every: float = 30.0,
    progress: Progress | None = None,
) -> Survey:
    """Run every picture of one part of an image set through the network once, and count what the family does.

    Pictures are run one at a time: convolutions in a batch may round otherwise, by who is in it with whom, and results
    would depend on the parts. The next picture is read while one is run, if there is a core to spare for that.

    Args:
        net: any network.
        family: its units of one layer.
        images: any image set; scikit-image's photographs by default.
        shard: which part, from 0, of how many: of every so many pictures, this one.
        by_file: of every so many tar files, if they are tar files: other files need not be opened then.
        settings: what is kept.
        path: where the survey is kept, from time to time and at the end; if there is one, the pass goes on from it.
        every: seconds from one such time to the next.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network lacks a unit of the family.
        CurvesError: there is no such part, the layer has no receptive field, the network's budget has no room for the
            survey and a picture, or the survey at `path` is of something else or of pictures that are no longer the
            same.
        FileDamagedError: a picture or the survey at `path` cannot be read.
    """
    images = images or ImageSet.photographs()
    survey, pictures = begun(net, family, images, shard, settings, path, by_file)
    (piece,) = survey.pieces
    saved = time.monotonic()
    what = f"pictures through {family.layer}"
    if piece.count > 1:
        what += f", part {piece.index} of {piece.count}"
    room = ImageRoom(net, [family.layer], beside=survey.most_bytes)
    waiting: list[Seen] = []

    def count() -> None:
        if waiting:
            survey.add(waiting)
            survey.pieces = (piece,)
            waiting.clear()

    read = _read(pictures, images.short_side)
    for name, content, pixels in _ahead(read) if _has_spare_core(net) else read:
        room.check(pixels.shape[0], pixels.shape[1], name)
        waiting.append(Seen(name, content, family_maps(net, family, as_image(pixels))))
        piece = piece.after(name)
        due = path is not None and time.monotonic() - saved >= every
        if due or sum(seen.maps.size for seen in waiting) >= FULL:
            count()
        if path is not None and due:
            save_survey(survey, path)
            saved = time.monotonic()
        if progress:
            progress(what, piece.done, piece.total)
    count()
    if path is not None:
        save_survey(survey, path)
    return survey


def begun(
    net: Network,
    family: Family,
    images: Images,
    shard: tuple[int, int],
    settings: Settings | None,
    path: str | os.PathLike[str] | None,
    by_file: bool = False,
) -> tuple[Survey, Iterator[Picture]]:
    """The survey of one part as far as it is at `path`, and the pictures that it lacks; as `survey_images`."""
    _check_part(shard)
    index, count = shard
    for unit in family.units:
        net.unit(unit)
    field = asdict(net.receptive_field(family.layer))
    if by_file and isinstance(images, ImageTars):
        piece = Piece(images.name, index, count, len(images.part(index, count)), of="files")
        pictures = images.part(index, count).pictures()
    else:
        piece = Piece(images.name, index, count, len(range(index, len(images), count)))
        pictures = itertools.islice(images.pictures(), index, None, count)
    survey = Survey(provenance(net), family, field, images.short_side, settings or Settings(), (piece,))
    if path is not None and Path(path).exists():
        survey = _resumed(survey, pictures, Path(path))
    return survey, pictures


def shard_path(folder: str | os.PathLike[str], shard: tuple[int, int]) -> Path:
    """Where a part's survey is kept in a folder of surveys.

    Raises:
        CurvesError: there is no such part.
    """
    _check_part(shard)
    index, count = shard
    digits = len(str(count))
    return Path(folder) / f"{index:0{digits}}-of-{count}{SUFFIX}"


def _check_part(shard: tuple[int, int]) -> None:
    index, count = shard
    if not 0 <= index < count:
        raise CurvesError(f"there is no part {index} of {count}; give 0 to {count - 1}")


def _resumed(fresh: Survey, pictures: Iterator[Picture], path: Path) -> Survey:
    """The survey that was saved, if it is the same up to where it got; its pictures are passed over."""
    (piece,), survey = fresh.pieces, load_survey(path)
    try:
        survey.check_like(fresh)
    except CurvesError as error:
        raise CurvesError(f"{path} is another survey ({error}); remove it or name another place") from None
    saved = survey.pieces[0] if len(survey.pieces) == 1 else None
    for picture in itertools.islice(pictures, saved.done if saved else 0):
        piece = piece.after(picture.name)
    if piece != saved:
        raise CurvesError(f"{path} is of other pictures or another part of them; remove it or name another place")
    survey.join_devices(fresh)
    return survey


def _read(pictures: Iterator[Picture], short_side: int) -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
    """Name, hash of the scaled pixels, and these, H x W x 3, of each.

    Nothing here is torch's: each thread that runs it has threads of its own there, which take time from the network's.
    """
    for picture in pictures:
        pixels = picture.pixels(short_side)
        digest = hashlib.blake2b(f"{pixels.shape}".encode(), digest_size=32)
        digest.update(pixels.data)
        yield picture.name, int.from_bytes(digest.digest(), "little"), pixels


def _has_spare_core(net: Network) -> bool:
    """Whether reading beside the network takes nothing from it: torch's threads wait for the one that is disturbed."""
    return net.device.type != "cpu" or torch.get_num_threads() < (os.cpu_count() or 1)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next of which is fetched while one is in use."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item
