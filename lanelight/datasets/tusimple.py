"""TuSimple: highway frames with lanes as x at fixed rows.

The list is any label or task file of the benchmark; its `raw_file`s are relative to the root.
Rows are per frame: part of the training labels has 48 rows from 240, the rest 56 from 160.
"""

from __future__ import annotations

from pathlib import Path

from lanelight.errors import SourceError
from lanelight.formats.tusimple import Entry, read, to_scene
from lanelight.frames.image import Image, read_image
from lanelight.geometry import Scene


class TuSimple:
    """The frames of a label or task file.

    Attributes:
        root: folder that holds `clips/`.
        entries: the lines of the file; `entries[i].rows` are the rows of frame i.

    Args:
        root: folder that holds `clips/`.
        list_file: label or task file; a relative name that is not found is looked for in the root.

    Raises:
        SourceError: the root is no folder.
        FormatError: the list file is missing or damaged.
    """

    def __init__(self, root: str | Path, list_file: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise SourceError(f"{self.root}: expected the TuSimple folder that holds clips/, found no folder")
        beside = self.root / list_file
        self.entries: list[Entry] = read(
            beside if not Path(list_file).exists() and beside.exists() else list_file, rows_required=True
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.entries)

    def __getitem__(self, index: int) -> tuple[str, Image, Scene]:
        """Return raw_file, (H, W, 3) uint8 RGB and the lanes of one frame.

        Lanes that the label file lists without a single point are kept, as lanes without points: the score counts them.

        Raises:
            IndexError: there is no such frame.
            SourceError: the picture is missing or damaged; the message names the file.
        """
        entry = self.entries[index]
        frame = read_image(self.root / entry.raw_file)
        return entry.raw_file, frame, to_scene(entry, (frame.shape[1], frame.shape[0]))
