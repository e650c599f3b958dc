"""Several processes that train together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from train.tiny import Tiny, tiny_recipe, write_roads

from lanelight.errors import LanelightError
from lanelight.geometry import ViewportPolicy
from lanelight.models import MODELS
from lanelight.models.clrnet import first_lines
from lanelight.models.lane_priors import PriorLoss
from lanelight.nn.taps import tapped
from lanelight.train import Optimizer, Processes, Recipe, run
from lanelight.train.processes import is_first
from lanelight.train.run import load_run
from lanelight.train.schedule import scaled_lr

TESTS = Path(__file__).resolve().parents[1]
TORCHRUN = {"TORCHELASTIC_RUN_ID": "a", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6", "RANK": "3", "LOCAL_RANK": "0"}


def _train(recipe: Recipe, folder: Path, devices: int, *, torchrun: bool = False) -> list[float]:
    """Return the losses of a run in processes of its own."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"] if torchrun else []
    words = [sys.executable, *start, "-m", "train.tiny", str(folder), json.dumps(recipe.to_dict()), str(devices)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=TESTS, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return _losses(folder)


def _losses(folder: Path) -> list[float]:
    header, *lines = (folder / "logs" / "metrics.csv").read_text().splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    return [float(row["loss"]) for row in rows]


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_with_the_same_frames_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", Tiny)
    rate = Optimizer(name="sgd", lr=0.05, warmup_steps=2, reference_batch=4)
    base = replace(tiny_recipe(write_roads(tmp_path / "roads")), steps=12, val_every=12, log_every=1, optim=rate)
    run(replace(base, batch=4), tmp_path / "one")
    run(replace(base, batch=2, accumulate=2), tmp_path / "more")
    one = _losses(tmp_path / "one")
    two = _train(replace(base, batch=2), tmp_path / "two", 2)
    ran = _train(replace(base, batch=2), tmp_path / "ran", 2, torchrun=True)
    assert len(one) == 12
    assert one[0] - one[-1] > 0.05  # it learns
    for other in (two, ran, _losses(tmp_path / "more")):
        assert other == pytest.approx(one, abs=1e-5)
    assert json.loads((tmp_path / "two" / "run.json").read_text())["frames_per_step"] == 4


@pytest.mark.slow
def test_two_processes_leave_no_stale_priors(tmp_path: Path) -> None:
    base = replace(
        tiny_recipe(write_roads(tmp_path / "roads")),
        network="clrkdnet_r18",
        size=(64, 32),
        viewport=ViewportPolicy(target=(64, 32)),
        loss=PriorLoss(),
        optim=Optimizer(lr=1e-2, warmup_steps=0),
        steps=4,
        batch=2,
        val_every=4,
        log_every=1,
    )
    assert len(_train(base, tmp_path / "two", 2)) == 4
    _, model = load_run(tmp_path / "two")
    table = model.get_parameter("table")
    assert (table - first_lines()).abs().max() > 1e-3  # it was trained
    # Where the network begins is the table, whatever process wrote the file: no other copy of it is kept.
    with tapped(model, ("line",)) as features, torch.no_grad():
        model(torch.rand(1, 3, 32, 64))
    assert torch.equal(features["line"][0], table)
    kept = set(load_file(tmp_path / "two" / "weights.safetensors"))
    assert not [name for name in kept if "prior" in name]


def test_torchrun_says_how_many_processes_there_are() -> None:
    assert Processes.chosen(None, None, TORCHRUN) == Processes(2, 3)
    assert Processes.chosen(2, 3, TORCHRUN) == Processes(2, 3)
    with pytest.raises(LanelightError, match="2 processes on 3 nodes"):
        Processes.chosen(4, None, TORCHRUN)
    assert Processes.chosen(None, None, {}) == Processes(1, 1)
    assert Processes.chosen(2, None, {}).count == 2
    with pytest.raises(LanelightError, match="at least one"):
        Processes(0)


def test_one_process_writes_the_folder() -> None:
    assert is_first({})
    assert is_first({"RANK": "0", "NODE_RANK": "0", "LOCAL_RANK": "0"})
    assert not is_first(TORCHRUN)
    assert not is_first({"LOCAL_RANK": "1"})
    assert not is_first({"NODE_RANK": "1"})


def test_the_rate_grows_with_the_frames_a_step_by_the_stated_rule() -> None:
    assert scaled_lr(Optimizer(lr=0.1), 64) == 0.1
    assert scaled_lr(Optimizer(name="sgd", lr=0.1, reference_batch=8), 32) == pytest.approx(0.4)
    assert scaled_lr(Optimizer(name="adamw", lr=0.1, reference_batch=8), 32) == pytest.approx(0.2)
