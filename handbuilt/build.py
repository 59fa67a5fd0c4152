"""The artificial artificial neural network: the curve circuit set by hand, conv2d0 to 4a.

Source: "Curve Circuits", section on the artificial artificial neural network.

In InceptionV1's geometry: the same kernels, strides, pools and so the same receptive fields. In every layer a shape is
excited by the simpler shape along its tangent and inhibited where that is misaligned; weights between opposite
directions are negative, which removes echoes. Both normalisations divide by the activity of all units at a place,
so that contrast hardly matters. Nothing here has seen an image.
"""

from __future__ import annotations

from dataclasses import asdict

from circuits import CurvesError, Family, Network, Provenance, Unit
from handbuilt.assembly import Assembly
from handbuilt.complex_gabors import complex_gabors
from handbuilt.curves import curves, double_curves
from handbuilt.early_curves import early_curves, line_ends, passed_on
from handbuilt.gabors import gabors
from handbuilt.geometry import spread_evenly
from handbuilt.lines import combed_edges, lines, small_curves
from handbuilt.parameters import Parameters
from handbuilt.shapes import shapes

__all__ = ["build", "families", "family_units", "is_handbuilt"]

ORIENTATIONS = 12
"""Lines' at least: a Gabor of 7x7 px has a bandwidth of some 30 degrees, and two must overlap between any two."""


def build(orientations: int = 24, parameters: Parameters | None = None) -> Network:
    """Build the hand-built network. It takes RGB in 0..1 of any size, and its activations have no unit.

    Args:
        orientations: directions of curves around the circle; lines get half as many, but at least 12. A multiple of
            4, so that turning the picture by 90 degrees only renames units.
        parameters: the numbers all weights follow from.

    Returns:
        A network with layers conv2d0 (Gabors, contrasts of colour), conv2d1 (complex Gabors), conv2d2 (lines, combed
        edges, small curves), 3a (lines, early curves, line ends), 3b (curves of three bands of radius, double curves)
        and 4a (circles, spirals, evolutes, S-shapes). Its provenance holds the parameters and the families.

    Raises:
        CurvesError: `orientations` is not a multiple of 4 from 8.
    """
    if orientations < 8 or orientations % 4:
        raise CurvesError(f"cannot build {orientations} orientations; give a multiple of 4, 8 or more")
    p = parameters or Parameters()
    flat = spread_evenly(max(orientations // 2, ORIENTATIONS), 180)
    half, round_ = spread_evenly(orientations // 2, 180), spread_evenly(orientations, 360)

    net = Assembly()
    conv2d0 = gabors(p.gabors, flat)
    x = net.conv("conv2d0", "input", conv2d0, stride=2)
    x = net.pool("pool0", x)
    x = net.normalise("norm0", x, sum(map(len, conv2d0)), p.gabors.contrast)
    x = net.conv("conv2d1", x, complex_gabors(p.complex_gabors, flat, conv2d0))
    conv2d2 = [
        lines(p.lines, flat),
        combed_edges(p.combed_edges, round_, flat),
        small_curves(p.small_curves, round_, flat),
    ]
    x = net.conv("conv2d2", x, conv2d2)
    x = net.normalise("norm1", x, sum(map(len, conv2d2)), p.lines.contrast)
    x = net.pool("pool1", x)
    mixed3a = [
        passed_on(conv2d2, "line"),
        early_curves(p.early_curves, round_, conv2d2),
        line_ends(p.line_ends, round_, conv2d2),
    ]
    x = net.mixed("3a", x, mixed3a)
    mixed3b = [
        *curves(p.curves, round_, mixed3a),
        double_curves(p.double_curves, p.curves, half, mixed3a),
    ]
    x = net.mixed("3b", x, mixed3b)
    x = net.pool("pool2", x)
    net.mixed("4a", x, shapes(p.shapes, half, mixed3b))

    details = {
        "orientations": orientations,
        "parameters": asdict(p),
        "families": [family.to_json() for family in net.families],
        "licence": "Apache-2.0",
    }
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
