from __future__ import annotations

import json
from pathlib import Path

import pytest

from lanelight.cli import main
from lanelight.errors import FormatError, LanelightError
from lanelight.recipes import RECIPES, recipe
from lanelight.train.recipe import Optimizer, Recipe
from lanelight.train.schedule import factor


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_survives_its_file(name: str, tmp_path: Path) -> None:
    built = recipe(name)
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(built.to_dict()))
    assert Recipe.read(file) == built


def test_settings_are_typed_and_nested() -> None:
    changed = recipe("road").override(
        ["optimizer.lr=0.5", "data.0.seed=7", "compile=false", "distillation=null", "precision=32-true"]
    )
    assert changed.optimizer.lr == 0.5
    assert changed.data[0].seed == 7
    assert changed.compile is False
    assert changed.distillation is None
    assert changed.steps == recipe("road").steps


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("optimizer.lrr=1", "did you mean 'lr'"),
        ("optimiser.lr=1", "did you mean 'optimizer'"),
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


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"name": "x", "stepps": 3}')
    with pytest.raises(FormatError, match="stepps"):
        Recipe.read(tmp_path / "recipe.json")
    with pytest.raises(FormatError, match="expected a recipe saved"):
        Recipe.read(tmp_path / "none.json")


def test_an_unknown_recipe_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "raod", "--print"]) == 1
    assert "did you mean 'road'" in capsys.readouterr().err


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
