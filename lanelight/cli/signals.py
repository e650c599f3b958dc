"""Ctrl-C as a wish: what runs is finished in order, and only a repeated one ends it at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit code
PATIENCE_S = 3.0


@contextmanager
def finishing_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C (and a polite kill) set `stop`, so that the outputs get finished."""
    asked_at: list[float] = []

    def ask_to_stop(_number: int, _frame: object) -> None:
        stop.set()
        asked_at.append(time.monotonic())
        # `timeout` and some shells send the signal twice at once; only a later repeat means "do not finish".
        if asked_at[-1] - asked_at[0] > PATIENCE_S:
            os._exit(INTERRUPTED)

    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
