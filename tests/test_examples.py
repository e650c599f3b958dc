"""The examples run as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)


def test_the_demo_leaves_its_files_and_the_position_in_the_lane_can_be_read(tmp_path: Path) -> None:
    done = _run(EXAMPLES / "demo.py", tmp_path, "4")
    assert done.returncode == 0, done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"rendered", "drive.mp4", "lanes.jsonl", "sheet.png"}
    assert "frames/s" in done.stdout
    places = _run(EXAMPLES / "lane_position.py", tmp_path / "rendered" / "drive.mp4")
    assert places.returncode == 0, places.stderr
    shares = [float(line.split()[-1]) for line in places.stdout.splitlines()]
    assert len(shares) == 4
    assert all(0.2 < share < 0.8 for share in shares)


def test_a_wrong_file_is_one_line() -> None:
    done = _run(EXAMPLES / "lane_position.py", "none.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith("error: none.mp4: no such file")


def test_every_example_is_short() -> None:
    assert all(len(file.read_text().splitlines()) < 60 for file in EXAMPLES.glob("*.py"))
