"""What a unit does to gratings, to straight lines and to curves: the evidence for calling it by a name.

Responses are activations (after the ReLU) in standard deviations of the unit's pre-activation over an image set.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

from evals.tuning import Lobes, Tuning, describe

__all__ = [
    "CurveResponse",
    "LineResponse",
    "LobeResponse",
    "NearbyCurveResponse",
    "Response",
    "WaveResponse",
]


class Response(Protocol):
    """What a unit does to one sort of stimulus; as a string, in words."""

    @property
    def angle(self) -> float:
        """Direction or orientation, degrees."""
        ...

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        ...


@dataclass(frozen=True)
class WaveResponse:
    """How a unit answers to gratings of the colours and the wavelength that excite it most.

    Attributes:
        angle: orientation along the bars, degrees in [0, 180).
        peak: largest response, standard deviations.
        selectivity: |sum f e^(2i orientation)| / sum f of the best response over phases, which is 1 - circular
            variance: 0 for all orientations alike, 1 for a single one (Ringach, Shapley and Hawken, 2002).
        modulation: F1/F0 over the phases of the best grating, 0 to 2: above 1 is a simple cell, which wants the bars
            in their place, below 1 a complex one, which does not mind (Skottun et al., 1991).
        wavelength: px.
        cycles: waves that fit the field.
        colour: the axis of colour, a name in `oriented.COLOURS`.
    """

    angle: float
    peak: float
    selectivity: float
    modulation: float
    wavelength: float
    cycles: float
    colour: str

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        return _numbers(asdict(self))

    def __str__(self) -> str:
        return (
            f"answers to {self.colour} gratings of {self.wavelength:g} px along {round(self.angle) % 180} degrees: "
            f"peak {self.peak:.1f} SD, selectivity {self.selectivity:.2f}, F1/F0 {self.modulation:.2f}"
        )


@dataclass(frozen=True)
class LineResponse:
    """How a unit answers to straight lines, light or dark, at the offset that excites it most.

    Attributes:
        angle: orientation along the line, degrees in [0, 180).
        peak: largest response, standard deviations.
        selectivity: as of `WaveResponse`, of the best response over offsets.
        curve_over_line: (c - l) / (c + l), c and l the best responses to curves and to straight lines through the
            middle of the field: 0 if neither is preferred, 1/3 if a curve does twice as well.
        polarity: a name in `oriented.POLARITIES`.
    """

    angle: float
    peak: float
    selectivity: float
    curve_over_line: float
    polarity: str

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        return _numbers(asdict(self))

    def __str__(self) -> str:
        return (
            f"answers to {self.polarity} lines along {round(self.angle) % 180} degrees: peak {self.peak:.1f} SD, "
            f"selectivity {self.selectivity:.2f}, preference of curves {self.curve_over_line:.2f}"
        )


@dataclass(frozen=True)
class CurveResponse:
    """How a unit answers to curves, light or dark, whichever excite it more.

    Attributes:
        tuning: by direction and radius, as in the synthetic-curve test.
        polarity: a name in `oriented.POLARITIES`.
    """

    tuning: Tuning
    polarity: str

    @property
    def angle(self) -> float:
        """Direction, degrees in [0, 360)."""
        return self.tuning.preferred_direction

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self.tuning)

    def __str__(self) -> str:
        return f"answers to {self.polarity} curves of {round(self.angle) % 360} degrees: {describe(self.tuning)}"


@dataclass(frozen=True)
class NearbyCurveResponse(CurveResponse):
    """How a unit answers to curves at the place near the middle of its field that excites it most.

    What answers to anything on one side of its field passes for a detector of curves whose ends reach that side, as
    long as they are all shown in the middle. Moved about, they excite it whichever way they face.

    Attributes:
        tuning: as of `CurveResponse`, each curve at its best place.
        polarity: as of `CurveResponse`.
        centring: largest response to a curve in the middle, over that to one at any place, 0..1.
    """

    centring: float

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        return {**super().evidence(), "centring": self.centring}

    def __str__(self) -> str:
        return f"{super().__str__()}, centring {self.centring:.2f}"


@dataclass(frozen=True)
class LobeResponse:
    """How a unit answers to curves that face opposite ways, light or dark, whichever excite it more.

    Attributes:
        peak: largest response, standard deviations.
        lobes: by opposite directions.
        polarity: a name in `oriented.POLARITIES`.
    """

    peak: float
    lobes: Lobes
    polarity: str

    @property
    def angle(self) -> float:
        """Axis of the two directions, degrees in [0, 180)."""
        return self.lobes.axis

    def evidence(self) -> dict[str, float]:
        """The numbers by name."""
        return {"peak": self.peak, **asdict(self.lobes)}

    def __str__(self) -> str:
        axis = round(self.angle) % 180
        return (
            f"answers to {self.polarity} curves of {axis} and {axis + 180} degrees: peak {self.peak:.1f} SD, "
            f"second harmonic {self.lobes.sharpness:.2f}, weaker {self.lobes.balance:.2f} times the stronger, "
            f"preference to straight lines {self.lobes.over_line:.2f}"
        )


def _numbers(fields: dict[str, object]) -> dict[str, float]:
    return {name: value for name, value in fields.items() if isinstance(value, float)}
