"""The dataset pass on a Dask cluster: the same parts, the same accumulators and, bit for bit, the same survey.

Needs the extra `curve-circuits[cluster]`; docs/scaling.md says what it costs.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from circuits import CurvesError, Family, Network
from circuits.cluster import Client, spread, workers
from circuits.files import replacing
from circuits.image_sources import ImageTars
from circuits.images import ImageSet
from circuits.pictures import Images
from evals.dataset.records import Settings
from evals.dataset.store import packed, unpacked
from evals.dataset.survey import Survey, merged
from evals.dataset.walk import begun, shard_path, survey_images
from evals.progress import Progress

__all__ = ["survey_on"]

PARTS_EACH = 4
"""Parts for each thread of the cluster: with more of them a lost worker loses less, and none waits long at the end."""


def survey_on(
    client: Client,
    net: Network,
    family: Family,
    images: Images | None = None,
    *,
    shard: tuple[int, int] = (0, 1),
    parts: int | None = None,
    settings: Settings | None = None,
    folder: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Survey an image set on a cluster, as `survey_images` does in one process.

    The pictures are opened by the workers, which must find them under the same paths; of several tar files each is
    opened by one worker alone. Surveys of parts are merged as
    they come, so that memory does not grow with the number of parts; a lost worker's parts are run again by others.

    Args:
        client: of the cluster.
        net: any network.
        family: its units of one layer.
        images: any image set that can be pickled; scikit-image's photographs by default.
        shard: which of how many shares of the image set to survey; all of it by default.
        parts: that the work is cut into, four for each of the cluster's threads by default. It changes nothing in
            the result, except that it is how `folder`'s files are named.
        settings: what is kept.
        folder: where each part's survey is kept on this machine; those that are whole there are not run again.
        threads: of torch in each worker; by default as many as here, for results equal to this process's to the bit.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network lacks a unit of the family.
        CurvesError: as `survey_images`, or parts were lost again and again.
        FileDamagedError: a picture or a survey in `folder` cannot be read.
    """
    images, settings = images or ImageSet.photographs(), settings or Settings()
    begun(net, family, images, shard, settings, None)  # refuses here what workers would
    index, count = shard
    pictures = len(range(index, len(images), count))
    by_file = isinstance(images, ImageTars) and shard == (0, 1) and len(images.paths) > 1
    most = len(images.paths) if isinstance(images, ImageTars) and by_file else pictures
    parts = min(parts or PARTS_EACH * workers(client), max(1, most))
    if parts < 1:
        raise CurvesError(f"cannot survey in {parts} parts; give at least 1")
    shards = [(index + count * part, count * parts) for part in range(parts)]
    found: Survey | None = None
    missing = []
    for part in shards:
        path = shard_path(folder, part) if folder else None
        have = begun(net, family, images, part, settings, path, by_file)[0] if path and path.exists() else None
        if have and have.pieces[0].done == have.pieces[0].total:
            found = merged([found, have] if found else [have])
        else:
            missing.append(part)
    work = partial(_survey, family=family, images=images, settings=settings, by_file=by_file)
    for number, content in spread(client, net, work, missing, threads=threads):
        if folder:
            _keep(content, shard_path(folder, missing[number]))
        survey = unpacked(content, f"part {missing[number][0]}")
        if found is None:
            found = merged([survey])
        else:
            found.merge(survey)
        if progress:
            progress(f"pictures through {family.layer} on the cluster", found.images, pictures)
    assert found is not None
    return found


def _survey(
    net: Network, part: tuple[int, int], *, family: Family, images: Images, settings: Settings, by_file: bool
) -> bytes:
    """On a worker: a part's survey as a file's content, which is far smaller than the survey itself."""
    return packed(survey_images(net, family, images, shard=part, by_file=by_file, settings=settings))


def _keep(content: bytes, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
