"""The hand-built curve detectors: their numbers on the shared test, and on curves that another program drew."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import Family, Network
from circuits.angles import difference
from evals.tuning import Array, coverage, radial_tuning, tuning
from tests.drawn import drawn_curve, drawn_strokes, turned

BANDS = ("middle", "small", "large")
RADII = (15.0, 25.0, 40.0, 60.0, 100.0, 150.0)
DIRECTIONS = np.arange(0, 360, 15) + 4.0  # off the units' own
STYLES = {
    "line": {},
    "line of 1 px": {"width": 1.0},
    "line of 6 px": {"width": 6.0},
    "dark line": {"foreground": (0, 0, 0), "background": (255, 255, 255)},
    "faint line": {"foreground": (150, 150, 150), "background": (110, 110, 110)},
    "bright line": {"foreground": (255, 255, 255), "background": (190, 190, 190)},
    "coloured line": {"foreground": (200, 40, 40), "background": (20, 80, 160)},
    "line of equal brightness": {"foreground": (255, 0, 0), "background": (0, 130, 0)},
    "area": {"filled": True},
    "dark area": {"filled": True, "foreground": (40, 40, 60), "background": (200, 220, 210)},
    "area of equal brightness": {"filled": True, "foreground": (60, 60, 255), "background": (91, 91, 0)},
}


@pytest.fixture(scope="module")
def net() -> Network:
    return handbuilt.build()


@pytest.fixture(scope="module", params=BANDS)
def family(net: Network, request: pytest.FixtureRequest) -> Family:
    return bands(net)[request.param]


def bands(net: Network) -> dict[str, Family]:
    """The families of curves by band of radii."""
    return dict(zip(BANDS, (f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve")), strict=True))


@pytest.fixture(scope="module")
def maps(net: Network) -> dict[str, Array]:
    """Responses to Pillow's curves by style: units x directions x (radii, line)."""
    return {name: responses(net, [drawn_curve(d, r, **style) for d, r in grid()]) for name, style in STYLES.items()}


def grid() -> Iterator[tuple[float, float]]:
    """Directions of a quarter turn, with all radii and a straight line."""
    return ((d, r) for d in DIRECTIONS[DIRECTIONS < 90] for r in (*RADII, 1e5))


def responses(net: Network, pictures: list[torch.Tensor]) -> Array:
    """Of all curve detectors to pictures in the order of `grid`, and turned by whole quarters.

    Turning a picture by a quarter turns the units by a quarter, exactly (`tests/test_handbuilt.py`), so that a quarter
    of the pictures is enough.
    """
    with torch.inference_mode():
        heard = torch.cat([net.responses(batch, "3b") for batch in torch.stack(pictures).split(32)]).clamp(min=0)
    quarter = heard[:, : 24 * len(BANDS)].reshape(-1, len(RADII) + 1, len(BANDS), 24).double().numpy()
    whole = np.concatenate([np.roll(quarter, 6 * turn, axis=-1) for turn in range(4)])
    found: Array = np.moveaxis(whole.reshape(len(DIRECTIONS), len(RADII) + 1, -1), -1, 0)
    return found


def test_handbuilt_meets_its_numbers_on_the_synthetic_test(net: Network) -> None:
    """Lines and areas that our own renderer draws, radii of 15 to 150 px; echoes at every radius up to 100."""
    test = evals.SyntheticCurves()
    found = evals.find_curve_family(net, "3b")
    assert len(found) == 24
    assert np.abs(difference(np.sort(np.round(found.directions) % 360), 15.0 * np.arange(24))).max() < 2
    for family in (found, *bands(net).values()):
        card = evals.run(net, family, [test])
        scores = card.scores
        assert scores["synthetic.first_harmonic"] >= 0.93
        assert scores["synthetic.coverage"] >= 0.85
        assert 40 <= scores["synthetic.width"] <= 60
        assert scores["synthetic.curve_over_line"] >= 0.6  # a line gets a quarter of the best at most
        assert scores["synthetic.responding"] == 1
        heard = card.data["synthetic.responses"][:, :, :-1].astype(float)
        near = np.array(test.radii) <= 100
        assert np.mean([echo(m, d) for m, d in zip(heard, family.directions, strict=True)], axis=0)[near].max() <= 0.005
        assert np.abs(difference([card.scores[f"synthetic.{u}.preferred_direction"] for u in family.units],
                                 family.directions)).max() < 2  # fmt: skip


def echo(heard: Array, direction: float) -> Array:
    """By radius, the largest response within 45 degrees of the opposite direction, over the largest of all."""
    directions = np.arange(len(heard)) * 360 / len(heard)
    opposite = np.abs(difference(directions, direction + 180)) <= 45
    return heard[opposite].max(axis=0) / heard.max()


