"""The examples run as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fakes

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


def test_a_data_set_runs_in_a_plain_loader(tmp_path: Path) -> None:
    fakes.tusimple(tmp_path, frames=3).rename(tmp_path / "label_data_0313.json")
    done = _run(EXAMPLES / "torch_loader.py", "tusimple", tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4  # two epochs of a whole and a half batch
    assert "(2, 3, 224, 512)" in lines[0]
    assert "(1, 3, 224, 512)" in lines[1]
    found = sum(int(line.split()[-2]) for line in lines)
    assert 6 <= found <= 24  # three lanes in each of six samples; a crop may cut some off, or in two


def test_samples_of_the_loader_differ_by_epoch_and_place_and_never_by_worker(tmp_path: Path) -> None:
    code = """
import sys, torch
from torch.utils.data import DataLoader
sys.path.insert(0, sys.argv[2])
from torch_loader import Samples
from lanelight.datasets import TuSimple
frames = TuSimple(sys.argv[1], "label_data.json")
def images(epoch, workers):
    return torch.cat([batch[0] for batch in DataLoader(Samples(frames, epoch), num_workers=workers)])
first, again, later = images(0, 0), images(0, 2), images(1, 2)
print(torch.equal(first, again), any(torch.equal(a, b) for a, b in zip(first, later)), torch.equal(first[0], first[1]))
"""
    fakes.tusimple(tmp_path, frames=3)
    done = _run("-c", code, tmp_path, EXAMPLES)
    assert done.stdout.split() == ["True", "False", "False"], done.stderr


def test_a_wrong_file_is_one_line() -> None:
    done = _run(EXAMPLES / "lane_position.py", "none.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith("error: none.mp4: no such file")


def test_every_example_is_short() -> None:
    assert all(len(file.read_text().splitlines()) < 60 for file in EXAMPLES.glob("*.py"))
