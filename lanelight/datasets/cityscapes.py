"""Cityscapes: pictures with per-pixel classes, straight from the benchmark's own folders.

``leftImg8bit/SPLIT/CITY/CITY_SEQUENCE_FRAME_leftImg8bit.png`` and ``gtFine/SPLIT/CITY/..._gtFine_labelIds.png``; no
preparation script is needed, train ids are formed while reading.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from lanelight.datasets.base import (
    LabelledPictures,
    ListFile,
    check_ids,
    check_root,
    list_files,
    list_lines,
    read_classes,
)
from lanelight.errors import FormatError, unknown_name
from lanelight.formats.cityscapes import LABEL_IDS, LABELS, TRAIN_LABELS, to_train_ids
from lanelight.formats.text import inside, relative_name
from lanelight.geometry import Scene

EXPECTED = "the Cityscapes folder that holds leftImg8bit/ and gtFine/"
IMAGES, GOLD, SUFFIX = "leftImg8bit", "gtFine", "_leftImg8bit"
Ids = Literal["labelIds", "trainIds"]


class Cityscapes(LabelledPictures):
    """The frames of a Cityscapes folder.

    Args:
        root: folder that holds ``leftImg8bit/`` and ``gtFine/``.
        split: ``train``, ``val`` or ``test``, a folder of ``leftImg8bit/``; None takes all of them.
        list_file: text file with the path of one picture a line (further words are passed over), or several, in place
            of a split.
        ids: classes as label ids 0..33, as on the disk, or as train ids 0..18 and 255.

    Raises:
        SourceError: the root is no folder.
        FormatError: there is no picture, the split is unknown, or a list names a file out of the root.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        list_file: ListFile | None = None,
        *,
        ids: Ids = "labelIds",
    ) -> None:
        root = check_root(root, EXPECTED)
        if list_file is not None:
            lines = list_lines(list_files(root, list_file))
            keys = [relative_name(line.split()[0], where) for where, line in lines]
        else:
            keys = _pictures(root, split)
        labels = LABELS if ids == "labelIds" else TRAIN_LABELS
        super().__init__(root, keys, [label.name for label in labels])
        self._ids = ids

    @classmethod
    def open(cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None) -> Self:
        """Open a split, a list of pictures, or everything, with label ids."""
        return cls(root, split, list_file)

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        return inside(self.root, self.keys[index], str(self.root))

    def label(self, index: int) -> Path:
        """Return the map of label ids of a frame: in ``gtFine`` as its picture is in ``leftImg8bit``."""
        folder, _, name = self.keys[index].rpartition("/")
        frame = Path(name).stem.removesuffix(SUFFIX)
        return inside(self.root, f"{folder.replace(IMAGES, GOLD, 1)}/{frame}{LABEL_IDS}", str(self.root))

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the classes of a frame.

        Raises:
            SourceError: the map of label ids is missing or damaged.
            FormatError: it has another size than the picture; or, for train ids, an id that is none of the benchmark's.
        """
        label_ids = read_classes(self.label(index), size)
        if self._ids == "labelIds":
            return Scene(size, (), label_ids)  # as it is: strange ids are for `lanelight data check` to show
        what = "label ids; give maps of labelIds, not trainIds or colours"
        check_ids(self.label(index), label_ids, len(LABELS), what)
        return Scene(size, (), to_train_ids(label_ids))


def _pictures(root: Path, split: str | None) -> list[str]:
    """Return the pictures of a split, or of all, in the order of their names."""
    found = sorted(path.name for path in (root / IMAGES).glob("*") if path.is_dir())
    if split is not None and split not in found:
        raise FormatError(
            unknown_name("Cityscapes split", split, found) + f"; splits are the folders of {root / IMAGES}"
        )
    below = (path for part in ([split] if split else found) for path in (root / IMAGES / part).glob(f"*/*{SUFFIX}.*"))
    keys = sorted(path.relative_to(root).as_posix() for path in below)
    if not keys:
        raise FormatError(f"{root}: expected pictures {IMAGES}/SPLIT/CITY/*{SUFFIX}.png, found none")
    return keys
