"""Which ids the classes of a network have in the files of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.base import read_classes
from lanelight.errors import FormatError, ModelError, SourceError
from lanelight.formats import camvid, cityscapes
from lanelight.formats.tree import files_below
from lanelight.geometry.warp import IGNORE

Ids = NDArray[np.uint8]
CITYSCAPES = {label.name: label.id for label in cityscapes.LABELS}
CAMVID = {name: index for index, name in enumerate(camvid.CLASS_NAMES)}


def table(names: Sequence[str], ids: Mapping[str, int], unknown: int) -> Ids:
    """Return the (256,) table from a network's class to the id of that name.

    Args:
        names: of the network's classes.
        ids: name -> id.
        unknown: the id of whatever is none of the network's classes, 255 among it.

    Raises:
        ModelError: a name has no id.
    """
    strange = [name for name in names if name not in ids]
    if strange:
        raise ModelError(
            f"expected a network of the classes {', '.join(ids)}; got one with {', '.join(strange)}, which are not "
            "among them"
        )
    to_id = np.full(256, unknown, np.uint8)
    to_id[: len(names)] = [ids[name] for name in names]
    return to_id


class ClassFiles(NamedTuple):
    """How the class maps of a network are written and read as files.

    Attributes:
        names: what the ids 0, 1, ... of a file mean.
        to_file: (256,) id of a file for each class of the network.
        from_file: (256,) class of the network for each id of a file; 255 for those that it does not know.
        suffix: of a file, behind the name of the frame.
    """

    names: tuple[str, ...]
    to_file: Ids
    from_file: Ids
    suffix: str = ".png"

    @classmethod
    def of(cls, names: Sequence[str]) -> ClassFiles:
        """Return the form for a network with these classes.

        Those of Cityscapes become label ids and those of CamVid, with void or without, its ids, in whatever order the
        network has them; other classes keep their numbers.
        """
        for known, ids, unknown, suffix in (
            (cityscapes.TRAIN_NAMES, CITYSCAPES, 0, "_labelIds.png"),
            (camvid.TRAIN_NAMES, CAMVID, camvid.VOID, ".png"),
            (camvid.CLASS_NAMES, CAMVID, camvid.VOID, ".png"),
        ):
            if sorted(known) == sorted(names):
                to_file = table(names, ids, unknown)
                return cls(tuple(ids), to_file, _inverse(to_file, len(names)), suffix)
        same = np.arange(256, dtype=np.uint8)
        return cls(tuple(names), same, np.where(same < len(names), same, np.uint8(IGNORE)))

    def name(self, picture: str) -> str:
        """Return the file name of a picture's class map; of Cityscapes it begins with ``CITY_SEQUENCE_FRAME``."""
        return f"{frame_of(picture)}{self.suffix}"


class GoldMaps:
    """The true class maps below a folder, found by the names of the pictures.

    Of Cityscapes the maps of label ids are taken; of other data, PNGs with the picture's name.

    Args:
        folder: is searched with all folders in it.
        form: of the files.

    Raises:
        FormatError: there is no such folder, or it holds two maps for one name.
    """

    def __init__(self, folder: Path, form: ClassFiles) -> None:
        self._folder = folder
        self._form = form
        self._files: dict[str, Path] = {}
        suffix = cityscapes.LABEL_IDS if form.suffix != ".png" else ".png"
        for file in sorted(file for file in files_below(folder) if file.name.endswith(suffix)):
            first = self._files.setdefault(file.name.removesuffix(suffix), file)
            if first != file:
                raise FormatError(f"{folder}: expected one map for each frame, got {first} and {file}; name one folder")

    def of(self, picture: str, size: tuple[int, int]) -> Ids:
        """Return the true classes of a picture, by the network's numbers, (H, W) uint8.

        Args:
            picture: file name.
            size: (width, height) of the picture, px.

        Raises:
            SourceError: there is no map for it, or a damaged one.
            FormatError: the map has another size.
        """
        file = self._files.get(frame_of(picture))
        if file is None:
            raise SourceError(f"{self._folder}: expected the true classes of {picture}, found no map of that name")
        return looked_up(self._form.from_file, read_classes(file, size))


def looked_up(table: Ids, ids: Ids) -> Ids:
    """Return ``table[ids]`` for a (256,) table and a map (H, W), in a tenth of NumPy's time."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(ids), table), dtype=np.uint8)


def frame_of(picture: str) -> str:
    """Return the name of a frame: that of its picture without suffix, of Cityscapes without ``_leftImg8bit`` too."""
    name = Path(picture)
    return (name.stem if name.suffix else name.name).removesuffix("_leftImg8bit")


def _inverse(to_file: Ids, count: int) -> Ids:
    back = np.full(256, IGNORE, np.uint8)
    back[to_file[:count]] = np.arange(count)
    return back
