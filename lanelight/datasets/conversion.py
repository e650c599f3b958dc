"""Turn a data set into one of another format, frame by frame, and say what it could not hold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lanelight.datasets.base import FrameDataset, LabelledPictures
from lanelight.datasets.losses import Losses
from lanelight.datasets.writers import WRITERS
from lanelight.errors import FormatError, LanelightError, OutputError, unknown_name
from lanelight.formats.text import cannot_write, part_name
from lanelight.frames import Image, write_image
from lanelight.frames.size import read_size
from lanelight.geometry import Scene

Images = Literal["none", "copy", "link"]

JPEG_QUALITY = 95  # of frames that have no picture file to copy


@dataclass
class Report:
    """What a conversion did.

    Attributes:
        frames: number of frames written.
        lanes: number of their lanes.
        losses: what the new format could not hold.
        failed: one message for each frame that could not be read, which is not in the new data set.
    """

    frames: int = 0
    lanes: int = 0
    losses: Losses = field(default_factory=Losses)
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "frames": self.frames,
            "lanes": self.lanes,
            "not_held": _counts(self.losses, noted=False),
            "noted": _counts(self.losses, noted=True),
            "failed": self.failed,
        }


def convert(
    source: FrameDataset,
    kind: str,
    out: str | Path,
    *,
    split: str = "train",
    images: Images = "none",
    watch: Callable[[int], None] | None = None,
) -> Report:
    """Write a data set in another format.

    What both formats can hold comes back the same. A frame that cannot be read, or whose name comes twice, is reported
    and left out; the rest goes on; where no frame can be read, nothing is written. One frame is in memory at a time.

    Args:
        source: the frames.
        kind: format of the new data set, a name of `WRITERS`.
        out: folder of the new data set; it is made, and must be empty where it is there.
        split: ``train``, ``val`` or ``test``, which names the new list or label file.
        images: whether the pictures are copied, linked to, or left for the user to bring.
        watch: called with the number of frames done after each one.

    Raises:
        FormatError: the format is unknown.
        OutputError: the folder is not empty or cannot be written, or there is no picture file to link to.
    """
    if kind not in WRITERS:
        raise FormatError(unknown_name("lane format", kind, WRITERS))
    out = Path(out)
    _check_empty(out)
    if images == "link" and not isinstance(source, LabelledPictures):
        raise OutputError("link: expected frames that are picture files, found frames made in memory; copy them")
    report, seen = Report(), set[str]()
    writer = WRITERS[kind](out, split=split, class_names=getattr(source, "class_names", ()))
    with ExitStack() as files:
        for index in range(len(source)):
            try:
                key, frame, scene = _labelled(source, index)
            except LanelightError as error:
                report.failed.append(str(error))
            else:
                if not seen:
                    files.enter_context(writer)
                if key in seen:
                    report.losses.add("frames listed again", key)
                else:
                    seen.add(key)
                    place = writer.write(key, scene)
                    if images != "none":
                        _Picture(source, index, frame).bring(place, images)
                    report.frames += 1
                    report.lanes += len(scene.lanes)
            if watch is not None:
                watch(index + 1)
    report.losses.update(writer.losses)
    return report


def _check_empty(out: Path) -> None:
    try:
        full = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise cannot_write(out, error) from error
    if full:
        raise OutputError(f"{out}: expected a new or empty folder, found files; choose another")


@dataclass(frozen=True)
class _Picture:
    source: FrameDataset
    index: int
    frame: Image | None

    def bring(self, place: Path, images: Images) -> None:
        """Copy the picture to its place, or link to it."""
        try:
            if not isinstance(self.source, LabelledPictures):
                write_image(
                    place, self.source[self.index][1] if self.frame is None else self.frame, quality=JPEG_QUALITY
                )
            elif images == "link":
                place.symlink_to(self.source.picture(self.index).resolve())
            else:
                part = part_name(place)
                shutil.copyfile(self.source.picture(self.index), part)
                os.replace(part, place)  # noqa: PTH105
        except OSError as error:
            raise cannot_write(place, error) from error


def _counts(losses: Losses, *, noted: bool) -> dict[str, dict[str, Any]]:
    return {
        what: {"count": loss.count, "frames": loss.frames, "examples": loss.examples}
        for what, loss in losses.items()
        if loss.noted == noted
    }


def _labelled(source: FrameDataset, index: int) -> tuple[str, Image | None, Scene]:
    """Return name, frame and labels; pictures that are files are not decoded."""
    if not isinstance(source, LabelledPictures):
        return source[index]
    return source.keys[index], None, source.scene(index, read_size(source.picture(index)))
