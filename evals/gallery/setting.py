"""What a figure is made from: a network or several side by side, pictures, and results that take long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from circuits import CurvesError
from circuits.images import ImageSet
from circuits.visualization.optimize import STEPS
from evals.damage_result import Damage
from evals.gallery.subject import Subject
from evals.human.reading import Labelled
from evals.progress import Progress

__all__ = ["Setting"]


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything that figures may show; each takes what it needs.

    Attributes:
        subjects: the networks, natural before artificial.
        images: what a standard deviation is taken over, and where photographs are taken from.
        human: human labels of what a unit of the first network sees, for the figures of these.
        measure_damage: runs the articles' last experiment, which takes minutes; called by the figures of it alone.
        steps: of feature visualisations.
        progress: called as the work goes on.
    """

    subjects: tuple[Subject, ...]
    images: ImageSet = field(default_factory=ImageSet.photographs)
    human: Labelled | None = None
    measure_damage: Callable[[], Damage] | None = None
    steps: int = STEPS
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if not self.subjects:
            raise CurvesError("a figure needs a network to show; give at least one")

    @property
    def subject(self) -> Subject:
        """The network of a figure that shows one."""
        return self.subjects[0]
