"""Near-duplicate frame removal: keep the frames that differ enough from the one before.

CLRerNet's tool, which CLRKDNet uses too: the mean over all pixels and channels of the absolute difference to the frame
before in the list, at full size, in 0..255; the first frame is compared with a black one. Of CULane's 88,880 training
frames 55,698 reach 15. What is compared is the previous frame of the list, kept or not: in a slow drive every frame may
fall. ``against="kept"`` compares with the last frame that was kept instead, so that slow changes add up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np

from lanelight.datasets import LabelledPictures
from lanelight.errors import FormatError, LanelightError
from lanelight.formats.text import cannot_write, part_name, read_text, replacing
from lanelight.frames import read_image
from lanelight.frames.image import Image
from lanelight.geometry import FloatArray
from lanelight.survey.labels import list_place
from lanelight.survey.likeness import frame_difference
from lanelight.survey.threads import Watch, in_order

THRESHOLD = 15.0  # CLRerNet drops what is below it
DATA, LIST_SUM = "data", "list_sha256"  # names in the file of differences; the first is that of the published files

Against = Literal["previous", "kept"]


@dataclass(frozen=True, eq=False)
class Differences:
    """How much each frame of a list differs from the one before.

    Attributes:
        values: (N,) mean absolute difference, of 255; infinite behind a frame of another size, NaN where a picture
            could not be read.
        kept: indices of the frames to keep, in the order of the list.
        unreadable: a message for each picture that could not be read.
    """

    values: FloatArray
    kept: list[int]
    unreadable: list[str]


def find_different(
    data: LabelledPictures,
    *,
    threshold: float = THRESHOLD,
    against: Against = "previous",
    threads: int | None = None,
    watch: Watch | None = None,
) -> Differences:
    """Read the frames in the order of the list and choose those to keep; few are in memory at a time.

    A frame that cannot be read is left out; the next one is compared with the last that could.

    Args:
        data: the list.
        threshold: the least difference of a frame that is kept.
        against: which frame a frame is compared with: the one before in the list, or the last that was kept.
        threads: that read pictures; None takes one for each processor.
        watch: called with the number of frames done.
    """
    before: Image | None = None
    values = np.full(len(data), np.nan)
    kept: list[int] = []
    unreadable: list[str] = []
    frames = in_order(lambda index: _read(data, index), range(len(data)), threads=threads, watch=watch)
    for index, frame in enumerate(frames):
        if isinstance(frame, LanelightError):
            unreadable.append(str(frame))
            continue
        values[index] = frame_difference(frame, before)
        if values[index] >= threshold:
            kept.append(index)
        if against == "previous" or values[index] >= threshold:
            before = frame
    return Differences(values, kept, unreadable)


def write_list(path: str | Path, data: LabelledPictures, indices: Iterable[int]) -> None:
    """Write the list file of some frames, in the form of the list they come from, else one name a line.

    Lines of CULane, TuSimple, CamVid and SAD lists stay as they are, flags and labels included.

    Raises:
        FormatError: the list has changed or is gone.
        OutputError: the file cannot be written.
    """
    lines: dict[str, list[str]] = {}
    with replacing(path) as file:
        for index in indices:
            source, number = list_place(data, index)
            if number is None:
                file.write(f"{data.keys[index]}\n")
                continue
            if source not in lines:
                lines[source] = read_text(source).split("\n")
            file.write(lines[source][number - 1].strip() + "\n")


def write_differences(path: str | Path, data: LabelledPictures, values: FloatArray) -> None:
    """Write the differences as the published files have them (``data`` in a NumPy archive), with a sum of the names.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    part = part_name(path)
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **{DATA: values, LIST_SUM: np.array(_sum(data.keys))})
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def read_differences(path: str | Path, data: LabelledPictures, threshold: float = THRESHOLD) -> Differences:
    """Read differences to the previous frame, ours or published ones, and choose the frames to keep.

    Raises:
        FormatError: the file is missing or damaged, or belongs to another list or another order of it.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            values = np.asarray(archive[DATA], dtype=np.float64).ravel()
            list_sum = str(archive[LIST_SUM]) if LIST_SUM in archive.files else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise FormatError(f"{path}: expected a NumPy archive with {DATA!r}, one number a frame ({error})") from error
    if len(values) != len(data) or list_sum not in (None, _sum(data.keys)):
        raise FormatError(
            f"{path}: expected the differences of this list of {len(data)} frames, got {len(values)} of another list "
            "or order; compute them again"
        )
    return Differences(values, np.flatnonzero(values >= threshold).tolist(), [])


def _read(data: LabelledPictures, index: int) -> Image | LanelightError:
    try:
        return read_image(data.picture(index))
    except LanelightError as error:
        return error


def _sum(keys: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()
