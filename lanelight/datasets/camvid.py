"""CamVid, 11 classes and void: any list file of pictures and maps of ids, or SegNet's folders.

SegNet's release has ``train/``, ``val/`` and ``test/`` with the maps in ``trainannot/`` and so on, and lists whose
paths begin at a folder of its author's machine; leading folders that are not there are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Self

import numpy as np

from lanelight.datasets.base import (
    LabelledPictures,
    ListFile,
    check_ids,
    check_root,
    list_files,
    read_classes,
    selected,
)
from lanelight.errors import FormatError, unknown_name
from lanelight.formats.camvid import CLASS_NAMES, IGNORE, VOID, Listed, read_list
from lanelight.frames.image import SUFFIXES
from lanelight.geometry import Scene

EXPECTED = "the CamVid folder"
LIST, ANNOTATED = "list.txt", "annot"
SPLITS = ("train", "val", "test")


class CamVid(LabelledPictures):
    """The frames of list files or of SegNet's folders.

    Args:
        root: folder of the data.
        split: ``train``, ``val`` or ``test``; None takes all.
        list_file: list file or several. None takes ``list.txt`` (with the split as its fourth word), else SegNet's
            folders.
        ignore_void: whether void is 255 as in maps for training, in place of 11 as on the disk; `class_names` then
            lack it.
        select: patterns of the pictures' names, such as ``0001TP_*`` for a drive; without any, all are taken.

    Raises:
        SourceError: the root is no folder.
        FormatError: the list is missing or damaged, the split is unknown, or nothing is found.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        list_file: ListFile | None = None,
        *,
        ignore_void: bool = False,
        select: Sequence[str] = (),
    ) -> None:
        root = check_root(root, EXPECTED)
        if split is not None and split not in SPLITS:
            raise FormatError(unknown_name("CamVid split", split, SPLITS) + "; or name a list file")
        self.listed = _listed(root, split, list_file)
        if not self.listed:
            raise FormatError(
                f"{root}: expected {LIST} with lines of {split or 'any split'}, or the folders train and "
                f"train{ANNOTATED}, found none; name a list file"
            )
        if select:
            self.listed = [listed for listed in self.listed if selected(listed.image.name, select)]
            if not self.listed:
                raise FormatError(f"{root}: expected pictures named {' or '.join(select)}, found none; see its list")
        super().__init__(root, [str(listed.image) for listed in self.listed], CLASS_NAMES[: VOID + (not ignore_void)])
        self._ignore_void = ignore_void

    @classmethod
    def open(cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None) -> Self:
        """Open a split, list files, or everything, void being 11 as on the disk."""
        return cls(root, split, list_file)

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        return self._below(self.listed[index].image)

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the classes of a frame.

        Raises:
            SourceError: the map of ids is missing or damaged.
            FormatError: it has another size than the picture; or, of maps for training, an id that is none of the 12.
        """
        path = self._below(self.listed[index].label)
        classes = read_classes(path, size)
        if not self._ignore_void:
            return Scene(size, (), classes)  # as it is: strange ids are for `lanelight data check` to show
        check_ids(path, classes, len(CLASS_NAMES), "class ids; give SegNet's maps of 11 classes and void")
        return Scene(size, (), np.where(classes == VOID, np.uint8(IGNORE), classes))

    def _below(self, name: PurePosixPath) -> Path:
        """Return a path of a list below the root, without the leading folders that are not there."""
        paths = [self.root.joinpath(*name.parts[start:]) for start in range(len(name.parts))]
        return next((path for path in paths if path.is_file()), paths[0])


def _listed(root: Path, split: str | None, list_file: ListFile | None) -> list[Listed]:
    if list_file is not None:
        return [listed for file in list_files(root, list_file) for listed in read_list(file)]
    if (root / LIST).is_file():
        return [listed for listed in read_list(root / LIST) if split in (None, listed.split)]
    return [listed for part in ([split] if split else SPLITS) for listed in _paired(root, part)]


def _paired(root: Path, split: str) -> list[Listed]:
    """Return the pictures of a folder with their maps in the folder of annotations."""
    pictures = sorted(path.name for path in (root / split).glob("*") if path.suffix.lower() in SUFFIXES)
    folders = PurePosixPath(split), PurePosixPath(f"{split}{ANNOTATED}")
    return [
        Listed(folders[0] / name, (folders[1] / name).with_suffix(".png"), split, str(root / split))
        for name in pictures
    ]
