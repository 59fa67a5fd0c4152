"""A toy network, and what surrounds one that is published."""

import hashlib
import io
import zipfile

import torch

from circuits import Network, Provenance
from circuits.ops import Conv


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def toy(seed=0):
    weight = torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(seed))
    tensors = {"a/weight": weight, "a/bias": torch.zeros(2)}
    conv = Conv("a", ("input",), kernel=(1, 1))
    return Network([conv], tensors, {"a": ("a", "a")}, input_size=8, provenance=Provenance("toy", "made here"))


def zipped(member, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    return buffer.getvalue()


def convert(path, provenance):
    return Network.load(path).evolve(provenance=provenance)


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))
