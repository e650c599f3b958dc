"""What all tests share: the folder with real data, and how hypothesis runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no reason to fail; the same examples in every run, so that a failure can be run again.
settings.register_profile("lanelight", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("lanelight")

# A shell starts what runs in the background with Ctrl-C ignored, and all that is started from there inherits it: tests
# of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data; the test is skipped where there is none."""
    folder = Path(os.environ.get("LANELIGHT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("needs real data: set LANELIGHT_SHARED to their folder")
    return folder
