"""Small inputs for the tests of comparisons: seconds for a whole report."""

from functools import cache

import numpy as np
import torch
from PIL import Image

import handbuilt
from editing import Ablate, Plan
from evals import ImageSet, SyntheticCurves, find_curve_family
from tests.drawn import drawn_curve

LAYER = "3b"
TEST = SyntheticCurves(directions=tuple(np.arange(0, 360, 22.5)), radii=(30.0, 60.0, 120.0))
GONE = tuple(f"3b:{8 * band + n}" for band in range(3) for n in range(3))
"""The curves of three directions, 0 to 90 degrees, in each of the small network's bands of radius."""
SILENCED = 3
"""How many of the small network's family of eight they are, whichever band each is of."""


def write_images(folder):
    """Two pictures in which every unit finds something: their spread is what responses are measured in.

    Few curves, as in photographs: among many no single one stands out by two standard deviations.
    """
    for number, picture in enumerate(pictures(2, 96, seed=2, curves=4)):
        save_picture(picture, folder / f"{number}.png")
    return ImageSet.folder(folder, short_side=96)


def save_picture(picture, path):
    Image.fromarray((picture.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()).save(path)


def pictures(count, size=91, *, seed=0, curves=2):
    """N x 3 x size x size in [0, 1]: curves and areas that end in curves, over coarse noise.

    Noise alone leaves the hand-built 3b silent. The last curve goes through the middle of the picture, its direction 45
    degrees more from picture to picture, so that unit n of the small network's curves sees its own in picture n; the
    others are anywhere. None lies evenly on the pixels: where places of a max pool are equal, rounding decides.
    """
    random = np.random.default_rng(seed)
    return torch.stack([_picture(random, size, 45.0 * number, curves) for number in range(count)])


def _picture(random, size, direction, curves):
    coarse = Image.fromarray(random.integers(96, 160, (size // 8, size // 8, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    for number in range(curves):
        middle = number == curves - 1
        mask = drawn_curve(
            direction + random.uniform(-5, 5) if middle else random.uniform(0, 360),
            random.uniform(25, 45) if middle else random.choice((12.0, 30.0, 90.0)),
            size=size,
            filled=bool(number % 2 == 0),
            offset=tuple(random.uniform(-1, 1, 2) if middle else random.uniform(-size / 2, size / 2, 2)),
        )
        colour = torch.tensor(random.uniform(0, 1, 3), dtype=torch.float32)[:, None, None]
        picture = picture * (1 - mask) + colour * mask
    return picture


@cache
def network():
    return handbuilt.build(orientations=8)


def edited():
    return Plan([Ablate(*GONE)]).apply(network())


def family(images):
    return find_curve_family(network(), LAYER, test=TEST, images=images)
