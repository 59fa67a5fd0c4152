"""Places of a kernel: x to the right and y up from its middle, and the rows and columns that they are."""

from __future__ import annotations

from circuits import CurvesError

__all__ = ["offset", "row_and_column"]


def row_and_column(x: int, y: int, size: tuple[int, int]) -> tuple[int, int]:
    """The row and column of a place in a kernel of `size` (rows, columns).

    Raises:
        CurvesError: the place is outside the kernel.
    """
    rows, columns = size
    row, column = (rows - 1) // 2 - y, (columns - 1) // 2 + x
    if not (0 <= row < rows and 0 <= column < columns):
        raise CurvesError(f"position {x, y} is outside a kernel of {columns}x{rows}; count from its middle")
    return row, column


def offset(row: int, column: int, size: tuple[int, int]) -> tuple[int, int]:
    """The place (x, y) that a row and column are."""
    return column - (size[1] - 1) // 2, (size[0] - 1) // 2 - row
