"""The thick line of OpenCV up to 4.12, drawn into rows of bits; compiled.

The CULane benchmark draws lanes with ``cv::line`` at thickness 30, 8-connected, and counts pixels; its score is defined
by these pixels. OpenCV 4.13 changed the rule for ends outside the frame, so the rule is kept here: a quadrilateral in
16.16 fixed point, filled and outlined, and a disc at both ends. The outline is clipped to the frame before it is
walked, so a line must be drawn for its true frame: neither a larger canvas nor a cropped one gives the same pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled

SHIFT = 16  # 16.16 fixed point
ONE = 1 << SHIFT
HALF = ONE >> 1
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


class Canvas(NamedTuple):
    """A window of a frame that is drawn into; whoever draws has made it large enough.

    Attributes:
        bits: (rows, words) uint64; bit b of word w is pixel x = 64 (word0 + w) + b.
        row0: row of the frame in which the window begins.
        word0: word of the row in which it begins.
        width: of the frame, px.
        height: of the frame, px.
    """

    bits: NDArray[np.uint64]
    row0: int
    word0: int
    width: int
    height: int


class Point(NamedTuple):
    """A point in whole pixels, or in 16.16 fixed point where it says so."""

    x: int
    y: int


class Chain(NamedTuple):
    """The edges of a quadrilateral from its topmost corner down, one way round.

    Attributes:
        turn: 1 or 3 corners on to the next.
        at: (1,) the corner it has reached.
        until: (1,) the row in which that corner is left behind.
        x: (1,) where it is in the current row, 16.16.
        slope: (1,) what x grows by in a row, 16.16.
    """

    turn: int
    at: NDArray[np.int64]
    until: NDArray[np.int64]
    x: NDArray[np.int64]
    slope: NDArray[np.int64]


@compiled
def radius_of(thickness: int) -> int:
    """Return the radius of the discs at the ends of a line, px."""
    return ((thickness << (SHIFT - 1)) + HALF) >> SHIFT


@compiled
def draw_disc(canvas: Canvas, center: Point, radius: int) -> None:
    """Fill the disc of OpenCV's integer midpoint rule."""
    x, y, error, plus, minus = radius, 0, 0, 1, 2 * radius - 1
    while x >= y:
        _span(canvas, center.y - y, center.x - x, center.x + x)
        _span(canvas, center.y + y, center.x - x, center.x + x)
        _span(canvas, center.y - x, center.x - y, center.x + y)
        _span(canvas, center.y + x, center.x - y, center.x + y)
        y += 1
        error += plus
        plus += 2
        if error > 0:
            error -= minus
            x -= 1
            minus -= 2


@compiled
def draw_bar(canvas: Canvas, start: Point, end: Point, thickness: int) -> None:
    """Fill and outline the quadrilateral between two points, which must differ."""
    dx, dy = float(start.x - end.x), float(end.y - start.y)
    scale = ((thickness << (SHIFT - 1)) + (thickness & 1) * ONE * 0.5) / np.sqrt(dx * dx + dy * dy)
    off_x, off_y = int(np.rint(dy * scale)), int(np.rint(dx * scale))
    corners = np.empty((4, 2), np.int64)
    for i, point, sign in ((0, start, 1), (1, start, -1), (2, end, -1), (3, end, 1)):
        corners[i, 0] = (point.x << SHIFT) + sign * off_x
        corners[i, 1] = (point.y << SHIFT) + sign * off_y
    for i in range(4):
        _draw_edge(canvas, Point(corners[i - 1, 0], corners[i - 1, 1]), Point(corners[i, 0], corners[i, 1]))
    _fill_quad(canvas, corners)


@compiled
def _fill_quad(canvas: Canvas, corners: NDArray[np.int64]) -> None:
    """Fill between the two chains of edges that run down from the topmost corner."""
    top = 0
    left, right, bottom = corners[0, 0], corners[0, 0], corners[0, 1]
    for i in range(1, 4):
        if corners[i, 1] < corners[top, 1]:
            top = i
        left, right = min(left, corners[i, 0]), max(right, corners[i, 0])
        bottom = max(bottom, corners[i, 1])
    y, last = _row_of(corners[top, 1]), _row_of(bottom)
    if _row_of(right) < 0 or last < 0 or _row_of(left) >= canvas.width or y >= canvas.height:
        return
    last = min(last, canvas.height - 1)
    a = Chain(1, np.array([top]), np.array([y]), np.array([-ONE]), np.array([0]))
    b = Chain(3, np.array([top]), np.array([y]), np.array([-ONE]), np.array([0]))
    unseen = 4  # corners not yet looked at; OpenCV counts them for both chains together
    while y <= last:
        if y >= a.until[0]:
            unseen = _next_edge(corners, a, y, unseen)
        if y >= b.until[0] and unseen >= 0:
            unseen = _next_edge(corners, b, y, unseen)
        if unseen < 0:
            return
        step = 1
        if y < 0:  # rows above the frame show nothing: go on where they or an edge end
            step = min(-y, a.until[0] - y, b.until[0] - y)
        else:
            _span(canvas, y, _row_of(min(a.x[0], b.x[0])), _row_of(max(a.x[0], b.x[0])))
        a.x[0] += a.slope[0] * step
        b.x[0] += b.slope[0] * step
        y += step


