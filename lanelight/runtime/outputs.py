"""The files of a predict job: lanes, annotated video, pictures, benchmark files, labels to correct, sheet, bag."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lanelight.errors import LanelightError, OutputError, unknown_name
from lanelight.formats import culane, tusimple
from lanelight.formats.native import LaneLog
from lanelight.formats.text import make_folder
from lanelight.frames import Image, Source, VideoWriter, write_image
from lanelight.geometry import FloatArray
from lanelight.render import contact_sheet, draw_lanes
from lanelight.render.sheet import shrunk
from lanelight.runtime.bag_output import BagOutput
from lanelight.runtime.class_outputs import CLASS_KINDS, ClassOutputs
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import Result
from lanelight.runtime.prelabels import TOOLS, Prelabels, picture_name, tool_folders
from lanelight.runtime.timings import Timings

KINDS = ("video", "lanes", "frames", "culane", "tusimple", "sheet", "bag", *TOOLS)
DRAWN = frozenset({"video", "frames", "bag"})  # every frame with its lanes
LANE_KINDS = ("culane", "tusimple", *TOOLS)  # nothing but lanes is in them
DEFAULT_KINDS = {"video": ("video", "lanes", "sheet"), "images": ("frames", "lanes")}
SHEET_FRAMES, TILE_WIDTH = 12, 480
PICTURES_PER_SECOND = 2.0  # of a video made from single pictures


class Outputs:
    """Writes the results of one source into a folder; nothing appears before the first result.

    Leaving the ``with`` block finishes every file, after an interruption or an error too.

    Args:
        folder: where to write; it is made when needed.
        source: what the results come from.
        kinds: names of `KINDS` and, of a network with classes, `CLASS_KINDS`; ``lanes`` is always written.
        model: name of the network.
        every: every how many frames of the source there is a result.
        timings: gets the durations of drawing and writing.
        class_names: of the network's classes; empty where it has none.
        gold: folder of true class maps, for ``triptych``.

    Attributes:
        paths: kind -> file or folder, in the order they were begun.

    Raises:
        OutputError: an unknown kind, one that the network has nothing for, or a file of the source, or labels that a
            person may have corrected, would be written over.
    """

    def __init__(
        self,
        folder: Path,
        source: Source,
        kinds: tuple[str, ...],
        *,
        model: str,
        every: int = 1,
        timings: Timings,
        class_names: Sequence[str] = (),
        gold: Path | None = None,
    ) -> None:
        for kind in kinds:
            if kind not in (*KINDS, *CLASS_KINDS):
                raise OutputError(unknown_name("kind of output", kind, (*KINDS, *CLASS_KINDS)))
        self._classes = ClassOutputs(folder, source, kinds, names=class_names, gold=gold)
        videos = {folder / f"{source.stem}.mp4"} if "video" in kinds else set()
        pictures = (folder / "frames", *tool_folders(folder, kinds), *self._classes.paths.values())
        _check_apart(source, videos, pictures)
        self._bag = BagOutput(folder, source, model=model, step_s=1 / PICTURES_PER_SECOND) if "bag" in kinds else None
        _check_uncorrected(tool_folders(folder, kinds))
        self.folder = folder
        self.paths: dict[str, Path] = {}
        self._source = source
        self._kinds = frozenset(kinds)
        self._model = model
        self._class_names = tuple(class_names)
        self._fps = (source.fps or 25.0) / every if source.kind == "video" else PICTURES_PER_SECOND
        self._timings = timings
        self._log: LaneLog | None = None
        self._video: VideoWriter | None = None
        self._prelabels: Prelabels | None = None
        self._entries: list[dict[str, Any]] = []
        self._sheet = _SheetFrames(SHEET_FRAMES)

    def write(self, result: Result) -> None:
        """Write one result into every file.

        Raises:
            OutputError: the place cannot be written.
        """
        if self._log is None:
            self._begin(result)
        with self._timings.measure("draw"):
            on_sheet = "sheet" in self._kinds and self._sheet.wants_next()
            drawn = None
            if on_sheet or self._kinds & DRAWN:
                drawn = draw_lanes(
                    result.frame, result.scene, class_names=self._class_names, legend=bool(self._class_names)
                )
        with self._timings.measure("write"):
            self._write_files(result, drawn)
        if "sheet" in self._kinds:
            self._sheet.add(drawn if on_sheet else None, _caption(result, bool(self._class_names)))

    def close(self) -> None:
        """Finish every file.

        Raises:
            OutputError: the place cannot be written.
        """
        if self._log is None:
            return
        log, self._log = self._log, None
        with ExitStack() as files:  # one that fails keeps none of the others open
            files.callback(log.close)
            if self._bag is not None:
                files.callback(self._bag.close)
            if self._video is not None:
                files.callback(self._video.close)
        if self._prelabels is not None:
            self._prelabels.close()
        if "tusimple" in self._kinds:
            self.paths["tusimple"] = self.folder / "tusimple.json"
            tusimple.write(self.paths["tusimple"], self._entries)
        if "sheet" in self._kinds:
            self.paths["sheet"] = self.folder / "sheet.png"
            write_image(self.paths["sheet"], self._sheet.picture())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, result: Result) -> None:
        make_folder(self.folder)
        self.paths["lanes"] = self.folder / "lanes.jsonl"
        self._log = LaneLog(
            self.paths["lanes"],
            source=self._source.name,
            model=self._model,
            size=result.scene.size,
            fps=self._source.fps,
            class_names=self._classes.class_names,
        )
        if "video" in self._kinds:
            self.paths["video"] = self.folder / f"{self._source.stem}.mp4"
            self._video = VideoWriter(self.paths["video"], fps=self._fps)
        if self._bag is not None:
            self.paths["bag"] = self._bag.path
        for kind in ("frames", "culane"):
            if kind in self._kinds:
                self.paths[kind] = self.folder / kind
                make_folder(self.paths[kind])
        self.paths |= self._classes.paths
        self._classes.begin()
        tools = tuple(kind for kind in TOOLS if kind in self._kinds)
        for place in tool_folders(self.folder, tools):
            make_folder(place)
        self.paths |= {kind: self.folder / kind for kind in tools}
        self._prelabels = Prelabels(self.folder, self._source, tools) if tools else None

    def _write_files(self, result: Result, drawn: Image | None) -> None:
        name = Path(result.name)
        if self._log is not None:
            picture = result.name if self._source.kind == "images" else None
            mapped = self._classes.write(result)
            self._log.write(result.index, result.time_s, result.scene, name=picture, classes=mapped)
        if self._video is not None and drawn is not None:
            self._video.write(drawn, result.time_s)
        if self._bag is not None and drawn is not None:
            self._bag.write(result, drawn)
        if "frames" in self._kinds and drawn is not None:
            write_image(self.paths["frames"] / picture_name(result), drawn)
        if "culane" in self._kinds:
            culane.write_lanes(self.paths["culane"] / f"{name.stem}.lines.txt", result.scene)
        if self._prelabels is not None:
            self._prelabels.write(result)
        if "tusimple" in self._kinds:
            rows = tusimple_rows(result.scene.size[1])
            self._entries.append(tusimple.to_entry(result.scene, str(name), rows, result.latency_ms))


def tusimple_rows(height: int) -> FloatArray:
    """Return the benchmark's rows, scaled from its 720 px to frames of another height, whole px."""
    scale = height / tusimple.SIZE[1]
    return np.clip(np.round((tusimple.ROWS + 0.5) * scale - 0.5), 0, height - 1)


