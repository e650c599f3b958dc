"""Draw what a finding means."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.frames import read_image
from lanelight.frames.image import Image
from lanelight.geometry import Lane, Scene
from lanelight.render.overlay import draw_lanes
from lanelight.render.palette import SHADE
from lanelight.render.sheet import shrunk
from lanelight.survey.check import Parts
from lanelight.survey.classes import UNLABELLED, tinted
from lanelight.survey.findings import Finding

MARK = (255, 40, 60)
LARGEST_BORDER = 0.25  # of the picture, around it, to show what lies outside
GAP_PX = 12  # between two pictures
MARGIN_PX = 40  # beyond a point outside, for the ring around it


def draw_finding(finding: Finding, parts: Parts, *, width: int = 480) -> Image | None:
    """Return the picture of a finding with its lanes and the places of the fault, or None where there is no picture.

    A second frame that the finding is about stands on the right.

    Args:
        finding: what was found.
        parts: the lists that were checked.
        width: of each picture, px.
    """
    if finding.index is None or finding.part not in parts:
        return None
    try:
        first = _drawn(finding, parts, width)
        if finding.other is None:
            return first
        data, index = parts[finding.other[0]], finding.other[1]
        second = shrunk(read_image(data.picture(index)), width)
    except LanelightError:  # it is what the finding says
        return None
    tall = max(first.shape[0], second.shape[0])
    pair = np.full((tall, 2 * width + GAP_PX, 3), SHADE, np.uint8)
    pair[: first.shape[0], :width] = first
    pair[: second.shape[0], width + GAP_PX :] = second
    return pair


def _drawn(finding: Finding, parts: Parts, width: int) -> Image:
    data, index = parts[finding.part], finding.index or 0
    frame = read_image(data.picture(index))
    size = (frame.shape[1], frame.shape[0])
    try:
        scene = data.scene(index, size)
    except LanelightError:
        return shrunk(frame, width)
    if scene.classes is not None:
        frame = tinted(frame, scene.classes, data.class_names)
        if finding.kind == "class_range":
            frame = _marked_classes(frame, scene.classes, len(data.class_names))
    left, top, right, bottom = _border(finding, size)
    wide = cv2.copyMakeBorder(frame, top, bottom, left, right, cv2.BORDER_CONSTANT, value=SHADE)
    lanes = [lane.with_points(lane.points + np.array([left, top])) for lane in scene.lanes]
    bold = max(2, round(3 * wide.shape[1] / width))
    canvas = draw_lanes(np.asarray(wide), _scene(wide, lanes), fill=False, width_px=bold)
    if finding.lane is not None and finding.lane <= len(lanes):
        canvas = _marked_lane(canvas, lanes[finding.lane - 1], bold)
    far = 4 * max(canvas.shape)
    for x, y in finding.points if finding.kind != "duplicate_lane" else ():
        center = (round(float(np.clip(x + left, -far, far))), round(float(np.clip(y + top, -far, far))))
        cv2.circle(canvas, center, 5 * bold, MARK, bold, cv2.LINE_AA)
    return shrunk(canvas, width)


def _border(finding: Finding, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return px left, above, right and below the picture that show the points of a finding outside of it."""
    if not finding.points:
        return 0, 0, 0, 0
    points, limit = np.array(finding.points), np.array(size)
    before = np.clip(-points.min(axis=0) + MARGIN_PX, 0, LARGEST_BORDER * limit)
    after = np.clip(points.max(axis=0) - limit + MARGIN_PX, 0, LARGEST_BORDER * limit)
    before[(points >= 0).all(axis=0)] = 0
    after[(points < limit).all(axis=0)] = 0
    return int(before[0]), int(before[1]), int(after[0]), int(after[1])


def _marked_lane(canvas: Image, lane: Lane, bold: int) -> Image:
    """Return the picture with one lane in the colour of faults, broader than the others."""
    points = lane.known_points
    far = 4 * max(canvas.shape)
    path = np.round(np.clip(points, -far, far)).astype(np.int32)
    if len(path):
        cv2.polylines(canvas, [path], False, MARK, 2 * bold, cv2.LINE_AA)
    return canvas


def _marked_classes(frame: Image, classes: NDArray[np.uint8], known: int) -> Image:
    wrong = (classes >= known) & (classes != UNLABELLED)
    marked = frame.copy()
    marked[wrong] = MARK
    outline = cv2.dilate(wrong.astype(np.uint8), np.ones((9, 9), np.uint8)) > wrong
    marked[outline] = (255, 255, 255)
    return marked


def _scene(canvas: NDArray[np.generic], lanes: list[Lane]) -> Scene:
    return Scene((canvas.shape[1], canvas.shape[0]), lanes)
