"""`lanelight recipes`, `convert`, `export` and `train` from words to files."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lanelight.cli import main
from lanelight.cli.train import Display
from lanelight.models import checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.recipes import RECIPES

SIZE = (128, 56)
SMALL = ["size=[128, 56]", "viewport.target=[128, 56]"]


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
        (["train", "road_default", "--set", "data.1.frames=nowhere", "--out", f"{tmp_path}/run"], "nowhere"),
        (["train", "smoke", "--set", "stepps=2"], "did you mean 'steps'"),
    ):
        assert main(words) == 1
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert told.count("\n") == 1
        assert says in told


def test_an_interrupted_run_keeps_its_weights_and_exits_with_130(tmp_path: Path) -> None:
    settings = [*SMALL, "steps=100000", "val_every=100000"]
    words = ["train", "smoke", *(word for one in settings for word in ("--set", one)), "--out", str(tmp_path)]
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


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    settings = [*SMALL, "steps=100000", "val_every=100000", "save_every=1", "batch=1", "val_frames=0"]
    words = ["train", "smoke", *(word for one in settings for word in ("--set", one)), "--out", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "lanelight", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    recipe = tmp_path / "recipe.json"
    recipe.write_text(recipe.read_text().replace('"batch": 1', '"batch": 2'))
    assert main(["train", "--resume", str(tmp_path)]) == 1  # other frames a step are another run
    step = int(torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"])
    text = recipe.read_text().replace('"batch": 2', '"batch": 1').replace('"steps": 100000', f'"steps": {step + 2}')
    recipe.write_text(text)
    assert main(["train", "--resume", str(tmp_path)]) == 0
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == step + 2
    checkpoints.load(tmp_path / "weights.safetensors", "enet_sad", size=SIZE)


def test_what_cannot_be_asked_for_together_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, says in (
        ([], "expected a recipe, or --resume DIR"),
        (["smoke", "--resume", str(tmp_path)], "expected the folder alone"),
        (["--resume", str(tmp_path), "--set", "steps=3"], "start a new run with --init"),
        (["--resume", str(tmp_path)], "expected a recipe saved by a training run"),
        (["smoke", "--devices", "0"], "at least one device"),
    ):
        assert main(["train", *words]) == 1
        assert says in capsys.readouterr().err


def test_a_record_shows_its_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "run.json"
    record.write_text(json.dumps({"recipe": {"name": "x", "steps": 3}, "seeds": {}}))
    assert main(["train", str(record), "--set", "batch=3", "--print"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["steps"], shown["batch"]) == (3, 3)


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Display("x", 20) as display:
        display.update(10, {"loss": 0.5, "frames_per_s": 7.0})
        display.update(11, {"loss": 0.4, "frames_per_s": 7.0})  # too soon for another line
        display.update(11, {"val/f1": 0.4})
    assert capsys.readouterr().err == "x: step 10 of 20, loss 0.5000, 7.0 frames/s\n"


def test_progress_is_a_bar_on_a_terminal() -> None:
    code = (
        "from lanelight.cli.train import Display\n"
        "import logging\n"
        "with Display('x', 20) as display:\n"
        "    display.update(10, {'loss': 0.5, 'frames_per_s': 7.0})\n"
        "    logging.getLogger('lanelight').info('scored')\n"
        "    display._bar.refresh()\n"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert "10/20" in told
    assert "loss 0.5000" in told
    assert "scored" in told


def test_a_size_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    words = ["convert", "a.pth", "--model", "enet_sad", "--size", "128", "--out", f"{tmp_path}/x"]
    assert main(words) == 2
