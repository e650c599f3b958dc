"""`Warp`: one geometric map that moves a frame, its lanes and its classes together.

A map is a 3x3 matrix on (x, y, 1) in px with half-pixel centres. The functions below make such matrices; they are
composed by ``@``, the last step on the left, and applied once:

    matrix = turned(5.0, target) @ mirrored(target[0]) @ scaled(0.5, 0.5)
    warp = Warp(source, target, matrix)
    image, there = warp.image(frame), warp.scene(scene)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry.curve import FloatArray, arc_length, edge_gaps, parts_inside
from lanelight.geometry.lane import Lane
from lanelight.geometry.scene import Scene
from lanelight.geometry.viewport import Viewport

UInt8 = NDArray[np.uint8]

IGNORE = 255  # class id of pixels without a label
SHORTEST_PX = 1.0  # a part of a lane below this length grazes a corner and is not worth a lane


def shifted(x_px: float, y_px: float) -> FloatArray:
    """Return the matrix that moves right by `x_px` and down by `y_px`."""
    return np.array([[1.0, 0.0, x_px], [0.0, 1.0, y_px], [0.0, 0.0, 1.0]])


def scaled(x: float, y: float) -> FloatArray:
    """Return the matrix of a resize by the factors x and y: ``(x + 0.5) * s - 0.5``."""
    return np.array([[x, 0.0, 0.5 * x - 0.5], [0.0, y, 0.5 * y - 0.5], [0.0, 0.0, 1.0]])


def mirrored(width: int) -> FloatArray:
    """Return the matrix that exchanges left and right in a frame of this width, px."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def turned(degrees: float, size: tuple[int, int], scale: float = 1.0) -> FloatArray:
    """Return the matrix that scales and turns a frame about its centre.

    Args:
        degrees: counter-clockwise, as seen.
        size: (width, height) of the frame, px.
        scale: factor in both directions.
    """
    x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    about_origin = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(shifted(x, y) @ about_origin @ shifted(-x, -y), dtype=np.float64)


def cornered(size: tuple[int, int], moves_px: FloatArray) -> FloatArray:
    """Return the perspective matrix that moves the corners of a frame.

    Args:
        size: (width, height) of the frame, px.
        moves_px: (4, 2) px; top left, top right, bottom right, bottom left.
    """
    corners = _corners(size)
    return np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), (corners + moves_px).astype(np.float32)),
        dtype=np.float64,
    )


