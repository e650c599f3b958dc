"""Read frames in a thread of their own, so that decoding the video costs the network no time."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from queue import Empty, Full, Queue

from lanelight.frames import Frame, Source
from lanelight.runtime.timings import Timings

DEPTH = 4  # frames read ahead: enough to even out key frames, small beside the memory of a network
POLL_S = 0.1  # how soon a waiting thread sees that it should stop


class _End:
    """Last item of the queue: the end of the source, or what broke it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(
    source: Source, *, every: int = 1, limit: int | None = None, stop: threading.Event | None = None, timings: Timings
) -> Iterator[Frame]:
    """Yield the frames of a source, read ahead by another thread.

    A live source never waits: frames that come while the queue is full push out the oldest.

    Args:
        source: where the frames come from.
        every: take every n-th frame.
        limit: stop after so many frames.
        stop: ends the iteration soon after it is set.
        timings: gets the time that each frame took to read.

    Raises:
        Exception: whatever reading raised, after the frames before it.
    """
    if limit == 0:
        return
    done = threading.Event()
    queue: Queue[Frame | _End] = Queue(DEPTH)
    reader = threading.Thread(
        target=_read,
        args=(source.frames(every), queue, done),
        kwargs={"limit": limit, "live": source.live, "timings": timings},
        name="lanelight-read",
        daemon=True,
    )
    reader.start()
    try:
        while not (stop is not None and stop.is_set()):
            try:
                item = queue.get(timeout=POLL_S)
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        done.set()
        reader.join(timeout=2)  # a dead stream may hold the thread longer; as a daemon it does not hold the process


def _read(
    frames: Generator[Frame, None, None],
    queue: Queue[Frame | _End],
    done: threading.Event,
    *,
    limit: int | None,
    live: bool,
    timings: Timings,
) -> None:
    end = _End()
    count = 0
    try:
        with closing(frames):
            while limit is None or count < limit:
                start = time.perf_counter()
                frame = next(frames, None)
                if frame is None or done.is_set():
                    break
                timings.add("read", time.perf_counter() - start)
                _put(queue, frame, done, drop_oldest=live)
                count += 1
    except BaseException as error:  # carried over to the thread that consumes the frames
        end = _End(error)
    _put(queue, end, done, drop_oldest=False)


def _put(queue: Queue[Frame | _End], item: Frame | _End, done: threading.Event, *, drop_oldest: bool) -> None:
    while not done.is_set():
        try:
            queue.put(item, timeout=0 if drop_oldest else POLL_S)
            return
        except Full:
            if drop_oldest:
                try:
                    queue.get_nowait()
                except Empty:  # the consumer was faster
                    continue
