"""The frames that networks are measured on: real ones, or rendered ones where there are none; never constant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lanelight.errors import SourceError
from lanelight.frames import Image, Source

RENDERED = "rendered roads"
SIZE = (1280, 720)
SEED = 20_000  # of the rendered roads; no recipe trains on it


class Shown(NamedTuple):
    """What networks are shown.

    Attributes:
        source: what the frames come from, in words.
        frames: (H, W, 3) uint8 RGB each.
        notes: what a reader of the results should know of them.
    """

    source: str
    frames: list[Image]
    notes: list[str]


def real_frames(sources: Sequence[Source], limit: int) -> Shown:
    """Return the first frames of some sources, `limit` at most.

    Raises:
        SourceError: there is none, or all are of one colour: networks find nothing there, which is quickly decoded.
    """
    name = ", ".join(Path(source.name).name or source.name for source in sources)
    frames: list[Image] = []
    notes: list[str] = []
    for source in sources:
        try:
            for frame in source.frames():
                frames.append(frame.image)
                if len(frames) == limit:
                    break
        except SourceError as error:
            notes.append(str(error))
        if len(frames) == limit:
            break
    if not frames:
        raise SourceError("; ".join(notes) or f"{name}: expected at least one frame, got none; name another --source")
    if all(frame.min() == frame.max() for frame in frames):
        raise SourceError(
            f"{name}: expected pictures of a road, got {len(frames)} of one colour, in which there is nothing to "
            "decode; name another --source"
        )
    if len(frames) == 1:
        notes.append(f"{name} has one frame: every call sees the same, p95 tells of the machine alone")
    elif len(frames) < limit:
        notes.append(f"{name} has {len(frames)} frames, {limit} were asked for")
    return Shown(name, frames, notes)


def rendered_frames(count: int) -> Shown:
    """Return rendered roads, 1280x720, the same at every call."""
    from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads

    roads = SyntheticRoads(RoadConfig(size=SIZE), seed=SEED, length=count)
    note = "rendered roads, not real frames; name your own with --source"
    return Shown(RENDERED, [roads[index][1] for index in range(count)], [note])
