"""`Priors`: lanes as rows of 78 numbers, the form in which the CLR family predicts them, with names for the numbers.

Zheng et al. 2022 (CLRNet), sec. 3.1. Row 0 is the bottom edge of the network's input, row 71 the top edge; between
them they are equally far apart: row k lies at y = height * (1 - k / 71), px of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from lanelight.geometry.curve import FloatArray

ROWS = 72  # at which a lane has an x
STRIPS = ROWS - 1  # between them: what starts and lengths are counted in
FIELDS = 6 + ROWS


class Rows(Protocol):
    """An array of NumPy or a tensor of torch."""

    def __getitem__(self, key: Any, /) -> Any: ...


Array = TypeVar("Array", bound=Rows)


@dataclass(frozen=True, eq=False)
class Priors(Generic[Array]):
    """Views of (..., 78) numbers by name, of a NumPy array or a tensor.

    Attributes:
        rows: (..., 78) as the network gives them.
    """

    rows: Array

    @property
    def logits(self) -> Array:
        """(..., 2): no lane, lane."""
        found: Array = self.rows[..., :2]
        return found

    @property
    def start_y(self) -> Array:
        """(...): where the lane begins, 0 at the bottom edge and 1 at the top edge."""
        found: Array = self.rows[..., 2]
        return found

    @property
    def start_x(self) -> Array:
        """(...): x there, as a share of width - 1."""
        found: Array = self.rows[..., 3]
        return found

    @property
    def theta(self) -> Array:
        """(...): its direction there, as a share of pi: 0.5 goes straight up, less leans to the right."""
        found: Array = self.rows[..., 4]
        return found

    @property
    def line(self) -> Array:
        """(..., 3): start_y, start_x and theta, which make a straight line."""
        found: Array = self.rows[..., 2:5]
        return found

    @property
    def length(self) -> Array:
        """(...): number of rows it goes on for, as a share of 71."""
        found: Array = self.rows[..., 5]
        return found

    @property
    def xs(self) -> Array:
        """(..., 72): x at each row from the bottom up, as a share of width - 1."""
        found: Array = self.rows[..., 6:]
        return found


def row_ys(height: int) -> FloatArray:
    """Return y of the rows of a network's input, (72,) px from the bottom edge to the top edge."""
    return height * (1 - np.arange(ROWS) / STRIPS)
