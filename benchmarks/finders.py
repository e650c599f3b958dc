"""What is compared in `accuracy.py`: networks, and three baselines, which see the same frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from hough import HoughLanes
from line_maps import LineMapDecoder
from numpy.typing import NDArray

from lanelight.cli.detectors import open_detector
from lanelight.formats.text import make_folder
from lanelight.frames import read_image
from lanelight.geometry import FloatArray, Lane, Scene
from lanelight.geometry.ego import slotted
from lanelight.geometry.pairing import x_on_rows
from lanelight.runtime.bundled import BUNDLED

ROW_STEP, SLOTS = 10.0, 4
SHARE = 0.5  # of the labels that must have a lane on a row for its median to be one

Image = NDArray[np.uint8]


class Spot(NamedTuple):
    """Where a frame is from.

    Attributes:
        size: (width, height) px.
        labels: returns the labels of other frames of its kind, which is all that constant lanes know; None where
            there are none.
        map: file of the other network's answer, None where it gave none.
    """

    size: tuple[int, int]
    labels: Callable[[], Scene] | None = None
    map: Path | None = None


class Finder(Protocol):
    """Finds the lanes of frames, or says that frames of this kind are not for it.

    Attributes:
        name: in tables and of its folder.
    """

    name: str

    def find(self, frame: Image, spot: Spot) -> Scene | None:
        """Return the lanes of one frame, None where the finder lacks what it needs."""
        ...


class Network:
    """A candidate: a bundled name, an exported file, a training run.

    Attributes:
        name: the manifest's of a bundled one, else of the file or folder.
        model: as it was named.
    """

    def __init__(self, model: str, threads: int) -> None:
        self._detector = open_detector(model, backend="auto", threads=threads)
        self.model = model
        self.name = self._detector.manifest.name if model in BUNDLED else Path(model).absolute().stem

    def find(self, frame: Image, spot: Spot) -> Scene:  # noqa: ARG002  # it sees the frame alone
        """Return what the network finds."""
        return self._detector.predict(frame)


class ConstantLanes:
    """The medians of labels of other frames, whatever is seen."""

    name = "constant lanes"

    def find(self, frame: Image, spot: Spot) -> Scene | None:  # noqa: ARG002  # it never looks
        """Return the same lanes for all frames of a kind."""
        return None if spot.labels is None else spot.labels()


class ForeignMaps:
    """TwinLiteNet's maps of lane lines, which lie on disk, through `LineMapDecoder`."""

    name = "TwinLiteNet maps"

    def __init__(self) -> None:
        self._decode = LineMapDecoder()

    def find(self, frame: Image, spot: Spot) -> Scene | None:  # noqa: ARG002  # the other network saw it
        """Return the lanes of the frame's map, None where there is none."""
        if spot.map is None or not spot.map.is_file():
            return None
        return self._decode(np.ascontiguousarray(read_image(spot.map)[..., 0]), spot.size)


class Classical:
    """Edges and the Hough transform."""

    name = "edges and Hough"

    def __init__(self) -> None:
        self._find = HoughLanes()

    def find(self, frame: Image, spot: Spot) -> Scene:  # noqa: ARG002  # it sees the frame alone
        """Return straight lanes."""
        return self._find(frame)


def folder_of(out: Path, name: str) -> Path:
    """Return the folder of a finder's pictures, which is made where it is missing."""
    folder = out / name.replace(" ", "_")
    make_folder(folder)
    return folder


def median_lanes(scenes: Sequence[Scene]) -> Scene:
    """Return the median lane of each of four slots, at rows where half of the scenes have it.

    Lanes without slots are counted from the vehicle.

    Args:
        scenes: labels of frames of one size, at least one.
    """
    size = scenes[0].size
    rows = np.arange(0.0, size[1], ROW_STEP)
    x: FloatArray = np.full((SLOTS, len(scenes), len(rows)), np.nan)
    for index, scene in enumerate(scenes):
        lanes = [lane for lane in slotted(scene).lanes if lane.slot in range(SLOTS)]
        for lane, places in zip(lanes, x_on_rows(lanes, rows), strict=True):
            x[lane.slot or 0, index] = places
    found = []
    for slot in range(SLOTS):
        seen = np.isfinite(x[slot]).mean(axis=0) >= SHARE
        if seen.sum() >= 2:
            middle = np.nanmedian(x[slot][:, seen], axis=0)
            found.append(Lane(np.stack([middle, rows[seen]], axis=1)[::-1], slot=slot))
    return Scene(size, found)
