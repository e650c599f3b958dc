"""Write rendered roads to disk: data sets of single views, or drives as videos with the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import astuple, fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic import CLASS_NAMES, WORLDS, Ego, RoadConfig, SyntheticRoads, drive
from lanelight.datasets.writers import WRITERS
from lanelight.errors import LanelightError, OutputError, unknown_name
from lanelight.formats.native import LaneLog
from lanelight.formats.text import make_folder, replacing
from lanelight.frames import VideoWriter, write_image
from lanelight.geometry import Scene

Drawn = tuple[str, NDArray[np.uint8], Scene]
Watch = Callable[[int], object]
VIDEO, LANES, EGO = "drive.mp4", "lanes.jsonl", "ego.csv"


def write_views(
    out: str | Path,
    form: str,
    worlds: Sequence[str],
    *,
    frames: int,
    seed: int,
    size: tuple[int, int] = (1280, 720),
    split: str = "train",
    threads: int = 1,
    watch: Watch = lambda _: None,
) -> int:
    """Write single views as a data set, the worlds in turn.

    Frame i is of world ``i % len(worlds)`` and depends on seed, world and size alone: more frames continue fewer.
    An interrupt ends the work after the frame at hand; what is there then is a whole data set.

    Args:
        out: folder to make; it must be empty or missing.
        form: a format of `writers.WRITERS`.
        worlds: names from `WORLDS`.
        frames: how many, of all worlds together.
        seed: of everything random.
        size: (width, height) px.
        split: part of the data set that the frames become.
        threads: views that are drawn at once.
        watch: is told how many are done.

    Returns:
        The number of frames written.

    Raises:
        LanelightError: a world or format is unknown, a number is out of range, or the folder cannot be written.
        KeyboardInterrupt: after everything was finished.
    """
    if form not in WRITERS:
        raise LanelightError(unknown_name("format", form, WRITERS))
    roads = [SyntheticRoads(_config(name, size), seed=seed, length=frames) for name in worlds]
    _check(out, frames, roads)

    def draw(i: int) -> Drawn:
        _, frame, scene = roads[i % len(roads)][i // len(roads)]
        return f"{worlds[i % len(roads)]}/{i // len(roads):06d}.jpg", frame, scene

    done, interrupt, pending = 0, None, None
    with WRITERS[form](out, split=split, class_names=CLASS_NAMES) as writer:
        try:
            for key, frame, scene in _in_order(draw, frames, threads):
                pending = (writer.write(key, scene), frame)
                write_image(*pending)
                done, pending = done + 1, None
                watch(done)
        except KeyboardInterrupt as error:
            interrupt = error
            if pending is not None:  # its labels are written
                write_image(*pending)
    if interrupt is not None:
        raise interrupt
    return done


def write_drive(
    out: str | Path,
    world: str,
    *,
    frames: int,
    seed: int,
    size: tuple[int, int] = (1280, 720),
    fps: float = 25.0,
    watch: Watch = lambda _: None,
) -> int:
    """Write a drive: ``drive.mp4``, ``lanes.jsonl``, and ``ego.csv`` with the columns frame, time_s and those of `Ego`.

    An interrupt ends the work after the frame at hand; the three files are then whole and of one length.

    Args:
        out: folder to make; it must be empty or missing.
        world: a name from `WORLDS`.
        frames: how many.
        seed: of everything random.
        size: (width, height) px.
        fps: frames per second.
        watch: is told how many are done.

    Returns:
        The number of frames written.

    Raises:
        LanelightError: the world is unknown, a number is out of range, or the folder cannot be written.
        KeyboardInterrupt: after everything was finished.
    """
    config = _config(world, size)
    _check(out, frames, [config])
    shown = drive(config, seed=seed, frames=frames, fps=fps)
    make_folder(Path(out))
    done, interrupt = 0, None
    with ExitStack() as files:
        video = files.enter_context(VideoWriter(Path(out) / VIDEO, fps=fps, crf=18))
        log = files.enter_context(
            LaneLog(Path(out) / LANES, source=f"rendered: {world}, seed {seed}", model="", size=size, fps=fps)
        )
        table = files.enter_context(replacing(Path(out) / EGO))
        table.write(",".join(["frame", "time_s", *(field.name for field in fields(Ego))]) + "\n")
        try:
            for frame in shown:
                log.write(done, frame.time_s, Scene(frame.scene.size, frame.scene.lanes))
                table.write(",".join([str(done), *(f"{v:.9g}" for v in (frame.time_s, *astuple(frame.ego)))]) + "\n")
                video.write(frame.image)
                done += 1
                watch(done)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
    return done


def _config(world: str, size: tuple[int, int]) -> RoadConfig:
    """Return the ranges of a world."""
    if world not in WORLDS:
        raise LanelightError(unknown_name("world", world, WORLDS))
    return replace(WORLDS[world], size=size)


def _check(out: str | Path, frames: int, worlds: Sequence[object]) -> None:
    """Refuse what cannot be done, before anything is drawn."""
    if frames < 1 or not worlds:
        raise LanelightError(f"rendered roads: expected one frame and one world or more, got {frames=}")
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: expected an empty folder or none; name another, or remove what is there")


def _in_order(draw: Callable[[int], Drawn], frames: int, threads: int) -> Iterator[Drawn]:
    """Yield what `draw` returns for 0, 1, ...; several are drawn at once, a few ahead."""
    if threads <= 1:
        yield from map(draw, range(frames))
        return
    pool = ThreadPoolExecutor(threads)
    try:
        todo = iter(range(frames))
        ahead: list[Future[Drawn]] = [pool.submit(draw, i) for i in islice(todo, 2 * threads)]
        while ahead:
            drawn = ahead.pop(0).result()
            ahead += [pool.submit(draw, i) for i in islice(todo, 1)]
            yield drawn
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
