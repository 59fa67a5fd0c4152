"""What a dataset pass costs beside the bare forward pass, and its memory: `python -m benchmarks.dataset [--json FILE]`.

Both run scikit-image's photographs through the same network to 3b, one at a time, in the same process and in turns:

- in memory: pictures are read before; what is added is hashing them and all accumulators. At most 15%;
- from files: both read and scale every picture; the pass reads the next while one is run, the bare loop does not.

CPU is the work of all threads of the process, which other processes hardly change; the 15% are told by it.
Memory is the peak of a process of its own (Linux) that surveys 16, 64 and 256 pictures: the photographs
under other names.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from torchvision.transforms.functional import to_pil_image

from benchmarks.turns import time_in_turns, write_figures
from circuits import CurvesError, Family, Member, Network, Unit
from circuits.images import ImageSet
from circuits.pictures import Picture
from evals.dataset import survey_images
from weights import load

LAYER = "3b"
UNITS = 16
TIMES = 4
"""How often the photographs are run in one measurement."""

MOST = 1.15


@dataclass(frozen=True)
class Repeated:
    """The photographs again and again, under different names; read from their files, or from memory."""

    times: int = 1
    ready: tuple[Image.Image, ...] | None = None
    name: str = "repeated photographs"
    short_side: int = 224

    def __len__(self) -> int:
        return self.times * len(ImageSet.photographs())

    def pictures(self) -> Iterator[Picture]:
        """All pictures."""
        for turn in range(self.times):
            for number, picture in enumerate(ImageSet.photographs().pictures()):
                read = picture.read if self.ready is None else partial(self.ready.__getitem__, number)
                yield Picture(f"{turn}/{picture.name}", read)


def some_family() -> Family:
    """As many units as a family has; which ones does not matter for the cost."""
    return Family("curve", LAYER, tuple(Member(Unit(LAYER, 20 * i), 22.5 * i) for i in range(UNITS)))


def peak(network: str, times: int) -> float:
    """Peak memory of this process in MB, after a survey of so many times the photographs."""
    torch.set_num_threads(1)
    survey_images(load(network), some_family(), Repeated(times))
    status = Path("/proc/self/status").read_text()  # getrusage also counts the process that this one was started by
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def metered(way: Callable[[], object], spent: list[float]) -> None:
    """Run, and note the seconds that the process's threads worked, which other processes hardly change."""
    begin = time.process_time()
    way()
    spent.append(time.process_time() - begin)


def cases(net: Network, spent: dict[str, list[float]]) -> dict:
    """Each way to run all photographs, as a function without arguments, that notes what it spent."""
    images, family = Repeated(TIMES), some_family()
    ready = [image[None] for image in ImageSet.photographs()]
    scaled = Repeated(TIMES, tuple(to_pil_image(image[0]) for image in ready))

    def bare(pictures) -> None:
        with torch.inference_mode():
            for picture in pictures:
                net.activations(picture, [LAYER], pre=True)

    ways = {
        "bare, in memory": lambda: bare(ready * TIMES),
        "pass, in memory": lambda: survey_images(net, family, scaled),
        "bare, from files": lambda: bare(picture.scaled(224)[None] for picture in images.pictures()),
        "pass, from files": lambda: survey_images(net, family, images),
    }
    return {name: partial(metered, way, spent.setdefault(name, [])) for name, way in ways.items()}


def main() -> None:
    """Run, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--threads", type=int, default=1, help="of torch; more than are free tell nothing")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    try:
        net = load(arguments.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    spent: dict[str, list[float]] = {}
    photographs = len(ImageSet.photographs())
    times = time_in_turns(cases(net, spent), turns=3)
    rows = {}
    table = Table(
        title=f"photographs through {LAYER} of {net.provenance.name}, {UNITS} units, {arguments.threads} threads"
    )
    for column in ("way", "ms / picture", "spread (IQR)", "over bare", "CPU ms / picture", "over bare"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name, found in times.items():
        wall, work = found * 1e3 / photographs / TIMES, torch.tensor(spent[name]) * 1e3 / photographs / TIMES
        rows[name] = row = {"ms": float(wall.median()), "cpu_ms": float(work.median())}
        row |= {"iqr": float(wall.quantile(0.75) - wall.quantile(0.25))}
        row |= {f"{key} over bare": row[key] / rows["bare" + name[4:]][key] for key in ("ms", "cpu_ms")}
        cells = (row["ms"], row["iqr"], row["ms over bare"], row["cpu_ms"], row["cpu_ms over bare"])
        table.add_row(name, *(f"{cell:.2f}" if place in {2, 4} else f"{cell:.1f}" for place, cell in enumerate(cells)))
    Console().print(table)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        peaks = {n * photographs: pool.apply(peak, (arguments.network, n)) for n in (1, 4, 16)}
    table = Table(title="peak memory of a survey")
    for column in ("pictures", "MB"):
        table.add_column(column, justify="right")
    for pictures, megabytes in peaks.items():
        table.add_row(str(pictures), f"{megabytes:.0f}")
    Console().print(table)
    if arguments.json:
        write_figures(arguments.json, {"rows": rows, "threads": arguments.threads, "peak_mb": peaks})
    ratio = rows["pass, in memory"]["cpu_ms over bare"]
    if ratio > MOST:
        raise SystemExit(f"the pass takes {ratio:.2f} times the bare forward pass, more than {MOST}")


if __name__ == "__main__":
    main()
