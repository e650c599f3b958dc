"""Draw a Scene over its frame, fast enough for every frame of a video."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.warp import IGNORE
from lanelight.render.classes import classes_in, draw_legend, tint_classes
from lanelight.render.palette import EGO_FILL, SHADE, SLOT_COLORS, TEXT, Color, lane_color

Image = NDArray[np.uint8]

EGO_SLOTS = (1, 2)
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates: lines move by 1/16 px, so they do not jump


def draw_lanes(
    frame: Image,
    scene: Scene,
    *,
    text: str | None = None,
    fill: bool = True,
    legend: bool = False,
    width_px: int = 0,
    class_names: Sequence[str] = (),
) -> Image:
    """Return the frame with its lanes drawn in, over the tinted pixels of its classes.

    Classes are drawn where they have names, and where there are no lanes: classes without names beside lanes are the
    frame's and not what was found.

    Args:
        frame: (H, W, 3) uint8 RGB; it is not changed.
        scene: the lanes, in px of this frame.
        text: one line for the top left corner.
        fill: tint classes, or else the ego lane, between slots 1 and 2.
        legend: name the slots and the classes that are present.
        width_px: line width; 0 chooses one for the frame's size.
        class_names: of the classes 0, 1, ..., for their colours; without them class 0 is the background.

    Returns:
        A new (H, W, 3) uint8 RGB array.

    Raises:
        LanelightError: the scene belongs to a frame of another size.
    """
    height, width = frame.shape[:2]
    if scene.size != (width, height):
        raise LanelightError(
            f"draw_lanes: expected a scene of {width}x{height} px like the frame, got {scene.size[0]}x{scene.size[1]}"
        )
    canvas = frame.copy()
    thickness = width_px or max(2, round(height / 180))
    left, right = (scene.in_slot(slot) for slot in EGO_SLOTS)
    named = scene.classes is not None and bool(class_names)
    if fill and scene.classes is not None and named:
        tint_classes(canvas, scene.classes, class_names)
    elif fill and scene.classes is not None and not scene.lanes:
        _tint_unnamed(canvas, scene.classes)
    elif fill and left is not None and right is not None:
        _tint_between(canvas, left, right)
    for place, lane in enumerate(scene.lanes):
        _draw_line(canvas, lane, lane_color(lane, place), thickness)
    if text:
        _write(canvas, [(text, TEXT)])
    if legend:
        entries = [(_label(lane, place), lane_color(lane, place)) for place, lane in enumerate(scene.lanes)]
        _write(canvas, entries, below=1 if text else 0)
        if scene.classes is not None and named:
            rows = len(entries) + (1 if text else 0)
            draw_legend(canvas, classes_in(scene.classes, class_names), below=rows * _step(canvas))
    return canvas


def _tint_between(canvas: Image, left: Lane, right: Lane) -> None:
    """Blend the area between two lines, over the rows that both have, in place."""
    height, width = canvas.shape[:2]
    spans = [lane.points[np.isfinite(lane.points).all(axis=1), 1] for lane in (left, right)]
    if min(len(span) for span in spans) < 2:
        return
    top = max(0, int(np.ceil(max(span.min() for span in spans))))
    bottom = min(height - 1, int(np.floor(min(span.max() for span in spans))))
    if bottom <= top:
        return
    rows = np.unique(np.append(np.arange(top, bottom, 4.0), bottom))
    x = np.stack([left.x_at(rows), right.x_at(rows)])
    if np.isnan(x).any() or (x[0] > x[1]).any():
        return  # crossed lines enclose no lane
    first, last = int(np.clip(x.min(), 0, width - 1)), int(np.clip(x.max(), 0, width - 1)) + 1
    outline = np.concatenate([np.stack([x[0], rows], 1), np.stack([x[1], rows], 1)[::-1]]) - (first, top)
    part = canvas[top : bottom + 1, first:last]
    tinted = part.copy()
    cv2.fillPoly(tinted, [_fixed(outline)], EGO_FILL, cv2.LINE_8, SHIFT)
    cv2.addWeighted(tinted, 0.3, part, 0.7, 0, dst=part)


def _tint_unnamed(canvas: Image, classes: NDArray[np.uint8]) -> None:
    """Blend the pixels of every class but 0 and the unknown one, in place."""
    for value in np.unique(classes):
        if 0 < value < IGNORE:
            where = classes == value
            canvas[where] = 0.45 * canvas[where] + 0.55 * np.array(SLOT_COLORS[value % len(SLOT_COLORS)])


def _draw_line(canvas: Image, lane: Lane, color: Color, thickness: int) -> None:
    points = lane.points[np.isfinite(lane.points).all(axis=1)]
    # Far outside, the fixed-point coordinates would overflow; nothing of it is seen anyway.
    points = np.clip(points, -4 * max(canvas.shape), 4 * max(canvas.shape))
    if len(points) == 0:
        return
    if len(points) == 1:
        points = np.repeat(points, 2, axis=0)
    path = [_fixed(points)]
    # A dark rim keeps the colour apart from white paint; it needs no smooth edge of its own.
    cv2.polylines(canvas, path, False, SHADE, thickness + 2, cv2.LINE_8, SHIFT)
    cv2.polylines(canvas, path, False, color, thickness, cv2.LINE_AA, SHIFT)


def _fixed(points: FloatArray) -> NDArray[np.int32]:
    return np.round(points * (1 << SHIFT)).astype(np.int32)


def _label(lane: Lane, place: int) -> str:
    name = f"slot {lane.slot}" if lane.slot is not None else f"lane {place}"
    return f"{name}  {lane.score:.2f}"


def _step(canvas: Image) -> int:
    """Return the height of a line of text, px."""
    scale: float = max(0.4, canvas.shape[0] / 1200)
    return round(36 * scale)


def _write(canvas: Image, lines: list[tuple[str, Color]], below: int = 0) -> None:
    """Write lines of text on a darkened strip in the top left corner, in place."""
    scale = max(0.4, canvas.shape[0] / 1200)
    step, edge = _step(canvas), round(10 * scale)
    for number, (text, color) in enumerate(lines, start=below):
        (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        strip = canvas[number * step : (number + 1) * step, : wide + 2 * edge]
        if strip.size == 0:
            return
        np.right_shift(strip, 2, out=strip)
        origin = (edge, number * step + round(25 * scale))
        cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, color, max(1, round(2 * scale)), cv2.LINE_AA)
