"""Frames of a data set with their labels drawn, on one contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lanelight.datasets import LabelledPictures
from lanelight.errors import FormatError, LanelightError, unknown_name
from lanelight.frames.image import Image
from lanelight.render.overlay import draw_lanes
from lanelight.render.sheet import contact_sheet, shrunk
from lanelight.survey.classes import is_tinted, legend, tinted
from lanelight.survey.threads import in_order

CHARACTER_PX = 9  # widest usual letter of a caption


def draw_labels(
    data: LabelledPictures,
    indices: Sequence[int],
    *,
    tile_width: int = 480,
    columns: int = 0,
    threads: int | None = None,
) -> tuple[Image | None, list[str]]:
    """Draw frames with lanes and classes under their names.

    Args:
        data: the data set.
        indices: of the frames, in the order of the sheet.
        tile_width: width of a frame on the sheet, px.
        columns: frames in a row; 0 chooses.
        threads: that read pictures; None takes one for each processor.

    Returns:
        The sheet, None where no frame could be read, and a message for each frame that is missing on it.
    """
    tiles: list[Image] = []
    captions: list[str] = []
    unreadable: list[str] = []
    present: set[int] = set()
    drawn = in_order(lambda index: _tile(data, index, tile_width), indices, threads=threads)
    for index, tile in zip(indices, drawn, strict=True):
        if isinstance(tile, LanelightError):
            unreadable.append(str(tile))
            continue
        tiles.append(tile[0])
        present |= tile[1]
        captions.append(_end(data.keys[index], tile_width // CHARACTER_PX))
    if not tiles:
        return None, unreadable
    sheet = contact_sheet(tiles, captions, columns=columns, tile_width=tile_width)
    if present:
        sheet = np.concatenate([sheet, legend(present, data.class_names, sheet.shape[1])])
    return sheet, unreadable


def choose(data: LabelledPictures, number: int, rng: np.random.Generator) -> list[int]:
    """Return the indices of so many different frames, in the order of the list; all, where there are fewer."""
    return sorted(int(index) for index in rng.choice(len(data), min(number, len(data)), replace=False))


def named(data: LabelledPictures, names: Sequence[str]) -> list[int]:
    """Return the indices of frames by their names in the data set; a leading slash does not count.

    Raises:
        FormatError: there is no such frame.
    """
    places = {key.lstrip("/"): index for index, key in enumerate(data.keys)}
    for name in names:
        if name.lstrip("/") not in places:
            near = unknown_name("frame", name, [key for key in places if key.endswith(name[-6:])][:8] or [*places][:8])
            raise FormatError(f"{data.root}: {near}")
    return [places[name.lstrip("/")] for name in names]


def _tile(data: LabelledPictures, index: int, width: int) -> tuple[Image, set[int]] | LanelightError:
    """Return a frame with its labels at its size on the sheet, and the classes in it."""
    try:
        _, frame, scene = data[index]
    except LanelightError as error:
        return error
    present: set[int] = set()
    if scene.classes is not None:
        frame = tinted(frame, scene.classes, data.class_names)
        seen = (int(value) for value in np.unique(scene.classes))
        present = {value for value in seen if is_tinted(value, data.class_names)}
    bold = max(2, round(2 * frame.shape[1] / width))
    return shrunk(draw_lanes(frame, scene, fill=False, width_px=bold), width), present


def _end(name: str, letters: int) -> str:
    return name if len(name) <= letters else "..." + name[-(letters - 3) :]
