"""What is on the windscreen or burnt into the picture: stickers, mirrored papers, dark rims, the recorder's clock."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Windscreen:
    """Things before the scene; places and sizes are shares of the picture's width and height.

    Attributes:
        stickers: (x, y, radius, red, green, blue) rings at the rim, 0 to 255.
        papers: (x, y, width, height, light) papers on the dashboard that the glass mirrors; light of 255.
        digits: what is written on the first of them.
        corner: how far a dark rim reaches in at the left and right.
        stamp: what the recorder writes.
        stamp_at: where that begins.
        stamp_px: height of its letters, share of the height.
    """

    stickers: tuple[tuple[float, ...], ...] = ()
    papers: tuple[tuple[float, ...], ...] = ()
    digits: str = ""
    corner: float = 0.0
    stamp: str = ""
    stamp_at: tuple[float, float] = (0.02, 0.98)
    stamp_px: float = 0.04


def draw_windscreen(rng: np.random.Generator) -> Windscreen:
    """Draw what is on the windscreen; on most there is nothing."""
    stickers: tuple[tuple[float, ...], ...] = ()
    papers: tuple[tuple[float, ...], ...] = ()
    if rng.random() < 0.1:
        colour = [float(c) for c in rng.uniform(20, 230, 3)]
        at = [(float(rng.uniform(0, 1)), float(rng.choice([-0.02, 0.03])), float(rng.uniform(0.02, 0.06)), *colour)]
        stickers = tuple(at)
    if rng.random() < 0.15:
        papers = tuple(
            (
                *(float(v) for v in rng.uniform((0.05, 0.15, 0.04, 0.04), (0.85, 0.8, 0.3, 0.3))),
                float(rng.uniform(5, 45)),
            )
            for _ in range(int(rng.integers(1, 4)))
        )
    clock = "{:02d}:{:02d}:{:02d}".format(*(int(v) for v in rng.integers(0, (24, 60, 60))))
    texts = (clock, f"2014/{int(rng.integers(1, 13)):02d}/11 {clock}", f"{int(rng.integers(0, 130))} km/h  {clock}")
    return Windscreen(
        stickers,
        papers,
        str(int(rng.integers(10**6, 10**8))) if rng.random() < 0.6 else "",
        float(rng.uniform(0.005, 0.03)) if rng.random() < 0.08 else 0.0,
        texts[int(rng.integers(len(texts)))] if rng.random() < 0.15 else "",
        (float(rng.uniform(0.01, 0.7)), float(rng.choice([0.05, 0.97, 1.01]))),
        float(rng.uniform(0.025, 0.06)),
    )


def add_mirrored(shown: NDArray[np.uint8], screen: Windscreen) -> None:
    """Add what the windscreen mirrors and what sticks on it, in place."""
    height, width = shown.shape[:2]
    for k, (x, y, wide, tall, level) in enumerate(screen.papers):
        x0, y0, x1, y1 = (round(v) for v in (x * width, y * height, (x + wide) * width, (y + tall) * height))
        area = shown[max(y0, 0) : y1, max(x0, 0) : x1]
        if min(area.shape[:2]) < 4:
            continue
        veil = np.zeros(area.shape[:2], np.uint8)
        rows, columns = area.shape[:2]
        lean = columns // 8
        shape = np.array([(lean, 1), (columns - 2, 1), (columns - 2 - lean, rows - 2), (1, rows - 2)], np.int32)
        cv2.fillConvexPoly(veil, shape, (level,), cv2.LINE_AA)
        if k == 0 and screen.digits:
            scale = columns / 20 / max(len(screen.digits), 1)
            at = (lean, rows * 2 // 3)
            cv2.putText(veil, screen.digits, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (3 * level,), 2, cv2.LINE_AA)
            veil = np.asarray(veil[:, ::-1])
        veil = np.asarray(cv2.blur(np.ascontiguousarray(veil), (3, 3)), dtype=np.uint8)
        tinted = cv2.merge([veil, veil, cv2.convertScaleAbs(veil, alpha=1.15)])
        area[:] = cv2.add(np.ascontiguousarray(area), tinted)
    for x, y, radius, *colour in screen.stickers:
        middle, thick = (round(x * width), round(y * height)), max(1, round(radius * width / 6))
        cv2.circle(shown, middle, round(radius * width), tuple(colour), thick, cv2.LINE_AA)
    if screen.corner > 0:
        reach = round(screen.corner * width)
        for middle in ((-4 * reach, height // 2), (width + 4 * reach, height // 2)):
            cv2.ellipse(shown, middle, (5 * reach, height // 2), 0, 0, 360, (4.0, 4.0, 4.0), -1, cv2.LINE_AA)


def add_stamp(shown: NDArray[np.uint8], screen: Windscreen) -> None:
    """Write the recorder's clock into the picture, in place."""
    if not screen.stamp:
        return
    height, width = shown.shape[:2]
    scale = screen.stamp_px * height / 22
    at = (round(screen.stamp_at[0] * width), round(screen.stamp_at[1] * height))
    for tone, shift in ((10.0, max(1, round(2 * scale))), (245.0, 0)):
        place = (at[0] + shift, at[1] + shift)
        cv2.putText(shown, screen.stamp, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (tone,) * 3, 1, cv2.LINE_AA)