@compiled
def _next_edge(corners: NDArray[np.int64], chain: Chain, y: int, unseen: int) -> int:
    """Move a chain on to its first corner below row `y`; return how many corners are unseen, -1 if it found none."""
    start, end = chain.at[0], (chain.at[0] + chain.turn) % 4
    while unseen > 0:
        unseen -= 1
        row = _row_of(corners[end, 1])
        if row > y:
            chain.until[0], chain.at[0], chain.x[0] = row, end, corners[start, 0]
            chain.slope[0] = _quotient(2 * (corners[end, 0] - corners[start, 0]) + (row - y), 2 * (row - y))
            return unseen
        start, end = end, (end + chain.turn) % 4
    return -1


@compiled
def _draw_edge(canvas: Canvas, start: Point, end: Point) -> None:
    """Draw a thin line between two points in 16.16 fixed point, clipped to the frame first."""
    seen, start, end = _clipped(canvas.width << SHIFT, canvas.height << SHIFT, start, end)
    if not seen:
        return
    flat = abs(end.x - start.x) > abs(end.y - start.y)
    if (end.x < start.x) if flat else (end.y < start.y):
        start, end = end, start
    dx, dy = end.x - start.x, end.y - start.y
    x, y = start.x + HALF, start.y + HALF
    _span(canvas, (end.y + HALF) >> SHIFT, (end.x + HALF) >> SHIFT, (end.x + HALF) >> SHIFT)
    if flat:
        step = _quotient(dy << SHIFT, dx | 1)
        for _ in range((dx >> SHIFT) + 1):
            _span(canvas, y >> SHIFT, x >> SHIFT, x >> SHIFT)
            x += ONE
            y += step
    else:
        step = _quotient(dx << SHIFT, dy | 1)
        for _ in range((dy >> SHIFT) + 1):
            _span(canvas, y >> SHIFT, x >> SHIFT, x >> SHIFT)
            x += step
            y += ONE


@compiled
def _clipped(width: int, height: int, a: Point, b: Point) -> tuple[bool, Point, Point]:
    """Cut a line at the edges of a frame; the first of the returned values tells whether any of it is inside.

    Above and below come first, the start before the end, and each cut counts for the next: the order is part of the
    rule, since the cut ends are whole numbers.
    """
    right, bottom = width - 1, height - 1
    if (a.y < 0 and b.y < 0) or (a.y > bottom and b.y > bottom):
        return False, a, b
    if (a.x < 0 and b.x < 0) or (a.x > right and b.x > right):
        return False, a, b
    if a.y < 0 or a.y > bottom:
        edge = 0 if a.y < 0 else bottom
        a = Point(a.x + int(float(edge - a.y) * (b.x - a.x) / (b.y - a.y)), edge)
    if b.y < 0 or b.y > bottom:
        edge = 0 if b.y < 0 else bottom
        b = Point(b.x + int(float(edge - b.y) * (b.x - a.x) / (b.y - a.y)), edge)
    if (a.x < 0 and b.x < 0) or (a.x > right and b.x > right):
        return False, a, b
    if a.x < 0 or a.x > right:
        edge = 0 if a.x < 0 else right
        a = Point(edge, a.y + int(float(edge - a.x) * (b.y - a.y) / (b.x - a.x)))
    if b.x < 0 or b.x > right:
        edge = 0 if b.x < 0 else right
        b = Point(edge, b.y + int(float(edge - b.x) * (b.y - a.y) / (b.x - a.x)))
    return True, a, b


@compiled
def _span(canvas: Canvas, y: int, x0: int, x1: int) -> None:
    """Set the pixels x0 to x1 of row y, as far as they are inside the frame."""
    if y < 0 or y >= canvas.height or x1 < 0 or x0 >= canvas.width or x0 > x1:
        return
    x0, x1 = max(x0, 0), min(x1, canvas.width - 1)
    row = y - canvas.row0
    first, last = (x0 >> 6) - canvas.word0, (x1 >> 6) - canvas.word0
    head = ALL_BITS << np.uint64(x0 & 63)
    tail = ALL_BITS >> np.uint64(63 - (x1 & 63))
    if first == last:
        canvas.bits[row, first] |= head & tail
        return
    canvas.bits[row, first] |= head
    canvas.bits[row, first + 1 : last] = ALL_BITS
    canvas.bits[row, last] |= tail


@compiled
def _row_of(fixed: int) -> int:
    """Round 16.16 to a whole pixel, wrapped to 32 bits as in a C program that keeps it in an int."""
    return ((((fixed + HALF) >> SHIFT) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


@compiled
def _quotient(a: int, b: int) -> int:
    """Divide as C does, towards zero."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def mask_of_line(
    size: tuple[int, int], start: tuple[int, int], end: tuple[int, int], thickness: int
) -> NDArray[np.uint8]:
    """Draw one thick line.

    Args:
        size: (width, height) of the frame, px.
        start: (x, y) of one end, px, in the range of a 32-bit integer.
        end: (x, y) of the other end.
        thickness: px, at least 2.

    Returns:
        (H, W) uint8, 1 on the line.
    """
    width, height = size
    canvas = Canvas(np.zeros((height, (width + 63) // 64), np.uint64), 0, 0, width, height)
    if start != end:
        draw_bar(canvas, Point(*start), Point(*end), thickness)
    for point in (start, end):
        draw_disc(canvas, Point(*point), radius_of(thickness))
    return np.unpackbits(canvas.bits.view(np.uint8), axis=1, bitorder="little")[:, :width]
