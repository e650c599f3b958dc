"""Checks that every recipe for class maps passes: it says where it is from, and trains on its kind of data."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import painted_classes
import pytest

from lanelight.cli import main
from lanelight.frames import read_image
from lanelight.models import MODELS
from lanelight.recipes import RECIPES, recipe
from lanelight.train.recipe import Recipe
from lanelight.train.run import build, load_run, run
from lanelight.train.schedule import factor

SIZE = (128, 64)
NAMES = [name for name in RECIPES if recipe(name).network in ("fast_scnn",)]
OF_CITYSCAPES = [name for name in NAMES if "cityscapes" in name]
names = pytest.mark.parametrize("name", NAMES)


def _small(name: str, root: Path) -> Recipe:
    """Return a recipe at a size at which two steps take a second, on data in a folder."""
    base = recipe(name)
    small = replace(
        base,
        size=SIZE,
        viewport=replace(base.viewport, target=SIZE),
        crop=None if base.crop is None else (96, 64),
        steps=2,
        batch=2,
        log_every=1,
        val_every=2,
        pictures=1,
        workers=0,
        precision="32-true",
    )
    return small.override([f"data.root={root}"])


def test_every_network_with_class_maps_has_recipes() -> None:
    learns = {name for name in MODELS if name.startswith("fast_scnn")}
    assert {recipe(name).network for name in NAMES} == learns
    kinds = {recipe(name).data[0].kind for name in NAMES}
    assert kinds == {"cityscapes", "camvid", "masks"}
    assert len(OF_CITYSCAPES) == 2


@names
def test_the_verb_shows_a_class_recipe_that_can_be_trained_from_its_file(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recipes", name]) == 0
    assert Recipe.from_dict(json.loads(capsys.readouterr().out)) == recipe(name)


@names
def test_a_class_recipe_tells_its_sources_and_where_it_differs(name: str) -> None:
    told = getattr(import_module(RECIPES[name][0]), name).__doc__
    assert "Sources:" in told or "No recipe is published" in told
    assert "Differs" in told


@names
def test_a_class_recipe_is_whole_and_its_network_can_be_built(name: str) -> None:
    built = recipe(name)
    assert built.name == name
    assert built.validation is not None
    assert built.validation != built.data[0]
    assert built.validated_by == {"masks": "classes"}.get(built.data[0].kind, built.data[0].kind)
    assert built.viewport.view((1640, 590)).crop == (0, 0, 1640, 590)  # whole frames
    assert Recipe.from_dict(json.loads(json.dumps(built.to_dict()))) == built
    model = build(built)
    assert (model.size, model.LABELS) == (built.size, "classes")


def test_the_rates_are_those_of_the_sources() -> None:
    paper, short = recipe("fast_scnn_cityscapes"), recipe("fast_scnn_cityscapes_short")
    assert paper.optim.reference_batch == short.optim.reference_batch == paper.batch == short.batch == 12
    at = [factor(round(share * paper.steps), steps=paper.steps, settings=paper.optim) for share in (0, 0.5, 1)]
    assert at == pytest.approx([1, 0.5**0.9, 0])
    assert {factor(step, steps=short.steps, settings=short.optim) for step in (0, 10_000, short.steps - 1)} == {1.0}
    assert (paper.steps, short.steps) == (247_916, 24_791)


@names
def test_a_class_recipe_trains_on_the_files_of_its_data(name: str, tmp_path: Path) -> None:
    root = painted_classes.write(name.split("_")[2], tmp_path / "data")
    small = _small(name, root)
    assert run(small, tmp_path / "run").is_file()
    columns = (tmp_path / "run" / "logs" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"loss/classes", "val/class_miou", "val/pixel_accuracy"} <= set(columns)
    assert ("loss/auxiliary" in columns) == bool(small.parts.get("auxiliary"))
    assert ("val/category_miou" in columns) == (name in OF_CITYSCAPES)
    read, model = load_run(tmp_path / "run")
    assert read == small
    assert model.decoder.to_dict()["kind"] == "classes"
    assert read_image(tmp_path / "run" / "pictures" / "step_000002.jpg").shape[1] > 3 * 480
