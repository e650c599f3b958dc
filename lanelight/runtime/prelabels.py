"""Lanes that were found, as labels that a person opens in a labelling tool and corrects instead of drawing them.

For each tool there is a folder with the pictures as they are, without anything drawn on them, and the labels:

- ``cvat/``: ``images/``, ``annotations.xml`` (CVAT for images 1.1) and ``labels.json``, the label set of the task.
- ``labelme/``: each picture with its JSON file beside it.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from lanelight.formats import cvat, labelme
from lanelight.formats.drawing import few_points, lane_facts, lane_label
from lanelight.formats.text import cannot_write, part_name
from lanelight.frames import Source, write_image
from lanelight.runtime.predictor import Result

TOOLS = ("cvat", "labelme")
TOLERANCE_PX = 1.5  # between a lane and its few points: less than a person can place a point
JPEG_QUALITY = 95  # of the frames of a video, on which labels may be made for good


class Prelabels:
    """Writes pictures and labels for labelling tools.

    Args:
        folder: of all outputs; in it the `tool_folders` are there.
        source: what the results come from.
        tools: of `TOOLS`.

    Raises:
        OutputError: the place cannot be written.
    """

    def __init__(self, folder: Path, source: Source, tools: tuple[str, ...]) -> None:
        self._folder = folder
        self._source = source
        self._tools = tools
        self._files = ExitStack()
        self._labels: dict[str, None] = {"lane": None}
        self._attributes: dict[str, None] = {}
        if "cvat" in tools:
            self._cvat = self._files.enter_context(cvat.writing(folder / "cvat" / "annotations.xml"))

    def write(self, result: Result) -> None:
        """Write the picture and the lanes of one result.

        Raises:
            OutputError: the place cannot be written.
        """
        name = picture_name(result)
        scene = few_points(result.scene, TOLERANCE_PX)
        if "cvat" in self._tools:
            self._bring(result, self._folder / "cvat" / "images" / name)
            self._labels |= dict.fromkeys(lane_label(lane) for lane in scene.lanes)
            self._attributes |= dict.fromkeys(key for lane in scene.lanes for key in lane_facts(lane))
            self._cvat(result.index, name, scene)
        if "labelme" in self._tools:
            picture = self._folder / "labelme" / name
            self._bring(result, picture)
            labelme.write(picture.with_suffix(".json"), name, scene)

    def close(self) -> None:
        """Finish the files.

        Raises:
            OutputError: the place cannot be written.
        """
        self._files.close()
        if "cvat" in self._tools:
            cvat.write_labels(self._folder / "cvat" / "labels.json", self._labels, self._attributes)

    def _bring(self, result: Result, place: Path) -> None:
        """Copy the picture of a result, or write the frame of a video."""
        if self._source.kind != "images":
            write_image(place, result.frame, quality=JPEG_QUALITY)
            return
        part = part_name(place)
        try:
            shutil.copyfile(self._source.files[result.index], part)
            part.replace(place)
        except OSError as error:
            raise cannot_write(place, error) from error


def picture_name(result: Result) -> str:
    """Return the file name of the picture of a result: a picture's own, ``000012.jpg`` for a frame of a video."""
    name = Path(result.name)
    return name.name if name.suffix else f"{name}.jpg"


def tool_folders(folder: Path, kinds: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the folders in which pictures for tools are written."""
    places = {"cvat": folder / "cvat" / "images", "labelme": folder / "labelme"}
    return tuple(places[kind] for kind in kinds if kind in places)
