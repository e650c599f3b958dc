"""The figure of docs/benchmarks.md: how right networks are, against how long they take on a processor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from record import newest

from lanelight.runtime.bundled import find_model

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]

WIDTH, BAND, STEP, TOP, BOTTOM = 900, 160, 22, 58, 46  # px
LEFT, RIGHT = 60, WIDTH - 30
FONT, SIZE, LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.43, 15
PUBLISHED: Color = (31, 90, 180)  # RGB
MEASURED: Color = (200, 90, 20)
PLAIN: Color = (90, 90, 90)
FAINT: Color = (230, 230, 230)
# What the networks' authors published; docs/models tells where. Weights with these figures are not at hand.
CULANE_F1 = {"enet_sad": 70.8, "scnn": 71.6, "clrnet_r18": 79.58, "clrnet_dla34": 80.47, "clrkdnet_r18": 79.66}
CITYSCAPES_IOU = {"fast_scnn": 62.8, "fast_scnn_full": 68.0}
CAMVID_IOU = {"enet_semantic": 47.3}  # docs/models/enet_semantic.md, drive 0001TP


@dataclass(frozen=True)
class Band:
    """A part of the figure with an axis of its own.

    Attributes:
        title: what is counted, on which data.
        values: network -> percent.
        color: says whether it was published or measured here.
    """

    title: str
    values: Mapping[str, float]
    color: Color


def bands() -> list[Band]:
    """Return what is known of the networks."""
    shipped = next(row for row in newest("accuracy") if row["method"] == find_model("default").stem)
    enet = next(row for row in newest("instances") if row["lanes_by"] == "embedding")
    ours = {"default": 100 * float(shipped["tusimple_accuracy"]), "enet_instance": 100 * float(enet["accuracy"])}
    return [
        Band("CULane test, F1 at an IoU of 0.5, %: as published", CULANE_F1, PUBLISHED),
        Band("Cityscapes test, class mIoU, %: as published", CITYSCAPES_IOU, PUBLISHED),
        Band(f"{shipped['tusimple_frames']} TuSimple frames, accuracy, %: measured with these weights", ours, MEASURED),
        Band("62 CamVid frames, mean IoU of 11 classes, %: measured with these weights", CAMVID_IOU, MEASURED),
    ]


def figure(rows: Sequence[Mapping[str, str]]) -> Picture:
    """Draw the networks.

    Args:
        rows: of `speed.csv`.
    """
    speeds = {row["network"]: times(row) for row in rows}
    drawn = [band for band in bands() if band.values.keys() & speeds.keys()]
    known = {name for band in drawn for name in band.values}
    rest = sorted(speeds.keys() - known, key=lambda name: speeds[name])
    axis = Axis(min(fast for fast, _ in speeds.values()), max(slow for _, slow in speeds.values()))
    drawing = Drawing(axis, TOP + BAND * len(drawn) + STEP * (len(rest) + 2))
    drawing.write(
        "dot: the faster of ONNX Runtime and OpenVINO, float32; ring: the reference's formulation", (LEFT, 22)
    )
    drawing.write(f"in PyTorch; both on {rows[0]['threads']} threads. {rows[0]['machine']}", (LEFT, 22 + LINE))
    for place, band in enumerate(drawn):
        values = {name: value for name, value in band.values.items() if name in speeds}
        drawing.band(band, values, speeds, TOP + place * BAND)
    strip = drawing.bottom - STEP * (len(rest) + 1)
    if rest:
        drawing.write("no accuracy with a source for these weights at this size", (LEFT + 4, strip - 4))
    for place, name in enumerate(rest):
        drawing.pair(speeds[name], strip + STEP * place + 12, PLAIN)
        drawing.name(name, speeds[name][1], strip + STEP * place + 12, PLAIN)
    return drawing.rounded()


def times(row: Mapping[str, str]) -> tuple[float, float]:
    """Return wall time of a network in its faster runtime in float32, and in the reference's formulation, ms."""
    reference = float(row["reference_ms"])
    return reference / max(float(row["onnxruntime_x"]), float(row["openvino_x"])), reference


