"""The four labels of "Curve Detectors" (section on human comparison), and the rubric that its author labelled by."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CURVES", "LABELS", "NAMES", "Label"]


@dataclass(frozen=True)
class Label:
    """What a person may say of a crop.

    Attributes:
        name: as in the article, and in files.
        rule: when it is to be given.
        colour: in plots; the four can be told apart by colour-blind readers, and by their order.
    """

    name: str
    rule: str
    colour: str

    @property
    def key(self) -> str:
        """The name as part of a score's name."""
        return self.name.replace(" ", "_")


LABELS = (
    Label(
        "curve",
        "There is a curve of about the orientation of the drawn one, and it goes across most of the crop's width.",
        "#0072b2",
    ),
    Label(
        "imperfect curve",
        "There is a curve like the drawn one with at least one significant defect: it is too flat, an angle interrupts "
        "the arc, or its orientation is slightly off.",
        "#8fc9ee",
    ),
    Label("unrelated", "There is no curve.", "#ece7d8"),
    Label(
        "opposing curve",
        "There is a curve, more than 45 degrees away from the orientation of the drawn one.",
        "#d55e00",
    ),
)
"""In the order of the article's plots, from the bottom: what the unit should detect comes first."""

NAMES = tuple(label.name for label in LABELS)

CURVES = 2
"""The first so many labels are curves that the unit should detect: curve and imperfect curve."""
