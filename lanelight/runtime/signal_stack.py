"""Keep the stack on which a thread handles signals, whatever a library does to it.

OpenVINO gives the thread that loads its processor plugin a stack of its own for signals (AMX needs a large one) and
frees it with the plugin, often from another thread: the next signal, be it Ctrl-C or the end of a process that prepares
frames, would then be handled on memory that is gone, and end the program.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

SUPPORTED = sys.platform == "linux"  # where OpenVINO does it, and where `stack_t` is laid out as below
DISABLED = 2  # SS_DISABLE: signals are handled on the thread's ordinary stack


class SignalStack(ctypes.Structure):
    """C's ``stack_t`` on Linux."""

    _fields_: ClassVar = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


@contextmanager
def signal_stack_kept() -> Iterator[None]:
    """Give this thread its own signal stack back after the block."""
    if not SUPPORTED:
        yield
        return
    before = current_signal_stack()
    try:
        yield
    finally:
        now = current_signal_stack()
        # A stack too small for the registers used by now is refused: the ordinary one is large enough.
        if now.start != before.start and _sigaltstack(before, None) != 0:
            _sigaltstack(SignalStack(None, DISABLED, 0), None)


def current_signal_stack() -> SignalStack:
    """Return the stack on which this thread handles signals."""
    stack = SignalStack()
    _sigaltstack(None, stack)
    return stack


def _sigaltstack(new: SignalStack | None, old: SignalStack | None) -> int:
    def pointer(stack: SignalStack | None) -> object:
        return None if stack is None else ctypes.byref(stack)

    return int(ctypes.CDLL(None).sigaltstack(pointer(new), pointer(old)))
