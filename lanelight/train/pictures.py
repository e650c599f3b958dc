"""Pictures of validation frames: each as it is, with what is true of it, and with what the network finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lanelight.formats.text import make_folder
from lanelight.frames import Image, write_image
from lanelight.geometry import Scene
from lanelight.render import color_map, contact_sheet, draw_lanes
from lanelight.train.validate import Shown

FOLDER = "pictures"
TILE_PX = 480


def write_pictures(folder: Path, step: int, shown: Sequence[Shown], names: Sequence[str] = ()) -> Path | None:
    """Write the frames of a validation as one picture of three columns: frame, truth, prediction.

    Args:
        folder: of the run; the picture is its ``pictures/step_NNNNNN.jpg``.
        step: of the run.
        shown: the frames.
        names: of the network's classes; empty where it finds lanes.

    Returns:
        Its path, or None without frames.

    Raises:
        OutputError: it cannot be written.
    """
    if not shown:
        return None
    tiles = [tile for one in shown for tile in _row(one, names)]
    path = folder / FOLDER / f"step_{step:06d}.jpg"
    make_folder(path.parent)
    write_image(
        path, contact_sheet(tiles, ("frame", "truth", f"step {step}") * len(shown), columns=3, tile_width=TILE_PX)
    )
    return path


def _row(shown: Shown, names: Sequence[str]) -> list[Image]:
    return [shown.frame, _drawn(shown.frame, shown.gold, names), _drawn(shown.frame, shown.pred, names)]


def _drawn(frame: Image, scene: Scene, names: Sequence[str]) -> Image:
    if names and scene.classes is not None:
        return color_map(scene.classes, names)
    return draw_lanes(frame, scene)
