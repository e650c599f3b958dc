"""TuSimple: highway frames with lanes as x at fixed rows.

The list is any label or task file of the benchmark; its `raw_file`s are relative to the root.
Rows are per frame: part of the training labels has 48 rows from 240, the rest 56 from 160.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from lanelight.datasets.base import LabelledPictures, ListFile, check_root, list_files
from lanelight.errors import FormatError, unknown_name
from lanelight.formats.text import inside, relative_name
from lanelight.formats.tusimple import Entry, read, to_scene
from lanelight.formats.tusimple_labels import LABEL_FILES as OWN_LABELS
from lanelight.geometry import Scene

TRAIN, VAL, TEST = ("label_data_0313.json", "label_data_0601.json"), ("label_data_0531.json",), ("test_label.json",)
SPLITS: dict[str, tuple[str, ...]] = {"train": TRAIN, "val": VAL, "trainval": TRAIN + VAL, "test": TEST}
LABELS = "label_data*.json"


class TuSimple(LabelledPictures):
    """The frames of label or task files.

    Attributes:
        root: folder that holds `clips/`.
        entries: the lines of the files; `entries[i].rows` are the rows of frame i.

    Args:
        root: folder that holds `clips/`.
        list_file: label or task file, or several; a relative name that is not found is looked for in the root.

    Raises:
        SourceError: the root is no folder.
        FormatError: a list file is missing or damaged, or a `raw_file` leads out of the root.
    """

    def __init__(self, root: str | Path, list_file: ListFile) -> None:
        root = check_root(root, "the TuSimple folder that holds clips/")
        files = list_files(root, list_file)
        self.entries: list[Entry] = [entry for file in files for entry in read(file, rows_required=True)]
        super().__init__(root, [relative_name(entry.raw_file, entry.where) for entry in self.entries])

    @classmethod
    def open(cls, root: str | Path, split: str | None = None, list_file: ListFile | None = None) -> Self:
        """Open a split of the benchmark, given label files, or every label file that lies in the root.

        Args:
            root: folder that holds `clips/`.
            split: ``train`` (0313 and 0601), ``val`` (0531), ``trainval`` or ``test``; None takes all there is.
            list_file: label or task files, in place of a split.

        Raises:
            SourceError: the root is no folder.
            FormatError: the split is unknown, or its label files are missing or damaged.
        """
        if list_file is not None:
            return cls(root, list_file)
        if split is not None and split not in SPLITS:
            raise FormatError(unknown_name("TuSimple split", split, SPLITS) + "; or name a label file")
        root = check_root(root, "the TuSimple folder that holds clips/")
        if split is not None:
            return cls(root, _files_of(root, split))
        found = [*sorted(root.glob(LABELS)), *(root / name for name in TEST if (root / name).is_file())]
        if not found:
            raise FormatError(f"{root}: expected label files {LABELS} or {TEST[0]}, found none; name one as list file")
        return cls(root, found)

    def picture(self, index: int) -> Path:
        """Return the file of a frame."""
        return inside(self.root, self.keys[index], self.entries[index].where)

    def scene(self, index: int, size: tuple[int, int]) -> Scene:
        """Return the lanes of a frame.

        Lanes that the label file lists without a single point are kept, as lanes without points: the score counts them.
        """
        return to_scene(self.entries[index], size)


def _files_of(root: Path, split: str) -> list[Path]:
    """Return the label files of a split."""
    own = root / OWN_LABELS[split]
    files = [own] if own.is_file() else [root / name for name in SPLITS[split]]
    if missing := [file.name for file in files if not file.is_file()]:
        there = ", ".join(sorted(file.name for file in root.glob("*.json"))) or "no label file"
        raise FormatError(
            f"{root}: split {split!r} expected {' and '.join(missing)}, found {there}; name label files instead "
            "(--list FILE; in a recipe data.0.lists and validation.lists)"
        )
    return files
