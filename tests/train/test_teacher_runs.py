"""Runs that learn from a teacher."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from train.tiny import Tiny, tiny_recipe

from lanelight.distill.teacher import TeacherDistillation, TeacherTerm
from lanelight.errors import ModelError
from lanelight.models import MODELS, checkpoints
from lanelight.models.enet_sad import EnetSad
from lanelight.train import Optimizer, Recipe, resume, run

pytestmark = pytest.mark.usefixtures("tiny_networks")

TESTS = Path(__file__).resolve().parents[1]
TERMS = (TeacherTerm("response", student=("lanes",), start_step=2), TeacherTerm("scene", weight=0.5, ramp_steps=4))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("teacher")
    return checkpoints.save(EnetSad((128, 56)), folder / "big.safetensors", network="enet_sad")


def _recipe(roads: Path, teacher: Path, **changes: Any) -> Recipe:
    taught = TeacherDistillation(file=str(teacher), terms=TERMS)
    base = replace(tiny_recipe(roads), teacher=taught, steps=6, val_every=6, log_every=1, batch=2)
    return replace(base, **changes)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "logs" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_terms_join_the_loss_at_their_steps(roads: Path, teacher: Path, tmp_path: Path) -> None:
    run(_recipe(roads, teacher), tmp_path / "run")
    rows = _rows(tmp_path / "run")
    assert [bool(row["loss/teacher_response"]) for row in rows] == [False, False, True, True, True, True]
    assert all(float(row["loss/teacher_scene"]) > 0 for row in rows)
    for row in rows:
        terms = [float(value) for name, value in row.items() if name.startswith("loss/") and value]
        assert float(row["loss"]) == pytest.approx(sum(terms), rel=1e-6)


def test_the_teacher_is_named_and_no_part_of_what_is_saved(roads: Path, teacher: Path, tmp_path: Path) -> None:
    weights = run(_recipe(roads, teacher, ema=0.9), tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["teacher"] == hashlib.sha256(teacher.read_bytes()).hexdigest()
    assert set(load_file(weights)) == set(Tiny((128, 56)).state_dict())
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert not [name for name in state["state_dict"] if "encoder" in name]
    groups = state["optimizer_states"][0]["param_groups"]
    assert sum(len(group["params"]) for group in groups) == len(list(Tiny((128, 56)).parameters()))


def test_a_run_that_goes_on_keeps_its_teacher(roads: Path, teacher: Path, tmp_path: Path) -> None:
    whole = _recipe(roads, teacher, network="noisy", steps=8, val_every=8, save_every=2, ema=0.8)
    run(whole, tmp_path / "whole")

    def stop(done: int, figures: dict[str, float]) -> None:
        if done >= 5 and "loss" in figures:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run(whole, tmp_path / "cut", report=stop)
    resume(tmp_path / "cut")
    one, other = (load_file(tmp_path / name / "last.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_second_run_with_the_cache_has_the_same_losses_without_asking(
    roads: Path, teacher: Path, tmp_path: Path
) -> None:
    base = _recipe(roads, teacher)
    assert base.teacher is not None
    cached = replace(base, teacher=replace(base.teacher, cache=str(tmp_path / "kept")))
    losses, shares = {}, {}
    for name, recipe in (("asked", cached), ("kept", cached), ("without", base)):
        run(recipe, tmp_path / name)
        rows = _rows(tmp_path / name)
        losses[name] = [float(row["loss"]) for row in rows]
        shares[name] = [row.get("teacher/cached") for row in rows]
    assert losses["asked"] == losses["kept"]
    assert losses["without"] == pytest.approx(losses["asked"], rel=1e-5)
    assert shares == {"asked": ["0.0"] * 6, "kept": ["1.0"] * 6, "without": [None] * 6}


def test_a_teacher_that_cannot_be_used_is_told_before_anything_is_written(
    roads: Path, teacher: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = _recipe(roads, tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match=r"recipe smoke: .*none\.safetensors: expected the weights of a teacher"):
        run(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    late = TeacherDistillation(file=str(teacher), terms=(TeacherTerm("scene", start_step=6),))
    with caplog.at_level(logging.WARNING):
        run(replace(recipe, teacher=late), tmp_path / "run")
    assert "teacher_scene never begins: its start_step is 6, the run has 6 steps" in caplog.text


def test_a_teacher_works_with_half_precision(roads: Path, teacher: Path, tmp_path: Path) -> None:
    run(_recipe(roads, teacher, precision="bf16-mixed"), tmp_path / "half")
    run(_recipe(roads, teacher), tmp_path / "full")
    half, full = ([float(row["loss"]) for row in _rows(tmp_path / name)] for name in ("half", "full"))
    assert half != full
    assert half == pytest.approx(full, rel=0.05)


class TappedTiny(Tiny):
    """`Tiny` that shows its features."""

    TAPS = ("first",)

    def __init__(self, size: tuple[int, int], **parts: Any) -> None:
        super().__init__(size, **parts)
        self.tap_first = nn.Identity()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return ``lanes`` and ``exist``."""
        x = self.tap_first(F.relu(self.first(self.normalize(images))))
        return {"lanes": self.last(x), "exist": self.exist(x.mean(dim=(2, 3)))}


@pytest.mark.slow
def test_a_compiled_step_shows_its_features_to_the_terms(
    roads: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "tiny", TappedTiny)
    terms = (TeacherTerm("attention", student=("first",), teacher=("encoder1",)),)
    taught = TeacherDistillation(file=str(teacher), terms=terms)
    base = replace(_recipe(roads, teacher, steps=3, val_frames=0, exported="last"), teacher=taught)
    losses = {}
    for name in ("plain", "compiled", "alone", "again"):  # torch keeps what it compiled for the runs before
        run(replace(base, compile=name != "plain", teacher=None if name == "alone" else taught), tmp_path / name)
        if name != "alone":
            losses[name] = [float(row["loss/teacher_attention"]) for row in _rows(tmp_path / name)]
    assert min(losses["compiled"]) > 0
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-4)
    assert losses["again"] == losses["compiled"]


@pytest.mark.slow
def test_two_processes_learn_as_one_does(roads: Path, teacher: Path, tmp_path: Path) -> None:
    rate = Optimizer(name="sgd", lr=0.05, warmup_steps=2, reference_batch=4)
    base = _recipe(roads, teacher, optim=rate)
    assert base.teacher is not None
    base = replace(base, teacher=replace(base.teacher, cache=str(tmp_path / "kept")))
    run(replace(base, batch=4), tmp_path / "one")
    words = [sys.executable, "-m", "train.tiny", str(tmp_path / "two"), json.dumps(base.to_dict()), "2"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=TESTS, env=environment, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    one, two = _rows(tmp_path / "one"), _rows(tmp_path / "two")
    for name in ("loss", "loss/teacher_scene"):
        assert [float(row[name]) for row in two] == pytest.approx([float(row[name]) for row in one], abs=1e-5)
    assert [float(row["teacher/cached"]) for row in two] == [1.0] * 6  # both read what the one has kept
