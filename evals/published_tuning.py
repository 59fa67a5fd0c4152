"""Published radial tuning curves of InceptionV1's curve detectors, read from a file that the user names.

The article's data ("Curve Detectors", section on radial tuning) are not part of this toolkit. The file is JSON:

    {"model": ..., "layer": "mixed3b", "step_deg": 0.5, "source": ..., "units": [379, ...],
     "activations": {"379": [one number for each step around the circle], ...}}

Its angles are those of the article. How one becomes a direction, which is its negative, and what of that is inferred,
is said beside the published families (evals/data/inceptionv1.toml).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from circuits import CurvesError, FileDamagedError, Unit
from evals.tuning import Array

__all__ = ["TuningCurves", "read_tuning_curves"]


@dataclass(frozen=True, eq=False)
class TuningCurves:
    """Radial tuning curves: response by direction, averaged over radii.

    Attributes:
        units: whose they are, in the file's order.
        directions: degrees counter-clockwise from the middle of the arc to its centre, ascending and evenly spaced from
            0 over the whole circle.
        responses: units x directions, 0 or more.
        model: the network that they are of, in the file's words.
        source: where they were published, in the file's words.
    """

    units: tuple[Unit, ...]
    directions: Array = field(repr=False)
    responses: Array = field(repr=False)
    model: str
    source: str

    def at(self, directions: Sequence[float] | Array) -> Array:
        """The curves at other directions, units x directions; interpolated linearly around the circle."""
        return np.stack([np.interp(directions, self.directions, curve, period=360) for curve in self.responses])


def read_tuning_curves(path: str | os.PathLike[str]) -> TuningCurves:
    """Read published tuning curves.

    Raises:
        CurvesError: there is no such file.
        FileDamagedError: it holds no tuning curves, or a curve does not go once around the circle, has a value that is
            negative or no number, or is 0 everywhere.
    """
    file = Path(path)
    if not file.is_file():
        raise CurvesError(f"there is no file {file}; name one that holds published tuning curves")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        layer = str(data["layer"]).removeprefix("mixed")
        step = float(data["step_deg"])
        curves = {Unit(layer, int(channel)): _curve(data["activations"][str(channel)]) for channel in data["units"]}
        model, source = str(data["model"]), str(data["source"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FileDamagedError(
            f"{file} holds no tuning curves ({error!r}); they are JSON with model, layer, step_deg, source, units and "
            f"activations"
        ) from error
    if not curves:
        raise FileDamagedError(f"{file} names no units; it needs at least one curve")
    for unit, curve in curves.items():
        if not (step > 0 and curve.ndim == 1 and abs(curve.size * step - 360) < 1e-6):
            raise FileDamagedError(
                f"the curve of {unit} in {file} has {curve.size} values {step:g} degrees apart, which do not go once "
                f"around the circle; give 360 / step_deg of them"
            )
        if not (np.isfinite(curve).all() and curve.min() >= 0 and curve.max() > 0):
            raise FileDamagedError(
                f"the curve of {unit} in {file} has values that are negative, no numbers or all 0; a response is 0 or "
                f"more"
            )
    responses = np.stack(list(curves.values()))
    # The value at orientation i steps is that at direction -i steps: the first stays, the others come in reverse.
    turned = np.roll(responses[:, ::-1], 1, axis=1)
    return TuningCurves(tuple(curves), np.arange(responses.shape[1], dtype=np.float64) * step, turned, model, source)


def _curve(values: Any) -> Array:  # noqa: ANN401 (whatever the file holds)
    curve: Array = np.asarray(values, dtype=np.float64)
    return curve
