"""How far a long job is: a bar on a terminal, a plain line now and then elsewhere; both on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

LINE_EVERY_S = 5.0


class Progress:
    """Shows the number of finished frames.

    Args:
        name: what is worked on.
        total: number of frames, or None where it is not known.
    """

    def __init__(self, name: str, total: int | None) -> None:
        self._name = name
        self._total = total
        self._bar: Any = None
        self._task: Any = None
        self._start = self._last = time.monotonic()

    def update(self, done: int, total: int | None = None) -> None:
        """Show that `done` frames are finished, of `total` where it was not known before."""
        if total is not None and self._total is None:
            self._total = total
            if self._bar is not None:
                self._bar.update(self._task, total=total)
        if self._bar is not None:
            speed = done / max(time.monotonic() - self._start, 1e-9)
            self._bar.update(self._task, completed=done, speed=f"{speed:.1f} frames/s")
            return
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            of = f" of {self._total}" if self._total is not None else ""
            print(f"{self._name}: {done}{of} frames, {done / (now - self._start):.1f} frames/s", file=sys.stderr)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self._total, speed="")
        self._start = self._last = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
