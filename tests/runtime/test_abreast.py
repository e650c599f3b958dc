"""Several items at the same time: order, errors on either side, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lanelight.runtime.abreast import abreast


def test_results_come_in_order_and_work_runs_beside_each_other() -> None:
    together = threading.Barrier(3, timeout=10)  # passes only while three of them run at the same time

    def work(item: int) -> int:
        together.wait()
        time.sleep(0.01 * (3 - item % 3))  # the first of each three ends last
        return item * item

    assert list(abreast(work, range(9), 3)) == [item * item for item in range(9)]


def test_few_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    found = abreast(lambda item: item, items(), 2)
    assert next(found) == 0
    assert taken == [0, 1, 2]
    found.close()
    assert not running()


def test_a_source_that_breaks_off_gives_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(4)
        raise OSError("torn")

    results = abreast(lambda item: item, items(), 2)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="torn"):
        next(results)
    assert not running()


def test_what_work_raises_comes_after_the_results_before_it() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError("spoilt")
        return item

    results = abreast(work, range(50), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="spoilt"):
        next(results)
    assert not running()


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lanelight-network")]
