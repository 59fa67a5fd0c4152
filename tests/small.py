"""Small inputs for the tests of comparisons: seconds for a whole report."""

from functools import cache

import numpy as np
from PIL import Image

import handbuilt
from editing import Ablate, Plan
from evals import ImageSet, SyntheticCurves, find_curve_family

LAYER = "3b"
TEST = SyntheticCurves(directions=tuple(np.arange(0, 360, 22.5)), radii=(30.0, 60.0, 120.0))
GONE = ("3b:0", "3b:1", "3b:2")


def write_images(folder):
    """Two pictures in which every unit finds something: their spread is what responses are measured in."""
    noise = np.random.default_rng(0)
    for number in range(2):
        coarse = Image.fromarray(noise.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        coarse.resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return ImageSet.folder(folder, short_side=96)


@cache
def network():
    return handbuilt.build(orientations=8)


def edited():
    return Plan([Ablate(*GONE)]).apply(network())


def family(images):
    return find_curve_family(network(), LAYER, test=TEST, images=images)
