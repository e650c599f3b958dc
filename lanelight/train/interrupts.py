"""Let no Ctrl-C get lost while a network trains."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self

from lightning.pytorch import Callback, LightningModule, Trainer


class Interrupts(Callback):
    """Raise `KeyboardInterrupt` once more after a pass where the first one vanished.

    Python raises it wherever the program happens to be. In a call that came from C, in a finalizer or in a lookup that
    clears errors, it is dropped, and the run would go on as if nobody had asked.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        # Signals reach the main thread alone; a handler that is no function of Python's is somebody else's wish.
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Interrupt where it was asked for and nothing came of it."""
        if self._asked:
            raise KeyboardInterrupt

    def _heard(self, number: int, frame: Any) -> None:
        self._asked = True
        self._before(number, frame)
