"""What ImageNet's training set would cost on a cluster, from what is measured here: `python -m benchmarks.scaling`.

Measured, on one thread of this machine: each stage of a picture (JPEGs of ImageNet's usual size and bytes, made from
scikit-image's photographs), of a part (packing a survey that is full, and on the client unpacking and merging it), and
of the cluster (a local one). The rest is arithmetic, which `Costs` writes down. `--json FILE` keeps the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.items.dataset import Repeated, family_of
from benchmarks.turns import write_figures
from circuits import CurvesError, Network
from circuits.cluster import connected, spread
from circuits.image_sources import ImageTars
from circuits.images import ImageSet
from circuits.pictures import Picture, as_image, read_file
from evals.dataset import Settings, survey_images
from evals.dataset.block import Seen
from evals.dataset.store import packed, unpacked
from evals.dataset.survey import Survey
from evals.maps import family_maps
from evals.scorecard import provenance
from weights import load

PICTURES = 1_281_167
BYTES = 147.9e9
"""Of the training set of ILSVRC 2012 and of its tar file, which is of JPEGs as they were found."""

SIDES, QUALITY = (500, 375), 99
"""Most of its pictures are as large; this quality makes them about as many bytes, 115,000."""

PARTS_EACH = 4
LINK = 1.25e9
"""Bytes a second into the client, and out of the storage: 10 Gbit."""

WORKERS = (1, 8, 64, 512)


@dataclass(frozen=True)
class Costs:
    """What was measured: seconds of one thread's work, and bytes.

    Attributes:
        decode: of a picture, reading it from memory and decoding.
        resize: scaling it to a shorter side of 224, hashing, and making it a tensor.
        forward: running it to the layer.
        count: adding it to the survey.
        header: passing over a picture in a tar file.
        pack: a part's survey, on the worker.
        merge: unpacking it on the client and merging.
        task: the scheduler's and the client's work for a part.
        start: a worker's start, with its imports, on this machine.
        survey_bytes: a part's survey as it is sent.
        network_bytes: the network as it is sent.
        jpeg_bytes: a picture as it was measured.
    """

    decode: float
    resize: float
    forward: float
    count: float
    header: float
    pack: float
    merge: float
    task: float
    start: float
    survey_bytes: float
    network_bytes: float
    jpeg_bytes: float

    @property
    def picture(self) -> float:
        """A picture in all."""
        return self.decode + self.resize + self.forward + self.count

    def row(self, workers: int) -> dict[str, float]:
        """Seconds by the clock, where nothing waits for storage, and bytes, on so many workers of one thread each."""
        parts = PARTS_EACH * workers
        on_workers = PICTURES * (self.picture + self.header) / workers + PARTS_EACH * self.pack
        on_client = parts * (self.merge + self.task + self.survey_bytes / LINK)
        # At the end a worker waits for others: on average for half a part, if there are others.
        last = PICTURES / parts * self.picture / 2 * (1 - 1 / workers)
        sent = workers * self.network_bytes / LINK  # one after another, from the scheduler
        wall = self.start + sent + max(on_workers + last, on_client)
        return {
            "parts": parts,
            "on a worker": on_workers,
            "on the client": on_client,
            "wall": wall,
            "efficiency": PICTURES * self.picture / workers / wall,
            "to workers": workers * self.network_bytes,
            "to the client": parts * self.survey_bytes,
            "read a second": BYTES / wall,
        }

    @property
    def most_workers(self) -> float:
        """Where the client has as much to do as each worker."""
        each = PARTS_EACH * (self.merge + self.task + self.survey_bytes / LINK)
        return float((PICTURES * self.picture / each) ** 0.5)


def spent(work: Callable[[], object], times: int = 3) -> float:
    """Seconds that this process's threads work for it: the median."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return float(np.median(found))


def jpegs() -> list[bytes]:
    """Photographs as ImageNet has them."""
    found = []
    for picture in ImageSet.photographs().pictures():
        file = io.BytesIO()
        picture.read().resize(SIDES).save(file, "JPEG", quality=QUALITY)
        found.append(file.getvalue())
    return found