def check_writable(folder: Path) -> None:
    """Check that a folder can be made and written, without making anything.

    Raises:
        OutputError: it cannot.
    """
    place = folder.absolute()
    while not place.exists() and not place.is_symlink():
        place = place.parent
    if not place.is_dir():
        raise OutputError(f"{folder}: expected a folder to write to, but {place} is a file; choose another --out")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: expected a folder to write to, but {place} is read-only; choose another --out")


def _check_apart(source: Source, files: set[Path], pictures: tuple[Path, ...]) -> None:
    """Check that no file of the source would be written over."""
    ours, folders = {file.resolve() for file in files}, {folder.resolve() for folder in pictures}
    for file in source.files:
        place = file.resolve()
        if place in ours or place.parent in folders:
            raise OutputError(f"{file}: the output would replace this source; choose another --out")


def _check_uncorrected(folders: tuple[Path, ...]) -> None:
    """Check that no labels would be written over: a person may have corrected them where they are."""
    for folder in folders:
        if folder.exists() and any(folder.iterdir()):
            raise OutputError(f"{folder}: labels to correct are there already; choose another --out")


class _SheetFrames:
    """Keeps a few small frames, evenly spread over a source of unknown length."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._step = 1
        self._seen = 0
        self._kept: list[tuple[Image, str]] = []

    def wants_next(self) -> bool:
        """Tell whether the next frame will be kept."""
        return self._seen % self._step == 0

    def add(self, frame: Image | None, caption: str) -> None:
        """Count a frame, and keep it where it is given; with twice too many, every other one goes."""
        if frame is not None:
            self._kept.append((shrunk(frame, TILE_WIDTH), caption))
        self._seen += 1
        if len(self._kept) >= 2 * self._wanted:
            self._kept = self._kept[::2]
            self._step *= 2

    def picture(self) -> Image:
        """Return the contact sheet."""
        if not self._kept:
            raise LanelightError("contact sheet: expected at least one frame, got none")
        count = min(self._wanted, len(self._kept))
        chosen = [self._kept[round(k)] for k in np.linspace(0, len(self._kept) - 1, count)]
        return contact_sheet([frame for frame, _ in chosen], [caption for _, caption in chosen], tile_width=TILE_WIDTH)


def _caption(result: Result, classes: bool) -> str:
    found = f"{len(result.scene.lanes)} lanes" if result.scene.lanes or not classes else "classes"
    if result.time_s is None:
        return f"{result.name}   {found}"
    return f"frame {result.index}   {result.time_s:.2f} s   {found}"


def check_kinds(kinds: Sequence[str], manifest: Manifest) -> None:
    """Make sure that a network finds what is to be written.

    Raises:
        OutputError: it finds classes of pixels only, and files of lanes are asked for.
    """
    wrong = [kind for kind in kinds if kind in LANE_KINDS]
    if wrong and manifest.classes and not manifest.slots:
        raise OutputError(
            f"--save {wrong[0]}: expected a network that finds lanes, model {manifest.name!r} finds classes of pixels; "
            f"save {' or '.join(CLASS_KINDS)}"
        )
