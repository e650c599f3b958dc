"""Figures of a data set: how many frames and lanes, how long, where, and how much of each class."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets import LabelledPictures
from lanelight.errors import LanelightError
from lanelight.frames import read_image
from lanelight.frames.image import Image
from lanelight.geometry import Lane, Scene
from lanelight.render.palette import SHADE, TEXT
from lanelight.survey.classes import UNLABELLED
from lanelight.survey.threads import Watch, in_order

HEAT_SIZE = (192, 108)  # cells over the frame, whatever its size
HEAT_WIDTH_PX = 960
SHARES = (0.05, 0.5, 0.95)
MEASURES = ("length_px", "points", "top_share", "bottom_share")


@dataclass
class Statistics:
    """The figures; they grow by `add`, one frame at a time.

    Attributes:
        frames: number of frames that were read.
        unreadable: a message for each other frame.
        sizes: number of pictures of each (width, height).
        lane_counts: number of frames with so many lanes.
        measures: of each lane: length in px, number of points, and its highest and lowest row as a share of the
            frame's height, 0 at the top.
        slots: number of lanes in each slot.
        attributes: number of lanes with each attribute, as (name, value).
        class_pixels: (256,) pixels of each class id, over all frames.
        class_frames: (256,) frames in which a class occurs.
        heat: (108, 192) number of frames with a lane in each cell of the frame.
    """

    frames: int = 0
    unreadable: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    lane_counts: Counter[int] = field(default_factory=Counter)
    measures: dict[str, array[float]] = field(default_factory=lambda: {name: array("f") for name in MEASURES})
    slots: Counter[int] = field(default_factory=Counter)
    attributes: Counter[tuple[str, str]] = field(default_factory=Counter)
    class_pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    class_frames: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    heat: NDArray[np.int64] = field(default_factory=lambda: np.zeros(HEAT_SIZE[::-1], np.int64))

    def add(self, scene: Scene) -> None:
        """Count one frame."""
        self.frames += 1
        self.sizes[scene.size] += 1
        self.lane_counts[len(scene.lanes)] += 1
        for lane in scene.lanes:
            for name, value in zip(MEASURES, _measured(lane, scene.size[1]), strict=True):
                self.measures[name].append(value)
            if lane.slot is not None:
                self.slots[lane.slot] += 1
            self.attributes.update(lane.attributes.items())
        self.heat += _cells(scene)
        if scene.classes is not None:
            number = np.bincount(scene.classes.ravel(), minlength=256)
            self.class_pixels += number
            self.class_frames += number > 0

    def entry(self, class_names: Sequence[str] = ()) -> dict[str, Any]:
        """Return plain values for JSON.

        Args:
            class_names: of the class ids 0, 1, ...
        """
        return {
            "frames": self.frames,
            "unreadable": self.unreadable,
            "sizes": {f"{width}x{height}": number for (width, height), number in self.sizes.most_common()},
            "lanes": sum(count * number for count, number in self.lane_counts.items()),
            "frames_by_lanes": {str(count): self.lane_counts[count] for count in sorted(self.lane_counts)},
            "lane": {name: _quantiles(values) for name, values in self.measures.items()},
            "slots": {str(slot): self.slots[slot] for slot in sorted(self.slots)},
            "attributes": {f"{name}={value}": number for (name, value), number in self.attributes.most_common(50)},
            "classes": self._classes(class_names),
        }

    def _classes(self, names: Sequence[str]) -> list[dict[str, Any]]:
        total = max(1, int(self.class_pixels.sum()))
        known = {index for index in range(256) if self.class_pixels[index]}
        if known:
            known |= set(range(len(names)))
        return [
            {
                "id": index,
                "name": names[index] if index < len(names) else "unlabelled" if index == UNLABELLED else "?",
                "pixel_share": float(self.class_pixels[index]) / total,
                "frame_share": float(self.class_frames[index]) / max(1, self.frames),
            }
            for index in sorted(known)
        ]


def count(
    data: LabelledPictures, *, every: int = 1, threads: int | None = None, watch: Watch | None = None
) -> Statistics:
    """Read the frames of a data set and return their figures.

    Args:
        data: the data set.
        every: read every n-th frame only.
        threads: that read pictures; None takes one for each processor.
        watch: called with the number of frames done.
    """
    figures = Statistics()
    for scene in in_order(lambda index: _read(data, index), range(0, len(data), every), threads=threads, watch=watch):
        if isinstance(scene, LanelightError):
            figures.unreadable.append(str(scene))
        else:
            figures.add(scene)
    return figures


def heat_picture(figures: Statistics) -> Image:
    """Return where lanes lie as a picture of the most frequent frame size's shape, with a scale below.

    A cell's colour is the share of frames with a lane in it; the brightest one is the largest share.
    """
    (width, height), *_ = [size for size, _ in figures.sizes.most_common(1)] or [HEAT_SIZE]
    tall = max(1, round(HEAT_WIDTH_PX * height / width))
    largest = int(figures.heat.max())
    grey = np.round(figures.heat * (255 / max(1, largest))).astype(np.uint8)
    field_ = cv2.resize(_colored(grey), (HEAT_WIDTH_PX, tall), interpolation=cv2.INTER_NEAREST)
    strip = np.full((44, HEAT_WIDTH_PX, 3), SHADE, np.uint8)
    strip[14:30, 60:360] = _colored(np.tile(np.linspace(0, 255, 300).astype(np.uint8), (16, 1)))
    text = f"{largest / max(1, figures.frames):.0%} of {figures.frames} frames have a lane here"
    for x, words in ((34, "0"), (372, text)):
        cv2.putText(strip, words, (x, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.5, TEXT, 1, cv2.LINE_AA)
    return np.concatenate([np.asarray(field_, dtype=np.uint8), strip])


def _read(data: LabelledPictures, index: int) -> Scene | LanelightError:
    try:
        frame = read_image(data.picture(index))
        return data.scene(index, (frame.shape[1], frame.shape[0]))
    except LanelightError as error:
        return error


def _measured(lane: Lane, height: int) -> tuple[float, float, float, float]:
    """Return the values of `MEASURES`, NaN where a lane has no points."""
    points = lane.known_points
    if len(points) == 0:
        return np.nan, 0.0, np.nan, np.nan
    with np.errstate(all="ignore"):  # coordinates may be anything, up to 1e308
        length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    top, bottom = (points[:, 1].min() + 0.5) / height, (points[:, 1].max() + 0.5) / height
    return length, float(len(points)), float(top), float(bottom)


def _cells(scene: Scene) -> NDArray[np.uint8]:
    """Return 1 in the cells of the heat map that a lane runs through, else 0."""
    cells = np.zeros(HEAT_SIZE[::-1], np.uint8)
    scale = np.array(HEAT_SIZE) / np.array(scene.size)
    for lane in scene.lanes:
        points = lane.known_points
        if len(points) > 1:
            path = np.floor((np.clip(points, -1e5, 1e5) + 0.5) * scale).astype(np.int32)
            cv2.polylines(cells, [path], False, 1)
    return cells


def _quantiles(values: array[float]) -> dict[str, float | None]:
    known = np.array(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return {"mean": None, **{f"p{round(100 * share)}": None for share in SHARES}}
    quantiles = np.quantile(known, SHARES)
    figures = {f"p{round(100 * share)}": round(float(q), 4) for share, q in zip(SHARES, quantiles, strict=True)}
    return {"mean": round(float(known.mean()), 4), **figures}


def _colored(grey: NDArray[np.uint8]) -> Image:
    return np.asarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1], dtype=np.uint8)
