"""Arrows, words and signs that are painted on roads, as tiles that the textures take up."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256
MARGIN = 6  # px that stay empty at each edge: tiles repeat, symbols do not
# every symbol: width and length on the road, m
SYMBOLS: dict[str, tuple[float, float]] = {
    "ahead": (0.75, 5.0),
    "left": (1.3, 5.0),
    "right": (1.3, 5.0),
    "ahead_left": (1.4, 5.0),
    "ahead_right": (1.4, 5.0),
    "merge_left": (1.3, 6.0),
    "stop": (2.2, 2.6),
    "slow": (2.2, 2.6),
    "bus": (2.0, 2.6),
    "only": (2.2, 2.6),
    "30": (1.6, 4.0),
    "50": (1.6, 4.0),
    "diamond": (0.9, 3.6),
    "cycle": (1.0, 1.8),
}
Point = tuple[float, float]


def glyph(name: str) -> NDArray[np.float32]:
    """Return the share of paint of a symbol as the driver sees it, (256, 256) float32 0 to 1."""
    tile = np.zeros((SIDE * 2, SIDE * 2), np.uint8)
    if name in ("stop", "slow", "bus", "only", "30", "50"):
        _word(tile, name.upper())
    elif name == "diamond":
        _outline(tile, [(0.5, 0.02), (0.95, 0.5), (0.5, 0.98), (0.05, 0.5)], 0.14)
    elif name == "cycle":
        _cycle(tile)
    else:
        for shape in _arrow(name):
            _fill(tile, shape)
    small = cv2.resize(tile, (SIDE - 2 * MARGIN, SIDE - 2 * MARGIN), interpolation=cv2.INTER_AREA)
    return np.pad(small.astype(np.float32) / 255, MARGIN)


def _arrow(name: str) -> list[list[Point]]:
    """Return the outlines of an arrow, x to the right and y down, 0 to 1."""
    if name == "ahead":
        return [_shaft(0.5, 0.36, 1.0, 0.2), [(0.5, 0.0), (0.95, 0.42), (0.05, 0.42)]]
    if name == "merge_left":
        return [[(0.85, 1.0), (0.99, 1.0), (0.99, 0.75), (0.55, 0.42), (0.4, 0.5), (0.85, 0.83)],
                [(0.02, 0.3), (0.72, 0.28), (0.3, 0.66)]]  # fmt: skip
    turn = [[(0.72, 1.0), (0.72, 0.42), (0.45, 0.24), (0.45, 0.36), (0.6, 0.47), (0.6, 1.0)],
            [(0.02, 0.26), (0.5, 0.06), (0.5, 0.5)]]  # fmt: skip
    if name in ("ahead_left", "ahead_right"):
        turn = [[(0.72, 0.95), (0.72, 0.62), (0.4, 0.44), (0.4, 0.54), (0.62, 0.68), (0.62, 0.95)],
                [(0.02, 0.47), (0.42, 0.3), (0.42, 0.66)],
                _shaft(0.67, 0.22, 1.0, 0.12), [(0.67, 0.0), (0.95, 0.26), (0.39, 0.26)]]  # fmt: skip
    if name.endswith("right"):
        return [[(1.0 - x, y) for x, y in shape] for shape in turn]
    return turn


def _shaft(x: float, top: float, bottom: float, width: float) -> list[Point]:
    """Return an upright bar."""
    return [(x - width / 2, top), (x + width / 2, top), (x + width / 2, bottom), (x - width / 2, bottom)]


def _fill(tile: NDArray[np.uint8], shape: list[Point]) -> None:
    """Fill an outline, in place."""
    side = tile.shape[0]
    cv2.fillPoly(tile, [(np.array(shape) * side).astype(np.int32).reshape(-1, 1, 2)], (255.0,), cv2.LINE_AA)


def _outline(tile: NDArray[np.uint8], shape: list[Point], width: float) -> None:
    """Draw a closed line, in place."""
    side = tile.shape[0]
    at = [(np.array(shape) * side).astype(np.int32).reshape(-1, 1, 2)]
    cv2.polylines(tile, at, True, (255.0,), int(width * side), cv2.LINE_AA)


def _word(tile: NDArray[np.uint8], word: str) -> None:
    """Write a word over the whole tile, in place."""
    face, thick = cv2.FONT_HERSHEY_DUPLEX, 10
    (width, height), below = cv2.getTextSize(word, face, 4.0, thick)
    canvas = np.zeros((height + below + 20, width + 20), np.uint8)
    cv2.putText(canvas, word, (10, height + 10), face, 4.0, (255.0,), thick, cv2.LINE_AA)
    ys, xs = np.nonzero(canvas > 60)
    tight = canvas[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    tile[:] = cv2.resize(tight, (tile.shape[1], tile.shape[0]), interpolation=cv2.INTER_AREA)


def _cycle(tile: NDArray[np.uint8]) -> None:
    """Draw a bicycle, in place."""
    side = tile.shape[0]
    for x in (0.25, 0.75):
        cv2.ellipse(tile, (int(x * side), int(0.7 * side)), (int(0.2 * side), int(0.22 * side)), 0, 0, 360, (255.0,),
                    int(0.05 * side), cv2.LINE_AA)  # fmt: skip
    for a, b in (((0.25, 0.7), (0.42, 0.35)), ((0.42, 0.35), (0.7, 0.38)), ((0.5, 0.7), (0.7, 0.38)),
                 ((0.75, 0.7), (0.68, 0.22)), ((0.68, 0.22), (0.8, 0.2)), ((0.5, 0.7), (0.4, 0.28)),
                 ((0.33, 0.28), (0.47, 0.28)), ((0.25, 0.7), (0.5, 0.7))):  # fmt: skip
        start, stop = (int(a[0] * side), int(a[1] * side)), (int(b[0] * side), int(b[1] * side))
        cv2.line(tile, start, stop, (255.0,), int(0.05 * side), cv2.LINE_AA)
