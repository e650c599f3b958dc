"""Class maps as colours over their frame, and the legend of the colours."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.frames.image import Image
from lanelight.render.palette import SHADE, TEXT

GOLDEN_RATIO = 0.6180339887  # hues that follow each other by it stay apart however many there are
OPACITY = 0.45
UNLABELLED = 255  # the class id that says "nothing known" in every class map
CLEAR = "background"  # the name of a class that is not tinted
LINE_PX, SQUARE_PX, GAP_PX = 24, 14, 18


def tinted(frame: Image, classes: NDArray[np.uint8], names: Sequence[str] = ()) -> Image:
    """Return the frame with each pixel tinted in the colour of its class; 255 and the background stay as they are.

    Args:
        frame: (H, W, 3) uint8 RGB.
        classes: (H, W) uint8.
        names: of the classes 0, 1, ...
    """
    shown = np.array([is_tinted(index, names) for index in range(256)])
    mixed = (frame * (1 - OPACITY) + class_colors()[classes] * OPACITY).astype(np.uint8)
    return np.where(shown[classes][..., None], mixed, frame)


def is_tinted(index: int, names: Sequence[str]) -> bool:
    """Tell whether a class has a colour: all but 255 and the background."""
    return index != UNLABELLED and (index >= len(names) or names[index] != CLEAR)


def legend(present: Iterable[int], names: Sequence[str], width: int) -> Image:
    """Return a strip with the colours and names of some classes, as many lines as they need.

    Args:
        present: class ids.
        names: of the classes 0, 1, ...
        width: of the strip, px.

    Returns:
        (H, width, 3) uint8 RGB.
    """
    colors = class_colors()
    places: list[tuple[int, int, int, str]] = []
    x, y = GAP_PX, 0
    for index in sorted(present):
        name = names[index] if index < len(names) else str(index)
        wide = SQUARE_PX + 6 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] + GAP_PX
        if x + wide > width and x > GAP_PX:
            x, y = GAP_PX, y + LINE_PX
        places.append((x, y, index, name))
        x += wide
    strip = np.full((y + LINE_PX + 6, width, 3), SHADE, np.uint8)
    for left, top, index, name in places:
        strip[top + 6 : top + 6 + SQUARE_PX, left : left + SQUARE_PX] = colors[index]
        place = (left + SQUARE_PX + 6, top + 6 + SQUARE_PX - 2)
        cv2.putText(strip, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, TEXT, 1, cv2.LINE_AA)
    return strip


def class_colors() -> NDArray[np.uint8]:
    """Return the colour of each class id, (256, 3) uint8 RGB."""
    hues = [(0.11 + index * GOLDEN_RATIO) % 1.0 for index in range(256)]
    # Lightness alternates in three steps: it tells colours apart for eyes that see few hues.
    colors = [colorsys.hls_to_rgb(hue, (0.5, 0.68, 0.36)[index % 3], 0.75) for index, hue in enumerate(hues)]
    return (np.array(colors) * 255).round().astype(np.uint8)
