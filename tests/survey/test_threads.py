from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lanelight.survey.threads import AHEAD, in_order


def test_results_come_in_order_and_few_wait() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item

    results = in_order(work, items(), threads=2)
    for expected in range(100):
        assert next(results) == expected
        assert len(taken) <= expected + 2 + AHEAD * 2


def test_an_error_comes_after_the_results_before_it_and_ends_the_threads() -> None:
    before = threading.active_count()
    results = in_order(lambda item: 6 // item, [3, 2, 0, 1], threads=2)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threading.active_count() == before


def test_the_watch_counts_what_was_taken() -> None:
    seen: list[int] = []
    assert list(in_order(str, range(5), threads=3, watch=seen.append)) == ["0", "1", "2", "3", "4"]
    assert seen == [1, 2, 3, 4, 5]