@pytest.mark.parametrize("style", STYLES)
def test_curves_of_another_program_are_seen_alike_in_every_style(
    maps: dict[str, Array], family: Family, style: str
) -> None:
    mine = maps[style][list(family.channels)]
    found = [tuning(m[:, :-1], m[:, -1], DIRECTIONS, np.array(RADII)) for m in mine]
    assert all(found)
    assert np.mean([t.first_harmonic for t in found]) >= 0.93
    assert np.mean([t.echo for t in found]) <= 0.005
    assert 35 <= np.median([t.width for t in found]) <= 65
    assert coverage(np.stack([radial_tuning(m[:, :-1]) for m in mine])) >= 0.8
    assert (mine[:, :, -1].max(axis=1) <= 0.25 * mine.max(axis=(1, 2))).all()  # straight lines
    errors = difference([t.preferred_direction for t in found], family.directions)
    assert np.abs(errors).max() <= 5
    alike = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(mine, maps["line"][list(family.channels)], strict=True)
    ]
    assert min(alike) >= 0.9


def test_bands_answer_to_their_radii(net: Network, maps: dict[str, Array]) -> None:
    """The smaller a band's radii, the smaller those that it answers to best."""
    families = bands(net)
    heard = {name: maps["line"][list(families[name].channels), :, :-1].max(axis=1).mean(axis=0) for name in BANDS}
    mean = {name: float(np.exp(np.average(np.log(RADII), weights=heard[name]))) for name in BANDS}
    assert mean["small"] * 1.15 < mean["middle"] < mean["large"] / 1.15
    assert families["small"].members[0].evidence == {"smallest_radius": 10, "largest_radius": 20}


def test_right_angles_are_worth_less_than_curves(net: Network, maps: dict[str, Array], family: Family) -> None:
    corner = [[(70.0, 70.0), (0.0, 0.0), (70.0, -70.0)]]  # opens to the right
    pictures = [drawn_strokes(turned(corner, d), 91) for d in np.arange(0, 360, 15)]
    with torch.inference_mode():
        heard = net.responses(torch.stack(pictures), "3b").clamp(min=0)[:, list(family.channels)]
    best = maps["line"][list(family.channels)].max(axis=(1, 2))
    assert (heard.max(dim=0).values.numpy() < best).all()


@pytest.fixture(scope="module")
def scattered() -> dict[str, Array]:
    """120 arcs, lines and areas, of any direction, 15 to 150 px, their middles within 8 px of the picture's."""
    rng, count = np.random.default_rng(0), 120
    angle, away = rng.uniform(0, 2 * np.pi, count), 8 * np.sqrt(rng.uniform(size=count))
    return {
        "direction": rng.uniform(0, 360, count),
        "radius": np.exp(rng.uniform(np.log(15), np.log(150), count)),
        "x": away * np.cos(angle),
        "y": away * np.sin(angle),
        "filled": rng.uniform(size=count) < 0.5,
    }


def pictures(arcs: dict[str, Array], size: int) -> torch.Tensor:
    columns = zip(*arcs.values(), strict=True)
    return torch.stack([drawn_curve(d, r, size=size, filled=bool(f), offset=(x, y)) for d, r, x, y, f in columns])


def decoded(family: Family, strengths: torch.Tensor) -> Array:
    """The population's vote, degrees: activations N x C as lengths of arrows in the units' directions."""
    arrows = np.exp(1j * np.deg2rad(family.directions))
    found: Array = np.rad2deg(np.angle(strengths[:, list(family.channels)].double().numpy() @ arrows))
    return found


def test_the_population_tells_a_curves_direction_where_it_looks(net: Network, scattered: dict[str, Array]) -> None:
    """From one place: the direction that the curve has there, from the place to the curve's centre."""
    family = bands(net)["middle"]
    with torch.inference_mode():
        heard = torch.cat([net.responses(batch, "3b") for batch in pictures(scattered, 91).split(30)]).clamp(min=0)
    angle = np.deg2rad(scattered["direction"])
    x = scattered["x"] + scattered["radius"] * np.cos(angle)
    y = scattered["y"] + scattered["radius"] * np.sin(angle)
    errors = np.abs(difference(decoded(family, heard), np.rad2deg(np.arctan2(y, x))))
    assert np.median(errors) < 2
    assert np.quantile(errors, 0.9) < 5


def test_the_population_tells_a_curves_direction_from_the_whole_picture(
    net: Network, scattered: dict[str, Array]
) -> None:
    """From all places, wherever in the picture the arc lies: the direction in its middle."""
    family = bands(net)["middle"]
    with torch.inference_mode():
        heard = torch.cat([net.activations(b, ["3b"])["3b"].sum((2, 3)) for b in pictures(scattered, 224).split(30)])
    errors = np.abs(difference(decoded(family, heard), scattered["direction"]))
    assert np.median(errors) < 2
