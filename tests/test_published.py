"""The published groups of InceptionV1, as data."""

import json
from pathlib import Path

import numpy as np
import pytest

import evals
from circuits import CurvesError
from evals.families import LARGEST_FIELD
from tests import small

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def test_groups_hold_each_unit_once_and_say_where_they_are_from() -> None:
    sizes = {"conv2d0": 64, "conv2d1": 64, "conv2d2": 192, "3a": 256, "3b": 480, "4a": 508}
    groups = evals.published_groups()
    assert {group.layer for group in groups} == sizes.keys()
    for group in groups:
        assert len(set(group.units)) == len(group.units) > 0
        assert all(unit.layer == group.layer and unit.channel < sizes[group.layer] for unit in group.units)
        assert group.source.startswith("published: ")
        assert group.kind is None or group.kind in evals.KINDS


def test_groups_are_chosen_by_layer_and_kind() -> None:
    overview, figure = evals.published_groups(layer="3a", kind="early curve")
    assert (overview.name, figure.name) == ("Curves", "Curve detectors of the tuning figures")
    assert set(overview.units) == set(figure.units)
    assert len(overview.units) == 11
    assert [len(group.units) for group in evals.published_groups("conv2d0", "Gabor")] == [28]
    assert evals.published_groups("conv2d0", "curve") == ()
    with pytest.raises(CurvesError, match="no groups are published of a layer '4b'; there are conv2d0, conv2d1"):
        evals.published_groups(layer="4b")
    with pytest.raises(CurvesError, match="no groups are published of a kind 'circle'; there are Gabor"):
        evals.published_groups(kind="circle")


def test_the_ten_curve_detectors_have_their_published_directions() -> None:
    (family,) = evals.published_families()
    assert (family.name, family.layer, family.period) == ("curve", "3b", 360)
    assert family.source.startswith("published: Curve Detectors")
    assert set(family.units) == set(evals.published_groups("3b", "curve")[0].units)
    directions = {member.unit.channel: member.direction for member in family}
    # Published 243 degrees clockwise, which are 117 counter-clockwise.
    assert directions[379] == 117
    assert directions[343] == 2
    assert np.diff([*family.directions, family.directions[0] + 360]).max() < 75


def test_a_published_group_gets_measured_directions() -> None:
    """On the hand-built network in inception5h's place: the caller takes the units where they are."""

    net = small.network()
    group = evals.PublishedGroup("Curves", "3b", net.units("3b")[:4], "published: somewhere", "curve")
    assert net.receptive_field(group.layer).size <= LARGEST_FIELD
    family = evals.measure_family(net, group.kind, group.units, source=group.source)
    assert family.source == "published: somewhere; directions measured on handbuilt"
    assert np.abs(np.subtract(family.directions, [0, 45, 90, 135])).max() < 3


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published figures are not here")
def test_the_data_are_what_was_published() -> None:
    published = json.loads((REFERENCE / "inceptionv1_families.json").read_text())
    for layer, groups in published["layers"].items():
        ours = {g.name: [u.channel for u in g.units] for g in evals.published_groups(layer) if "figures" not in g.name}
        assert ours == groups
    tuning = json.loads((REFERENCE / "inceptionv1_mixed3b_tuning.json").read_text())
    (family,) = evals.published_families()
    assert {str(m.unit.channel): m.evidence["published_orientation"] for m in family} == tuning["orientation_deg"]
