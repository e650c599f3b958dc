"""Contact sheets: several frames with captions as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.errors import LanelightError
from lanelight.render.palette import SHADE, TEXT

Image = NDArray[np.uint8]

CAPTION_PX, GAP_PX = 22, 6


def contact_sheet(
    frames: Sequence[Image], captions: Sequence[str] = (), *, columns: int = 0, tile_width: int = 480
) -> Image:
    """Lay frames out in rows, each under its caption.

    Args:
        frames: (H, W, 3) uint8 RGB each, of any sizes; they keep their aspect.
        captions: one for each frame, or none.
        columns: frames in a row; 0 makes the sheet about as wide as it is high in frames, at most 4.
        tile_width: width of a frame on the sheet, px.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        LanelightError: no frames, or another number of captions.
    """
    if not frames or len(captions) not in (0, len(frames)):
        raise LanelightError(
            f"contact_sheet: expected frames and as many captions (or none), got {len(frames)} and {len(captions)}"
        )
    columns = columns or min(4, math.ceil(math.sqrt(len(frames))))
    tiles = [shrunk(frame, tile_width) for frame in frames]
    caption_px = CAPTION_PX if captions else 0
    tall = max(tile.shape[0] for tile in tiles)
    rows = math.ceil(len(tiles) / columns)
    step_x, step_y = tile_width + GAP_PX, tall + caption_px + GAP_PX
    sheet = np.full((rows * step_y + GAP_PX, columns * step_x + GAP_PX, 3), SHADE, np.uint8)
    for number, tile in enumerate(tiles):
        x, y = GAP_PX + number % columns * step_x, GAP_PX + number // columns * step_y
        if captions:
            cv2.putText(
                sheet,
                captions[number],
                (x + 2, y + CAPTION_PX - 6),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.5,
                TEXT,
                1,
                cv2.LINE_AA,
            )
        sheet[y + caption_px : y + caption_px + tile.shape[0], x : x + tile_width] = tile
    return sheet


def shrunk(frame: Image, width: int) -> Image:
    """Return the frame at another width, aspect kept."""
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    how = cv2.INTER_AREA if width < frame.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (width, height), interpolation=how), dtype=np.uint8)
