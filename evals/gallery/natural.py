"""What the figures of natural images share: the unit that they show, its survey, and human labels of what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from circuits import CurvesError, Family
from evals.dataset import Settings, Survey, survey_images
from evals.gallery.setting import Setting
from evals.human.reading import Labelled

__all__ = ["SHOWN", "curves_at", "own_labels", "surveyed"]

SHOWN = 45.0
"""Degrees: figures of one unit show the one that points most nearly there."""


def curves_at(setting: Setting, directions: Sequence[float] = (SHOWN,)) -> Family:
    """The curve detectors that point most nearly in some directions, each once.

    Raises:
        CurvesError: the network has none.
    """
    family = setting.subject.family("curve", setting.images, setting.progress)
    return replace(family, members=tuple({member.unit: member for member in map(family.nearest, directions)}.values()))


def surveyed(setting: Setting, family: Family, settings: Settings | None = None) -> Survey:
    """What a family does on the setting's images."""
    return survey_images(setting.subject.net, family, setting.images, settings=settings, progress=setting.progress)


def own_labels(setting: Setting) -> Labelled | None:
    """The human labels, if there are any.

    Raises:
        CurvesError: they are of another network's unit.
    """
    labelled, net = setting.human, setting.subject.net
    if labelled is not None and labelled.sample.network["identity"] != net.identity:
        raise CurvesError(
            f"the labels are of {labelled.sample.unit} of {labelled.sample.network['name']} "
            f"({labelled.sample.network['identity'][:8]}), and the figure is of {setting.subject.label}; label for that"
        )
    return labelled
