"""The heat maps of networks side by side, like the article's figure of artificial and natural curve detectors."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.figures import DIRECTIONS, FONT, INK, MUTED, NEAR, RULE, Maps, degrees, plain

__all__ = ["colour_scale", "heat_maps"]

SILENT = "silent"


def heat_maps(networks: Mapping[str, Maps]) -> dict[str, Any]:
    """Response by direction and radius, for the unit nearest to each of eight directions.

    Returns:
        For plotly, `data` with a `layout` of networks by directions, and the `narrow` one, turned, for small screens;
        `scales` holds the end of the colour scale, `common` to all maps and each map's `own`.
    """
    from plotly import graph_objects as go

    largest = max(float(maps.responses.max()) for maps in networks.values()) or 1.0
    traces: list[Any] = []
    cells: list[_Cell] = []
    peaks: list[float] = []
    for row, (name, maps) in enumerate(networks.items()):
        for column, direction in enumerate(DIRECTIONS):
            unit = maps.nearest(direction)
            number = len(traces) + 1
            traces.append(_heat_map(name, maps, unit, number, largest))
            peaks.append(largest if unit is None or maps.silent[unit] else float(maps.responses[unit].max()))
            cells.append(_Cell(number, row, column, *_heat_title(maps, unit, direction)))
    drawn = plain(go.Figure(traces, {"template": None}))
    wide = drawn["layout"] | _arrange(cells, networks, len(DIRECTIONS), turned=False)
    narrow = drawn["layout"] | _arrange(cells, networks, len(networks), turned=True)
    scales = {"common": largest, "own": peaks}
    return {"id": "heat-maps", "data": drawn["data"], "layout": wide, "narrow": narrow, "scales": scales}


@dataclass(frozen=True)
class _Cell:
    number: int
    row: int
    column: int
    title: str
    inside: str


def _heat_title(maps: Maps, unit: int | None, direction: float) -> tuple[str, str]:
    if unit is None:
        return "", f"no unit within<br>{NEAR:.0f}° of {direction:.0f}°"
    member = maps.members[unit]
    title = f"<b>{html.escape(str(member.unit))}</b><br>{degrees(member.direction)}"
    if maps.silent[unit]:
        return title, SILENT
    return f"{title} · {maps.responses[unit].max():.1f} SD", ""


def _heat_map(name: str, maps: Maps, unit: int | None, number: int, largest: float) -> Any:  # noqa: ANN401 (plotly's)
    from plotly import graph_objects as go

    axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
    colours = {"colorscale": colour_scale(), "zmin": 0, "zmax": largest, "showscale": False}
    step = 360 / len(maps.directions)
    # Cells between edges; the circle is closed by showing the first direction again.
    x = [*(maps.directions - step / 2), maps.directions[0] + 360 - step / 2, maps.directions[0] + 360 + step / 2]
    y = _radius_edges(maps.radii)
    shape = (len(y) - 1, len(x) - 1)
    if unit is None:
        return go.Heatmap(x=x, y=y, z=np.full(shape, np.nan), hoverinfo="skip", showscale=False, **axes)
    shown = np.full(shape, np.nan)
    responses = np.concatenate([maps.responses[unit], maps.responses[unit][:1]]).T
    shown[: len(maps.radii) - 1] = responses[:-1]
    shown[-1] = responses[-1]
    rows = [f"radius {r:.0f} px" for r in maps.radii[:-1]] + ["", "straight line"]
    columns = [f"{d:g}°" for d in (*maps.directions, maps.directions[0])]
    member = maps.members[unit]
    return go.Heatmap(
        x=x,
        y=y,
        z=np.round(shown, 3),
        text=[[f"{column}, {row}" for column in columns] for row in rows],
        hovertemplate=f"<b>{html.escape(str(member.unit))}</b>, {html.escape(name)}"
        "<br>%{text}: %{z:.2f} SD<extra></extra>",
        hoverongaps=False,
        **colours,
        **axes,
    )


def _radius_edges(radii: NDArray[np.float64]) -> list[float]:
    """Edges of the rows in octaves: the radii, a gap, and the straight line."""
    logs = np.log2(radii[:-1])
    middles = (logs[1:] + logs[:-1]) / 2
    half = float(np.median(np.diff(logs))) / 2 if len(logs) > 1 else 0.5
    top = float(logs[-1]) + half
    return [float(logs[0]) - half, *map(float, middles), top, top + half, top + 3 * half]


def colour_scale() -> list[tuple[float, str]]:
    """White for no response, then darker: readable in grey and by the colour-blind."""
    from plotly import colors

    ramp = colors.sequential.dense
    return [(0.0, "#ffffff"), *(((i + 1) / len(ramp), colour) for i, colour in enumerate(ramp))]


def _arrange(cells: Sequence[_Cell], networks: Mapping[str, Maps], columns: int, turned: bool) -> dict[str, Any]:
    """Axes and words for the cells; `turned` gives each network a column instead of a row."""
    rows = len(DIRECTIONS) if turned else len(networks)
    panel, between = (84, 42) if turned else (104, 72)
    margin = {"l": 38, "r": 6, "t": 80 if turned else 56, "b": 24}
    inner = rows * panel + (rows - 1) * between
    gap = 0.05 if turned else 0.018
    width = (1 - gap * (columns - 1)) / columns
    layout: dict[str, Any] = {
        "height": inner + margin["t"] + margin["b"], "margin": margin, "paper_bgcolor": "white",
        "plot_bgcolor": "white", "font": {"family": FONT, "size": 10, "color": INK}, "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
    }  # fmt: skip
    annotations = []
    for cell in cells:
        row, column = (cell.column, cell.row) if turned else (cell.row, cell.column)
        maps = list(networks.values())[cell.row]
        left, top = column * (width + gap), 1 - row * (panel + between) / inner
        layout[f"xaxis{cell.number}"] = _direction_axis(cell.number, left, left + width, row == rows - 1, turned)
        layout[f"yaxis{cell.number}"] = _radius_axis(maps.radii, cell.number, top - panel / inner, top, column == 0)
        place = {"xref": f"x{cell.number} domain", "yref": f"y{cell.number} domain", "showarrow": False}
        if cell.title:
            title = {"text": cell.title, "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "align": "left"}
            annotations.append(place | title | {"font": {"size": 10}})
        if cell.inside:
            annotations.append(place | {"text": cell.inside, "x": 0.5, "y": 0.5, "font": {"color": MUTED, "size": 11}})
    for number, name in enumerate(networks):
        start = number * len(DIRECTIONS) + 1
        place = {"xref": f"x{start} domain", "yref": f"y{start} domain", "x": 0, "y": 1, "yshift": 30}
        text = "<br>".join(map(html.escape, textwrap.wrap(name, 14)[:3])) if turned else html.escape(name)
        annotations.append(
            place
            | {"text": f"<b>{text}</b>", "xanchor": "left", "yanchor": "bottom", "align": "left", "showarrow": False}
            | {"font": {"size": 12 if turned else 15}}
        )
    return layout | {"annotations": annotations}


def _direction_axis(number: int, left: float, right: float, labelled: bool, small: bool) -> dict[str, Any]:
    ticks = [180] if small else [90, 180, 270]  # the ends would run into those of the next map
    return _line_axis() | {
        "anchor": f"y{number}", "domain": [left, min(right, 1)], "range": [0, 360], "tickvals": ticks,
        "ticktext": [f"{t}°" for t in ticks] if labelled else [""] * len(ticks), "tickangle": 0,
    }  # fmt: skip


def _radius_axis(radii: NDArray[np.float64], number: int, bottom: float, top: float, first: bool) -> dict[str, Any]:
    edges = _radius_edges(radii)
    finite = [float(r) for r in radii[:-1]]
    shown = sorted({finite[0], finite[len(finite) // 2], finite[-1]})
    values = [*map(math.log2, shown), (edges[-2] + edges[-1]) / 2]
    axis = {
        "anchor": f"x{number}", "domain": [max(bottom, 0), top], "range": [edges[0], edges[-1]], "tickvals": values,
        "ticktext": [*(f"{r:.0f}" for r in shown), "line"] if first else [""] * len(values),
    }  # fmt: skip
    return _line_axis() | axis


def _line_axis() -> dict[str, Any]:
    return {
        "showgrid": False, "zeroline": False, "showline": True, "mirror": True, "linecolor": RULE, "ticks": "outside",
        "ticklen": 3, "tickcolor": RULE, "tickfont": {"size": 10, "color": MUTED}, "fixedrange": True,
    }  # fmt: skip
