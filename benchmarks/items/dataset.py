"""A pass of the dataset test over 200 pictures to 4a, beside the bare forward pass and peers as readers of activations.

The pictures are the middles of scikit-image's photographs, 224 x 224 px, under other names again and again, held in
memory; one job reads and scales each from its file instead, and so does its bare pass. All run pictures one at a time,
as the pass does, so that its results do not depend on the order. What the pass adds: hashes of the pictures, and all
accumulators of 16 units. Peers read 4a and take each unit's highest activation.

As documented the whole network runs; handed our method, modules that end at 4a.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from benchmarks.contract import HANDED, OURS, Job, Options, Run, Way
from benchmarks.limit import least_seconds, multiply_adds
from benchmarks.readers import READERS, reader, ways_of
from circuits import Family, Member, Network, Unit
from circuits.images import ImageSet
from circuits.pictures import Picture
from circuits.regions import compile_program
from evals.dataset import survey_images
from weights import load

__all__ = ["TITLE", "Repeated", "family_of", "jobs"]

TITLE = "a pass over pictures"
LAYER, UNITS, SIZE = "4a", 16, 224
BARE = "our bare forward pass"
SAMPLE = 8
"""Pictures that peers run."""


@dataclass(frozen=True)
class Repeated:
    """The photographs again and again, under different names; read from their files, or ready in memory."""

    count: int
    ready: tuple[Image.Image, ...] | None = None
    name: str = "repeated photographs"
    short_side: int = SIZE

    def __len__(self) -> int:
        return self.count

    def pictures(self) -> Iterator[Picture]:
        """All pictures, named by their number."""
        photographs = itertools.cycle(enumerate(ImageSet.photographs(self.short_side).pictures()))
        for number, (which, picture) in zip(range(self.count), photographs, strict=False):
            read = picture.read if self.ready is None else partial(self.ready.__getitem__, which)
            yield Picture(str(number), read)


def family_of(layer: str) -> Family:
    """As many units as a family has; which ones does not matter for the cost."""
    return Family("curve", layer, tuple(Member(Unit(layer, 20 * i), 22.5 * i) for i in range(UNITS)))


class Case:
    """The network, the pictures and the family."""

    def __init__(self, options: Options, count: int) -> None:
        self.options, self.count, self.family = options, count, family_of(LAYER)

    @cached_property
    def net(self) -> Network:
        return load(self.options.network)

    @cached_property
    def ready(self) -> list[Tensor]:
        """The middle of each photograph, 3 x 224 x 224."""
        found = []
        for image in ImageSet.photographs(SIZE):
            top, left = (image.shape[1] - SIZE) // 2, (image.shape[2] - SIZE) // 2
            found.append(image[:, top : top + SIZE, left : left + SIZE].contiguous())
        return found

    def image(self, piece: int) -> Tensor:
        return self.ready[piece % len(self.ready)][None]

    def survey(self, files: bool, _pieces: Sequence[int]) -> Run:
        """Highest activations, pictures x units; nan where the survey kept none."""
        images = Repeated(self.count, None if files else tuple(map(to_pil_image, self.ready)))

        def run() -> Tensor:
            survey = survey_images(self.net, self.family, images)
            found = torch.full((self.count, UNITS), torch.nan)
            for example in survey.examples(survey.top.rows):
                found[int(example.picture), self.family.units.index(example.unit)] = example.value
            return found

        return run

    def bare(self, files: bool, pieces: Sequence[int]) -> Run:
        """The same network, nothing but run."""
        images = Repeated(self.count)

        def run() -> Tensor:
            if files:
                pictures: Iterator[Tensor] = (picture.scaled(SIZE)[None] for picture in images.pictures())
            else:
                pictures = map(self.image, pieces)
            with torch.inference_mode():
                read = (self.net.activations(picture, [LAYER], pre=True)[LAYER] for picture in pictures)
                return torch.cat([self.highest(values) for values in read])

        return run

    def peer(self, tool: str, column: str, label: str, pieces: Sequence[int]) -> Run:
        read = reader(tool, column, label, self.net, self.net.layer(LAYER).pre)
        images = [self.image(piece) for piece in pieces]
        return lambda: torch.cat([self.highest(read(image)) for image in images])

    def highest(self, values: Tensor) -> Tensor:
        return values[:, list(self.family.channels)].amax((2, 3))

    def limit(self) -> tuple[float, int]:
        program = compile_program(self.net.ops, {self.net.layer(LAYER).pre: None}, (SIZE, SIZE))
        return least_seconds(self.net, program), multiply_adds(self.net, program)


def jobs(options: Options) -> list[Job]:
    """Pictures in memory, beside peers; and from files."""
    count = 24 if options.quick else 200
    case = Case(options, count)
    memory = [
        Way(OURS, "", partial(case.survey, False)),
        Way(BARE, HANDED, partial(case.bare, False)),
    ]
    memory += ways_of(READERS, case.peer, pieces=SAMPLE)
    files = (
        Way(OURS, "", partial(case.survey, True)),
        Way(BARE, HANDED, partial(case.bare, True)),
    )
    targets = {BARE: 1 / 1.1}
    return [
        Job(f"{count} pictures in memory to {LAYER}", "picture", count, tuple(memory), targets, limit=case.limit),
        Job(f"{count} pictures from files to {LAYER}", "picture", count, files, targets),
    ]
