"""The published labels of InceptionV1's 3b:379, and how far labels of another unit are from them."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import CurvesError, FileDamagedError
from evals.human.labels import LABELS
from evals.human.reading import Labelled
from evals.human.shares import shares

__all__ = ["PublishedLabels", "distances", "published_labels"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PublishedLabels:
    """Shares of the four labels by bin of a unit's pre-activation.

    Attributes:
        unit: whose, in words.
        source: where they were published.
        edges: of the bins, standard deviations of the unit's pre-activation, (bins + 1,).
        shares: bins x 4; NaN where no label was given.
        positions: shares of all positions, (bins,); None where only labels are known.
        counts: how often each label was given.
    """

    unit: str
    source: str
    edges: Array
    shares: Array
    positions: Array | None
    counts: tuple[int, ...]

    @property
    def expected(self) -> Array | None:
        """Bins x 4: shares of the expected value, every position counted in the middle of its bin."""
        if self.positions is None:
            return None
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        amounts = np.nan_to_num(self.shares) * (self.positions * np.maximum(middles, 0))[:, None]
        found: Array = amounts / amounts.sum()
        return found

    def between(self, low: float, high: float) -> Array | None:
        """Shares of the labels from one pre-activation up to another, (4,); None where nothing was labelled."""
        overlap = np.clip(np.minimum(self.edges[1:], high) - np.maximum(self.edges[:-1], low), 0, None)
        known = overlap * ~np.isnan(self.shares).any(axis=1)
        found: Array = known @ np.nan_to_num(self.shares)
        return found / known.sum() if known.sum() > 0 else None


def published_labels(path: str | os.PathLike[str] | None = None) -> PublishedLabels:
    """The labels behind the plots of "Curve Detectors", or those of a file of its data.

    Standard deviations are in both cases those of 3b:379 as they follow from the published counts (139).

    Args:
        path: JSON with `source`, `bins` (lower borders, evenly spaced) and `heights` (four rows of shares).

    Raises:
        CurvesError: there is no such file.
        FileDamagedError: it holds no shares of labels.
    """
    facts = _facts()
    positions = np.array(facts["bins"]["positions"])
    lower = facts["lowest"] + facts["width"] * np.arange(len(positions), dtype=np.float64)
    middles, parts = lower + facts["width"] / 2, positions / positions.sum()
    mean = float(parts @ middles)
    deviation = float(parts @ (middles - mean) ** 2) ** 0.5
    counts = tuple(facts["labelled"][label.key] for label in LABELS)
    unit = f"{facts['unit']} of {facts['network']}"
    if path is None:
        rows = np.array([facts["bins"][label.key] for label in LABELS])
        edges = np.append(lower, lower[-1] + facts["width"]) / deviation
        return PublishedLabels(unit, facts["source"], edges, _shares(rows), parts, counts)
    place = Path(path)
    if not place.is_file():
        raise CurvesError(f"there is no file {place}; name one with published shares of labels, or none")
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        borders, rows = np.asarray(data["bins"], np.float64), np.asarray(data["heights"], np.float64)
        steps = np.diff(borders)
        if rows.shape != (len(LABELS), len(borders)) or not (steps > 0).all() or not np.allclose(steps, steps[0]):
            raise ValueError(f"{rows.shape} shares for {borders.shape} bins")
        edges = np.append(borders, borders[-1] + steps[0]) / deviation
        return PublishedLabels(unit, str(data["source"]), edges, _shares(rows), None, counts)
    except (OSError, KeyError, TypeError, ValueError, IndexError) as error:
        raise FileDamagedError(
            f"{place} holds no shares of labels ({error!r}); they are JSON with source, bins and four rows of heights"
        ) from error


def distances(labelled: Labelled, published: PublishedLabels) -> list[float | None]:
    """How far the shares of each bin are from the published ones at the same number of standard deviations.

    Returns:
        By bin the total variation distance, 0 (alike) to 1 (no label in common); None where either has no labels.
    """
    found: list[float | None] = []
    for each, own in zip(labelled.sample.bins, shares(labelled).by_activation, strict=True):
        theirs = published.between(each.low, each.high)
        known = theirs is not None and not np.isnan(own).any()
        found.append(float(np.abs(own - theirs).sum() / 2) if known else None)
    return found


def _shares(rows: Array) -> Array:
    """Bins x 4 that add up to 1, from 4 x bins; NaN for bins without any."""
    whole = rows.sum(axis=0)
    found: Array = np.where(whole > 0, rows / np.where(whole > 0, whole, 1), np.nan).T
    return found


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(resources.files("evals").joinpath("data/human_3b379.toml").read_text("utf-8"))
