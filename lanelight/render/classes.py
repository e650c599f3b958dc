"""Class maps as colours: tinted over the frame, as pictures of their own, with a legend."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.geometry import Scene
from lanelight.render.palette import CLASS_COLORS, EGO_FILL, SHADE, SLOT_COLORS, TEXT, Color
from lanelight.render.sheet import GAP_PX, contact_sheet

Image = NDArray[np.uint8]

BACKGROUND = frozenset({"background", "other", "void", "unlabeled"})  # what is none of the classes looked for
DRIVABLE = ("road", "drivable", "drivable area")
TINT = 0.55  # share of the class's colour
TILE_PX = 960


def class_colors(names: Sequence[str]) -> tuple[Color | None, ...]:
    """Return the colour of each class, None for background.

    Names that a data set has a colour for get it, others one of the lanes' colours. Beside a background the road is
    what can be driven on, in the colour of the ego lane.
    """
    known = dict(CLASS_COLORS)
    if not BACKGROUND.isdisjoint(names):
        known |= dict.fromkeys(DRIVABLE, EGO_FILL)
    return tuple(
        None if name in BACKGROUND else known.get(name, SLOT_COLORS[place % len(SLOT_COLORS)])
        for place, name in enumerate(names)
    )


def color_map(classes: NDArray[np.uint8], names: Sequence[str]) -> Image:
    """Return classes as a picture; background, 255 and ids without a name are dark.

    Args:
        classes: (H, W) uint8.
        names: of the classes 0, 1, ...

    Returns:
        (H, W, 3) uint8 RGB.
    """
    table = np.full((256, 1, 3), SHADE, np.uint8)
    for index, color in enumerate(class_colors(names)):
        table[index] = SHADE if color is None else color
    return np.asarray(cv2.applyColorMap(np.ascontiguousarray(classes), table), dtype=np.uint8)


def tint_classes(canvas: Image, classes: NDArray[np.uint8], names: Sequence[str]) -> None:
    """Blend classes over a picture in place; background, 255 and ids without a name stay as they are.

    Args:
        canvas: (H, W, 3) uint8 RGB.
        classes: (H, W) uint8.
        names: of the classes 0, 1, ...
    """
    shown = np.zeros(256, np.uint8)
    shown[: len(names)] = [color is not None for color in class_colors(names)]
    tinted = cv2.addWeighted(color_map(classes, names), TINT, canvas, 1 - TINT, 0)
    cv2.copyTo(tinted, cv2.LUT(np.ascontiguousarray(classes), shown), canvas)


def classes_in(classes: NDArray[np.uint8], names: Sequence[str]) -> list[tuple[str, Color]]:
    """Return name and colour of each class that occurs, background left out."""
    pixels = cv2.calcHist([np.ascontiguousarray(classes)], [0], None, [256], [0, 256]).ravel()
    colors = class_colors(names)
    return [
        (name, color) for name, color, count in zip(names, colors, pixels, strict=False) if count and color is not None
    ]


def draw_legend(canvas: Image, entries: Sequence[tuple[str, Color]], *, below: int = 0) -> None:
    """Write the names of classes beside their colours, down the left side of a picture, in place.

    Args:
        canvas: (H, W, 3) uint8 RGB.
        entries: names and colours.
        below: px from the top that stay free.
    """
    scale = max(0.35, canvas.shape[0] / 1500)
    step, edge = round(30 * scale), max(2, round(8 * scale))
    thick = max(1, round(2 * scale))
    widest = max((_width(name, scale, thick) for name, _ in entries), default=0)
    strip = canvas[below : below + len(entries) * step + edge, : widest + step + 3 * edge]
    if not entries or strip.size == 0:
        return
    np.right_shift(strip, 2, out=strip)
    for number, (name, color) in enumerate(entries):
        top = below + number * step + edge
        canvas[top : top + step - edge, edge : edge + step] = color
        origin = (2 * edge + step, top + round(20 * scale))
        cv2.putText(canvas, name, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, TEXT, thick, cv2.LINE_AA)


def draw_triptych(frame: Image, pred: Scene, gold: Scene | None, names: Sequence[str]) -> Image:
    """Return the frame, its true classes where they are given, and the predicted ones, side by side above a legend.

    Args:
        frame: (H, W, 3) uint8 RGB.
        pred: with classes, in the frame's size.
        gold: the truth by the same ids, or None.
        names: of the classes 0, 1, ...

    Returns:
        (H', W', 3) uint8 RGB, each part at most 960 px wide.

    Raises:
        LanelightError: a scene has no classes or another size.
    """
    size = (frame.shape[1], frame.shape[0])
    tiles, captions, maps = [frame], ["input"], []
    for caption, scene in (("truth", gold), ("prediction", pred)):
        if scene is None:
            continue
        if scene.classes is None or scene.size != size:
            raise LanelightError(f"draw_triptych: expected classes of {size[0]}x{size[1]} px, got {caption} without")
        tiles.append(color_map(scene.classes, names))
        captions.append(caption)
        maps.append(scene.classes)
    sheet = contact_sheet(tiles, captions, columns=len(tiles), tile_width=min(TILE_PX, size[0]))
    present = {name: color for each in maps for name, color in classes_in(each, names)}
    return np.concatenate([sheet, _strip([(name, present[name]) for name in names if name in present], sheet.shape[1])])


def _strip(entries: Sequence[tuple[str, Color]], width: int) -> Image:
    """Return a picture with a legend in rows, as wide as is wanted."""
    places, x, y = [], GAP_PX, 0
    for name, color in entries:
        wide = _width(name, 0.45, 1) + 34
        if x + wide > width and x > GAP_PX:
            x, y = GAP_PX, y + 20
        places.append((x, y, name, color))
        x += wide
    strip = np.full((y + 24, width, 3), SHADE, np.uint8)
    for left, top, name, color in places:
        strip[top + 4 : top + 16, left : left + 16] = color
        cv2.putText(strip, name, (left + 20, top + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, TEXT, 1, cv2.LINE_AA)
    return strip


def _width(text: str, scale: float, thick: int) -> int:
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)[0][0])
