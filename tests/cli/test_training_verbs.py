"""`lanelight recipes`, `convert`, `export` and `train` from words to files."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lanelight.cli import main
from lanelight.models import checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.recipes import RECIPES

SIZE = (128, 56)


def test_recipes_are_listed_with_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json", f"{tmp_path}/table.json"]) == 0
    assert set(json.loads((tmp_path / "table.json").read_text())) == set(RECIPES)
    told = capsys.readouterr().out
    assert all(any(line.startswith(name) for line in told.splitlines()) for name in RECIPES)


def test_a_checkpoint_is_converted_and_says_what_it_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = EnetSad(SIZE)
    torch.save({"net": {**model.state_dict(), "ce_loss.weight": torch.ones(5)}}, tmp_path / "exp.pth")
    words = ["convert", f"{tmp_path}/exp.pth", "--model", "enet_sad", "--size", "128x56"]
    assert main([*words, "--out", f"{tmp_path}/ours.safetensors"]) == 0
    told = capsys.readouterr().out
    assert "dropped: ce_loss.weight" in told
    assert "channels=5, shared_stages=False" in told
    loaded = checkpoints.load(tmp_path / "ours.safetensors", "enet_sad", size=SIZE)
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), model.parameters(), strict=True))


def test_mistakes_of_the_training_verbs_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        (["convert", "none.pth", "--model", "enet_sad", "--out", f"{tmp_path}/x.safetensors"], "found none"),
        (["export", f"{tmp_path}/run", "--out", f"{tmp_path}/x.onnx"], "expected a recipe saved by a training run"),
        (["train", "road", "--set", "data.1.frames=nowhere", "--out", f"{tmp_path}/run"], "nowhere"),
        (["train", "smoke", "--set", "stepps=2"], "did you mean 'steps'"),
    ):
        assert main(words) == 1
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert told.count("\n") == 1
        assert says in told


def test_an_interrupted_run_keeps_its_weights_and_exits_with_130(tmp_path: Path) -> None:
    words = ["train", "smoke", "--set", "steps=100000", "--set", "val_every=100000", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "lanelight", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "logs" / "metrics.csv").is_file():  # written after the first steps
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted at step" in told
    assert "Traceback" not in told
    checkpoints.load(tmp_path / "weights.safetensors", "enet_sad", size=SIZE)


def test_a_size_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    words = ["convert", "a.pth", "--model", "enet_sad", "--size", "128", "--out", f"{tmp_path}/x"]
    assert main(words) == 2