class Axis:
    """The axis of time, logarithmic.

    Args:
        first: smallest time, ms.
        last: largest time, ms.
    """

    def __init__(self, first: float, last: float) -> None:
        self.low, self.high = math.log(first / 1.3), math.log(last * 2)

    def x(self, ms: float) -> int:
        """Return the column of a time."""
        return round(LEFT + (RIGHT - LEFT) * (math.log(ms) - self.low) / (self.high - self.low))

    def ticks(self) -> list[float]:
        """Return 1, 2 and 5 times powers of ten that are on the axis."""
        every = [step * 10.0**power for power in range(-1, 6) for step in (1, 2, 5)]
        return [each for each in every if self.low < math.log(each) < self.high]


class Drawing:
    """A white picture with the axis of time at its bottom.

    Attributes:
        picture: (H, W, 3) uint8 RGB.

    Args:
        axis: of time.
        bottom: row of the axis.
    """

    def __init__(self, axis: Axis, bottom: int) -> None:
        self.picture: Picture = np.full((bottom + BOTTOM, WIDTH, 3), 255, np.uint8)
        self.axis, self.bottom = axis, bottom
        self._taken: list[tuple[int, int, int]] = []  # by names and lines: row, first and last column
        for tick in axis.ticks():
            self._line((axis.x(tick), TOP - 8), (axis.x(tick), bottom), FAINT)
            self.write(f"{tick:g}", (axis.x(tick) - 8, bottom + 17))
        self.write("network alone, ms a frame, wall time", (LEFT, bottom + 36))

    def band(
        self, band: Band, values: Mapping[str, float], speeds: Mapping[str, tuple[float, float]], top: int
    ) -> None:
        """Draw the networks of a band, and its own axis."""
        low, high = math.floor(min(values.values()) - 1), math.ceil(max(values.values()) + 1)
        first, last = top + BAND - 24, top + 30

        def row(value: float) -> int:
            return round(first + (last - first) * (value - low) / (high - low))

        for value in range(low, high + 1, max(1, round((high - low) / 4))):
            self._line((LEFT, row(value)), (RIGHT, row(value)), FAINT)
            self.write(str(value), (LEFT - 30, row(value) + 5))
        self.write(band.title, (LEFT + 4, top + 16), band.color)
        names = sorted(values, key=lambda each: -speeds[each][1])  # from the right: beside the last ring there is room
        for name in names:
            self.pair(speeds[name], row(values[name]), band.color)
        for name in names:
            self.name(name, speeds[name][1], row(values[name]), band.color)

    def pair(self, pair: tuple[float, float], y: int, color: Color) -> None:
        """Draw a network: a dot where it is fast, a ring where the reference is."""
        fast, slow = (self.axis.x(ms) for ms in pair)
        self._line((fast, y), (slow, y), color)
        cv2.circle(self.picture, (fast, y), 5, color, -1, cv2.LINE_AA)
        cv2.circle(self.picture, (slow, y), 5, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(self.picture, (slow, y), 5, color, 1, cv2.LINE_AA)
        self._taken.append((y + 5, fast, slow))

    def name(self, name: str, slow_ms: float, y: int, color: Color) -> None:
        """Write a network's name right of its ring, below what is there already."""
        (wide, _), _ = cv2.getTextSize(name, FONT, SIZE, 1)
        start = self.axis.x(slow_ms) + 10
        place = y + 5
        while any(
            abs(place - row) < LINE and start < last and start + wide > first for row, first, last in self._taken
        ):
            place += 4
        self._taken.append((place, start, start + wide))
        self.write(name, (start, place), color)

    def rounded(self) -> Picture:
        """Return the picture with few shades, in which it is a file of half the size."""
        return np.asarray((self.picture.astype(np.uint16) + 8) // 17 * 17, np.uint8)

    def write(self, text: str, place: tuple[int, int], color: Color = PLAIN) -> None:
        """Write a line of text."""
        cv2.putText(self.picture, text, place, FONT, SIZE, color, 1, cv2.LINE_AA)

    def _line(self, start: tuple[int, int], end: tuple[int, int], color: Color) -> None:
        cv2.line(self.picture, start, end, color, 1)
