"""What a unit must do to be called a Gabor, a line, a curve ...: the kinds of families, each with its criteria.

The words are those of "An Overview of Early Vision in InceptionV1" (here "Overview"), "Curve Detectors" and "Curve
Circuits". No kind looks at unit numbers or weights. Waves are looked for in small fields, all else in larger ones:
where little more than one bar is in sight, a wave and a line cannot be told apart, and what answers to waves in a
larger field is "starting to be better described as a texture" (Overview, of conv2d2).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from evals.curve_kinds import CurveCriteria, DoubleCurveCriteria, EarlyCurveCriteria
from evals.orientation_kinds import ComplexGaborCriteria, GaborCriteria, LineCriteria
from evals.portrait import Portrait
from evals.responses import Response

__all__ = ["KINDS", "Kind"]

R = TypeVar("R", bound=Response)


class Kind(Protocol[R]):
    """A kind of family: which responses it is about, and what they must be."""

    @property
    def name(self) -> str:
        """Of the families, such as `curve`."""
        ...

    @property
    def period(self) -> float:
        """Degrees after which the feature is itself again."""
        ...

    @property
    def fields(self) -> tuple[float, float]:
        """Receptive fields, px, of the layers that can have such units: above the first, up to the second."""
        ...

    def responses(self, portrait: Portrait) -> tuple[R | None, ...]:
        """By unit, the responses that the kind is about; None where there are none."""
        ...

    def met(self, response: R) -> bool:
        """Whether a unit that responds so is of this kind."""
        ...


KINDS: Mapping[str, Kind[Any]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            GaborCriteria(),
            ComplexGaborCriteria(),
            LineCriteria(),
            EarlyCurveCriteria(),
            CurveCriteria(),
            DoubleCurveCriteria(),
        )
    }
)
"""The kinds with their default criteria by name."""
