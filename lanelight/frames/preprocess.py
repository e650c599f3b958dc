"""Steps between the view of a frame and a network: what its weights expect of a picture beyond its size.

They travel with the weights, in the manifest and in files of weights, and are run by the predictor and in training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from lanelight.errors import ModelError, unknown_name
from lanelight.frames.image import Image

MOST_TILES = 256  # in a row or column; each has a table of its own


class Step(Protocol):
    """A picture -> a picture of the same size, the same way every time."""

    def __call__(self, image: Image) -> Image:
        """Return what becomes of a picture, (H, W, 3) uint8 RGB."""

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""


@dataclass(frozen=True)
class Clahe:
    """Spread the lightness within tiles of the picture: contrast limited adaptive histogram equalisation.

    The lightness is L of CIELAB; colours stay.

    Attributes:
        clip: highest count of a grey level, as a multiple of the mean count; above it slopes are cut off.
        tiles: (columns, rows) of tiles.

    Raises:
        ModelError: a limit or a number of tiles that no picture can have.
    """

    clip: float = 2.0
    tiles: tuple[int, int] = (8, 8)

    def __post_init__(self) -> None:
        in_range = [isinstance(count, int) and 1 <= count <= MOST_TILES for count in self.tiles]
        if not 0 < self.clip < math.inf or in_range != [True, True]:
            raise ModelError(
                f"clahe: expected a positive clip and tiles of at least 1x1, at most {MOST_TILES}x{MOST_TILES}, got "
                f"{self.clip}, {self.tiles!r:.60}"
            )

    def __call__(self, image: Image) -> Image:
        """Return the picture with spread lightness."""
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        # A new one each time: it keeps tables of its own, and frames come from several threads.
        lab[..., 0] = cv2.createCLAHE(self.clip, self.tiles).apply(np.ascontiguousarray(lab[..., 0]))
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), dtype=np.uint8)

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's entry."""
        return {"kind": "clahe", **asdict(self), "tiles": list(self.tiles)}


STEPS: dict[str, type[Clahe]] = {"clahe": Clahe}


def steps_from(entries: Sequence[Mapping[str, Any]], whose: str) -> tuple[Step, ...]:
    """Build the steps that a manifest or a recipe names.

    Args:
        entries: each ``{"kind": name, setting: value, ...}``.
        whose: they are, for the message, such as ``model 'enet'``.

    Raises:
        ModelError: an unknown kind or setting.
    """
    steps: list[Step] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or "kind" not in entry:
            raise ModelError(f"{whose}: expected preprocess steps such as {Clahe().to_dict()}, got {entry!r}")
        if entry["kind"] not in STEPS:
            told = unknown_name("preprocess step", str(entry["kind"]), STEPS)
            raise ModelError(f"{whose}: {told}; a newer lanelight may know it")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in entry.items() if name != "kind"
        }
        try:
            steps.append(STEPS[str(entry["kind"])](**values))
        except TypeError as error:
            raise ModelError(
                f"{whose}: preprocess step {entry['kind']}: expected its own settings, got {sorted(values)} ({error})"
            ) from error
    return tuple(steps)


def preprocessed(image: Image, steps: Sequence[Step]) -> Image:
    """Return a picture after all steps, in their order.

    Args:
        image: (H, W, 3) uint8 RGB, in the size of the network's input.
        steps: as `steps_from` builds them.
    """
    for step in steps:
        image = step(image)
    return image
