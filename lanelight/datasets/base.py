"""`FrameDataset`: what every data set is."""

from __future__ import annotations

from typing import Protocol

from lanelight.frames.image import Image
from lanelight.geometry import Scene


class FrameDataset(Protocol):
    """Frames with what is known about them, by index."""

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return one frame.

        Returns:
            Its name in the data set, (H, W, 3) uint8 RGB, and its Scene in px of that frame.

        Raises:
            IndexError: there is no such frame.
            SourceError: the picture is missing or damaged; the message names the file.
        """
        ...
