"""A run that is killed and goes on ends with the weights of one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from train.tiny import tiny_recipe

from lanelight.errors import LanelightError, ModelError
from lanelight.models import checkpoints
from lanelight.train import Recipe, resume, run

pytestmark = pytest.mark.usefixtures("tiny_networks")

TESTS = Path(__file__).resolve().parents[1]


def _recipe(roads: Path, **changes: object) -> Recipe:
    return replace(tiny_recipe(roads), **{"network": "noisy", **changes})  # type: ignore[arg-type]


def _same(folder: Path, other: Path) -> None:
    for name in ("last.safetensors", "best.safetensors", "weights.safetensors"):
        ours, theirs = checkpoints.read_state(folder / name), checkpoints.read_state(other / name)
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs), name
    rows = [_rows(place / "logs" / "metrics.csv") for place in (folder, other)]
    assert rows[0] == rows[1]


def _rows(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    return [{key: value for key, value in row.items() if "loss" in key or "val" in key} for row in rows]


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("step", [3, 6, 7, 12])
def test_a_run_that_ends_at_any_step_goes_on_to_the_same_weights(step: int, roads: Path, tmp_path: Path) -> None:
    whole = _recipe(roads, steps=12, log_every=1, val_every=6, save_every=2, accumulate=2, ema=0.8, order="shuffled")
    run(whole, tmp_path / "whole")

    def stop(done: int, figures: dict[str, float]) -> None:
        if done >= step and "loss" in figures:
            raise _Killed

    with pytest.raises(_Killed):
        run(whole, tmp_path / "cut", report=stop)
    resume(tmp_path / "cut")
    _same(tmp_path / "cut", tmp_path / "whole")
    assert json.loads((tmp_path / "cut" / "run.json").read_text())["resumed"][0]["step"] == (step - 1) // 2 * 2


@pytest.mark.slow
@pytest.mark.parametrize("network", ["noisy", "enet_sad"])
def test_a_killed_run_goes_on_to_the_same_weights(network: str, roads: Path, tmp_path: Path) -> None:
    steps = 200 if network == "noisy" else 24
    whole = _recipe(roads, network=network, steps=steps, val_every=steps // 2, save_every=3, ema=0.9)
    run(whole, tmp_path / "whole")
    cut = tmp_path / "cut"
    words = [sys.executable, "-m", "train.tiny", str(cut), json.dumps(whole.to_dict()), "1"]
    process = subprocess.Popen(words, cwd=TESTS, env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"})
    while not (cut / "checkpoints" / "last.ckpt").is_file():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.5 * random.random())
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resume(cut)
    _same(cut, tmp_path / "whole")
    assert 0 < json.loads((cut / "run.json").read_text())["resumed"][0]["step"] < steps


def test_what_cannot_go_on_says_why(roads: Path, tmp_path: Path) -> None:
    with pytest.raises(LanelightError, match="expected a recipe saved by a training run"):
        resume(tmp_path)
    run(_recipe(roads, steps=1, val_every=1), tmp_path / "run")
    state = tmp_path / "run" / "checkpoints" / "last.ckpt"
    kept = state.read_bytes()
    for changes, says in (
        ({"network": "tiny"}, "with network tiny, got one with noisy"),
        ({"batch": 3}, "with batch 3, got one with 2"),
    ):
        (tmp_path / "run" / "recipe.json").write_text(json.dumps(_recipe(roads, steps=2, **changes).to_dict()))
        with pytest.raises(ModelError, match=says):
            resume(tmp_path / "run")
    state.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(ModelError, match="cannot be read"):
        resume(tmp_path / "run")
    torch.save({"state_dict": {}}, state)
    with pytest.raises(ModelError, match="older version"):
        resume(tmp_path / "run")
    state.unlink()
    with pytest.raises(ModelError, match="ended before it was saved"):
        resume(tmp_path / "run")


def test_a_complete_run_stays_as_it_is(roads: Path, tmp_path: Path) -> None:
    weights = run(_recipe(roads, steps=2, val_every=1), tmp_path / "run")
    before = weights.read_bytes()
    assert resume(tmp_path / "run") == weights
    assert weights.read_bytes() == before
