"""What a predict job writes of class maps: the maps themselves, and pictures beside the truth.

- ``classes/``: one PNG a frame, by Cityscapes' label ids or CamVid's ids where the network has their classes.
- ``triptych/``: input, truth where it is known, and prediction side by side.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lanelight.errors import LanelightError, OutputError
from lanelight.formats.text import make_folder
from lanelight.frames import Source, write_image
from lanelight.geometry import Scene
from lanelight.render import draw_triptych
from lanelight.runtime.class_ids import ClassFiles, GoldMaps, frame_of
from lanelight.runtime.predictor import Result

log = logging.getLogger(__name__)

CLASS_KINDS = ("classes", "triptych")


class ClassOutputs:
    """Writes the class maps of one source.

    Args:
        folder: of all outputs.
        source: what the results come from.
        kinds: of `CLASS_KINDS`.
        names: of the network's classes.
        gold: folder of true class maps, for the triptychs.

    Attributes:
        paths: kind -> folder.
        class_names: what the ids of the written maps mean; empty where none are written.

    Raises:
        OutputError: the network has no classes, two pictures would have one map, or files would be replaced.
        FormatError: there is no such folder of true maps.
    """

    def __init__(
        self, folder: Path, source: Source, kinds: Sequence[str], *, names: Sequence[str], gold: Path | None = None
    ) -> None:
        chosen = [kind for kind in CLASS_KINDS if kind in kinds]
        if chosen and not names:
            raise OutputError(
                f"--save {chosen[0]}: expected a network with classes of pixels, this one finds lanes only"
            )
        if gold is not None and "triptych" not in chosen:
            raise OutputError("--gold: expected --save triptych, which shows the true classes; add it")
        self.paths = {kind: folder / kind for kind in chosen}
        self._names = tuple(names)
        self._form = ClassFiles.of(names)
        self.class_names = self._form.names if "classes" in chosen else ()
        self._gold = None if gold is None else GoldMaps(gold, self._form)
        if "classes" in chosen:
            _check_new(folder / "classes")
        if chosen and source.kind == "images":
            _check_names(source)

    def begin(self) -> None:
        """Make the folders.

        Raises:
            OutputError: the place cannot be written.
        """
        for place in self.paths.values():
            make_folder(place)

    def write(self, result: Result) -> str | None:
        """Write the classes of one result; return the name of the map as seen from the folder of all outputs.

        A frame whose truth is missing or damaged is logged and drawn without it.

        Raises:
            OutputError: the place cannot be written.
        """
        classes = result.scene.classes
        if classes is None:
            return None
        name = result.name
        if "triptych" in self.paths:
            drawn = draw_triptych(result.frame, result.scene, self._true(name, result.scene.size), self._names)
            write_image(self.paths["triptych"] / f"{frame_of(name)}.jpg", drawn)
        if "classes" not in self.paths:
            return None
        file = self.paths["classes"] / self._form.name(name)
        write_image(file, np.asarray(self._form.to_file[classes]))
        return f"classes/{file.name}"

    def _true(self, name: str, size: tuple[int, int]) -> Scene | None:
        if self._gold is None:
            return None
        try:
            return Scene(size, classes=self._gold.of(name, size))
        except LanelightError as error:
            log.warning("drawn without the truth: %s", error)
            return None


def _check_new(folder: Path) -> None:
    """Check that no class maps would be written over: they may be labels, and old ones would be mixed with new."""
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"{folder}: class maps are there already; choose another --out")


def _check_names(source: Source) -> None:
    """Check that every picture has a frame name of its own."""
    seen: dict[str, Path] = {}
    for file in source.files:
        first = seen.setdefault(frame_of(file.name), file)
        if first != file:
            raise OutputError(
                f"{file}: expected another name than that of {first}, whose class map it would replace; predict them "
                "apart"
            )