@dataclass(frozen=True, eq=False)
class Warp:
    """A map from frames of one size to frames of another.

    Attributes:
        source: (width, height) of the frame, px.
        target: (width, height) of the new frame, px.
        matrix: (3, 3) float64, source px to target px, half-pixel centres; scaled so that what the new frame shows
            lies in front of the plane at infinity.

    Raises:
        LanelightError: the matrix is not (3, 3) or maps the frame onto a line.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise LanelightError(f"Warp.matrix: expected an invertible (3, 3) matrix, got {matrix.tolist()}")
        middle = np.array([(self.target[0] - 1) / 2, (self.target[1] - 1) / 2, 1.0])
        depth = float(np.linalg.solve(matrix, middle)[2])
        matrix = matrix if depth > 0 else -matrix
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def of(cls, view: Viewport) -> Warp:
        """Return what a viewport does, as a warp; `image` then gives the very pixels of `Viewport.apply`."""
        x0, y0, _, _ = view.crop
        return cls(view.source, view.target, scaled(*view.scale) @ shifted(-x0, -y0))

    @property
    def mirrors(self) -> bool:
        """Tell whether left and right change places."""
        return bool(np.linalg.det(self.matrix) < 0)

    @property
    def view(self) -> Viewport | None:
        """Return the viewport that shows the same (before mirroring): whole px, inside the frame; None for others."""
        if self.matrix[2, :2].any():
            return None
        a, b, _ = self.matrix / self.matrix[2, 2]
        if a[1] or b[0] or b[1] <= 0:
            return None
        x = sorted((edge - a[2]) / a[0] + 0.5 for edge in (-0.5, self.target[0] - 0.5))
        y = [(edge - b[2]) / b[1] + 0.5 for edge in (-0.5, self.target[1] - 0.5)]
        x0, y0, x1, y1 = (round(edge) for edge in (x[0], y[0], x[1], y[1]))
        if max(abs(x[0] - x0), abs(x[1] - x1), abs(y[0] - y0), abs(y[1] - y1)) > 1e-6:
            return None
        inside = 0 <= x0 < x1 <= self.source[0] and 0 <= y0 < y1 <= self.source[1]
        return Viewport(self.source, (x0, y0, x1, y1), self.target) if inside else None

    def to_target(self, xy: FloatArray) -> FloatArray:
        """Map (..., 2) source px to target px."""
        moved = np.asarray(xy, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(moved[..., :2] / moved[..., 2:], dtype=np.float64)

    def image(self, frame: UInt8, fill: tuple[int, int, int] = (0, 0, 0)) -> UInt8:
        """Return the frame as the warp shows it, in one interpolation.

        A viewport's picture is resized as `Viewport.apply` does it. Others are interpolated linearly, after whole
        blocks of px are averaged where the warp shrinks to half and below, so that far lane paint does not alias away.

        Args:
            frame: (H, W, 3) uint8 in the source size.
            fill: RGB of what lies outside the frame.

        Returns:
            (H, W, 3) uint8 in the target size.

        Raises:
            LanelightError: the frame has another size than `source`.
        """
        if (frame.shape[1], frame.shape[0]) != self.source:
            raise LanelightError(
                f"Warp.image: expected a frame of {self.source[0]}x{self.source[1]}, "
                f"got {frame.shape[1]}x{frame.shape[0]}; make a warp for this size first"
            )
        view = self.view
        if view is not None:
            seen = view.apply(frame)
            return np.asarray(cv2.flip(seen, 1), dtype=np.uint8) if self.mirrors else seen
        matrix = self.matrix
        step = self._whole_step()
        if step > 1:
            small = (self.source[0] // step, self.source[1] // step)
            frame = np.asarray(cv2.resize(frame, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            matrix = matrix @ scaled(self.source[0] / small[0], self.source[1] / small[1])
        return self._warped(frame, matrix, cv2.INTER_LINEAR, fill)

    def classes(self, ids: UInt8) -> UInt8:
        """Return a class map as the warp shows it: nearest px, `IGNORE` outside the frame.

        Args:
            ids: (H, W) uint8 in the source size.
        """
        return self._warped(ids, self.matrix, cv2.INTER_NEAREST, (IGNORE, IGNORE, IGNORE))

    def scene(self, scene: Scene, *, slots: int = 4) -> Scene:
        """Return what is known about the frame that `image` gives.

        Lanes are cut where they leave the new frame, or the old one, outside which there is nothing to see. They keep
        the order of their points. A lane that comes back into the frame becomes one lane for each part longer than
        1 px, in the order of its points, of the same slot, track and attributes; `Scene.in_slot` finds the first,
        which is the one nearest the vehicle. Where left and right change places, slot k becomes `slots` - 1 - k and
        the order of the lanes is turned round.

        Args:
            scene: what is known about the frame.
            slots: number of slots, counted from the left.

        Raises:
            LanelightError: the scene belongs to a frame of another size, or a slot to be mirrored lies outside.
        """
        if scene.size != self.source:
            raise LanelightError(
                f"Warp.scene: expected a scene of {self.source[0]}x{self.source[1]} px, "
                f"got {scene.size[0]}x{scene.size[1]}"
            )
        mirrors = self.mirrors
        lanes: list[Lane] = []
        for lane in reversed(scene.lanes) if mirrors else scene.lanes:
            slot = _other_side(lane.slot, slots) if mirrors else lane.slot
            lanes += [Lane(part, lane.score, slot, lane.track, lane.attributes) for part in self._parts(lane.points)]
        classes = None if scene.classes is None else self.classes(scene.classes)
        return Scene(self.target, lanes, classes)

    def fill_outside(self, image: UInt8, fill: tuple[int, int, int]) -> UInt8:
        """Give the picture one colour where the frame does not reach.

        Args:
            image: (H, W, 3) uint8 in the target size, changed in place.
            fill: RGB.

        Returns:
            The picture.
        """
        for row, (first, end) in enumerate(self._columns_inside().tolist()):
            if first > 0:
                image[row, :first] = fill
            if end < self.target[0]:
                image[row, end:] = fill
        return image

    def _columns_inside(self) -> NDArray[np.int64]:
        """Return the px of each target row that show the frame, (H, 2): the first one and the one after the last."""
        back = np.linalg.inv(self.matrix)
        # Inside is where each a x + b y + c >= 0, the source px not being divided by their depth.
        frame = np.array([[1, 0, 0.5], [-1, 0, self.source[0] - 0.5], [0, 1, 0.5], [0, -1, self.source[1] - 0.5]])
        a, b, c = np.concatenate([frame @ back, back[2:]]).T
        rest = b * np.arange(self.target[1])[:, None] + c  # (H, 5)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            bound = -rest / a
        first = np.where(a > 0, bound, -np.inf).max(axis=1)
        last = np.where(a < 0, bound, np.inf).min(axis=1)
        last[((a == 0) & (rest < 0)).any(axis=1)] = -np.inf
        width = self.target[0]
        spans = np.stack([np.ceil(np.clip(first, 0, width)), np.floor(np.clip(last, -1, width - 1)) + 1], axis=1)
        return np.asarray(np.maximum(spans, 0), dtype=np.int64)

    def _parts(self, points: FloatArray) -> list[FloatArray]:
        """Return the parts of a polyline that both frames show, (Q, 2) target px each."""
        points = points[np.isfinite(points).all(axis=1)]
        x, y, depth = (points @ self.matrix[:, :2].T + self.matrix[:, 2]).T
        width, height = self.target
        # Not divided by the depth: so they are linear along the line, and negative behind the plane at infinity.
        gaps = [x + 0.5 * depth, (width - 0.5) * depth - x, y + 0.5 * depth, (height - 0.5) * depth - y]
        parts = parts_inside(points, np.column_stack([*gaps, edge_gaps(points, self.source)]))
        moved = [self.to_target(part) for part in parts]
        return [part for part in moved if arc_length(part)[-1] >= SHORTEST_PX]

    def _whole_step(self) -> int:
        """Return how many source px, rounded down, lie between neighbouring target px in the middle of the picture."""
        x, y = (self.target[0] - 1) / 2, (self.target[1] - 1) / 2
        at = np.linalg.solve(self.matrix, np.array([[x, x + 1, x], [y, y, y + 1], [1.0, 1.0, 1.0]]))
        middle, right, below = (at[:2] / at[2]).T
        shrink = min(np.linalg.norm(right - middle), np.linalg.norm(below - middle))
        return int(max(1, min(math.floor(shrink + 1e-6), *self.source)))

    def _warped(self, array: UInt8, matrix: FloatArray, how: int, fill: tuple[int, int, int]) -> UInt8:
        if matrix[2, 0] == 0 and matrix[2, 1] == 0:
            affine = matrix[:2] / matrix[2, 2]
            return np.asarray(cv2.warpAffine(array, affine, self.target, flags=how, borderValue=fill), dtype=np.uint8)
        return np.asarray(cv2.warpPerspective(array, matrix, self.target, flags=how, borderValue=fill), dtype=np.uint8)


def flip(frame: UInt8, scene: Scene, *, slots: int = 4) -> tuple[UInt8, Scene]:
    """Mirror a frame and its Scene left to right; slot k becomes `slots` - 1 - k, and nothing is cut.

    Args:
        frame: (H, W, 3) uint8.
        scene: what is known about it.
        slots: number of slots, counted from the left.

    Raises:
        LanelightError: a slot lies outside 0 .. `slots` - 1.
    """
    width = scene.size[0]

    def other(lane: Lane) -> Lane:
        points = lane.points * (-1.0, 1.0) + (width - 1.0, 0.0)
        return Lane(points, lane.score, _other_side(lane.slot, slots), lane.track, lane.attributes)

    classes = None if scene.classes is None else np.ascontiguousarray(scene.classes[:, ::-1])
    lanes = tuple(other(lane) for lane in reversed(scene.lanes))
    return np.ascontiguousarray(frame[:, ::-1]), Scene(scene.size, lanes, classes)


def _other_side(slot: int | None, slots: int) -> int | None:
    if slot is None:
        return None
    if not 0 <= slot < slots:
        raise LanelightError(
            f"flip: expected slots in 0..{slots - 1}, got a lane in slot {slot}; say how many there are"
        )
    return slots - 1 - slot


def _corners(size: tuple[int, int]) -> FloatArray:
    """Return the outer corners of a frame, (4, 2) px, clockwise from the top left."""
    right, bottom = size[0] - 0.5, size[1] - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
