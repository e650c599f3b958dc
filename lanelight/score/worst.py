"""The worst frames of a score as one picture: where to look first."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lanelight.errors import LanelightError, SourceError
from lanelight.frames import Image, read_image, write_image
from lanelight.render import contact_sheet, draw_comparison
from lanelight.render.palette import SHADE
from lanelight.render.sheet import shrunk
from lanelight.score.base import BenchmarkScore

TILE_PX = 640


def write_worst(score: BenchmarkScore, number: int, path: Path, *, images: Path | None = None) -> list[str]:
    """Write a contact sheet of the worst frames, truth and prediction drawn on their pictures.

    Args:
        score: what was scored.
        number: how many frames.
        path: picture file to write.
        images: folder of the frames; without it, or where a frame is missing, the drawing is on a dark ground.

    Returns:
        What went wrong with single pictures, one message each.

    Raises:
        LanelightError: `images` is no folder.
        OutputError: the picture cannot be written.
    """
    if images is not None and not images.is_dir():
        raise SourceError(f"{images}: expected the folder of the frames, found none")
    tiles, captions, faults = [], [], []
    for index in score.worst(number):
        pred, gold = score.scenes(index)
        frame, fault = _frame(score, index, gold.size, images)
        if fault:
            faults.append(fault)
        drawn = draw_comparison(frame, pred, gold, void=score.void)
        tiles.append(shrunk(drawn, TILE_PX))  # at once: hundreds of whole frames would fill the memory
        captions.append(score.caption(index))
    write_image(path, contact_sheet(tiles, captions, tile_width=TILE_PX))
    return faults


def _frame(score: BenchmarkScore, index: int, size: tuple[int, int], images: Path | None) -> tuple[Image, str | None]:
    """Return a frame's picture in the size of its scene and, where there is none, a dark one and the reason."""
    dark: Image = np.full((size[1], size[0], 3), SHADE, np.uint8)
    if images is None:
        return dark, None
    try:
        file = score.picture(index, images)
        if file is None:
            return dark, f"{score.names[index]}: no picture below {images}"
        frame = read_image(file)
    except LanelightError as error:
        return dark, str(error)
    if (frame.shape[1], frame.shape[0]) != size:
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return frame, None
