"""The predict job: read, find lanes and write at the same time, each in its own thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Protocol

from lanelight.errors import SourceError
from lanelight.frames import Source
from lanelight.runtime.predictor import Detector, Result

DEPTH = 4  # results that may wait for the writer
POLL_S = 0.1


class Sink(Protocol):
    """Takes results in order, in a thread of its own."""

    def write(self, result: Result) -> None:
        """Take one result."""
        ...


@dataclass(frozen=True)
class Report:
    """What a job did.

    Attributes:
        frames: number of frames written.
        lanes: number of lanes in them.
        seconds: duration of the job.
        interrupted: whether it was stopped before the end of its source.
        problem: why the source ended early or lacks frames, or None.
    """

    frames: int
    lanes: int
    seconds: float
    interrupted: bool
    problem: SourceError | None

    @property
    def frames_per_second(self) -> float:
        """Return the speed of the whole job."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0


def run_job(
    detector: Detector,
    source: Source,
    sink: Sink,
    *,
    every: int = 1,
    limit: int | None = None,
    track: bool = True,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Find the lanes of a source and hand them to a sink.

    Frames are read in one thread, the network runs in the caller's, the sink draws and writes in a third. A source
    that breaks off after some frames, and a `stop`, end the job in order: every frame found so far reaches the sink.

    Args:
        detector: the network.
        source: the frames.
        sink: takes the results; closing it is the caller's part.
        every: take every n-th frame.
        limit: stop after so many frames.
        track: give the lanes of a video an identity that lasts, smooth them and bridge short drop-outs.
        stop: ends the job soon after it is set.
        progress: called with the number of finished frames.

    Raises:
        SourceError: not one frame could be read.
        Exception: whatever the sink or the network raised.
    """
    stop = stop or threading.Event()
    start = time.perf_counter()
    writer = _Writer(sink)
    frames = lanes = 0
    problem: SourceError | None = None
    try:
        for result in detector.results(source, every=every, limit=limit, track=track, stop=stop):
            writer.put(result)
            frames += 1
            lanes += len(result.scene.lanes)
            if progress is not None:
                progress(frames)
    except SourceError as error:
        if frames == 0:
            raise
        problem = error
    except KeyboardInterrupt:
        stop.set()
    finally:
        writer.finish()
    return Report(frames, lanes, time.perf_counter() - start, stop.is_set(), problem)


class _Writer:
    """Feeds a sink from a queue in a thread; what the sink raises comes out of `put` or `finish`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: Queue[Result | None] = Queue(DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="lanelight-write", daemon=True)
        self._thread.start()

    def put(self, result: Result | None) -> None:
        """Append a result, waiting for a free place."""
        while True:
            self._check()
            try:
                self._queue.put(result, timeout=POLL_S)
                return
            except Full:
                continue

    def finish(self) -> None:
        """Wait until everything is written."""
        if self._error is None:
            self.put(None)
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            try:
                self._sink.write(item)
            except BaseException as error:  # carried over to the caller's thread
                self._error = error
                self._drain()
                return

    def _drain(self) -> None:
        """Empty the queue, so that a waiting `put` returns and sees the error."""
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                return
