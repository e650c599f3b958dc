from __future__ import annotations

import json
from pathlib import Path

import pytest

from lanelight.cli import main
from lanelight.recipes import RECIPES, recipe
from lanelight.train.recipe import Recipe


def test_a_recipe_without_a_teacher_names_those_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "smoke", "--teacher", "big.safetensors"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: --teacher: expected a recipe that learns from a teacher, but smoke has no entry")
    assert told.count("\n") == 1
    for name in RECIPES:
        assert (f" {name}," in told or f"({name}" in told or f" {name})" in told) == (recipe(name).teacher is not None)


def test_the_option_names_the_file_of_the_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "smoke", "--set", 'teacher={"terms": [{"kind": "scene"}]}', "--teacher", "123"]
    assert main([*words, "--print"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["teacher"]["file"] == "123"
    saved = tmp_path / "recipe.json"
    saved.write_text(json.dumps(shown))
    assert main(["train", str(saved), "--teacher", "other", "--print"]) == 0
    read = Recipe.from_dict(json.loads(capsys.readouterr().out))
    assert read.teacher is not None
    assert read.teacher.file == "other"


def test_a_run_that_goes_on_takes_no_other_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(tmp_path), "--teacher", "x"]) == 1
    assert "--resume: expected the folder alone" in capsys.readouterr().err


def test_a_teacher_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "smoke", "--set", 'teacher={"terms": [{"kind": "scene"}]}', "--out", str(tmp_path / "run")]
    for extra, says in (
        (["--teacher", "none.onnx"], "none.onnx: expected the weights of a teacher, found none"),
        ([], "name them with --teacher FILE"),
    ):
        assert main([*words, *extra]) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert says in told
        assert not (tmp_path / "run").exists()
