"""The artificial artificial network: curve detectors set by hand, conv2d0 to 3b.

Source: "Curve Circuits", section on the artificial artificial neural network.

In InceptionV1's geometry: the same kernels, strides, pools and so the same receptive fields. In every layer a shape is
excited by the simpler shape along its tangent and inhibited where that is misaligned; weights between opposite
directions are negative, which removes echoes. Both normalisations divide by the activity of all units at a place,
so that contrast hardly matters. Nothing here has seen an image.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuits import CurvesError, Family, Member, Network, Provenance, Unit
from circuits.ops import Concat, Conv, LocalResponseNorm, MaxPool, Op, Padding, ReLU
from handbuilt.complex_gabors import complex_gabor_kernels
from handbuilt.gabors import gabor_kernels
from handbuilt.geometry import Array, arc_kernels, spread_evenly
from handbuilt.lines import line_kernels
from handbuilt.parameters import Parameters

__all__ = ["build", "families", "family_units", "is_handbuilt"]


def build(orientations: int = 24, parameters: Parameters | None = None) -> Network:
    """Build the hand-built network.

    Args:
        orientations: directions of curves around the circle; lines get half as many. A multiple of 4, so that turning
            the picture by 90 degrees only renames units.
        parameters: the numbers all weights follow from.

    Returns:
        A network with layers conv2d0 (Gabors), conv2d1 (complex Gabors), conv2d2 (lines), 3a (lines, then early curves)
        and 3b (curves). Its provenance holds the parameters and the families with their directions.

    Raises:
        CurvesError: `orientations` is not a multiple of 4 from 8.
    """
    if orientations < 8 or orientations % 4:
        raise CurvesError(f"cannot build {orientations} orientations; give a multiple of 4, 8 or more")
    p = parameters or Parameters()
    lines = spread_evenly(orientations // 2, 180)
    curves = spread_evenly(orientations, 360)

    net = _Assembly()
    gabors = gabor_kernels(p.gabors, lines)
    x = net.conv("conv2d0", "input", gabors, stride=2)
    x = net.pool("pool0", x)
    x = net.normalise("norm0", x, len(gabors), p.gabors.contrast)
    x = net.conv("conv2d1", x, complex_gabor_kernels(p.complex_gabors, lines))
    x = net.conv("conv2d2", x, line_kernels(p.lines, lines, stride=4), p.lines.threshold)
    x = net.normalise("norm1", x, len(lines), p.lines.contrast)
    x = net.pool("pool1", x)
    early = arc_kernels(p.early_curves, curves, lines, 180, stride=8)
    x = net.mixed("3a", x, passed=len(lines), kernels=early, threshold=p.early_curves.threshold)
    late = arc_kernels(p.curves, curves, curves, 360, stride=8)
    unread = np.zeros((len(curves), len(lines), 5, 5))  # 3a's lines are there to be looked at; curves do without
    net.mixed("3b", x, passed=0, kernels=np.concatenate([unread, late], axis=1), threshold=p.curves.threshold)

    families = [
        _family("complex Gabor", "conv2d1", 180, 0, lines),
        _family("line", "conv2d2", 180, 0, lines),
        _family("line", "3a", 180, 0, lines),
        _family("early curve", "3a", 360, len(lines), curves),
        _family("curve", "3b", 360, 0, curves),
    ]
    details = {"orientations": orientations, "parameters": asdict(p), "families": families, "licence": "Apache-2.0"}
    return net.network(Provenance("handbuilt", "handbuilt.build", details))


def families(net: Network) -> tuple[Family, ...]:
    """The families of a hand-built network, or of one edited from it: by construction, from its provenance.

    Raises:
        CurvesError: the network was not built by hand.
    """
    if not is_handbuilt(net):
        raise CurvesError(f"{net.provenance.name} was not built by hand; evals.find_families finds its families")
    return tuple(Family.from_json(family) for family in net.provenance.details["families"])


def is_handbuilt(net: Network) -> bool:
    """Whether the network says which families it was built with; a learned one with grafted units does not."""
    return "families" in net.provenance.details


def family_units(net: Network, layer: str) -> list[Unit]:
    """The units of a hand-built network's layer that are in a family, each once.

    Raises:
        CurvesError: the network was not built by hand.
    """
    every = (unit for family in families(net) if family.layer == layer for unit in family.units)
    return list(dict.fromkeys(every))


def _family(name: str, layer: str, period: float, first: int, angles: Array) -> dict[str, Any]:
    members = tuple(Member(Unit(layer, first + i), float(angle)) for i, angle in enumerate(angles))
    return Family(name, layer, members, period, "by construction").to_json(evidence=False)


class _Assembly:
    """Collects ops and tensors, in InceptionV1's terms."""

    def __init__(self) -> None:
        self._ops: list[Op] = []
        self._tensors: dict[str, Tensor] = {}
        self._layers: dict[str, tuple[str, str]] = {}

    def conv(self, layer: str, source: str, kernels: Array, threshold: float = 0.0, stride: int = 1) -> str:
        self._weights(f"{layer}/pre", source, kernels, threshold, stride)
        return self._relu(layer)

    def mixed(self, layer: str, source: str, passed: int, kernels: Array, threshold: float) -> str:
        """An Inception layer of which two branches are used: the first `passed` units as they are, and 5x5 kernels.

        The 1x1 bottleneck before the 5x5 passes every unit on: no activation is negative, so its ReLU changes nothing.
        """
        width = kernels.shape[1]
        bottleneck = self.conv(f"{layer}/5x5_bottleneck", source, _identity(width, width))
        branches = [self._weights(f"{layer}/5x5", bottleneck, kernels, threshold)]
        if passed:
            branches.insert(0, self._weights(f"{layer}/1x1", source, _identity(passed, width)))
        self._ops.append(Concat(f"{layer}/pre", tuple(branches)))
        return self._relu(layer)

    def pool(self, name: str, source: str) -> str:
        self._ops.append(MaxPool(name, (source,), (3, 3), (2, 2), ceil=True))
        return name

    def normalise(self, name: str, source: str, channels: int, contrast: float) -> str:
        """Divide x by sqrt(contrast^2 + sum over all channels of x^2)."""
        window = 2 * channels - 1  # reaches every channel from every other
        self._ops.append(LocalResponseNorm(name, (source,), window, alpha=float(window), beta=0.5, k=contrast**2))
        return name

    def network(self, provenance: Provenance) -> Network:
        return Network(self._ops, self._tensors, self._layers, provenance=provenance)

    def _weights(self, name: str, source: str, kernels: Array, threshold: float = 0.0, stride: int = 1) -> str:
        count, _, rows, columns = kernels.shape
        self._ops.append(Conv(name, (source,), (rows, columns), (stride, stride), Padding.same(rows // 2)))
        self._tensors[f"{name}/weight"] = torch.from_numpy(kernels).float()
        self._tensors[f"{name}/bias"] = torch.full((count,), -float(threshold))
        return name

    def _relu(self, layer: str) -> str:
        self._ops.append(ReLU(layer, (f"{layer}/pre",)))
        self._layers[layer] = (f"{layer}/pre", layer)
        return layer


def _identity(outputs: int, inputs: int) -> Array:
    return np.eye(outputs, inputs)[:, :, None, None]
