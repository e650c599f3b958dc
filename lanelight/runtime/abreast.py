"""Work on several frames at the same time and hand on what comes of them in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


def abreast(work: Callable[[Item], Done], items: Iterable[Item], at_once: int) -> Generator[Done, None, None]:
    """Yield what `work` returns for each item, in their order.

    At most `at_once` + 1 items have been taken whose results have not been yielded yet.

    Args:
        work: called in threads of its own.
        items: taken in the caller's thread.
        at_once: number of threads.

    Raises:
        Exception: what `items` raised, after the results of all items before; or what `work` raised for an item, after
            the results before it.
    """
    waiting: deque[Future[Done]] = deque()
    problem: Exception | None = None
    pool = ThreadPoolExecutor(at_once, "lanelight-network")
    source = iter(items)
    try:
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # kept until the items before are done
                problem = error
                break
            waiting.append(pool.submit(work, item))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
    if problem is not None:
        raise problem
