"""Checks that every recipe for a benchmark passes: it says where it is from, and trains on the benchmark's files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import painted_splits
import pytest

from lanelight.cli import main
from lanelight.errors import LanelightError
from lanelight.formats.bdd100k import read_lanes
from lanelight.frames import read_image
from lanelight.models import MODELS, checkpoints
from lanelight.models.lane_instances import InstanceLoss
from lanelight.recipes import RECIPES, recipe
from lanelight.runtime import Detector
from lanelight.runtime.predictor import network_input
from lanelight.train.recipe import Recipe
from lanelight.train.run import build, load_run, run

BENCHMARKS = ("culane", "tusimple", "bdd100k")
SIZE, SIZE_OF_32 = (128, 72), (128, 64)  # and for networks that need multiples of 32
NAMES = [name for name in RECIPES if name.endswith(BENCHMARKS)]
PRIORS = [name for name in NAMES if name.startswith("clr")]
INSTANCES = [name for name in NAMES if "_instance_" in name]
TAUGHT = [name for name in PRIORS if name.startswith("clrkdnet")]
BACKBONES = {  # of networks that look at the deepest maps of a backbone
    "clrnet": ("r18", "r34", "r101", "dla34"),
    "clrkdnet": ("r18", "dla34"),
}

names = pytest.mark.parametrize("name", NAMES)


def _small(name: str, root: Path) -> Recipe:
    """Return a recipe at a size at which two steps take a second, from random weights and with a small teacher."""
    base = recipe(name)
    parts = {key: value for key, value in base.parts.items() if key != "pretrained_backbone"}
    sad = base.distillation and replace(base.distillation, start_step=1)
    size = SIZE_OF_32 if name in (*PRIORS, *INSTANCES) else SIZE
    if base.teacher is not None:
        teacher = checkpoints.save(MODELS["clrnet_r18"](size=size), root / "teacher.safetensors", network="clrnet_r18")
        base = replace(base, teacher=replace(base.teacher, network="clrnet_r18", file=str(teacher)))
    small = replace(
        base,
        size=size,
        viewport=replace(base.viewport, target=size),
        width_px=3,
        parts=parts,
        distillation=sad,
        steps=2,
        batch=2,
        log_every=1,
        val_every=2,
        workers=0,
    )
    return small.override([f"data.root={root}"])


@pytest.fixture
def passing(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that goes with the test: a run of the largest network leaves a gigabyte."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


@names
def test_the_verb_shows_a_recipe_that_can_be_trained_from_its_file(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recipes", name]) == 0
    assert Recipe.from_dict(json.loads(capsys.readouterr().out)) == recipe(name)


def test_each_benchmark_has_its_recipes() -> None:
    wanted = {f"{network}_{data}" for network in ("enet", "enet_sad", "scnn", "scnn_sad") for data in BENCHMARKS}
    wanted |= {f"clrnet_{size}_culane" for size in BACKBONES["clrnet"]}
    wanted |= {f"clrnet_{size}_tusimple" for size in BACKBONES["clrnet"] if size != "dla34"}  # none is published
    wanted |= {f"clrkdnet_{size}_{data}" for size in BACKBONES["clrkdnet"] for data in ("culane", "tusimple")}
    wanted |= {f"{network}_instance_tusimple" for network in ("enet", "segnet")}
    assert set(NAMES) == wanted


@names
def test_a_recipe_tells_its_sources_and_where_it_differs(name: str) -> None:
    module, _ = RECIPES[name]
    told = getattr(import_module(module), name).__doc__
    assert "Sources:" in told or "No recipe is published" in told or "no recipe" in told
    assert "Differs" in told or "differs" in told or "those of `enet_bdd100k`" in told


@names
def test_a_recipe_is_whole_and_its_network_can_be_built(name: str) -> None:
    built = recipe(name)
    assert built.name == name
    assert built.validation is not None
    assert built.validation.split == "val"
    if name in TAUGHT and name.endswith("culane"):
        assert built.data[0].lists == ("list/train_distinct.txt",)
    else:
        assert built.data[0].split == "train"
    assert built.optim.reference_batch == built.batch
    # The decoders of the benchmarks' masks need whole frames; priors have the rows that CLRNet cuts off.
    cut = 0 if name not in PRIORS else 270 if name.endswith("culane") else round(160 / 720 * 590)
    assert built.viewport.view((1640, 590)).crop == (0, cut, 1640, 590)
    assert (built.teacher is not None) == (name in TAUGHT)
    assert (built.distillation is not None) == ("sad" in name)
    assert built.distillation is None or 0 < built.distillation.start_step < built.steps
    assert Recipe.from_dict(json.loads(json.dumps(built.to_dict()))) == built
    model = build(replace(built, parts={**built.parts, "pretrained_backbone": False}))
    assert model.size == built.size


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith(("scnn", "clr", "segnet")) else name
        for name in NAMES
    ],
)
def test_a_recipe_trains_on_the_files_of_its_benchmark(name: str, passing: Path) -> None:
    kind = name.rpartition("_")[2]
    root = painted_splits.write(kind, passing / "data")
    small = _small(name, root)
    if "list/train_distinct.txt" in small.data[0].lists:
        words = ["data", "dedup", "culane", "--root", str(root), "--split", "train", "--threshold", "0.1"]
        assert main([*words, "--out", str(root / "list" / "train_distinct.txt")]) == 0
    assert run(small, passing / "run").is_file()
    table = (passing / "run" / "logs" / "metrics.csv").read_text()
    columns = table.splitlines()[0].split(",")
    if name in PRIORS:
        _check_priors(name, columns, passing / "run", small)
        return
    if name in INSTANCES:
        _check_instances(columns, passing / "run", small)
        return
    assert ("loss/sad" in columns) == ("sad/peak" in columns) == ("sad" in name)
    assert ("loss/iou" in columns) == ("sad" in name)
    assert ("loss/exist" in columns) == (kind != "bdd100k")
    assert any(column.startswith("val/") for column in columns)
    read, model = load_run(passing / "run")
    assert read == small
    assert model.decoder.to_dict()["kind"] == ("lane_area" if kind == "bdd100k" else "masks")


def _check_priors(name: str, columns: list[str], folder: Path, small: Recipe) -> None:
    """Check the columns of a run's table, and its network, of the CLR family."""
    own = {f"loss/{term}" for term in ("classification", "regression", "iou", "segmentation")}
    learnt = {f"loss/teacher_{kind}" for kind in ("attention", "features", "lines")}
    assert own <= set(columns)
    assert (learnt <= set(columns)) == (name in TAUGHT)
    assert any(column.startswith("val/") for column in columns)
    read, model = load_run(folder)
    assert read == small
    assert model.decoder.to_dict()["kind"] == "priors"
    assert model.decoder.to_dict()["max_lanes"] == (5 if name.endswith("tusimple") else 4)


