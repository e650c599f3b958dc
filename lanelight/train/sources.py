"""One source of frames: what each kind of data is to a network that learns lanes, and to one that learns classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets import BDD100K, CamVid, Cityscapes, open_dataset
from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.datasets.class_maps import ClassMaps
from lanelight.datasets.line_maps import LineMapFrames
from lanelight.datasets.remembered import Remembered
from lanelight.datasets.road_classes import RoadClasses
from lanelight.datasets.synthetic import WORLDS, SyntheticRoads
from lanelight.errors import LanelightError, unknown_name
from lanelight.frames import Image
from lanelight.geometry import Scene
from lanelight.geometry.ego import slotted
from lanelight.geometry.warp import IGNORE
from lanelight.train.recipe import DataPart

Labels = Literal["lanes", "classes"]
Sources = dict[str, Callable[[DataPart, tuple[int, int]], FrameDataset]]
ENDLESS = 1_000_000_000  # rendered roads have no last item; an index is drawn from this many
SELECTS = ("camvid", "masks")  # kinds whose pictures may be chosen by their names
FIRST = 3  # frames that are looked at to learn whether a split is labelled


def frames_of(part: DataPart, size: tuple[int, int], labels: Labels = "lanes") -> FrameDataset:
    """Open one source of frames.

    Args:
        part: which.
        size: (width, height) of the network's input; rendered roads are rendered in it.
        labels: what a network learns from them. Class maps come as the network has them: of Cityscapes as train ids, of
            CamVid without void, unknown pixels being 255.

    Raises:
        LanelightError: the kind has no such labels, the data are not there, or their split is not labelled.
    """
    sources = CLASS_SOURCES if labels == "classes" else SOURCES
    if part.kind not in sources:
        wanted = "class maps" if labels == "classes" else "lanes"
        raise LanelightError(
            f"recipe: expected data with {wanted} for this network, got {part.kind!r}; kinds with {wanted} are "
            f"{', '.join(sources)}"
        )
    if part.select and part.kind not in SELECTS:
        raise LanelightError(
            f"recipe: expected select only with {' and '.join(SELECTS)}, got it with {part.kind!r}; "
            "name list files instead (lists)"
        )
    frames = sources[part.kind](part, size)
    if labels == "classes" and isinstance(frames, LabelledPictures):
        _check_labelled(frames, part)
    return frames


def _synthetic(part: DataPart, size: tuple[int, int]) -> FrameDataset:
    # Without their classes, road and markings: what an augmentation shows beside the frame would be unknown in them.
    roads = Slotted(_roads(part, size))
    return Remembered(roads) if part.pool else roads


def _road_classes(part: DataPart, size: tuple[int, int]) -> FrameDataset:
    roads = RoadClasses(_roads(part, size))
    return Named(Remembered(roads), roads.class_names) if part.pool else roads


def _roads(part: DataPart, size: tuple[int, int]) -> FrameDataset:
    if part.world not in WORLDS:
        raise LanelightError(f"recipe: {unknown_name('world', part.world, WORLDS)}")
    config = replace(WORLDS[part.world], size=part.size or size)
    return SyntheticRoads(config, seed=part.seed, length=part.pool or ENDLESS)


def _clips(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    return LineMapFrames.clips(_folder(part.frames), _folder(part.maps))


def _stills(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    masks = None if part.masks is None else _folder(part.masks)
    return LineMapFrames.stills(_folder(part.frames), _folder(part.maps), masks=masks, aspect=part.aspect)


class Named:
    """A data set whose classes have names.

    Args:
        frames: the data set behind it.
        class_names: what its ids 0, 1, ... mean.
    """

    def __init__(self, frames: FrameDataset, class_names: tuple[str, ...]) -> None:
        self._frames, self.class_names = frames, class_names

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene)."""
        return self._frames[index]


