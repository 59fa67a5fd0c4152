"""Curves whose parameters are given one by one."""

import json
import math

import pytest
import torch

from circuits import CurvesError
from evals.curve_table import CurveTable
from evals.stimuli import Curve, along_arc, render_curves

BASE = Curve(size=40, radius=15)
COLUMNS = {
    "direction": [[0.0, 90.0, 200.0], [10.0, 20.0, 30.0]],
    "radius": [[12.0], [math.inf]],
    "position": [[0.0, 1.0], [2.0, -3.0], [0.5, 0.0]],
    "foreground": (1.0, 0.5, 0.0),
}


def test_curves_are_those_that_the_columns_say():
    table = CurveTable(BASE, COLUMNS)
    assert table.shape == (2, 3)
    curves = [
        Curve(size=40, direction=d, radius=r, position=p, foreground=(1, 0.5, 0))
        for row, r in zip(COLUMNS["direction"], (12.0, math.inf), strict=True)
        for d, p in zip(row, COLUMNS["position"], strict=True)
    ]
    assert [table[i] for i in range(len(table))] == curves
    assert torch.equal(torch.cat(list(table.batches(4))), render_curves(curves))


def test_equal_tables_have_equal_specs_and_no_others():
    spec = CurveTable(BASE, COLUMNS).spec()
    json.dumps(spec, allow_nan=False)
    assert CurveTable(BASE, COLUMNS).spec() == spec
    assert CurveTable(BASE, COLUMNS | {"radius": [[12.0], [99.0]]}).spec() != spec
    assert CurveTable(Curve(size=41, radius=15), COLUMNS).spec() != spec
    turned = CurveTable(BASE, {"direction": [0.0, 90.0]}), CurveTable(BASE, {"direction": [[0.0], [90.0]]})
    assert turned[0].spec() != turned[1].spec()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"size": [3]}, "'size' cannot differ"),
        ({"width": [3.0]}, "'width' cannot differ"),
        ({"direction": [1.0, 2.0], "radius": [1.0, 2.0, 3.0]}, "different shapes"),
        ({"position": [1.0, 2.0, 3.0]}, "different shapes"),
        ({"radius": [3.0, -1.0]}, "radius must be 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(columns, message):
    with pytest.raises(CurvesError, match=message):
        CurveTable(BASE, columns)


@pytest.mark.parametrize("radius", [14.0, math.inf])
def test_pieces_lie_on_their_arc(radius):
    whole = Curve(size=64, direction=70, radius=radius)
    lengths = torch.linspace(-18, 18, 7).double().numpy()
    places, directions = along_arc(whole, lengths)
    pieces = CurveTable(whole, {"position": places, "direction": directions, "arc_length": [6.0] * 7})
    ink, of = torch.cat(list(pieces.batches()))[:, 0], whole.render()[0]
    assert (ink - of).max() < 0.1  # nothing beside the arc
    assert (ink.amax(0) - of)[of > 0.9].abs().max() < 1.01
    assert float(ink.amax(0).sum() / of.sum()) > (0.75 if radius < 99 else 0.5)
    # To the right of who looks at the centre, which lies up and a little to the right: lower and to the right.
    assert places[-1][0] > 0 > places[0][0]
