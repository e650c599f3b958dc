"""Work on many frames in several threads, with few of them in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from lanelight.machine import usable_processors

AHEAD = 3  # frames that wait for each thread, so that a slow one holds up no other

Item = TypeVar("Item")
Result = TypeVar("Result")
Watch = Callable[[int], None]  # called with the number of frames done


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int | None = None, watch: Watch | None = None
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` of each item in their order, computed ahead in threads.

    At most ``AHEAD * threads`` results wait at any time. OpenCV lets other threads run while it decodes.

    Args:
        work: what is done with an item.
        items: any number of them.
        threads: how many; None takes one for each processor.
        watch: called with the number of results that were taken.

    Raises:
        Exception: whatever `work` raised, after the results before it.
    """
    threads = threads or usable_processors()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="lanelight-survey")
    waiting: deque[Future[Result]] = deque()
    done = 0
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
                done += 1
                if watch is not None:
                    watch(done)
        while waiting:
            yield waiting.popleft().result()
            done += 1
            if watch is not None:
                watch(done)
    finally:
        pool.shutdown(cancel_futures=True)