class Slotted:
    """A data set whose lanes have slots, counted from the vehicle where their source gives none.

    Of its classes only lanes are kept, as 1, and unknown pixels, as 255.

    Attributes:
        has_masks: its lanes are pixels of a class.

    Args:
        frames: the data set behind it.
        lane_class: id of lanes in its classes; None where they are something else, such as a drivable area.
    """

    def __init__(self, frames: FrameDataset, lane_class: int | None = None) -> None:
        self._frames, self._lane_class = frames, lane_class
        self.has_masks = lane_class is not None

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene)."""
        key, frame, scene = self._frames[index]
        return key, frame, Scene(scene.size, slotted(scene).lanes, self._lanes(scene.classes))

    def _lanes(self, classes: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        """Return the class map with lanes and unknown pixels alone, None where it then is empty."""
        if classes is None:
            return None
        kept = np.where(classes == IGNORE, np.uint8(IGNORE), np.uint8(0))
        if self._lane_class is not None:
            kept[classes == self._lane_class] = 1
        return kept if kept.any() else None


def open_labelled(part: DataPart) -> LabelledPictures:
    """Open a data set of labelled lanes as it is, its lanes without slots of ours.

    Raises:
        LanelightError: the folder, or a list in it, is not there or cannot be read.
    """
    root = _found(part.frames, "data.root=DIR")
    for name in part.lists:
        if not (root / name).is_file():
            raise LanelightError(
                f"{root / name}: expected a list of frames, found none; write it with `lanelight data dedup "
                f"{part.kind} --root {root} --split train --out {root / name}`, or name another in the recipe's lists"
            )
    return open_dataset(part.kind, root, part.split, part.lists or None)


def _labelled(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    data = open_labelled(part)
    if isinstance(data, BDD100K):
        data.centred = True  # a marking is one line, not its two borders
    return Slotted(data, data.class_names.index("lane") if "lane" in data.class_names else None)


def _labelled_classes(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    return open_labelled(part)


def _cityscapes(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    return Cityscapes(_found(part.frames, "data.root=DIR"), part.split, part.lists or None, ids="trainIds")


def _camvid(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    root = _found(part.frames, "data.root=DIR")
    return CamVid(root, part.split, part.lists or None, ignore_void=True, select=part.select)


def _masks(part: DataPart, _size: tuple[int, int]) -> FrameDataset:
    frames, masks = _found(part.frames, "data.0.frames=DIR"), _found(part.masks or "", "data.0.masks=DIR")
    return ClassMaps(frames, masks, select=part.select, white=part.white, aspect=part.aspect)


def _check_labelled(data: LabelledPictures, part: DataPart) -> None:
    """Make sure that something can be learnt from the first frames.

    Raises:
        LanelightError: one of them cannot be read or has no class map, or no pixel of them has a class.
    """
    where = f"{part.kind} in {part.frames}" + (f", split {part.split}" if part.split else "")
    known = False
    for index in range(min(FIRST, len(data))):
        try:
            classes = data[index][2].classes
        except LanelightError as error:
            raise type(error)(f"recipe: expected labelled frames of {where}, got: {error}") from error
        known |= classes is not None and bool((classes != IGNORE).any())
    if not known:
        raise LanelightError(
            f"recipe: expected a labelled split of {where}; its first frame, {data.keys[0]}, has no pixel with a "
            "class; name a split whose labels are published"
        )


# kind -> what opens it, for networks that learn lanes
SOURCES: Sources = {
    "synthetic": _synthetic,
    "clips": _clips,
    "stills": _stills,
    "native": _labelled,
    "culane": _labelled,
    "tusimple": _labelled,
    "bdd100k": _labelled,
}
# and for networks with one class per pixel
CLASS_SOURCES: Sources = {
    "cityscapes": _cityscapes,
    "camvid": _camvid,
    "masks": _masks,
    "synthetic": _road_classes,
    "native": _labelled_classes,
    "bdd100k": _labelled_classes,
}


def _folder(name: str) -> Path:
    return _found(name, "data.1.frames=DIR")


def _found(name: str, setting: str) -> Path:
    """Return a folder that is there; the error names the setting by which another one is named."""
    path = Path(name)
    if not path.is_dir():
        raise LanelightError(
            f"recipe: expected the data folder {name!r}, found none; name yours, for example --set {setting}"
        )
    return path
