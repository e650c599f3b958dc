"""`Remembered`: a data set whose frames are expensive to make, each made once."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.base import FrameDataset
from lanelight.geometry import Scene

JPEG_QUALITY = 96


class Remembered:
    """Keep every frame in memory as JPEG after its first use; about 40 kB for 512x224.

    Each process has a memory of its own. Class maps are kept exactly.

    Args:
        frames: the data set behind it.
    """

    def __init__(self, frames: FrameDataset) -> None:
        self._frames = frames
        self._kept: dict[int, tuple[str, NDArray[np.uint8], Scene, NDArray[np.uint8] | None]] = {}

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> tuple[str, NDArray[np.uint8], Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene)."""
        if index not in self._kept:
            key, frame, scene = self._frames[index]
            picture = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
            classes = None if scene.classes is None else cv2.imencode(".png", scene.classes)[1]
            self._kept[index] = key, picture, Scene(scene.size, scene.lanes), classes
        key, picture, bare, packed = self._kept[index]
        frame = np.asarray(cv2.imdecode(picture, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
        if packed is None:
            return key, frame, bare
        return (
            key,
            frame,
            Scene(bare.size, bare.lanes, np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)),
        )
