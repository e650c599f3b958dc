"""Signals find a stack after OpenVINO has come and gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from runtime.test_denormals import shrinking

from lanelight.runtime.signal_stack import SUPPORTED

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="OpenVINO moves the stack of signals on Linux only")

PROGRAM = """
import faulthandler, gc, os, signal, sys, threading
from pathlib import Path
from lanelight.runtime import open_session
from lanelight.runtime.signal_stack import current_signal_stack

if sys.argv[2] == "own":
    faulthandler.enable()
before = current_signal_stack()
sessions = [open_session(Path(sys.argv[1]), "openvino", threads=1)]
now = current_signal_stack()
assert (now.start, now.flags, now.size) == (before.start, before.flags, before.size)


def close():
    sessions.pop().close()
    gc.collect()


other = threading.Thread(target=close)
other.start()
other.join()
heard = []
signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
for _ in range(3):
    os.kill(os.getpid(), signal.SIGUSR1)
assert len(heard) == 3
print("well")
"""


@pytest.mark.parametrize("stack", ["none", "own"])
def test_a_signal_is_handled_after_the_network_is_closed_in_another_thread(tmp_path: Path, stack: str) -> None:
    model = shrinking(tmp_path / "shrinking.onnx")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(model), stack], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr
