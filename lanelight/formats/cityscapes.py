"""Cityscapes: the table of its labels, and which files of ids belong to one frame.

Gold lies in one folder a city as ``CITY_SEQUENCE_FRAME_gtFine_labelIds.png``, with ``..._gtFine_instanceIds.png``
beside it; a prediction is one PNG of label ids whose name begins with the same ``CITY_SEQUENCE_FRAME``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.errors import FormatError, OutputError
from lanelight.formats.tree import files_below
from lanelight.frames import write_image

LABEL_IDS = "_gtFine_labelIds.png"
INSTANCE_IDS = "_gtFine_instanceIds.png"


class Label(NamedTuple):
    """One row of the benchmark's table.

    Attributes:
        id: the value in a map of label ids, which is also the row's place in `LABELS`.
        name: in the benchmark's spelling.
        category: one of `CATEGORIES`.
        has_instances: whether its objects are labelled one by one, as ``id * 1000 + number`` in a map of instance ids.
        ignored: whether the evaluation leaves the class out.
        train_id: its channel in networks of 19 classes; None where the class is ignored (255 in maps of train ids).
    """

    id: int
    name: str
    category: str
    has_instances: bool
    ignored: bool
    train_id: int | None


LABELS: tuple[Label, ...] = (
    Label(0, "unlabeled", "void", False, True, None),
    Label(1, "ego vehicle", "void", False, True, None),
    Label(2, "rectification border", "void", False, True, None),
    Label(3, "out of roi", "void", False, True, None),
    Label(4, "static", "void", False, True, None),
    Label(5, "dynamic", "void", False, True, None),
    Label(6, "ground", "void", False, True, None),
    Label(7, "road", "flat", False, False, 0),
    Label(8, "sidewalk", "flat", False, False, 1),
    Label(9, "parking", "flat", False, True, None),
    Label(10, "rail track", "flat", False, True, None),
    Label(11, "building", "construction", False, False, 2),
    Label(12, "wall", "construction", False, False, 3),
    Label(13, "fence", "construction", False, False, 4),
    Label(14, "guard rail", "construction", False, True, None),
    Label(15, "bridge", "construction", False, True, None),
    Label(16, "tunnel", "construction", False, True, None),
    Label(17, "pole", "object", False, False, 5),
    Label(18, "polegroup", "object", False, True, None),
    Label(19, "traffic light", "object", False, False, 6),
    Label(20, "traffic sign", "object", False, False, 7),
    Label(21, "vegetation", "nature", False, False, 8),
    Label(22, "terrain", "nature", False, False, 9),
    Label(23, "sky", "sky", False, False, 10),
    Label(24, "person", "human", True, False, 11),
    Label(25, "rider", "human", True, False, 12),
    Label(26, "car", "vehicle", True, False, 13),
    Label(27, "truck", "vehicle", True, False, 14),
    Label(28, "bus", "vehicle", True, False, 15),
    Label(29, "caravan", "vehicle", True, True, None),
    Label(30, "trailer", "vehicle", True, True, None),
    Label(31, "train", "vehicle", True, False, 16),
    Label(32, "motorcycle", "vehicle", True, False, 17),
    Label(33, "bicycle", "vehicle", True, False, 18),
)  # the table's last row, licence plate, has id -1, which no map holds
IGNORE = 255  # train id of ignored classes
TRAIN_LABELS: tuple[Label, ...] = tuple(
    sorted((label for label in LABELS if label.train_id is not None), key=lambda label: label.train_id or 0)
)  # place = train id
TRAIN_NAMES: tuple[str, ...] = tuple(label.name for label in TRAIN_LABELS)
_TRAIN_ID_OF = np.full(256, IGNORE, np.uint8)
_TRAIN_ID_OF[[label.id for label in TRAIN_LABELS]] = range(len(TRAIN_LABELS))
_LABEL_ID_OF = np.zeros(256, np.uint8)  # 255 and whatever is no train id: unlabeled
_LABEL_ID_OF[: len(TRAIN_LABELS)] = [label.id for label in TRAIN_LABELS]
CATEGORIES: tuple[str, ...] = ("void", "flat", "construction", "object", "nature", "sky", "human", "vehicle")


def to_train_ids(label_ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return train ids 0..18 for label ids, `IGNORE` for those that the evaluation leaves out."""
    return np.asarray(_TRAIN_ID_OF[label_ids], dtype=np.uint8)


def to_label_ids(train_ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return label ids, which the benchmark asks predictions for, for train ids; 0 (unlabeled) for `IGNORE`."""
    return np.asarray(_LABEL_ID_OF[train_ids], dtype=np.uint8)


def write_label_ids(path: str | Path, label_ids: NDArray[np.uint8]) -> None:
    """Write a map of label ids, the form of labels and predictions alike; predictions go by `to_label_ids` first.

    Raises:
        OutputError: an id is none of the benchmark's, or the file cannot be written.
    """
    if label_ids.size and label_ids.max() >= len(LABELS):
        raise OutputError(f"{path}: expected label ids 0 to {len(LABELS) - 1}, got {label_ids.max()}")
    write_image(path, label_ids)


class Pair(NamedTuple):
    """The files of one frame.

    Attributes:
        name: the frame's ``CITY_SEQUENCE_FRAME``.
        gold: its true label ids.
        pred: the predicted label ids.
        instances: its true instance ids; None where that file is missing.
    """

    name: str
    gold: Path
    pred: Path
    instances: Path | None


def find_pairs(gold: str | Path, pred: str | Path) -> list[Pair]:
    """Find the labelled frames and the prediction of each.

    Args:
        gold: folder anywhere above the gold files: the data set's own, one split's, or one city's.
        pred: folder anywhere above the predictions.

    Returns:
        The frames in the order of their names.

    Raises:
        FormatError: there is no gold, a frame is labelled twice, or a frame has not exactly one prediction.
    """
    labelled = _labelled(Path(gold))
    predictions = FrameFiles(Path(pred), (".png",))
    found = {name: predictions.of(name) for name in labelled}
    _check(found, pred)
    return [Pair(name, path, found[name][0], _instances(path)) for name, path in labelled.items()]


class FrameFiles:
    """The files below a folder, to be found by the frame that their names begin with.

    Args:
        folder: is searched with all folders in it, links to folders included.
        suffixes: of the files wanted, in small letters.

    Raises:
        FormatError: there is no such folder.
    """

    def __init__(self, folder: Path, suffixes: Sequence[str]) -> None:
        files = (file for file in files_below(folder) if file.suffix.lower() in suffixes)
        self._files = sorted(files, key=lambda file: (file.name, str(file)))
        self._names = [file.name for file in self._files]

    def of(self, frame: str) -> list[Path]:
        """Return the files of a frame; ``a_0_1`` is not the beginning of ``a_0_10.png``."""
        found = []
        for index in range(bisect_left(self._names, frame), len(self._names)):
            name = self._names[index]
            if not name.startswith(frame):
                break
            if not name[len(frame)].isdigit():
                found.append(self._files[index])
        return found


def _labelled(folder: Path) -> dict[str, Path]:
    """Return the maps of label ids by frame, in the order of the frames."""
    files = sorted((file for file in files_below(folder) if file.name.endswith(LABEL_IDS)), key=lambda file: file.name)
    if not files:
        raise FormatError(
            f"{folder}: expected gold files CITY/*{LABEL_IDS} anywhere below, found none; give the folder gtFine"
        )
    labelled: dict[str, Path] = {}
    for file in files:
        name = file.name.removesuffix(LABEL_IDS)
        if name in labelled:
            raise FormatError(
                f"{folder}: expected each frame once, got {labelled[name]} and {file}; give one of the folders"
            )
        labelled[name] = file
    return labelled


def _check(found: dict[str, list[Path]], pred: str | Path) -> None:
    """Make sure that each frame has one prediction."""
    missing = [name for name, files in found.items() if not files]
    if missing:
        raise FormatError(
            f"{pred}: expected a PNG for each of {len(found)} labelled frames, {len(missing)} have none, the first is "
            f"{missing[0]}; its name must begin so"
        )
    several = [name for name, files in found.items() if len(files) > 1]
    if several:
        first, second = found[several[0]][:2]
        raise FormatError(
            f"{pred}: expected one PNG for each labelled frame, {len(several)} of {len(found)} have several, the first "
            f"are {first} and {second}; keep only the maps of label ids there"
        )


def _instances(gold: Path) -> Path | None:
    path = gold.with_name(gold.name.removesuffix(LABEL_IDS) + INSTANCE_IDS)
    return path if path.is_file() else None
