"""Data sets: frames and Scenes by index, in the on-disk layout of their publishers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lanelight.datasets.base import FrameDataset, LabelledPictures, ListFile
from lanelight.datasets.bdd100k import BDD100K, BDD100KMasks
from lanelight.datasets.camvid import CamVid
from lanelight.datasets.cityscapes import Cityscapes
from lanelight.datasets.culane import CULane
from lanelight.datasets.native import Native
from lanelight.datasets.tusimple import TuSimple
from lanelight.errors import FormatError, unknown_name

__all__ = [
    "BDD100K",
    "DATASETS",
    "BDD100KMasks",
    "CULane",
    "CamVid",
    "Cityscapes",
    "FrameDataset",
    "LabelledPictures",
    "ListFile",
    "Native",
    "Opener",
    "TuSimple",
    "open_dataset",
]


class Opener(Protocol):
    """Opens a data set of one format."""

    def __call__(
        self, root: str | Path, split: str | None = None, list_file: ListFile | None = None
    ) -> LabelledPictures:
        """Open a split, list or label files, or without either all that is there."""
        ...


# name: opener(root, split=None, list_file=None); without split and list file it opens all that is there
DATASETS: dict[str, Opener] = {
    "native": Native.open,
    "culane": CULane.open,
    "tusimple": TuSimple.open,
    "bdd100k": BDD100K.open,
    "cityscapes": Cityscapes.open,
    "camvid": CamVid.open,
}


def open_dataset(
    name: str, root: str | Path, split: str | None = None, list_file: ListFile | None = None
) -> LabelledPictures:
    """Open a data set by its name in `DATASETS`.

    Args:
        name: of the format.
        root: folder of the data.
        split: part of the data set by its name, for example ``"train"``; None takes all there is.
        list_file: list or label files of the format, in place of a split.

    Raises:
        FormatError: the name or the split is unknown, or the labels are missing or damaged.
        SourceError: the root is no folder.
    """
    if name not in DATASETS:
        raise FormatError(unknown_name("data set", name, DATASETS))
    return DATASETS[name](root, split, list_file)
