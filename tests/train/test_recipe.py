from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lanelight.cli import main
from lanelight.datasets.appearance import Noise, Table
from lanelight.datasets.augment import AUGMENTS
from lanelight.datasets.placement import Affine, Window
from lanelight.errors import FormatError, LanelightError
from lanelight.models import MODELS
from lanelight.models.class_maps import ClassLoss
from lanelight.models.lane_instances import InstanceLoss
from lanelight.models.lane_priors import PriorLoss
from lanelight.models.slot_masks import MaskLoss
from lanelight.recipes import RECIPES, recipe
from lanelight.train.recipe import Optimizer, Recipe
from lanelight.train.schedule import factor, optimizer


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_survives_its_file(name: str, tmp_path: Path) -> None:
    built = recipe(name)
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(built.to_dict()))
    assert Recipe.read(file) == built


def test_settings_are_typed_and_nested() -> None:
    changed = recipe("road_default").override(
        ["optim.lr=0.5", "data.0.seed=7", "compile=false", "distillation=null", "precision=32-true"]
    )
    assert changed.optim.lr == 0.5
    assert changed.data[0].seed == 7
    assert changed.compile is False
    assert changed.distillation is None
    assert changed.steps == recipe("road_default").steps


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("optim.lrr=1", "did you mean 'lr'"),
        ("optimiser.lr=1", "did you mean 'optim'"),
        ("data.9.seed=1", "unknown entry '9'"),
        ("steps", "expected key=value"),
        ("steps=many", "steps"),
        ("precision=16", "precision"),
        ("size=[256, 112]", "set both"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, says: str) -> None:
    with pytest.raises(LanelightError, match=says):
        recipe("smoke").override([setting])


def test_an_augmentation_can_be_named_and_its_numbers_set() -> None:
    changed = recipe("smoke").override(["augment=clrnet"])
    assert changed.augment == AUGMENTS["clrnet"]
    turned = changed.override(["augment.affine.degrees=[-3, 3]"]).augment
    assert turned == replace(AUGMENTS["clrnet"], affine=Affine(p=0.7, scale=(0.8, 1.2), degrees=(-3.0, 3.0), shift=0.1))
    assert recipe("road_default").augment == AUGMENTS["road_varied"]
    with pytest.raises(LanelightError, match="did you mean 'enet_sad'"):
        recipe("smoke").override(["augment=enet_sat"])


@pytest.mark.parametrize("name", sorted(AUGMENTS))
def test_every_augmentation_survives_a_recipes_file(name: str) -> None:
    built = replace(recipe("smoke"), augment=AUGMENTS[name])
    assert Recipe.from_dict(json.loads(json.dumps(built.to_dict()))) == built


def test_recipes_saved_before_there_were_presets_can_be_read() -> None:
    flat = {"flip": 0.0, "zoom": 0.5, "gain": 0.2, "tint": 0.1, "gamma": 0.1, "blur": 0.0, "noise": 3.0}
    read = Recipe.from_dict({**recipe("road_default").to_dict(), "augment": flat})
    assert read.augment.window == Window(scale=(1.0, 2.0), even="share", enlarged=False)
    assert read.augment.table == Table(contrast=0.2, brightness=0.1, gamma=0.1, tint=0.1)
    assert read.augment.noise == Noise(3.0)
    with pytest.raises(FormatError, match="recipe: "):
        Recipe.from_dict({**recipe("road_default").to_dict(), "augment": {**flat, "zoom": "wide"}})


def test_recipes_saved_before_runs_could_go_on_can_be_read() -> None:
    old = recipe("road_default").to_dict()
    for name in ("order", "validation", "accumulate", "ema", "log_every", "save_every", "exported"):
        del old[name]
    for name in ("name", "reference_batch", "momentum", "power", "milestones", "gamma"):
        del old["optim"][name]
    del old["data"][0]["lists"], old["parts"]
    for name in ("ramp_steps", "function", "power", "detach"):
        del old["distillation"][name]
    assert replace(Recipe.from_dict(old), exported="last") == recipe("road_default")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("accumulate=0", "accumulate of at least 1"),
        ("save_every=0", "save_every of at least 1"),
        ("ema=1", "ema between 0 and 1"),
        ('validation={"kind": "culane", "frames": "x", "split": "test"}', "validation split"),
    ],
)
def test_a_setting_without_sense_is_refused(setting: str, says: str) -> None:
    with pytest.raises(LanelightError, match=says):
        recipe("smoke").override([setting])


def test_the_learning_rate_falls_in_steps_after_the_warm_up() -> None:
    settings = Optimizer(warmup_steps=10, decay="step", milestones=(0.5, 0.75), gamma=0.1)
    values = [factor(step, steps=100, settings=settings) for step in (0, 9, 10, 49, 50, 74, 75, 100)]
    assert values == pytest.approx([0.1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_sgd_moves_with_momentum_and_the_scaled_rate() -> None:
    model = MODELS["enet_sad"](size=(128, 56))
    built = optimizer(model, Optimizer(name="sgd", momentum=0.8, linear_lr=0.5), 0.2)
    assert isinstance(built, torch.optim.SGD)
    assert {group["lr"] for group in built.param_groups} == {0.2, 0.1}
    assert all(group["momentum"] == 0.8 and group["nesterov"] for group in built.param_groups)


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"name": "x", "stepps": 3}')
    with pytest.raises(FormatError, match="stepps"):
        Recipe.read(tmp_path / "recipe.json")
    with pytest.raises(FormatError, match="expected a recipe saved"):
        Recipe.read(tmp_path / "none.json")


def test_an_unknown_recipe_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "road_defualt", "--print"]) == 1
    assert "did you mean 'road_default'" in capsys.readouterr().err


def test_print_shows_the_resolved_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "smoke", "--set", "steps=3", "--print"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3


@pytest.mark.parametrize("decay", ["cosine", "poly"])
def test_the_learning_rate_warms_up_and_ends_at_zero(decay: str) -> None:
    settings = Optimizer(warmup_steps=10, decay=decay)  # type: ignore[arg-type]
    values = [factor(step, steps=100, settings=settings) for step in range(101)]
    assert values[0] == pytest.approx(0.1)
    assert values[10] == pytest.approx(1.0)
    assert values[100] == pytest.approx(0.0)
    assert values[10:] == sorted(values[10:], reverse=True)


@pytest.mark.parametrize(
    ("entry", "loss"),
    [
        ({"auxiliary": 0.2}, ClassLoss(auxiliary=0.2)),
        ({"classification": 6.0}, PriorLoss(classification=6.0)),
        ({"push_margin": 0.6}, InstanceLoss(push_margin=0.6)),
        ({"background": 0.3}, MaskLoss(background=0.3)),
    ],
)
def test_what_an_entry_of_a_loss_leaves_out_is_its_own_class_s_default(entry: dict[str, Any], loss: Any) -> None:
    assert Recipe.from_dict({"name": "one", "loss": entry}).loss == loss
