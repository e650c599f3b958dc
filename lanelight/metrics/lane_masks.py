"""Lanes as bit masks: drawn once each, counted and intersected in 64-bit words; compiled.

Each lane has a window of words just large enough for its pixels. A step between neighbouring points inside the frame
always adds the same pixels, so it is a ready stamp; near the border, where the outline of a line is clipped, and for
long steps it is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled
from lanelight.metrics.thick_line import Canvas, Point, draw_bar, draw_disc, radius_of

Path = NDArray[np.int64]
Words = NDArray[np.uint64]

STEP = 3  # the longest step with a stamp, px in x and in y
MARGIN = 2  # px that a line may reach beyond its radius


class Pen(NamedTuple):
    """How lanes are drawn; see `make_pen`.

    Attributes:
        width: of the frame, px.
        height: of the frame, px.
        thickness: of the line, px.
        reach: of a stamp, px: it has 2 reach + 1 rows, the new point in the middle; 0 where it does not fit 64 bits.
        stamps: (1 + 4 reach, D, D, 2 reach + 1) uint64: what a step adds, for steps dy and dx from -STEP to STEP.
            Place 0 is far from the border, then come the rows from -reach to reach - 1 below the upper border and
            above the lower one.
        spans: (1 + 4 reach, D, D, 2) first row of each stamp that has bits, and the one behind its last.
    """

    width: int
    height: int
    thickness: int
    reach: int
    stamps: Words
    spans: NDArray[np.int64]


@compiled
def make_pen(width: int, height: int, thickness: int) -> Pen:
    """Make the stamps for lines of a thickness, px, in frames of a size, px."""
    reach, sides = radius_of(thickness) + MARGIN + STEP, 2 * STEP + 1
    if 2 * reach + 1 > 64:
        reach = 0
    stamps = np.zeros((1 + 4 * reach, sides, sides, 2 * reach + 1), np.uint64)
    spans = np.zeros((1 + 4 * reach, sides, sides, 2), np.int64)
    if reach:
        for place in range(len(stamps)):
            y = 128  # of a frame of 256 px
            if place > 2 * reach:
                y = 255 - (place - 1 - 3 * reach)
            elif place:
                y = place - 1 - reach
            for dy in range(-STEP, STEP + 1):
                for dx in range(-STEP, STEP + 1):
                    stamp = stamps[place, dy + STEP, dx + STEP]
                    _make_stamp(stamp, Point(128, y), dx, dy, thickness)
                    rows = np.flatnonzero(stamp)
                    if len(rows):
                        spans[place, dy + STEP, dx + STEP, 0] = rows[0]
                        spans[place, dy + STEP, dx + STEP, 1] = rows[-1] + 1
    return Pen(width, height, thickness, reach, stamps, spans)


@compiled
def _make_stamp(stamp: Words, point: Point, dx: int, dy: int, thickness: int) -> None:
    """Set the pixels that the step to a point of a 256 px frame adds, without the disc at the old point."""
    new, old = (
        Canvas(np.zeros((256, 4), np.uint64), 0, 0, 256, 256),
        Canvas(np.zeros((256, 4), np.uint64), 0, 0, 256, 256),
    )
    if dx or dy:
        before = Point(point.x - dx, point.y - dy)
        draw_bar(new, before, point, thickness)
        draw_disc(old, before, radius_of(thickness))
    draw_disc(new, point, radius_of(thickness))
    reach = len(stamp) // 2
    for row in range(len(stamp)):
        y = point.y - reach + row
        if 0 <= y < 256:
            for column in range(len(stamp)):
                x = point.x - reach + column
                bit = ((new.bits[y, x >> 6] & ~old.bits[y, x >> 6]) >> np.uint64(x & 63)) & np.uint64(1)
                stamp[row] |= bit << np.uint64(column)


@compiled
def draw_lane(path: Path, pen: Pen) -> Canvas:
    """Draw a lane into a new window.

    Args:
        path: (N, 2) points in whole px, at least one, neighbours different.
        pen: how.
    """
    canvas = _window_of(path, pen)
    if canvas.bits.size == 0:
        return canvas
    x, y = path[0, 0], path[0, 1]
    draw_disc(canvas, Point(x, y), radius_of(pen.thickness))
    for i in range(1, len(path)):
        old_x, old_y = x, y
        x, y = path[i, 0], path[i, 1]
        dx, dy = x - old_x, y - old_y
        place = -1
        if -STEP <= dx <= STEP and -STEP <= dy <= STEP:
            place = _place_of(x, y, pen)
        if place >= 0:
            first, last = pen.spans[place, dy + STEP, dx + STEP]
            stamp = pen.stamps[place, dy + STEP, dx + STEP, first:last]
            _stamp(canvas, x - pen.reach, y - pen.reach + first, stamp)
        else:
            draw_bar(canvas, Point(old_x, old_y), Point(x, y), pen.thickness)
            draw_disc(canvas, Point(x, y), radius_of(pen.thickness))
    return canvas


@compiled
def _place_of(x: int, y: int, pen: Pen) -> int:
    """Return the place of a point among the stamps, or -1 where its line must be drawn."""
    reach = pen.reach
    if x < reach or x >= pen.width - reach or reach == 0:
        return -1
    above, below = max(y, -reach), max(pen.height - 1 - y, -reach)  # rows to the borders; nothing is seen farther out
    if above >= reach and below >= reach:
        return 0
    if below >= reach:
        return 1 + reach + above
    if above >= reach:
        return 1 + 3 * reach + below
    return -1


@compiled
def area(canvas: Canvas) -> int:
    """Count the pixels of a mask."""
    total = 0
    for word in canvas.bits.flat:
        total += _ones(word)
    return total


@compiled
def shared_area(a: Canvas, b: Canvas) -> int:
    """Count the pixels that two masks of one frame share."""
    top, bottom = max(a.row0, b.row0), min(a.row0 + a.bits.shape[0], b.row0 + b.bits.shape[0])
    first, last = max(a.word0, b.word0), min(a.word0 + a.bits.shape[1], b.word0 + b.bits.shape[1])
    total = 0
    for y in range(top, bottom):
        for word in range(first, last):
            total += _ones(a.bits[y - a.row0, word - a.word0] & b.bits[y - b.row0, word - b.word0])
    return total


@compiled
def _window_of(path: Path, pen: Pen) -> Canvas:
    """Return an empty canvas for the part of the frame that a lane can touch."""
    reach = radius_of(pen.thickness) + MARGIN
    left, top, right, bottom = path[0, 0], path[0, 1], path[0, 0], path[0, 1]
    for i in range(1, len(path)):
        left, right = min(left, path[i, 0]), max(right, path[i, 0])
        top, bottom = min(top, path[i, 1]), max(bottom, path[i, 1])
    left, right = max(left - reach, 0), min(right + reach, pen.width - 1)
    top, bottom = max(top - reach, 0), min(bottom + reach, pen.height - 1)
    if left > right or top > bottom:
        return Canvas(np.zeros((0, 0), np.uint64), 0, 0, pen.width, pen.height)
    words = (right >> 6) - (left >> 6) + 1
    return Canvas(np.zeros((bottom - top + 1, words), np.uint64), top, left >> 6, pen.width, pen.height)


@compiled
def _stamp(canvas: Canvas, x: int, y: int, stamp: Words) -> None:
    """Set the bits of a stamp whose top left pixel is (x, y)."""
    word, shift = (x >> 6) - canvas.word0, np.uint64(x & 63)
    carry, up = np.uint64(63) - shift, y - canvas.row0
    for row in range(len(stamp)):
        bits = stamp[row]
        canvas.bits[up + row, word] |= bits << shift
        high = (bits >> np.uint64(1)) >> carry
        if high:
            canvas.bits[up + row, word + 1] |= high


@compiled
def _ones(word: np.uint64) -> int:
    """Count the set bits of a word, in pairs, nibbles and bytes; the compiler knows this form of the instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