def stages(net: Network) -> dict[str, float]:
    """Seconds of each stage, for one picture."""
    files, family = jpegs(), family_of("3b")
    count = len(files)
    decoded = [read_file(io.BytesIO(file)) for file in files]
    ready = [picture.scaled(224) for picture in ImageSet.photographs().pictures()]
    maps = [family_maps(net, family, image) for image in ready]
    survey = survey_of(net, 1)

    def resize() -> None:
        for image in decoded:
            pixels = Picture("", image.copy).pixels(224)
            hashlib.blake2b(pixels.data, digest_size=32)
            as_image(pixels)

    def add() -> None:
        survey.add([Seen(f"{time.perf_counter_ns()}/{number}", number, values) for number, values in enumerate(maps)])

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "some.tar")
        with tarfile.open(place, "w") as tar:
            for number in range(1000):
                info = tarfile.TarInfo(f"{number}.jpg")
                info.size = len(files[number % count])
                tar.addfile(info, io.BytesIO(files[number % count]))
        tars = ImageTars.at(place)
        header = spent(lambda: sum(1 for _ in tars.pictures())) / 1000
    add()
    return {
        "decode": spent(lambda: [read_file(io.BytesIO(file)) for file in files]) / count,
        "resize": spent(resize) / count,
        "forward": spent(lambda: [family_maps(net, family, image) for image in ready]) / count,
        "count": spent(add) / count,
        "header": header,
        "jpeg_bytes": float(np.mean([len(file) for file in files])),
    }


def survey_of(net: Network, times: int) -> Survey:
    """So many times the photographs; with 8, samples and groups are full but for rare strata."""
    return survey_images(net, family_of("3b"), Repeated(times * len(ImageSet.photographs())))


def parts(net: Network, times: int) -> dict[str, float]:
    """Seconds and bytes of a part."""
    full = survey_of(net, times)
    content = packed(full)
    whole = Survey(provenance(net), full.family, full.field, full.short_side, Settings())

    def merge() -> None:
        whole.pieces = ()
        whole.merge(unpacked(content))

    merge()
    return {"pack": spent(lambda: packed(full)), "merge": spent(merge), "survey_bytes": float(len(content))}


def cluster(net: Network, count: int) -> dict[str, float]:
    """Seconds for a part in which nothing is done, and for the start of a worker."""
    begin = time.perf_counter()
    with connected("local:1") as client:
        list(spread(client, net, nothing, range(1)))
        start = time.perf_counter() - begin
        task = spent(lambda: list(spread(client, net, nothing, range(count))), 1) / count
    return {"task": task, "start": start, "network_bytes": float(len(pickle.dumps(net)))}


def nothing(_net: Network, _part: int) -> None:
    """A part without work."""


def main() -> None:
    """Measure, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        net = load(arguments.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    costs = Costs(**stages(net), **parts(net, 8), **cluster(net, 300))
    table = Table(title=f"measured, {arguments.network} to 3b, 16 units, one thread")
    table.add_column("what")
    table.add_column("ms, or MB", justify="right")
    for name, value in asdict(costs).items():
        table.add_row(name, f"{value / 1e6:.2f} MB" if name.endswith("bytes") else f"{value * 1e3:.2f} ms")
    Console().print(table)
    rows = {workers: costs.row(workers) for workers in WORKERS}
    table = Table(title=f"{PICTURES:,} pictures, {BYTES / 1e9:.0f} GB; most workers {costs.most_workers:,.0f}")
    for name in ("workers", *rows[1]):
        table.add_column(name, justify="right")
    for workers, row in rows.items():
        cells = [f"{row['parts']:,}"]
        cells += [clock(row[name]) for name in ("on a worker", "on the client", "wall")]
        cells += [f"{row['efficiency']:.0%}"]
        cells += [f"{row[name] / 1e6:,.0f} MB" for name in ("to workers", "to the client", "read a second")]
        table.add_row(str(workers), *cells)
    Console(width=140).print(table)
    if arguments.json:
        write_figures(arguments.json, {"costs": asdict(costs), "rows": rows})


def clock(seconds: float) -> str:
    """Hours, minutes or seconds."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