def _check_instances(columns: list[str], folder: Path, small: Recipe) -> None:
    """Check the columns of a run's table, and its network, of the networks with an embedding."""
    assert {f"loss/{term}" for term in ("mask", "pull", "push", "centre")} | {"val/accuracy", "val/f1"} <= set(columns)
    read, model = load_run(folder)
    assert read == small
    assert isinstance(small.loss, InstanceLoss)
    assert model.decoder.to_dict()["kind"] == "embedding"
    assert model.decoder.to_dict()["radius"] == small.loss.push_margin


def test_the_list_that_a_student_learns_from_is_asked_for_by_name(tmp_path: Path) -> None:
    root = painted_splits.write("culane", tmp_path / "data")
    with pytest.raises(
        LanelightError,
        match=r"train_distinct\.txt: expected a list of frames, found none; write it with `lanelight data dedup culane",
    ):
        run(_small("clrkdnet_r18_culane", root), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter of torch warns of itself
def test_a_network_that_says_lane_or_not_goes_from_training_to_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = painted_splits.write("bdd100k", tmp_path / "data")
    small = replace(_small("enet_bdd100k", root), steps=12, val_frames=0)
    run(small, tmp_path / "run")
    model = tmp_path / "area.onnx"
    assert main(["export", str(tmp_path / "run"), "--out", str(model)]) == 0
    assert "classes differ in at most 0.0" in capsys.readouterr().out
    manifest = json.loads(model.with_suffix(".json").read_text())
    assert (manifest["slots"], manifest["classes"]) == (0, ["background", "lane"])
    assert manifest["decoder"] == {"kind": "lane_area", "threshold": 0.5}
    # After so few steps it calls half of the picture lane, or nothing; with this threshold it is some of each.
    _set_threshold(model, root)
    figures, pred = tmp_path / "figures.json", tmp_path / "pred"
    words = ["eval", str(model), "--data", "bdd100k", "--root", str(root), "--save", str(pred), "--json", str(figures)]
    assert main(words) == 0
    found = json.loads(figures.read_text())
    assert found["frames"] == 4
    assert 0 < found["accuracy"] <= 1
    masks = [read_lanes(file, "binary") for file in sorted(pred.rglob("*.png"))]
    assert [mask.shape for mask in masks] == [(360, 640)] * 4
    assert 0 < np.mean(masks) < 1
    picture = sorted((root / "val_img" / "val").iterdir())[0]
    assert main(["predict", str(picture), "--model", str(model), "--out", str(tmp_path / "shown")]) == 0
    (shown,) = [file for file in (tmp_path / "shown").rglob("*") if file.suffix in (".png", ".jpg")]
    changed = np.abs(read_image(shown).astype(int) - read_image(picture)).max(axis=2) > 40
    assert changed[masks[0]].mean() > 0.9
    assert changed[~masks[0]].mean() < 0.1
    lines = painted_splits.write("tusimple", tmp_path / "lines")
    assert main(["eval", str(model), "--data", "tusimple", "--root", str(lines)]) == 1
    assert "its manifest has no lane slots" in capsys.readouterr().err


def _set_threshold(model: Path, root: Path) -> None:
    """Move the threshold of an exported network so that it calls a tenth of a picture lane."""
    frame = read_image(sorted((root / "val_img" / "val").iterdir())[0])
    with Detector.load(model) as detector:
        view = detector.manifest.viewport.view((frame.shape[1], frame.shape[0]))
        logits = detector._session(network_input(frame, view))["lanes"]
    manifest = json.loads(model.with_suffix(".json").read_text())
    manifest["decoder"]["threshold"] = float(1 / (1 + np.exp(-np.quantile(logits, 0.9))))
    model.with_suffix(".json").write_text(json.dumps(manifest))
