"""What a run leaves behind, whatever happens to it."""

from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from train.tiny import Tiny, tiny_recipe

from lanelight.errors import LanelightError, OutputError
from lanelight.models import MODELS, checkpoints
from lanelight.train import DataPart, Optimizer, Recipe, resume, run
from lanelight.train.saving import write_whole
from lanelight.train.table import Table
from lanelight.train.validate import ValidationFrames, balance


@pytest.fixture(autouse=True)
def _tiny_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", Tiny)


@contextmanager
def _small_disk(largest: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _equal(one: Path, other: Path) -> bool:
    ours, theirs = checkpoints.read_state(one), checkpoints.read_state(other)
    return all(torch.equal(ours[key], theirs[key]) for key in ours)


def _best_is_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score 1 at the first validation, and worse at each that follows."""
    seen: list[float] = []

    def score(frames: ValidationFrames, model: Any) -> dict[str, float]:
        seen.append(1 / (1 + len(seen)))
        return {"iou_0.5/f1": seen[-1], "frames": 4}

    monkeypatch.setattr(ValidationFrames, "score", score)


@pytest.mark.parametrize("exported", ["best", "last"])
def test_the_result_is_the_best_or_the_last_as_the_recipe_says(
    exported: Any, roads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _best_is_early(monkeypatch)
    weights = run(replace(tiny_recipe(roads), steps=4, val_every=2, exported=exported), tmp_path / "run")
    best, last = tmp_path / "run" / "best.safetensors", tmp_path / "run" / "last.safetensors"
    assert not _equal(best, last)
    assert _equal(weights, best if exported == "best" else last)
    noted = json.loads((tmp_path / "run" / "run.json").read_text())
    chosen = {"step": 2, "figure": "iou_0.5/f1", "value": 1.0}
    assert noted["result"] == {"weights.safetensors": exported, "best": chosen}
    with safe_open(weights, "pt") as file:
        assert file.metadata()["network"] == "tiny"


def test_without_validation_the_result_is_the_last(roads: Path, tmp_path: Path) -> None:
    weights = run(replace(tiny_recipe(roads), steps=2, val_frames=0), tmp_path / "run")
    assert _equal(weights, tmp_path / "run" / "last.safetensors")
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_the_average_of_the_weights_is_what_is_exported(roads: Path, tmp_path: Path) -> None:
    plain = replace(tiny_recipe(roads), steps=3, val_frames=0, optim=Optimizer(lr=0.05, warmup_steps=1))
    run(plain, tmp_path / "plain")
    run(replace(plain, ema=0.5), tmp_path / "averaged")
    state = torch.load(tmp_path / "averaged" / "checkpoints" / "last.ckpt", weights_only=True)
    averaged = checkpoints.read_state(tmp_path / "averaged" / "weights.safetensors")
    own = checkpoints.read_state(tmp_path / "plain" / "weights.safetensors")
    for key in own:  # training itself does not know of the average
        assert torch.equal(state["current_model_state"][f"model.{key}"], own[key])
        assert torch.equal(state["state_dict"][f"model.{key}"], averaged[key])
    assert not torch.equal(own["first.weight"], averaged["first.weight"])


def test_a_full_disk_stops_a_run_that_can_go_on_later(roads: Path, tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(roads), steps=6, log_every=1, save_every=2, val_every=6)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(recipe, whole)
    limits = []

    def fill(step: int, figures: dict[str, float]) -> None:
        if step == 3:
            size = (cut / "checkpoints" / "last.ckpt").stat().st_size
            limits.append(_small_disk(size - 1))
            limits[0].__enter__()

    try:
        with pytest.raises(OutputError, match=r"cannot write .*last.ckpt.*make room on the disk, .*--resume"):
            run(recipe, cut, report=fill)
    finally:
        limits[0].__exit__(None, None, None)
    assert [path.name for path in (cut / "checkpoints").iterdir()] == ["last.ckpt"]
    assert not list(cut.rglob("*.part"))
    resume(cut)
    assert _equal(cut / "weights.safetensors", whole / "weights.safetensors")


@pytest.mark.parametrize("full", ["last.safetensors", "best.safetensors", "weights.safetensors"])
def test_a_disk_that_is_full_leaves_whole_files(full: str, roads: Path, tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(roads), steps=6, log_every=1, save_every=2, val_every=6)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(recipe, whole)
    with ExitStack() as disk:

        def fill(step: int, figures: dict[str, float]) -> None:
            if step == 3:
                disk.enter_context(_full_for(full))

        with pytest.raises(OutputError, match=f"cannot write .*{full}: .*; make room on the disk"):
            run(recipe, cut, report=fill)
    assert not [path for path in cut.rglob("*") if ".part" in path.name]
    for file in cut.rglob("*.safetensors"):
        checkpoints.read_state(file)
    torch.load(cut / "checkpoints" / "last.ckpt", weights_only=True)
    table, complete = ((folder / "logs" / "metrics.csv").read_text() for folder in (cut, whole))
    assert table.endswith("\n")
    assert all(line.count(",") == table.splitlines()[0].count(",") for line in table.splitlines())
    resume(cut)
    assert _equal(cut / "weights.safetensors", whole / "weights.safetensors")
    assert len((cut / "logs" / "metrics.csv").read_text().splitlines()) == len(complete.splitlines()) == 7


def test_a_row_that_the_disk_has_no_room_for_is_not_half_written(tmp_path: Path) -> None:
    table = Table(tmp_path / "metrics.csv")
    for step in (1, 2):
        table.log_metrics({"loss": 1.0 / 3.0, "lr": 0.1}, step=step)
    before = table.path.read_bytes()
    with _small_disk(len(before) + 7), pytest.raises(OutputError, match=r"metrics.csv: .*; make room on the disk"):
        table.log_metrics({"loss": 2.0 / 3.0, "lr": 0.1}, step=3)
    with _small_disk(len(before) - 7), pytest.raises(OutputError, match=r"metrics.csv: .*; make room on the disk"):
        table.log_metrics({"val/f1": 2.0 / 3.0}, step=3)  # a new column: the whole table is written anew
    assert table.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@contextmanager
def _full_for(name: str) -> Iterator[None]:
    """Let the disk be full for one of the files of a run, whatever else is written.

    Not by a limit for the process: a thread of TensorBoard's may write at that moment, and it is not what is tested.
    """
    rename = Path.replace

    def replace_or_fail(path: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return rename(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace_or_fail)
        yield


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"before")
    with _small_disk(100), pytest.raises(OutputError, match="make room"):
        write_whole(tmp_path / "a", bytes(1000))
    assert (tmp_path / "a").read_bytes() == b"before"
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / "a" / "b", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_weights_are_never_chosen_on_what_is_trained_on_or_tested_on(roads: Path) -> None:
    recipe = tiny_recipe(roads)
    part = recipe.data[0]
    with pytest.raises(LanelightError, match="expected a validation split, got 'test'"):
        replace(recipe, validation=replace(part, split="test"))
    with pytest.raises(LanelightError, match="not trained on"):
        replace(recipe, validation=part, data=(replace(part, share=0.3),))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (DataPart(kind="native", frames="nowhere", split="val"), "'nowhere', found none"),
        (DataPart(kind="culane", frames="{roads}", split="valid"), "val"),
        (DataPart(kind="native", frames="{roads}/val", split="dev"), "dev"),
    ],
)
def test_data_without_the_split_leave_nothing_behind(part: DataPart, says: str, roads: Path, tmp_path: Path) -> None:
    placed = replace(part, frames=part.frames.format(roads=roads))
    recipes: tuple[Recipe, ...] = (
        replace(tiny_recipe(roads), validation=placed),
        replace(tiny_recipe(roads), data=(placed,)),
    )
    for recipe in recipes:
        with pytest.raises(LanelightError, match=says):
            run(recipe, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_weights_of_another_network_are_refused(roads: Path, tmp_path: Path) -> None:
    weights = run(replace(tiny_recipe(roads), steps=1, val_frames=0), tmp_path / "tiny")
    with pytest.raises(LanelightError, match=r"weights.safetensors: expected an ENet-SAD checkpoint"):
        run(replace(tiny_recipe(roads), network="enet_sad", init=str(weights)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_can_be_trained_again_from_its_record(roads: Path, tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(roads), steps=1, val_frames=0)
    run(recipe, tmp_path / "run")
    assert Recipe.read(tmp_path / "run" / "run.json") == recipe
    noted = json.loads((tmp_path / "run" / "run.json").read_text())
    assert {"recipe", "seeds", "data", "packages", "machine", "revision", "code", "frames_per_step"} <= set(noted)
    assert noted["data"]["parts"][0]["frames"]["files"] == 10  # 8 pictures, their lanes, the list


def test_the_figure_is_the_harmonic_mean_of_what_is_right_and_what_is_found() -> None:
    assert balance({"fp": 0.0, "fn": 0.0}) == 1
    assert balance({"fp": 0.5, "fn": 0.0}) == pytest.approx(2 / 3)
    assert balance({"fp": 1.0, "fn": 1.0}) == 0
