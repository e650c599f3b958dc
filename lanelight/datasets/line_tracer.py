"""Trace lanes in dense maps: where another network sees lane lines and drivable road, which lanes are there?

Lines are traced in the map, fitted, and given slots by where they meet the bottom of the picture. What the map does
not settle (a side without a convincing line, a line that cannot be a lane marking) is marked 255 in `Scene.classes`,
so that it teaches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.warp import IGNORE

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class LineTracer:
    """Turn a line map and a drivable-area map into a Scene.

    All lengths are shares of the map's width, so that maps of any size will do.

    Attributes:
        threshold: smallest line probability of a traced pixel.
        min_height: smallest vertical extent of one traced piece.
        min_total: smallest vertical extent of a whole line.
        residual: largest root mean square distance from the fitted curve.
        meet: how far from the ego pair's vanishing point a parallel line may pass.
        spacing: smallest and largest width of a neighbour lane, as a multiple of the ego lane's.
        drivable: smallest mean probability of drivable area on a neighbour lane; a barrier's foot has less beside it.
    """

    threshold: float = 0.4
    min_height: float = 0.02
    min_total: float = 0.045
    residual: float = 0.006
    meet: float = 0.06
    spacing: tuple[float, float] = (0.75, 1.35)
    drivable: float = 0.6

    def __call__(self, line: UInt8, road: UInt8, size: tuple[int, int]) -> Scene | None:
        """Trace the lanes of one frame.

        Args:
            line: (h, w) uint8, 255 = certainly a lane line.
            road: (h, w) uint8, 255 = certainly drivable.
            size: (width, height) of the frame that the maps belong to.

        Returns:
            A Scene in px of the frame with the ego pair in slots 1 and 2, the neighbours that are certain, and 255 in
            its class map where nothing is known; None where the ego pair itself is not certain.
        """
        width = line.shape[1]
        pieces = self._pieces(line)
        bottom = self._bottom(road)
        curves = [c for c in (self._fit(p, bottom, width) for p in self._joined(pieces, width)) if c is not None]
        curves.sort(key=lambda c: float(np.polyval(c.poly, bottom)))
        at_bottom = np.array([float(np.polyval(c.poly, bottom)) for c in curves])
        left, right = np.flatnonzero(at_bottom < width / 2), np.flatnonzero(at_bottom >= width / 2)
        if len(left) == 0 or len(right) == 0:
            return None
        ego = int(left[-1]), int(right[0])
        slots = self._slots(curves, at_bottom, ego, road)
        if slots is None:
            return None
        scale = np.array([size[0] / width, size[1] / line.shape[0]])
        lanes = [Lane((curves[i].points(bottom) + 0.5) * scale - 0.5, slot=slot) for slot, i in sorted(slots.items())]
        known = self._known(line, curves, slots, bottom)
        classes = cv2.resize(known, size, interpolation=cv2.INTER_NEAREST)
        return Scene(size, lanes, np.asarray(classes, dtype=np.uint8))

    def _pieces(self, line: UInt8) -> list[FloatArray]:
        """Return the centre of each row of each connected piece, [(P, 2)] from the bottom up."""
        mask = (line > self.threshold * 255).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        pieces = []
        for k in range(1, count):
            x0, y0, w, h = (int(v) for v in stats[k, :4])
            if h < self.min_height * line.shape[1] / 2:
                continue
            part = (labels[y0 : y0 + h, x0 : x0 + w] == k) * line[y0 : y0 + h, x0 : x0 + w].astype(np.float64)
            rows = np.flatnonzero(part.sum(axis=1) > 0)
            x = x0 + (part[rows] @ np.arange(w)) / part[rows].sum(axis=1)
            pieces.append(np.stack([x, y0 + rows], axis=1)[::-1])
        return pieces

    def _joined(self, pieces: list[FloatArray], width: int) -> list[FloatArray]:
        """Join pieces of which one continues the other's straight line (dashes, gaps behind cars)."""
        joined: list[FloatArray] = []
        for piece in sorted(pieces, key=lambda p: -float(p[0, 1])):  # lowest first
            for i, base in enumerate(joined):
                if piece[0, 1] >= base[-1, 1]:
                    continue
                upper = base[-max(6, len(base) // 2) :]
                slope, start = np.polyfit(upper[:, 1], upper[:, 0], 1)
                if abs(slope * piece[0, 1] + start - piece[0, 0]) < 0.012 * width:
                    joined[i] = np.concatenate([base, piece])
                    break
            else:
                joined.append(piece)
        return joined

    def _fit(self, points: FloatArray, bottom: float, width: int) -> _Curve | None:
        """Fit x(y); None where the points are too few or too scattered for a lane line."""
        y = points[:, 1]
        height = float(y.max() - y.min())
        if height < self.min_total * width or bottom - y.max() > 0.12 * width:
            return None
        degree = 2 if height > 0.12 * width else 1
        poly = np.polyfit(y, points[:, 0], degree)
        miss = float(np.sqrt(np.mean((np.polyval(poly, y) - points[:, 0]) ** 2)))
        return _Curve(poly, float(y.min()), float(y.max())) if miss < self.residual * width else None

    def _slots(
        self, curves: list[_Curve], at_bottom: FloatArray, ego: tuple[int, int], road: UInt8
    ) -> dict[int, int] | None:
        """Return slot -> index of its curve; None where the ego pair is not a lane."""
        width = road.shape[1]
        slots = {1: ego[0], 2: ego[1]}
        lane_width = float(at_bottom[ego[1]] - at_bottom[ego[0]])
        if not 0.2 * width < lane_width < 1.3 * width:
            return None
        meeting = _meeting(curves[ego[0]], curves[ego[1]])
        if meeting is None:
            return None
        for slot, index, sign in ((0, ego[0] - 1, -1), (3, ego[1] + 1, 1)):
            if not 0 <= index < len(curves):
                continue
            beside = sign * (at_bottom[index] - at_bottom[ego[0] if sign < 0 else ego[1]]) / lane_width
            passes = abs(float(np.polyval(curves[index].poly, meeting[1])) - meeting[0])
            fits = self.spacing[0] < beside < self.spacing[1] and passes < self.meet * width
            if fits and _drivable_between(curves[index], curves[ego[0] if sign < 0 else ego[1]], road) > self.drivable:
                slots[slot] = index
        return slots

    def _known(self, line: UInt8, curves: list[_Curve], slots: dict[int, int], bottom: float) -> UInt8:
        """Return 255 where nothing is known, else 0, in the size of the map."""
        height, width = line.shape
        unknown = cv2.dilate((line > 40).astype(np.uint8), np.ones((5, 9), np.uint8))  # lines that got no slot
        rows = np.arange(height, dtype=np.float64)
        columns = np.arange(width)[None, :]
        left, right = (np.polyval(curves[slots[k]].poly, rows)[:, None] for k in (1, 2))
        margin = 0.25 * np.maximum(right - left, 0)
        if 0 not in slots:
            unknown[columns < left - margin] = 1
        if 3 not in slots:
            unknown[columns > right + margin] = 1
        top = min(curves[slots[k]].top for k in (1, 2))
        unknown[: max(0, int(top) - 2)] = 0  # above every line: sky and scenery, certainly no marking
        for index in slots.values():
            near = np.abs(columns - np.polyval(curves[index].poly, rows)[:, None]) < 0.01 * width
            unknown[near & (rows[:, None] >= curves[index].top)] = 0
        unknown[int(bottom) :] = 0  # the own bonnet
        return np.asarray(unknown * IGNORE, dtype=np.uint8)

    @staticmethod
    def _bottom(road: UInt8) -> float:
        """Return the lowest row that is widely drivable: the bonnet begins below it."""
        rows = np.flatnonzero((road > 127).sum(axis=1) > 0.15 * road.shape[1])
        return float(rows[-1]) if len(rows) else float(road.shape[0] - 1)


@dataclass(frozen=True)
class _Curve:
    """x as a polynomial of y, px of the map, with the rows it was seen on."""

    poly: FloatArray
    top: float
    low: float

    def points(self, bottom: float) -> FloatArray:
        """Return (P, 2) from the bottom up to the last row seen."""
        y = np.append(np.arange(bottom, self.top, -2.0), self.top)
        return np.stack([np.polyval(self.poly, y), y], axis=1)


def _drivable_between(a: _Curve, b: _Curve, road: UInt8) -> float:
    """Return the mean probability of drivable area between two lines, over the rows that both were seen on."""
    rows = np.arange(int(max(a.top, b.top)), int(max(a.low, b.low)) + 1)
    ends = np.sort(np.stack([np.polyval(c.poly, rows) for c in (a, b)]), axis=0)
    columns = np.arange(road.shape[1])[None, :]
    strip = (columns > ends[0][:, None]) & (columns < ends[1][:, None])
    return float(road[rows][strip].mean()) / 255 if strip.any() else 0.0


def _meeting(a: _Curve, b: _Curve) -> tuple[float, float] | None:
    """Return (x, y) of the point where the tangents at the upper ends meet, or None where they do not."""
    y = max(a.top, b.top)
    slopes = [float(np.polyval(np.polyder(c.poly), y)) for c in (a, b)]
    if slopes[1] - slopes[0] <= 0:
        return None
    gap = float(np.polyval(b.poly, y) - np.polyval(a.poly, y))
    rise = gap / (slopes[1] - slopes[0])
    return float(np.polyval(a.poly, y)) - slopes[0] * rise, y - rise
