"""What the machine offers: processors, and a place for files that may be made anew at any time."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def usable_processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
