"""A classical detector: edges, straight pieces by the Hough transform, and lines that meet where the road vanishes.

As in many a first lane detector: no learning, straight lanes, paint that stands out, a camera that looks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.ego import placed

WIDTH = 640  # px at which edges are found: frames of all sizes see the same thresholds
STEP_PX = 4.0  # rows of a lane


@dataclass(frozen=True)
class HoughLanes:
    """Find straight lanes in a frame.

    Attributes:
        horizon: highest row that is searched, share of the height.
        contrast: upper threshold of the edge detector; the lower one is a half of it.
        votes: edge pixels that a straight piece needs.
        shortest: length of a piece, px.
        gap: largest gap in it, px.
        level: a piece that leads farther aside than this many px per row is no lane line.
        meet: how far from the vanishing point a piece may pass, share of the width.
        apart: distance of two lines at the bottom row, share of the width; nearer ones are one line.
        weight: length of the pieces of one line, all together, share of the width.
    """

    horizon: float = 0.4
    contrast: float = 100.0
    votes: int = 25
    shortest: float = 20.0
    gap: float = 12.0
    level: float = 4.0
    meet: float = 0.05
    apart: float = 0.12
    weight: float = 0.08

    def __call__(self, frame: NDArray[np.uint8]) -> Scene:
        """Return the lanes of one frame, (H, W, 3) uint8 RGB, at most four, those nearest to the vehicle."""
        size = (frame.shape[1], frame.shape[0])
        height = round(size[1] * WIDTH / size[0])
        small = cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA)
        pieces = self._pieces(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
        meeting = _meeting(pieces, self.meet * WIDTH)
        if meeting is None:
            return Scene(size)
        lanes = []
        rows = np.arange(height - 1.0, meeting[1] + 0.05 * height, -STEP_PX)
        for foot in self._feet(pieces, meeting, height):
            x = meeting[0] + (foot - meeting[0]) * (rows - meeting[1]) / (height - 1 - meeting[1])
            points = np.stack([x, rows], axis=1)
            lanes.append(Lane((points + 0.5) * size[0] / WIDTH - 0.5))
        return Scene(size, [lane for lane in placed(lanes, size) if lane.slot is not None])

    def _pieces(self, grey: NDArray[np.uint8]) -> FloatArray:
        """Return straight pieces of edges that can be lane lines, (N, 4) px: x, y of the lower end and of the upper."""
        top = int(self.horizon * grey.shape[0])
        edges = cv2.Canny(cv2.GaussianBlur(grey[top:], (5, 5), 0), self.contrast / 2, self.contrast)
        found = cv2.HoughLinesP(
            edges, 1, np.pi / 180, self.votes, minLineLength=self.shortest, maxLineGap=self.gap
        )  # angles in steps of a degree
        if found is None:
            return np.empty((0, 4))
        pieces = np.asarray(found, dtype=np.float64).reshape(-1, 4) + np.array([0, top, 0, top])
        turned = pieces[:, 1] < pieces[:, 3]
        pieces[turned] = pieces[turned][:, [2, 3, 0, 1]]
        aside, up = np.abs(pieces[:, 0] - pieces[:, 2]), pieces[:, 1] - pieces[:, 3]
        return np.asarray(pieces[(up > 0) & (aside <= self.level * up)])

    def _feet(self, pieces: FloatArray, meeting: tuple[float, float], height: int) -> list[float]:
        """Return where the lines through the vanishing point meet the bottom row, px."""
        close = pieces[_passing(pieces, meeting) <= self.meet * WIDTH]
        middle, length = (close[:, :2] + close[:, 2:]) / 2, _lengths(close)
        deep = middle[:, 1] - meeting[1]
        low = deep > 0.02 * height  # nearer to the vanishing point nothing tells where a line comes from
        middle, length, deep = middle[low], length[low], deep[low]
        foot = meeting[0] + (middle[:, 0] - meeting[0]) * (height - 1 - meeting[1]) / deep
        feet = []
        while len(foot):
            near = np.abs(foot - foot[:, None]) <= self.apart * WIDTH / 2
            best = int((near * length).sum(axis=1).argmax())
            own = near[best]
            if length[own].sum() < self.weight * WIDTH:
                break
            feet.append(float(np.average(foot[own], weights=length[own])))
            rest = np.abs(foot - feet[-1]) > self.apart * WIDTH
            foot, length = foot[rest], length[rest]
        return feet


def _meeting(pieces: FloatArray, near: float) -> tuple[float, float] | None:
    """Return the point (x, y) that most pieces, by their length, pass within `near` px of; None without such a point.

    Candidates are the meetings of all pairs of a piece that leads to the right with one that leads to the left.
    """
    right = pieces[pieces[:, 2] > pieces[:, 0]]
    left = pieces[pieces[:, 2] < pieces[:, 0]]
    if len(right) == 0 or len(left) == 0:
        return None
    slope_r, slope_l = ((p[:, 2] - p[:, 0]) / (p[:, 3] - p[:, 1]) for p in (right, left))
    start_r, start_l = right[:, 0] - slope_r * right[:, 1], left[:, 0] - slope_l * left[:, 1]
    y = ((start_l[None] - start_r[:, None]) / (slope_r[:, None] - slope_l[None])).ravel()
    x = (slope_r[:, None] * y.reshape(len(right), -1) + start_r[:, None]).ravel()
    above = y <= pieces[:, 3].min() + 0.5 * np.ptp(pieces[:, [1, 3]])
    x, y = x[above], y[above]
    if len(x) == 0:
        return None
    length = _lengths(pieces)
    votes = [float(length[_passing(pieces, point) <= near].sum()) for point in zip(x, y, strict=True)]
    best = int(np.argmax(votes))
    return float(x[best]), float(y[best])


def _lengths(pieces: FloatArray) -> FloatArray:
    """Return the lengths of pieces, px, (N,)."""
    return np.asarray(np.hypot(pieces[:, 0] - pieces[:, 2], pieces[:, 1] - pieces[:, 3]))


def _passing(pieces: FloatArray, point: tuple[float, float]) -> FloatArray:
    """Return how far from a point the lines through pieces pass, px, (N,)."""
    along = pieces[:, 2:] - pieces[:, :2]
    away = np.asarray(point) - pieces[:, :2]
    cross = along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
    return np.asarray(np.abs(cross) / np.hypot(along[:, 0], along[:, 1]))
