"""Progress: plain lines without a terminal, a bar on one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from lanelight.cli import progress
from lanelight.cli.progress import Progress

SCRIPT = """
from lanelight.cli.progress import Progress
with Progress("drive.mp4", 3) as bar:
    for done in range(1, 4):
        bar.update(done)
"""


def test_lines_come_now_and_then_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with Progress("drive.mp4", 8) as shown:
        shown.update(2)
    with Progress("camera", None) as shown:
        shown.update(3)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("drive.mp4: 2 of 8 frames, ")
    assert second.startswith("camera: 3 frames, ")


def test_a_quick_job_prints_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("drive.mp4", 8) as shown:
        shown.update(8)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar() -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=theirs, check=True, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert "drive.mp4" in told
    assert "3/3" in told
