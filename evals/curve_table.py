"""Curves that no product of axes gives, such as each unit's own curve moved about in that unit's own frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from circuits.errors import CurvesError
from evals.stimuli import FIELDS, Curve, render_columns

__all__ = ["CurveTable"]


@dataclass(frozen=True, eq=False)
class CurveTable:
    """Curves in an array, some of whose parameters are given one by one; drawn when asked for.

    Attributes:
        base: the parameters that all share.
        columns: by parameter the values, in the shape of the array; positions have a last axis of two more.

    Raises:
        CurvesError: a parameter is unknown or `size`, shapes differ, or one of the curves cannot be.

    Examples:
        >>> table = CurveTable(Curve(size=91), {"direction": [[0, 90], [180, 270]], "radius": [[20.0], [30.0]]})
        >>> table.shape, table[2].direction, table[2].radius
        ((2, 2), 180.0, 30.0)
    """

    base: Curve
    columns: Mapping[str, ArrayLike]

    def __post_init__(self) -> None:
        given = {name: np.asarray(values) for name, values in self.columns.items()}
        for name in given:
            if name not in FIELDS or name == "size":
                raise CurvesError(f"{name!r} cannot differ from curve to curve; give {', '.join(FIELDS)}, but no size")
        tails = {name: np.shape(getattr(self.base, name)) for name in given}
        try:
            shape = np.broadcast_shapes(*(a.shape[: a.ndim - len(tails[name])] for name, a in given.items()))
            whole = {name: np.broadcast_to(array, (*shape, *tails[name])) for name, array in given.items()}
        except ValueError as error:
            raise CurvesError(f"the parameters of the curves are of different shapes ({error})") from None
        object.__setattr__(self, "columns", whole)
        object.__setattr__(self, "_shape", shape)
        for i in range(len(self)):
            self[i]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self._shape  # type: ignore[attr-defined, no-any-return]

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __getitem__(self, i: int) -> Curve:
        """The curve at a place in C order."""
        return replace(self.base, **{name: values[i].tolist() for name, values in self._flat().items()})

    def spec(self) -> dict[str, Any]:
        """Describe the curves with JSON's types alone, the same for equal ones."""
        columns = {name: _plain(values.tolist()) for name, values in self._flat().items()}
        return {"base": _plain(asdict(self.base)), "shape": list(self.shape), "columns": columns}

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """Draw the curves in C order, `batch_size` (at least 1) at a time, fewer in the last batch."""
        own = self._flat()
        for start in range(0, len(self), batch_size):
            count = min(batch_size, len(self) - start)
            columns = {
                name: own[name][start : start + count]
                if name in own
                else np.broadcast_to(value := np.array(getattr(self.base, name)), (count, *value.shape))
                for name in FIELDS
            }
            yield render_columns(columns, device, torch.float32)

    def _flat(self) -> dict[str, NDArray[Any]]:
        arrays = {name: np.asarray(values) for name, values in self.columns.items()}
        return {name: array.reshape(len(self), *array.shape[len(self.shape) :]) for name, array in arrays.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 (JSON's types, nested)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return "inf" if value == math.inf else value
