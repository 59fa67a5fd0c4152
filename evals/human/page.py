"""The page on which a person labels: one HTML file that needs no other file and no network, and tells no activation."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from circuits.files import write_text
from circuits.pictures import Images
from evals.dataset.strata import crops
from evals.human.labels import LABELS
from evals.human.reading import COLUMNS
from evals.human.sample import LabelSample
from evals.stimuli import Curve

__all__ = ["PAGE", "label_page", "save_page"]

PAGE = "label.html"

_SIDE = 91
"""px of a drawn example."""


def save_page(sample: LabelSample, images: Images, folder: str | os.PathLike[str]) -> Path:
    """Write `label.html`, whole or not at all, and say where.

    Raises:
        CurvesError: the image set lacks a picture of the sample, or the place cannot be written to.
    """
    path = Path(folder) / PAGE
    write_text(path, label_page(sample, images))
    return path


def label_page(sample: LabelSample, images: Images) -> str:
    """The page as HTML; the same text for the same sample.

    Of a crop it has pixels and a name: neither activation nor bin nor picture, nor the unit's or the network's name.

    Raises:
        CurvesError: the image set lacks a picture of the sample.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("evals"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    seen = crops(sample, images, [sample.example(crop) for crop in sample.crops])
    shown = [{"name": crop.name, "picture": _uri(pixels)} for crop, pixels in zip(sample.crops, seen, strict=True)]
    return environment.get_template("label.html").render(
        data={
            "sample": sample.identity,
            "columns": COLUMNS,
            "labels": [label.name for label in LABELS],
            "crops": shown,
        },
        count=len(shown),
        wanted=_uri(_drawn(sample.member.direction)),
        rules=[
            {"number": number, "name": label.name, "rule": label.rule, "colour": label.colour, "examples": examples}
            for number, (label, examples) in enumerate(zip(LABELS, _examples(sample.member.direction), strict=True), 1)
        ],
    )


def _examples(direction: float) -> list[list[str]]:
    """Drawn crops for each label, for a unit of that direction."""
    return [
        [_uri(_drawn(direction)), _uri(_drawn(direction, 35.0))],
        [
            _uri(_drawn(direction, 130.0)),
            _uri(_drawn(direction, 0.0, max_angle=80, extended=True)),
            _uri(_drawn(direction + 35)),
        ],
        [_uri(_drawn(direction, 1e5)), _uri(_crossed(direction))],
        [_uri(_drawn(direction + 180)), _uri(_drawn(direction + 90))],
    ]


def _drawn(direction: float, radius: float = 50.0, **more: Any) -> NDArray[np.float64]:  # noqa: ANN401 (of a curve)
    """A dark curve on light grey, `_SIDE` x `_SIDE` x 3."""
    drawn = Curve(
        direction=direction, radius=radius, line_width=4, size=_SIDE, foreground=(0.15, 0.15, 0.15),
        background=(0.9, 0.9, 0.9), **{"max_angle": 150, **more},
    )  # fmt: skip
    pixels: NDArray[np.float64] = drawn.render().permute(1, 2, 0).double().numpy()
    return pixels


def _crossed(direction: float) -> NDArray[np.float64]:
    """Two straight lines: there is no curve either."""
    return np.minimum(_drawn(direction + 20, 1e5), _drawn(direction + 110, 1e5))


def _uri(pixels: Any) -> str:  # noqa: ANN401 (an array of any size)
    """Pixels in 0..1 as a PNG in a data URI."""
    file = io.BytesIO()
    Image.fromarray((np.asarray(pixels) * 255).round().astype(np.uint8)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
