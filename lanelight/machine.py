"""What the machine offers: processors, and a place for files that may be made anew at any time."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path


def usable_processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def description() -> str:
    """Return processor, number of usable processors, system and Python, for results that are compared later."""
    cpu = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpu.is_file():
        lines = cpu.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {usable_processors()} cores, {platform.system()}, Python {platform.python_version()}"


def user_cache_folder() -> Path:
    """Return lanelight's folder below the user's cache folder, or the one that LANELIGHT_CACHE names; it may not exist.

    Raises:
        RuntimeError: there is no home folder.
    """
    if chosen := os.environ.get("LANELIGHT_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "lanelight" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/lanelight"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lanelight"


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for what it needs next; does nothing but on Linux with glibc.

    glibc gives blocks of many megabytes back to the system, which hands them out again page by page, zeroed. A training
    step frees and needs the same blocks every time: with small networks a sixth of its time went there.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc; on Windows there is no such library
        return
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 << 20)
    mallopt(_MMAP_THRESHOLD, 32 << 20)  # the largest that it takes


_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # parameters of mallopt(3), <malloc.h>
