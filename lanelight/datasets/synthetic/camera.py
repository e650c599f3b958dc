"""A pinhole camera over the world, and its twin with a vertical image plane in which roads are drawn.

World axes: x and y on the map, z up, in m. Headings are radians counter-clockwise from x. Camera axes: X right,
Y down, Z forward. Pixels are half-pixel centred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray

Image = TypeVar("Image", np.uint8, np.float32)

KNOTS_PX = 8
MAX_TWIN_SHARE = 2.6  # the twin of a camera that looks steeply down would grow without bound


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose lens may bend the picture.

    Attributes:
        size: (width, height) px.
        focal_px: focal length, vertical px.
        centre: (x, y) of the principal point, px.
        position: (x, y, z) in the world, m.
        heading: direction of view on the map, rad.
        pitch: looking down is positive, rad.
        roll: turning the camera clockwise (as the driver sees it) is positive, rad.
        stretch: horizontal px per vertical px of the same angle.
        bend: radial distortion: a point at r from the middle, in focal lengths, is seen at r + bend * r**3.
    """

    size: tuple[int, int]
    focal_px: float
    centre: tuple[float, float]
    position: tuple[float, float, float]
    heading: float
    pitch: float = 0.0
    roll: float = 0.0
    stretch: float = 1.0
    bend: float = 0.0

    @cached_property
    def scale(self) -> FloatArray:
        """Return the focal length in px of x and of y."""
        return np.array([self.focal_px * self.stretch, self.focal_px])

    @cached_property
    def tilt(self) -> FloatArray:
        """Return the (3, 3) rotation from the axes of the vertical twin to the axes of this camera."""
        cp, sp, cr, sr = np.cos(self.pitch), np.sin(self.pitch), np.cos(self.roll), np.sin(self.roll)
        pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        roll = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
        return np.asarray(roll @ pitch, dtype=np.float64)

    @cached_property
    def rotation(self) -> FloatArray:
        """Return the (3, 3) rotation from world axes to camera axes."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        level = np.array([[s, -c, 0.0], [0.0, 0.0, -1.0], [c, s, 0.0]])
        return np.asarray(self.tilt @ level, dtype=np.float64)

    @property
    def matrix(self) -> FloatArray:
        """Return the (3, 3) map from camera axes to homogeneous px."""
        return np.array([[self.scale[0], 0, self.centre[0]], [0, self.focal_px, self.centre[1]], [0, 0, 1.0]])

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Project world points.

        Args:
            points: (..., 3) m.

        Returns:
            (..., 2) px, meaningful where the depth is positive, and (...,) depth along the axis of view, m.
        """
        local = (np.asarray(points, dtype=np.float64) - self.position) @ self.rotation.T
        depth = local[..., 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        flat = local[..., :2] / safe[..., None]
        if self.bend:
            flat = flat * self._bent(flat)
        return flat * self.scale + self.centre, depth

    def rays(self, pixels: FloatArray) -> FloatArray:
        """Return the (..., 3) world direction through each (..., 2) px, of depth 1."""
        return np.asarray(self._local(pixels) @ self.rotation, dtype=np.float64)

    def twin(self, scale: float) -> Camera:
        """Return the camera at the same place with a vertical image plane that covers this one's view.

        Args:
            scale: px of the twin per px of this camera near the principal point; less where the twin would be huge.
        """
        w, h = self.size
        local = self._local(self._edge(9)) @ self.tilt
        flat = local[:, :2] / np.maximum(local[:, 2:], 0.2)
        low, high = flat.min(axis=0), flat.max(axis=0)
        focal = self.focal_px * scale
        area = float(np.prod((high - low) * focal))
        focal *= min(1.0, (MAX_TWIN_SHARE * w * h * scale**2 / area) ** 0.5)
        first, last = np.floor(low * focal), np.ceil(high * focal)
        size = (int(last[0] - first[0]) + 1, int(last[1] - first[1]) + 1)
        return Camera(size, focal, (-float(first[0]), -float(first[1])), self.position, self.heading)

    def rows_in(self, twin: Camera) -> NDArray[np.int64]:
        """Return the rows of each column of a twin that this camera may see, (W, 2): first, and one after the last."""
        local = self._local(self._edge(17)) @ self.tilt
        x, y = (local[:, :2] / np.maximum(local[:, 2:], 0.2) * twin.scale + twin.centre).T
        width, height = twin.size
        low, high = np.full(width, height), np.zeros(width, np.int64)
        for a, b, c, d in zip(x, np.roll(x, -1), y, np.roll(y, -1), strict=True):
            (first, p), (last, q) = sorted(((a, c), (b, d)))
            columns = np.arange(max(int(first) - 2, 0), min(int(last) + 4, width))
            at = np.interp(columns, (first, last), (p, q))
            low[columns] = np.minimum(low[columns], np.floor(at) - 3)
            high[columns] = np.maximum(high[columns], np.ceil(at) + 4)
        return np.asarray(np.clip(np.stack([low, high], axis=1), 0, height), dtype=np.int64)

    def _edge(self, count: int) -> FloatArray:
        """Return points all around the picture, 1 px outside its middle pixels, (4 * count, 2) px."""
        w, h = self.size
        x, y = np.linspace(-1.0, w, count), np.linspace(-1.0, h, count)
        sides = [[(a, -1.0) for a in x], [(w, b) for b in y], [(a, h) for a in x[::-1]], [(-1.0, b) for b in y[::-1]]]
        return np.concatenate(sides).astype(np.float64)

    def to_twin(self, twin: Camera) -> FloatArray:
        """Return the (3, 3) homography from px of this camera, its bend aside, to px of a twin at the same place."""
        return np.asarray(twin.matrix @ self.tilt.T @ np.linalg.inv(self.matrix), dtype=np.float64)

    def seen_from(self, twin: Camera, image: NDArray[Image], *, smooth: bool) -> NDArray[Image]:
        """Return the picture of this camera, made from the picture of its twin.

        Args:
            twin: of the same place and heading.
            image: (H, W, ...) its picture.
            smooth: interpolate; False takes the nearest pixel.
        """
        flags = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
        if not self.bend:
            warp, flags = self.to_twin(twin), flags | cv2.WARP_INVERSE_MAP
            seen = cv2.warpPerspective(image, warp, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        else:
            seen = cv2.remap(image, *self._map_to(twin), flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(seen, dtype=image.dtype)

    def _map_to(self, twin: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return column and row in the twin's picture of every pixel, each (H, W) px."""
        known = self._maps.get(id(twin))
        if known is None:
            local = _knots(self) @ self.tilt
            knots = (local[..., :2] / local[..., 2:] * twin.scale + twin.centre).astype(np.float32)
            # between knots the map is straight to 0.01 px, and every pixel lies at a whole 32nd between them, which is
            # what warpAffine computes with
            spread = np.array([[1 / KNOTS_PX, 0, 0], [0, 1 / KNOTS_PX, 0]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            x, y = (
                np.asarray(cv2.warpAffine(np.ascontiguousarray(part), spread, self.size, flags=flags), dtype=np.float32)
                for part in (knots[..., 0], knots[..., 1])
            )
            known = self._maps[id(twin)] = (x, y, twin)
        return known[:2]

    @cached_property
    def _maps(self) -> dict[int, tuple[NDArray[np.float32], NDArray[np.float32], Camera]]:
        """Return the maps made so far, by the identity of the twin, which is kept alive with them."""
        return {}

    @cached_property
    def _widest(self) -> float:
        """Return the squared distance from the middle beyond which the lens bends no further; outside the picture."""
        far = corner(self.size, self.centre, self.scale)
        flat = far
        for _ in range(60 if self.bend < 0 else 0):
            flat = far / max(1.0 + self.bend * flat**2, 0.5)
        return 1.1 * flat**2

    def _bent(self, flat: FloatArray) -> FloatArray:
        """Return by how much the lens moves points (..., 2), in focal lengths, outwards, (..., 1)."""
        far = flat[..., :1] ** 2 + flat[..., 1:2] ** 2
        return np.asarray(1.0 + self.bend * np.minimum(far, self._widest))

    def _local(self, pixels: FloatArray) -> FloatArray:
        """Return the (..., 3) direction, in camera axes and of depth 1, of (..., 2) px."""
        seen = (np.asarray(pixels, dtype=np.float64) - self.centre) / self.scale
        flat = seen
        for _ in range(25 if self.bend else 0):
            flat = seen / self._bent(flat)
        return np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)


def _knots(camera: Camera) -> FloatArray:
    """Return the directions of every 8th pixel of a camera; as long as its lens is the same, they are."""
    return _knots_of(camera.size, camera.focal_px, camera.stretch, camera.centre, camera.bend)


@lru_cache(maxsize=4)
def _knots_of(
    size: tuple[int, int], focal_px: float, stretch: float, centre: tuple[float, float], bend: float
) -> FloatArray:
    """Return the directions of every 8th pixel."""
    lens = Camera(size, focal_px, centre, (0.0, 0.0, 0.0), 0.0, stretch=stretch, bend=bend)
    x, y = np.meshgrid(*(np.arange(0, length + 2 * KNOTS_PX, KNOTS_PX, dtype=np.float64) for length in size))
    return lens._local(np.stack([x, y], axis=-1))


def corner(size: tuple[int, int], centre: tuple[float, float], scale: FloatArray) -> float:
    """Return how far the corners of a picture are from its principal point, at most, in focal lengths."""
    return float(np.hypot(*(np.maximum(np.array(centre), np.array(size) - centre) / scale)))


def most_bend(far: float) -> float:
    """Return the strongest bend inwards with which a point seen `far` (focal lengths) away has one direction.

    A lens r -> r + bend * r**3 turns back where 3 * bend * r**2 is -1; a fifth of that is kept as a margin.
    """
    return -0.8 * 4 / 27 / far**2


def pitch_for_horizon(row: float, centre_row: float, focal_px: float) -> float:
    """Return the pitch (rad) of a level-road camera whose horizon lies in `row`."""
    return float(np.arctan((centre_row - row) / focal_px))
