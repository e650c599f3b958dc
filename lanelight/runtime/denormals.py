"""Flush denormal numbers to zero inside network calls, and nowhere else.

Faded activations become denormals, which cost up to a hundred times a normal product and mean nothing for lanes. Both
runtimes can flush them, but do so by switching the thread that loads the network for good: NumPy in the same thread
would then lose its smallest numbers, and a later thread would run the network unflushed. So the state is set around
each load and call, and put back after it.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# Where the layout of C's `fenv_t` is known and denormals are slow. Elsewhere nothing is flushed.
SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64"

MXCSR = slice(28, 32)  # place of the SSE control register in `fenv_t` on x86-64 Linux
FLUSH_BITS = 0x8040  # flush results to zero, take denormal inputs as zero
ENVIRONMENT_BYTES = 64  # `fenv_t` has 32


@contextmanager
def flushed() -> Iterator[None]:
    """Let this thread flush denormals within the block; its own state comes back after it."""
    if not SUPPORTED:
        yield
        return
    library = _c_library()
    before = ctypes.create_string_buffer(ENVIRONMENT_BYTES)
    library.fegetenv(before)
    control = int.from_bytes(before.raw[MXCSR], "little") | FLUSH_BITS
    within = before.raw[: MXCSR.start] + control.to_bytes(4, "little") + before.raw[MXCSR.stop :]
    library.fesetenv(ctypes.create_string_buffer(within, ENVIRONMENT_BYTES))
    try:
        yield
    finally:
        library.fesetenv(before)


@cache
def _c_library() -> Any:
    """Return the C library, or its mathematical part where that is a file of its own and not loaded yet."""
    main = ctypes.CDLL(None)
    return main if hasattr(main, "fesetenv") else ctypes.CDLL("libm.so.6")
