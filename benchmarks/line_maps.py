"""Lanes of a map that says where lane lines are but not which: pieces, joined to lines, in slots from the vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.decode.runs import Pixels, find_runs, lines, on_lines
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.ego import placed

HOLE_PX = 2  # missing pixels inside a run


@dataclass(frozen=True)
class LineMapDecoder:
    """Trace every connected piece of a line map, join pieces on one line, and lead the lines down to the bottom.

    Lengths are shares of the map's width: maps of any size will do. The numbers served TwinLiteNet's maps of TuSimple's
    frames best: as a baseline they flatter it.

    Attributes:
        threshold: smallest probability of a pixel of a line.
        piece: smallest height of a piece.
        total: smallest height of a whole line.
        level: a line that leads farther aside than this many px per row is no lane line.
        near: largest distance of a piece from the continued line that it joins.
        reach: how far beside the frame a line may meet the bottom row.
        bend: height from which a line may be bent; shorter ones are straight.
    """

    threshold: float = 0.05
    piece: float = 0.01
    total: float = 0.015
    level: float = 8.0
    near: float = 0.1
    reach: float = 2.0
    bend: float = 0.25

    def __call__(self, line: NDArray[np.uint8], size: tuple[int, int]) -> Scene:
        """Return the lanes of one map, at most four, those nearest to the vehicle.

        Args:
            line: (h, w) uint8, 255 = certainly a lane line.
            size: (width, height) of the frame that the map belongs to, px.
        """
        height, width = line.shape
        found = []
        for points in self._joined(self._pieces(line), width):
            whole = self._line(points, width, height)
            if whole is not None:
                found.append(Lane((whole + 0.5) * (np.array(size) / (width, height)) - 0.5))
        return Scene(size, [lane for lane in placed(found, size) if lane.slot is not None])

    def _pieces(self, line: NDArray[np.uint8]) -> list[FloatArray]:
        """Return the middles of the rows of every connected piece, (P, 2) px each, bottom to top, the lowest first."""
        _, label = cv2.connectedComponents((line > 255 * self.threshold).astype(np.uint8), connectivity=8)
        row, column = np.nonzero(label)
        if len(row) == 0:
            return []
        number = np.asarray(label[row, column] - 1, dtype=np.intp)
        order = np.lexsort((column, row, number))
        row, column, number = row[order], column[order], number[order]
        pixels = Pixels(number, row, column, line[row, column].astype(np.float64))
        owner, points = lines(on_lines(find_runs(pixels, HOLE_PX), self.level), step=1, smooth=5)
        pieces = [points[owner == each] for each in np.unique(owner)]
        tall = [piece for piece in pieces if np.ptp(piece[:, 1]) >= self.piece * line.shape[1]]
        return sorted(tall, key=lambda piece: -float(piece[0, 1]))

    def _joined(self, pieces: list[FloatArray], width: int) -> list[FloatArray]:
        """Join pieces of which one lies on the straight continuation of another below it."""
        joined: list[FloatArray] = []
        for piece in pieces:
            fits = [(self._miss(base, piece), i) for i, base in enumerate(joined)]
            miss, best = min(fits, default=(np.inf, 0))
            if miss <= self.near * width:
                joined[best] = np.concatenate([joined[best], piece])
            else:
                joined.append(piece)
        return joined

    def _miss(self, base: FloatArray, piece: FloatArray) -> float:
        """Return how far a piece lies from the continuation of the line below it, px; infinite beside it."""
        if piece[0, 1] >= base[-1, 1]:
            return np.inf
        upper = base[-max(6, len(base) // 2) :]
        slope, start = np.polyfit(upper[:, 1], upper[:, 0], 1)
        return float(np.abs(slope * piece[[0, -1], 1] + start - piece[[0, -1], 0]).max())

    def _line(self, points: FloatArray, width: int, height: int) -> FloatArray | None:
        """Return the fitted line (P, 2) px from the bottom up; None where the points are no lane line."""
        x, y = points.T
        tall = float(np.ptp(y))
        if tall < self.total * width:
            return None
        low = points[y >= y.max() - max(4.0, tall / 2)]
        slope, start = np.polyfit(low[:, 1], low[:, 0], 1)
        foot = slope * (height - 1) + start
        if abs(slope) > self.level or not -self.reach * width <= foot <= (1 + self.reach) * width:
            return None
        rows = np.arange(np.floor(y.max()), y.min() - 1, -2.0)
        seen = np.stack([np.polyval(np.polyfit(y, x, 2 if tall > self.bend * width else 1), rows), rows], axis=1)
        below = np.arange(height - 1.0, y.max() + 1, -2.0)
        shift = seen[0, 0] - (slope * seen[0, 1] + start)  # no step where the two meet
        return np.concatenate([np.stack([slope * below + start + shift, below], axis=1), seen])
