"""The articles' edits on a learned network: negative weights keep echoes away, and combing can be removed."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import evals
from circuits import CurvesError, Family, Network
from editing import KeepOnly, Plan, RemoveCombing, RemoveNegative
from evals import SyntheticCurves

COARSE = SyntheticCurves(directions=tuple(range(0, 360, 15)), radii=(20.0, 30.0, 45.0, 70.0, 110.0))


@pytest.fixture(scope="module")
def family(bvlc: Network) -> Family:
    return evals.find_curve_family(bvlc, "3b")


def test_without_negative_weights_echoes_come_back(bvlc: Network, family: Family) -> None:
    (early,) = evals.find_families(bvlc, ["3a"], kinds=["early curve"])
    kept = Plan([KeepOnly(early, family)])
    positive = Plan([KeepOnly(early, family), RemoveNegative(early, family)])
    echo, harmonic = {}, {}
    for name, net in {"unedited": bvlc, "early": kept.apply(bvlc), "positive": positive.apply(bvlc)}.items():
        card = evals.run(net, family)
        echo[name], harmonic[name] = (card.scores[f"synthetic.{score}"] for score in ("echo", "first_harmonic"))
        assert card.scores["synthetic.responding"] > 0.9
    assert echo["early"] < 0.1
    assert harmonic["early"] > 0.85
    assert echo["positive"] >= 5 * echo["early"]
    assert echo["positive"] > 0.15


def drawn_combs(direction: float, size: int, *, dark: bool, curve: bool) -> torch.Tensor:
    """By Pillow, thick and thin: ticks of other lengths and distances than any that the edit was found with."""
    pictures = []
    for radius, length, spacing, width in ((25.0, 8.0, 9.0, 2.0), (45.0, 13.0, 12.0, 3.0), (70.0, 11.0, 8.5, 2.5)):
        scale = 8
        image = Image.new("L", (size * scale, size * scale), 0)
        draw = ImageDraw.Draw(image)
        turn = np.radians(direction)
        inward = np.array([np.cos(turn), -np.sin(turn)])
        centre = np.array([size / 2, size / 2]) + inward * radius
        angles = np.arange(-60, 61) if curve else np.degrees(np.arange(-4, 5) * spacing / radius)
        outward = [-inward @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in np.radians(angles)]
        if curve:
            points = [tuple((centre + radius * o) * scale) for o in outward]
            draw.line(points, fill=255, width=round(width * scale), joint="curve")
        else:
            for o in outward:
                ends = [tuple((centre + (radius + side * length / 2) * o) * scale) for side in (-1, 1)]
                draw.line(ends, fill=255, width=round(width * scale))
        small = np.asarray(image.resize((size, size), Image.Resampling.BOX), dtype=np.float32) / 255
        pictures.append(torch.from_numpy(1 - small if dark else small).expand(3, -1, -1))
    return torch.stack(pictures)


def test_combing_is_removed_and_curves_stay(bvlc: Network, family: Family) -> None:
    """Of the units with the largest kernels, which have most of it; on pictures that another program drew."""
    members = tuple(m for m in family if 320 <= m.unit.channel < 416)[::2]
    chosen = Family("curve", "3b", members)
    edit = RemoveCombing.find(bvlc, chosen, "3a", *evals.comb_calibration(bvlc, "3b"))
    places = sum(len(cut) for _, cut in edit.cuts)
    assert 0 < places <= 0.05 * len(members) * 256 * 25
    edited = Plan([edit]).apply(bvlc)
    said = {}
    with torch.inference_mode():
        for name, net in (("before", bvlc), ("after", edited)):
            for curve in (True, False):
                total = 0.0
                for member in members:
                    pictures = [drawn_combs(member.direction, 91, dark=dark, curve=curve) for dark in (True, False)]
                    total += float(net.responses(torch.cat(pictures), "3b", pre=False)[:, member.unit.channel].sum())
                said[name, curve] = total
    assert said["before", False] > 0.05 * said["before", True], "no combing to begin with"
    assert said["after", False] <= 0.2 * said["before", False]
    assert abs(said["after", True] / said["before", True] - 1) <= 0.1
    tuned = [evals.run(net, chosen, [COARSE]).scores for net in (bvlc, edited)]
    for member in members:
        before, after = (scores[f"synthetic.{member.unit}.preferred_direction"] for scores in tuned)
        assert abs((after - before + 180) % 360 - 180) <= 5, member.unit
    assert abs(tuned[1]["synthetic.width"] / tuned[0]["synthetic.width"] - 1) <= 0.15
    assert tuned[1]["synthetic.echo"] <= tuned[0]["synthetic.echo"] + 0.02


def test_what_is_not_allowed_is_not_cut(bvlc: Network, family: Family) -> None:
    sources = Family(
        "some", "3a", tuple(type(family.members[0])(bvlc.unit(f"3a:{c}"), float(c)) for c in range(60, 120))
    )
    chosen = Family("curve", "3b", tuple(m for m in family if 320 <= m.unit.channel < 416)[:2])
    combs, curves = evals.comb_calibration(bvlc, "3b")
    edit = RemoveCombing.find(bvlc, chosen, sources, combs[::8], curves[::8])
    assert {c for _, places in edit.cuts for c, _, _ in places} <= set(range(60, 120))
    with pytest.raises(CurvesError, match="must be N x 3 x 91 x 91, what 3b sees"):
        RemoveCombing.find(bvlc, chosen, "3a", combs[:2, :, 1:, 1:], curves[:2, :, 1:, 1:])
