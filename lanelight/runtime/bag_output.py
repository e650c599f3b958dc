"""The results of a predict job as a bag: of ROS 1 for a source of ROS 1, of ROS 2 for everything else."""

from __future__ import annotations

import time
from pathlib import Path

from lanelight.formats import lane_message
from lanelight.formats.lane_bag import LaneBag, check_free
from lanelight.formats.lane_message import SECOND_NS, MessageHeader
from lanelight.frames import Image, Source, Stamp
from lanelight.frames.bag import BagSource
from lanelight.runtime.predictor import Result

FRAME_ID = "camera"  # of frames that come from no robot


class BagOutput:
    """Writes results into a bag; a frame without a stamp of its own gets one.

    Stamps of a camera or stream are the clock's. Those of a video or of pictures count from second 1, so that the same
    video gives the same bag; not from 0, which means "no time" in ROS.

    Args:
        folder: of all outputs.
        source: what the results come from.
        model: name of the network.
        step_s: between pictures, which have no time of their own.

    Attributes:
        path: of the bag.

    Raises:
        OutputError: rosbags is not installed, or there is such a bag.
    """

    def __init__(self, folder: Path, source: Source, *, model: str, step_s: float) -> None:
        ros1 = isinstance(source, BagSource) and source.ros1
        self.path = folder / f"{source.stem}_lanes{'.bag' if ros1 else ''}"
        check_free(self.path)
        self._live = source.live
        self._model = model
        self._step_s = step_s
        self._start_ns: int | None = None
        self._bag: LaneBag | None = None

    def write(self, result: Result, drawn: Image) -> None:
        """Append one result.

        Args:
            result: what was found.
            drawn: the frame with it drawn in, (H, W, 3) uint8 RGB.

        Raises:
            OutputError: the place cannot be written.
        """
        if self._bag is None:
            self._bag = LaneBag(self.path)
        stamp = result.stamp or self._stamp(result)
        header = MessageHeader(stamp.time_ns, stamp.frame_id)
        text = lane_message.write(result.scene, header, index=result.index, time_s=result.time_s, model=self._model)
        self._bag.write(stamp, text, drawn)

    def close(self) -> None:
        """Finish the bag.

        Raises:
            OutputError: the place cannot be written.
        """
        if self._bag is not None:
            self._bag.close()

    def _stamp(self, result: Result) -> Stamp:
        time_s = result.index * self._step_s if result.time_s is None else result.time_s
        since_ns = round(time_s * SECOND_NS)
        if self._start_ns is None:
            self._start_ns = time.time_ns() - since_ns if self._live else SECOND_NS
        return Stamp(self._start_ns + since_ns, FRAME_ID, self._start_ns + since_ns)
