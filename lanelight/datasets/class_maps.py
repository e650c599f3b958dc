"""A folder of pictures and a folder of their class maps: the plainest data set there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lanelight.datasets.base import LabelledPictures, check_root, read_classes, selected
from lanelight.errors import FormatError
from lanelight.frames.image import SUFFIXES, Image
from lanelight.geometry import Scene
from lanelight.geometry.warp import IGNORE


class ClassMaps(LabelledPictures):
    """Pictures of one folder with the class maps of the same names in another, as 8-bit PNG of ids.

    Args:
        root: folder of the pictures.
        masks: folder of the maps, ``NAME.png``.
        select: patterns of the pictures' names, such as ``p_*``; without any, all are taken.
        white: the class that 255 stands for, as in masks made for the eye; None: 255 are pixels without a label.
        aspect: width / height of the camera's picture where the files were stretched to another shape; frames and maps
            then have their width and the height that fits it.

    Raises:
        SourceError: one of the folders is not there.
        FormatError: there is no such picture, or none of them has a map.
    """

    def __init__(
        self,
        root: str | Path,
        masks: str | Path,
        *,
        select: Sequence[str] = (),
        white: int | None = None,
        aspect: float | None = None,
    ) -> None:
        root = check_root(root, "a folder of pictures")
        self._masks = check_root(masks, "a folder of class maps")
        keys = sorted(
            path.name
            for path in root.iterdir()
            if path.suffix.lower() in SUFFIXES and (not select or selected(path.name, select))
        )
        if not keys:
            raise FormatError(
                f"{root}: expected pictures{' named ' if select else ''}{' or '.join(select)}, found none"
            )
        super().__init__(root, keys)
        self._white, self._aspect = white, aspect
        if not any(self.label(index).is_file() for index in range(len(keys))):
            raise FormatError(
                f"{self._masks}: expected class maps of the pictures in {root}, such as {self.label(0).name}, "
                "found none"
            )

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        return self.root / self.keys[index]

    def label(self, index: int) -> Path:
        """Return the file of its class map."""
        return self._masks / f"{Path(self.keys[index]).stem}.png"

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene).

        Raises:
            IndexError: there is no such frame.
            SourceError: the picture or its map is missing or damaged; the message names the file.
            FormatError: the map has another size than the picture.
        """
        key, frame, scene = super().__getitem__(index)
        if self._aspect is None or scene.classes is None:
            return key, frame, scene
        size = (scene.size[0], max(1, round(scene.size[0] / self._aspect)))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        classes = cv2.resize(scene.classes, size, interpolation=cv2.INTER_NEAREST_EXACT)
        return key, frame, Scene(size, (), np.asarray(classes, dtype=np.uint8))

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the classes of a frame, in the size of its files.

        Raises:
            SourceError: the map is missing or damaged.
            FormatError: it has another size than the picture.
        """
        classes = read_classes(self.label(index), size)
        if self._white is not None:
            classes = np.where(classes == IGNORE, np.uint8(self._white), classes)
        return Scene(size, (), classes)
