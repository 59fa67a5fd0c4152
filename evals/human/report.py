"""What labels say, for a table, a program and the eye."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.human.labels import LABELS
from evals.human.plots import stack_figures
from evals.human.published import PublishedLabels, distances
from evals.human.raters import cohen_kappa
from evals.human.reading import Labelled
from evals.human.shares import DEFINITIONS, label_scores, picture_sample, plot_data, shares
from evals.resampling import replicates, spreads
from evals.results import defined

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bin_rows", "label_figures", "summary"]


def bin_rows(labelled: Labelled, published: PublishedLabels) -> list[dict[str, Any]]:
    """A row for each bin: range, share of positions, labelled crops, shares of labels, distance to the published."""
    found = shares(labelled)
    every = zip(
        labelled.sample.bins,
        found.crops,
        found.by_activation,
        found.by_expected,
        distances(labelled, published),
        strict=True,
    )
    return [
        {
            "low": each.low,
            "high": each.high,
            "positions": each.share,
            "labelled": int(crops),
            **{label.key: float(share) for label, share in zip(LABELS, own, strict=True)},
            "expected": float(expected.sum()),
            "distance_to_published": distance,
        }
        for each, crops, own, expected, distance in every
    ]


def summary(labelled: Labelled, published: PublishedLabels, seed: int = 0) -> dict[str, Any]:
    """Scores with their definitions and uncertainty, agreement by pair of labellers, bins, and what was labelled.

    Args:
        labelled: a sample with labels.
        published: what to compare with.
        seed: of the draws.
    """
    sample, rows = labelled.sample, bin_rows(labelled, published)
    scores = label_scores(labelled)
    again = replicates(picture_sample(labelled), seed=seed)
    known = spreads(again, scores, DEFINITIONS.__getitem__)
    apart = [row["distance_to_published"] for row in rows if row["distance_to_published"] is not None]
    return {
        "unit": str(sample.unit),
        "network": {key: sample.network[key] for key in ("name", "identity")},
        "images": dict(sample.images),
        "sample": sample.identity,
        "scores": scores,
        "uncertainty": {name: vars(spread) for name, spread in known.items()},
        "drawn": again.to_json(),
        "definitions": {name: vars(definition) for name, definition in DEFINITIONS.items()},
        "labellers": [
            {"name": name, "labelled": int((given >= 0).sum())}
            for name, given in zip(labelled.labellers, labelled.given, strict=True)
        ],
        "kappa": [
            {
                "labellers": [labelled.labellers[a], labelled.labellers[b]],
                "kappa": cohen_kappa(labelled.given[a], labelled.given[b]),
            }
            for a, b in combinations(range(len(labelled.labellers)), 2)
        ],
        "published": {
            "unit": published.unit,
            "source": published.source,
            "distance": float(np.mean(apart)) if apart else None,
        },
        "bins": defined(rows),
    }


def label_figures(labelled: Labelled) -> dict[str, Figure]:
    """The three plots, by what they show."""
    return stack_figures(f"Human labels of what {labelled.sample.unit} sees", plot_data(labelled))
