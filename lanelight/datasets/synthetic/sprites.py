"""Things that stand in the scene: polygons and cut-outs, composited behind crests and before the land."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.camera import Camera
from lanelight.geometry import FloatArray

Polygon = tuple[FloatArray, tuple[float, float, float], float]  # (P, 3) m, linear colour, opacity
SHARPNESS = 2  # sub-pixels per px inside a sprite
LARGEST_PX = 700


@dataclass(frozen=True)
class Canvas:
    """A picture in linear light with what is needed to place things in it.

    Attributes:
        camera: with a vertical image plane.
        image: (H, W, 3) float32 linear light, changed in place.
        depth: (H, W) float32 depth of the land, m.
        taken: (H, W) bool, True where something stands before the land; changed in place.
        haze: colour and range in m.
    """

    camera: Camera
    image: NDArray[np.float32]
    depth: NDArray[np.float32]
    taken: NDArray[np.bool_]
    haze: FloatArray


def draw_polygons(
    canvas: Canvas, polygons: list[Polygon], depth_m: float, *, cover: float = 1.0, lying: bool = False
) -> None:
    """Composite polygons, in the order given, as one thing at `depth_m`.

    Args:
        canvas: where to.
        polygons: what to draw.
        depth_m: of the whole thing.
        cover: opacity of the whole thing.
        lying: on the land, which then hides nothing of it.
    """
    if not polygons:
        return
    ends = np.cumsum([len(points) for points, _, _ in polygons])
    places, depths = canvas.camera.project(np.concatenate([points for points, _, _ in polygons]))
    before = np.minimum.reduceat(depths, np.concatenate([[0], ends[:-1]])) >= 0.4
    if not before.any():
        return
    box = _box(canvas, places[np.repeat(before, np.diff(ends, prepend=0))])
    if box is None:
        return
    x0, y0, x1, y1 = box
    scale = SHARPNESS if max(x1 - x0, y1 - y0) < LARGEST_PX // SHARPNESS else 1
    patch = np.zeros(((y1 - y0) * scale, (x1 - x0) * scale, 3), np.uint8)
    alpha = np.zeros(patch.shape[:2], np.uint8)
    fixed = np.clip(((places + 0.5 - (x0, y0)) * scale - 0.5) * 16, -2e6, 2e6).astype(np.int32)
    colours = (np.sqrt(np.clip([colour for _, colour, _ in polygons], 0, 1)) * 255).tolist()
    for k in np.flatnonzero(before):
        points, _, opacity = polygons[k]
        at, shown = fixed[ends[k] - len(points) : ends[k]].reshape(-1, 1, 2), colours[k]
        if opacity >= 1:
            cv2.fillPoly(patch, [at], shown, cv2.LINE_AA, 4)
            cv2.fillPoly(alpha, [at], (255.0,), cv2.LINE_AA, 4)
        else:
            over = patch.copy()
            cv2.fillPoly(over, [at], shown, cv2.LINE_AA, 4)
            patch = np.asarray(cv2.addWeighted(over, opacity, patch, 1 - opacity, 0), dtype=np.uint8)
    linear = np.asarray(np.square(patch.astype(np.float32) / 255), dtype=np.float32)
    opaque = np.asarray(alpha.astype(np.float32) / 255, dtype=np.float32)
    if scale > 1:
        linear = np.asarray(cv2.resize(linear, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), dtype=np.float32)
        opaque = np.asarray(cv2.resize(opaque, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), dtype=np.float32)
    if cover < 1.0:
        tall = max(3, (y1 - y0) // 5)
        linear = np.asarray(cv2.blur(linear * np.float32(cover), (3, tall)), dtype=np.float32)
        opaque = np.asarray(cv2.blur(opaque * np.float32(cover), (3, tall)), dtype=np.float32)
    _blend(canvas, linear, opaque, (x0, y0), 0.0 if lying else depth_m, light=np.ones(3))


def draw_cutout(
    canvas: Canvas, picture: Callable[[int], NDArray[np.float32]], foot: FloatArray, height_m: float, light: FloatArray
) -> None:
    """Composite an upright cut-out.

    Args:
        canvas: where to.
        picture: gives the upright cut-out, reduced so many times, as (h, w, 4) float32 reflectance and opacity.
        foot: (3,) world position of the middle of its lower edge, m.
        height_m: of the cut-out, m.
        light: (3,) light that falls on it.
    """
    xy, z = canvas.camera.project(foot)
    depth_m = float(z)
    if depth_m < 2.0:
        return
    cutout = picture(1)
    tall = height_m * canvas.camera.focal_px / depth_m
    wide = tall * cutout.shape[1] / cutout.shape[0]
    if tall < 1.0 or tall > 6000:
        return
    box = _box(canvas, np.array([[xy[0] - wide / 2, xy[1] - tall], [xy[0] + wide / 2, xy[1]]]))
    if box is None:
        return
    x0, y0, x1, y1 = box
    cutout = picture(max(1, int(cutout.shape[0] / max(tall, 1.0))))
    sx, sy = cutout.shape[1] / wide, cutout.shape[0] / tall
    matrix = np.array(
        [
            [sx, 0.0, (x0 + 0.5 - xy[0] + wide / 2) * sx - 0.5],
            [0.0, sy, (y0 + 0.5 - xy[1] + tall) * sy - 0.5],
        ]
    )
    part = cv2.warpAffine(cutout, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    _blend(canvas, np.asarray(part[..., :3]), np.asarray(part[..., 3]), (x0, y0), depth_m, light=light)


def add_glow(canvas: Canvas, point: FloatArray, light: FloatArray, radius_m: float, stretch: float = 1.0) -> None:
    """Add the light of a lamp to the picture.

    Args:
        canvas: where to.
        point: (3,) world position, m.
        light: (3,) in the middle.
        radius_m: of the bright middle.
        stretch: height by width, as mirrored lamps have it on wet roads.
    """
    from lanelight.datasets.synthetic.blending import glow

    xy, z = canvas.camera.project(point)
    depth_m = float(z)
    if depth_m < 1.5:
        return
    across = max(radius_m * canvas.camera.focal_px / depth_m, 0.8)
    down = across * stretch
    box = _box(canvas, np.array([xy - 6 * np.array([across, down]), xy + 6 * np.array([across, down])]))
    if box is None:
        return
    x0, y0, x1, y1 = box
    small = min(1.0, radius_m * canvas.camera.focal_px / depth_m / 0.8) ** 2  # a lamp of less than a px
    r, g, b = (float(c) for c in light * max(small, 0.15) * np.exp(-depth_m / canvas.haze[3]))
    middle = (float(xy[0]) - x0, float(xy[1]) - y0)
    area = (slice(y0, y1), slice(x0, x1))
    nearest = -1.0 if stretch > 1.0 else depth_m * 0.97 - 2.5
    glow(canvas.image[area], canvas.depth[area], (r, g, b), middle, (float(across), float(down)), nearest)


def _blend(
    canvas: Canvas,
    colour: NDArray[np.float32],
    cover: NDArray[np.float32],
    corner: tuple[int, int],
    depth_m: float,
    *,
    light: FloatArray,
) -> None:
    """Lay a patch, premultiplied by its cover, over the canvas where the land is not nearer."""
    from lanelight.datasets.synthetic.blending import blend

    x0, y0 = corner
    area = (slice(y0, y0 + cover.shape[0]), slice(x0, x0 + cover.shape[1]))
    through = float(np.exp(-depth_m / canvas.haze[3]))
    r, g, b = (float(c) for c in light)
    hr, hg, hb = (float(c) * (1 - through) for c in canvas.haze[:3])
    blend(
        canvas.image[area], canvas.depth[area], canvas.taken[area], colour, cover, (r, g, b), (hr, hg, hb), through,
        depth_m * 0.97 - 2.5,
    )  # fmt: skip


def _box(canvas: Canvas, points: FloatArray) -> tuple[int, int, int, int] | None:
    """Return the whole-px box around points, inside the canvas, or None."""
    height, width = canvas.depth.shape
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, (width, height))
    if (high - low).min() < 1:
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
