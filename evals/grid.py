"""Sweeps: every combination of some parameters of a curve, as data, drawn when asked for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuits.errors import CurvesError
from evals.stimuli import FIELDS, Curve, changed, render_columns

__all__ = ["CurveGrid"]


@dataclass(frozen=True)
class CurveGrid:
    """Every combination of some parameters of a curve; drawn when asked for.

    Attributes:
        base: the parameters that stay; it is kept as the first curve of the grid.
        axes: name and values of each parameter that changes, the slowest first. Any parameter but `size`.

    Raises:
        CurvesError: an axis is unknown, empty, named twice or `size`, or one of the curves cannot be.

    Examples:
        >>> grid = CurveGrid.of(Curve(size=91), radius=[20, math.inf], direction=range(0, 360, 90))
        >>> grid.shape, len(grid), grid[5].direction
        ((2, 4), 8, 90.0)
        >>> [batch.shape[0] for batch in grid.batches(3)]
        [3, 3, 2]
    """

    base: Curve
    axes: tuple[tuple[str, tuple[Any, ...]], ...]

    def __post_init__(self) -> None:
        axes = {}
        for name, values in self.axes:
            if name == "size":
                raise CurvesError(
                    "size cannot be an axis, because images of a batch have one size: make a grid per size"
                )
            if name in axes:
                raise CurvesError(f"the axis {name!r} is given twice: put its values together")
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise CurvesError(f"the axis {name!r} needs a list of values, not {values!r}")
            axes[name] = tuple(values)
            if not axes[name]:
                raise CurvesError(f"the axis {name!r} has no values: give at least one")
        first = changed(self.base, {name: values[0] for name, values in axes.items()})
        # Which radius and angle can be depends on the style: these are checked together, the others one by one.
        joint = [name for name in axes if name in ("radius", "max_angle", "filled", "extended")]
        for combination in itertools.product(*(axes[name] for name in joint)):
            replace(first, **dict(zip(joint, combination, strict=True)))
        plain = {
            name: tuple(getattr(replace(first, **{name: value}), name) for value in values)
            for name, values in axes.items()
        }
        object.__setattr__(self, "base", first)
        object.__setattr__(self, "axes", tuple(plain.items()))

    @classmethod
    def of(cls, base: Curve | None = None, /, **axes: Iterable[Any]) -> CurveGrid:
        """Sweep the named parameters of `base` (by default `Curve()`), the last one named fastest."""
        return cls(base or Curve(), tuple(axes.items()))  # type: ignore[arg-type]  # made tuples by __post_init__

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> CurveGrid:
        """Make the grid again that `spec` describes.

        Raises:
            CurvesError: it describes none.
        """
        try:
            base = {name: _read(value) for name, value in spec["base"].items()}
            axes = tuple((name, tuple(_read(value) for value in values)) for name, values in spec["axes"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CurvesError(
                f"this is not the spec of a curve grid ({error!r}): "
                "it needs a 'base' and 'axes' as CurveGrid.spec() writes them"
            ) from error
        return cls(changed(Curve(), base), axes)

    def spec(self) -> dict[str, Any]:
        """Describe the grid with JSON's types alone, the same for equal grids; an infinite length is "inf"."""
        return {
            "base": {name: _write(value) for name, value in asdict(self.base).items()},
            "axes": [[name, [_write(value) for value in values]] for name, values in self.axes],
        }

    def with_base(self, **changes: object) -> CurveGrid:
        """The same sweep of another curve.

        Raises:
            CurvesError: a changed parameter is unknown or an axis.
        """
        for name, _ in self.axes:
            if name in changes:
                raise CurvesError(f"{name} is an axis of this grid: make another grid to change its values")
        return CurveGrid(changed(self.base, changes), self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(values) for _, values in self.axes)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, i: int) -> Curve:
        """The curve at a place in C order, counted from the end where negative."""
        place = i + len(self) if i < 0 else i
        if not 0 <= place < len(self):
            raise IndexError(f"this grid has {len(self)} curves, so there is no number {i}")
        at = np.unravel_index(place, self.shape)
        return replace(self.base, **{name: values[j] for (name, values), j in zip(self.axes, at, strict=True)})

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw the curves in C order over the axes, `batch_size` at a time (fewer in the last batch).

        Raises:
            CurvesError: batch_size is below 1.
        """
        if batch_size < 1:
            raise CurvesError(f"batch_size must be at least 1, not {batch_size}")
        # A generator of its own, so that the error comes with the call and not with the first batch.
        return self._batches(batch_size, device)

    def _batches(self, batch_size: int, device: torch.device | str | None) -> Iterator[Tensor]:
        # Straight from the axes to arrays: making the curves one by one would take as long as drawing them.
        swept = {name: np.array(values) for name, values in self.axes}
        fixed = {name: np.array(getattr(self.base, name)) for name in FIELDS if name not in swept}
        for start in range(0, len(self), batch_size):
            places = np.arange(start, min(start + batch_size, len(self)))
            at = dict(zip(swept, np.unravel_index(places, (*self.shape, 1)), strict=False))  # 1: there may be no axis
            columns = {name: values[at[name]] for name, values in swept.items()}
            columns |= {name: np.broadcast_to(value, (len(places), *value.shape)) for name, value in fixed.items()}
            yield render_columns(columns, device, torch.float32)


def _write(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return "inf" if value == math.inf else value


def _read(value: object) -> object:
    return math.inf if value == "inf" else value
