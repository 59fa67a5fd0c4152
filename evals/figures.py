"""The report's figures as data for plotly: what they share, radial tuning curves and pictures of the stimuli."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuits import Member
from circuits.angles import difference
from evals.grid import CurveGrid
from evals.scorecard import Scorecard
from evals.stimuli import Curve

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["DIRECTIONS", "Maps", "hues", "picture", "radial_tuning", "samples"]

DIRECTIONS = tuple(range(0, 360, 45))
"""Degrees for which the heat maps show a unit of each network."""

NEAR = 30.0
"""Degrees that a unit may be from the direction it is shown for."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, MUTED, RULE = "#1f2328", "#656d76", "#d8dee4"


@dataclass(frozen=True)
class Maps:
    """The responses of one network's family to synthetic curves.

    Attributes:
        members: the units in order of direction.
        responses: units x directions x radii (the last infinite: straight lines), standard deviations.
        tuning: units x directions, averaged over radii.
        directions: degrees.
        radii: px; the last is infinite.
    """

    members: tuple[Member, ...]
    responses: NDArray[np.float32]
    tuning: NDArray[np.float32]
    directions: NDArray[np.float64]
    radii: NDArray[np.float64]

    @classmethod
    def of(cls, card: Scorecard) -> Maps | None:
        """The maps in a card; None if the synthetic-curve test was not run."""
        names = ("responses", "radial_tuning", "directions", "radii")
        if card.family is None or any(f"synthetic.{name}" not in card.data for name in names):
            return None
        return cls(card.family.members, *(card.data[f"synthetic.{name}"] for name in names))

    @property
    def silent(self) -> tuple[bool, ...]:
        """For each unit, whether it responds to nothing."""
        return tuple(bool(r.max() <= 0) for r in self.responses)

    def nearest(self, direction: float) -> int | None:
        """The unit that points most nearly in a direction; None if none is within 30 degrees."""
        apart = np.abs(difference([member.direction for member in self.members], direction))
        return int(apart.argmin()) if apart.min() <= NEAR else None


def hues(directions: Sequence[float]) -> list[str]:
    """A colour for each direction: cyclic, of even lightness on white."""
    from plotly import colors

    scale = colors.make_colorscale(colors.cyclical.Phase)
    found: list[str] = colors.sample_colorscale(scale, [direction % 360 / 360 for direction in directions])
    return found


def radial_tuning(number: int, maps: Maps, largest: float) -> dict[str, Any]:
    """A network's tuning curves around the circle, for plotly's polar chart.

    Args:
        number: of the chart in the report.
        maps: its responses.
        largest: end of the radial axis, standard deviations.
    """
    from plotly import graph_objects as go

    theta = [*map(float, maps.directions), float(maps.directions[0]) + 360]
    traces = []
    for member, curve, colour in zip(maps.members, maps.tuning, hues([m.direction for m in maps.members]), strict=True):
        traces.append(
            go.Scatterpolar(
                theta=theta,
                r=np.round([*curve, curve[0]], 3),
                mode="lines",
                line={"color": colour, "width": 2},
                name=html.escape(str(member.unit)),
                hovertemplate=f"<b>{html.escape(str(member.unit))}</b>, found at {degrees(member.direction)}"
                "<br>%{r:.2f} SD for curves of %{theta}<extra></extra>",
            )
        )
    spokes = {"gridcolor": RULE, "linecolor": RULE, "tickfont": {"size": 11, "color": MUTED}}
    polar = {
        "bgcolor": "white",
        "angularaxis": spokes | {"rotation": 0, "direction": "counterclockwise", "dtick": 45, "ticksuffix": "°"},
        "radialaxis": spokes
        | {"range": [0, largest or 1], "angle": 22.5, "tickangle": 22.5, "nticks": 4, "showline": False, "ticks": ""}
        | {"ticksuffix": " SD", "showticksuffix": "last"},
    }
    layout = {
        "template": None, "polar": polar, "showlegend": False, "hovermode": "closest",
        "margin": {"l": 36, "r": 36, "t": 28, "b": 28}, "paper_bgcolor": "white", "dragmode": False,
        "font": {"family": FONT, "color": INK}, "hoverlabel": {"font": {"family": FONT, "size": 12}},
    }  # fmt: skip
    return {"id": f"radial-{number}"} | plain(go.Figure(traces, layout))


def samples(spec: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    """Some of a grid's curves as strips of (caption, picture): the directions as lines, the radii as filled areas."""
    grid = CurveGrid.from_spec(dict(spec))
    radii = dict(grid.axes).get("radius", (grid.base.radius,))
    middle = radii[len(radii) // 2 - 1]
    around = [replace(grid.base, filled=False, direction=float(d), radius=middle) for d in DIRECTIONS]
    bent = [replace(grid.base, filled=True, direction=45.0, radius=r) for r in radii]
    return [
        [(f"{curve.direction:.0f}°", picture(curve)) for curve in around],
        [("line" if math.isinf(curve.radius) else f"{curve.radius:.0f} px", picture(curve)) for curve in bent],
    ]


def picture(curve: Curve) -> str:
    """A curve as a PNG in a data URI."""
    from PIL import Image

    pixels = (curve.render().permute(1, 2, 0) * 255).round().byte().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def degrees(direction: float) -> str:
    return f"{round(direction) % 360}°"


def plain(figure: Figure) -> dict[str, Any]:
    """The figure with JSON's types alone."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    return plain
