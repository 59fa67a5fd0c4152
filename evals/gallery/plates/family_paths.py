"""The circuit as paths of families, from the first filters to 4a: an edge is as wide as its share of weights."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from circuits import CurvesError, Family
from evals.gallery.board import Board
from evals.gallery.composition import picture
from evals.gallery.kernels import percent
from evals.gallery.layered import OTHER, Shares, evenly, families_by_layer, family_colours, shares
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet
from evals.gallery.subject import Subject

__all__ = ["family_paths"]

LEFT, COLUMN, LINE, ICON = 0.4, 2.05, 1.12, 0.36
HALF, WORDS, BEHIND = 0.48, 0.12, 0.78
PICTURES = 3
"""Units of a family that are pictured."""

WIDEST = 16.0
"""Points, of an edge with all of a family's weights."""

LEAST = 0.01
"""Shares below this are no edge."""


@dataclass(frozen=True, eq=False)
class _Node:
    """A family, or a layer's units of none.

    Attributes:
        layer: where.
        name: of the family or `OTHER`.
        units: how many.
        family: None for `OTHER`.
        read: the shares of the layer before; None in the first layer and of `OTHER`.
    """

    layer: str
    name: str
    units: int
    family: Family | None
    read: Shares | None = field(default=None, repr=False)


@plate(
    "family-paths",
    "families as nodes from the first layer to 4a, joined by the shares of weights between them",
    "Curve Circuits, the curve detector algorithm",
)
def family_paths(setting: Setting) -> Figure:
    """A column for each layer, its families below each other; edges lead from what is read to what reads it.

    Raises:
        CurvesError: fewer than two layers have families.
    """
    subject = setting.subject
    found = families_by_layer(subject, setting.images, setting.progress)
    columns = [column for column in _columns(subject, found) if any(node.family for node in column)]
    if len(columns) < 2:
        raise CurvesError(f"families were found in {len(columns)} layers of {subject.name}; show another network")
    height = LINE * max(len(column) for column in columns) + 0.4
    sheet = Sheet(LEFT + COLUMN * len(columns) + 0.2, height, "Paths of families, layer by layer")
    board = Board(sheet)
    colours = family_colours(found)
    places = {}
    for number, column in enumerate(columns):
        left = LEFT + COLUMN * number
        sheet.text(left, 0.08, column[0].layer, fontsize=9, fontweight="bold")
        step = (height - 0.4) / len(column)
        for row, node in enumerate(column):
            middle = 0.3 + step * (row + 0.5)
            places[node.layer, node.name] = (left, middle)
            _node(sheet, board, subject, node, found[node.read.layer] if node.read else (), left, middle)
    for before, after in itertools.pairwise(columns):
        for node in after:
            _edges(
                sheet,
                node,
                {one.name: places[one.layer, one.name] for one in before},
                places[node.layer, node.name],
                colours,
            )
    sheet.caption(
        setting.subjects,
        "edges: as wide as the mean share of the absolute weights with which the family's units read the layer of the "
        f"column before; layers between multiplied out; below {percent(LEAST)} none",
        "other: units of no family, what they read is left out",
        "families are found by what units do, or known by construction; those with no icon are drawn from what "
        "excites them",
    )
    return sheet.figure


def _columns(subject: Subject, found: dict[str, tuple[Family, ...]]) -> list[list[_Node]]:
    columns = []
    before: str | None = None
    for layer, families in found.items():
        column = []
        for family in families:
            read = shares(subject.net, family.units, before, found[before]) if before else None
            column.append(_Node(layer, family.name, len(family), family, read))
        rest = subject.net.layer(layer).channels - len({unit for family in families for unit in family.units})
        if rest:
            column.append(_Node(layer, OTHER, rest, None))
        if families:
            before = layer
        columns.append(column)
    return _without_unread(columns)


def _without_unread(columns: list[list[_Node]]) -> list[list[_Node]]:
    """Units of no family that nothing reads, such as those of the last layer, are left out."""
    kept = []
    for number, column in enumerate(columns):
        readers = [node.read for later in columns[number + 1 :] for node in later if node.read]
        read = {one.layer for one in readers if one.mean[-1] >= LEAST}
        kept.append([node for node in column if node.family or node.layer in read])
    return kept


def _node(
    sheet: Sheet, board: Board, subject: Subject, node: _Node, read: tuple[Family, ...], left: float, middle: float
) -> None:
    sheet.text(left, middle - HALF + 0.07, f"{node.name} · {node.units}", fontsize=8, color=INK)
    if node.family:
        before = node.read.layer if node.read else None
        for number, place in enumerate(evenly(len(node.family), PICTURES)):
            pixels = picture(subject.net, node.family.units[place], node.family, before, read)
            board.picture(left + (ICON + 0.04) * number, middle - HALF + 0.18, ICON, pixels)
    if node.read:
        every = zip(node.read.names, node.read.mean, strict=True)
        parts = sorted(((mean, name) for name, mean in every if mean >= LEAST), reverse=True)
        for row, (mean, name) in enumerate(parts[:3]):
            words = f"{percent(mean)} {name}"
            sheet.text(left, middle - HALF + 0.18 + ICON + 0.1 + WORDS * row, words, fontsize=6.3, color=MUTED)


def _edges(
    sheet: Sheet, node: _Node, sources: dict[str, tuple[float, float]], end: tuple[float, float],
    colours: dict[str, str],
) -> None:  # fmt: skip
    if node.read is None:
        return
    edges = [(n, float(m)) for n, m in zip(node.read.names, node.read.mean, strict=True) if m >= LEAST]
    heights = np.cumsum([0.0, *(share for _, share in edges)]) * WIDEST / 72
    for (name, share), low, high in zip(edges, heights[:-1], heights[1:], strict=True):
        start = sources[name]
        # Edges enter one below the other, as wide as they are, in the middle of the icons.
        icons = 0.18 + ICON / 2 - HALF
        y1 = end[1] + icons - float(heights[-1]) / 2 + (low + high) / 2
        # Units of no family have no icons: their edges start behind the words.
        across, down = (BEHIND, 0.07 - HALF) if name == OTHER else (PICTURES * (ICON + 0.04), icons)
        x0, y0, x1 = start[0] + across, start[1] + down, end[0] - 0.04
        half = (x1 - x0) / 2
        colour = colours[name] if name != OTHER else "#b5bcc4"
        sheet.curve(
            [(x0, y0), (x0 + half, y0), (x1 - half, float(y1)), (x1, float(y1))],
            color=colour, linewidth=WIDEST * share, alpha=0.6, capstyle="butt",
        )  # fmt: skip
