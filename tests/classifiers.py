"""Small classifiers whose 3b has the geometry and the curve detectors of InceptionV1's, and labelled folders."""

from pathlib import Path

import torch

from circuits import Network, Provenance
from circuits.ops import AvgPool, Conv, Linear, MaxPool, Padding, ReLU, Softmax
from circuits.regions import INPUT, upstream
from tests import small

CLASSES = 7


def classifier(*, softmax: bool = True) -> Network:
    """The small hand-built network up to 3b then 4a and classes, drawn at random."""
    hand = small.network()
    needed = upstream(hand.ops, "3b") - {INPUT}
    generator = torch.Generator().manual_seed(3)
    units = hand.layer("3b").channels
    ops = [
        *(op for op in hand.ops if op.name in needed),
        MaxPool("pool3", ("3b",), (3, 3), (2, 2), ceil=True),
        Conv("4a/pre", ("pool3",), (3, 3), (1, 1), Padding.same(1)),
        ReLU("4a", ("4a/pre",)),
        AvgPool("pool5", ("4a",)),
        Linear("classifier", ("pool5",)),
        *([Softmax("softmax", ("classifier",))] if softmax else []),
    ]
    tensors = {name: t for name, t in hand.tensors.items() if name.rpartition("/")[0] in needed}
    tensors |= {
        "4a/pre/weight": torch.randn(6, units, 3, 3, generator=generator),
        "4a/pre/bias": torch.randn(6, generator=generator) * 0.01,
        "classifier/weight": torch.randn(CLASSES, 6, generator=generator) * 2,
        "classifier/bias": torch.zeros(CLASSES),
    }
    layers = {name: (layer.pre, layer.post) for name, layer in hand.layers.items() if {layer.pre, layer.post} <= needed}
    layers["4a"] = ("4a/pre", "4a")
    return Network(ops, tensors, layers, input_size=96, provenance=Provenance("toy classifier", "made here"))


def write_folders(root: Path, names: list[str], each: int = 2) -> None:
    """Pictures in a folder for each name, no two alike."""
    pictures = iter(small.pictures(each * len(names), 128, seed=1, curves=12)[:, :, :96])
    for name in names:
        (root / name).mkdir(parents=True)
        for number in range(each):
            small.save_picture(next(pictures), root / name / f"{number}.png")
