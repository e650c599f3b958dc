"""`lanelight score` as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from lanelight.cli import main
from lanelight.frames import read_image

GOOD = "100 590 200 490 300 390 400 290\n1500 590 1400 490 1300 390 1200 290\n"


@pytest.fixture
def lanes(tmp_path: Path) -> Path:
    for name, pred in (("a/1", GOOD), ("a/2", GOOD.replace("1500", "1520")), ("b/3", None)):
        for side, text in (("gold", GOOD), ("pred", pred)):
            file = tmp_path / side / f"{name}.lines.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                file.write_text(text)
    (tmp_path / "list.txt").write_text("/a/1.jpg\n/a/2.jpg\n/b/3.jpg\n")
    return tmp_path


def culane(lanes: Path, *words: str) -> int:
    paths = ("--gold", f"{lanes}/gold", "--pred", f"{lanes}/pred", "--list", f"{lanes}/list.txt")
    return main(["score", "culane", *paths, *words])


def test_culane_prints_writes_and_warns(lanes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, per = lanes / "out.json", lanes / "per.jsonl"
    assert culane(lanes, "--iou", "0.5:0.95:0.05", "--json", str(out), "--per-image", str(per)) == 0
    told = capsys.readouterr()
    assert "mean F1" in told.out
    assert "warning: 1 of 3 listed frames have no file of predicted lanes" in told.err
    figures = json.loads(out.read_text())
    tens = [f"iou_{threshold}" for threshold in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)]
    assert list(figures) == [*tens, "mf1", "frames"]
    assert figures["iou_0.5"]["fn"] == 2
    frames = [json.loads(line) for line in per.read_text().splitlines()]
    assert [frame["name"] for frame in frames] == ["/a/1.jpg", "/a/2.jpg", "/b/3.jpg"]
    assert frames[2]["iou_0.95"] == {"tp": 0, "fp": 0, "fn": 2}


def test_strict_lists_oddities_and_fails(lanes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lanes / "pred/a/1.lines.txt").write_text(GOOD + "\n")
    assert culane(lanes, "--strict") == 1
    told = capsys.readouterr().err
    assert f"{lanes}/pred/a/1.lines.txt line 3: blank line" in told
    assert f"{lanes}/pred/b/3.lines.txt: missing" in told
    assert told.splitlines()[-1].startswith("error: ")
    for file in ("a/1", "a/2", "b/3"):
        (lanes / f"pred/{file}.lines.txt").write_text(GOOD)
    assert culane(lanes, "--strict") == 0
    assert capsys.readouterr().err == ""


def test_the_worst_frames_are_drawn(lanes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lanes / "images/a").mkdir(parents=True)
    cv2.imwrite(str(lanes / "images/a/2.jpg"), np.full((590, 1640, 3), 90, np.uint8))
    sheet = lanes / "sheet.png"
    assert culane(lanes, "--worst", "2", "--images", f"{lanes}/images", "--sheet", str(sheet)) == 0
    assert "/b/3.jpg: no picture below" in capsys.readouterr().err
    drawn = read_image(sheet)
    green = (np.abs(drawn.astype(int) - (0, 190, 140)) < 12).all(axis=2)
    assert green.sum() > 500


def test_no_earlier_contact_sheet_is_replaced(lanes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lanes)
    for _ in range(3):
        assert culane(lanes, "--worst", "1") == 0
    assert sorted(file.name for file in lanes.glob("worst*")) == ["worst.png", "worst2.png", "worst3.png"]


def test_wrong_usage_ends_with_2_and_wrong_input_with_1(lanes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold, pred = str(lanes / "gold"), str(lanes / "pred")
    assert main(["score", "tusimple", "--gold", gold, "--pred", pred, "--iou", "0.5"]) == 2
    assert "--iou is for culane, not for tusimple" in capsys.readouterr().err
    assert culane(lanes, "--images", gold) == 2
    assert "--worst" in capsys.readouterr().err
    for words, told in (
        (["--iou", "half"], "expected a number or start:stop:step"),
        (["--iou", "0:0.9:0.0001"], "at most 1000 steps"),
        (["--iou", "1.5"], "thresholds from 0 to below 1"),
        (["--width", "1"], "2 to 32767 px"),
        (["--json", f"{lanes}/no/where.json"], "its folder is missing"),
        (["--per-image", f"{lanes}/gold"], "it is a folder"),
        (["--json", f"{lanes}/a.json", "--per-image", f"{lanes}/./a.json"], "expected different files"),
        (["--worst", "1", "--sheet", f"{lanes}/sheet.xyz"], "expected a picture suffix"),
        (["--worst", "1", "--images", f"{lanes}/none"], "expected the folder of the frames"),
    ):
        assert culane(lanes, *words) == 1
        assert told in capsys.readouterr().err
    assert main(["score", "culan", "--gold", gold, "--pred", pred]) == 1
    assert "culane" in capsys.readouterr().err


def test_the_official_tusimple_baseline_is_scored_to_ten_digits(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = shared / "data" / "tusimple_eval"
    words = ["--gold", f"{files}/test_label.json", "--pred", f"{files}/pred_official_baseline.json"]
    assert main(["score", "tusimple", *words]) == 0
    assert capsys.readouterr().out.split()[4:7] == ["0.6534776069", "0.6965312725", "0.6477054877"]


def test_cityscapes_and_bdd_print_their_tables(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = shared / "data/bdd_eval_cases/lane"
    assert main(["score", "bdd100k", "--gold", f"{masks}/gts", "--pred", f"{masks}/res", "--width", "8"]) == 0
    assert "widened 8 px" in capsys.readouterr().out
    gold = shared / "data/cityscapes_sample/gtFine/train"
    pred = tmp_path / "pred"
    pred.mkdir()
    for file in gold.rglob("*_labelIds.png"):
        (pred / file.name).write_bytes(file.read_bytes())
    sheet, out = tmp_path / "worst.png", tmp_path / "out.json"
    images = shared / "data/cityscapes_sample/leftImg8bit/train"
    words = ["--worst", "2", "--images", str(images), "--sheet", str(sheet), "--json", str(out)]
    assert main(["score", "cityscapes", "--gold", str(gold), "--pred", str(pred), *words]) == 0
    assert json.loads(out.read_text())["class_miou"] == 1.0
    assert sheet.is_file()
    assert "pixel accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("writable", [True, False])
def test_the_first_call_says_that_it_compiles_and_a_read_only_cache_does_no_harm(
    lanes: Path, tmp_path: Path, writable: bool
) -> None:
    cache = tmp_path / "cache"
    if not writable:
        cache.write_text("a file where the folder would be")
    command = [
        sys.executable,
        "-m",
        "lanelight",
        "score",
        "culane",
        "--gold",
        f"{lanes}/gold",
        "--pred",
        f"{lanes}/gold",
    ]
    environment = {**os.environ, "LANELIGHT_CACHE": str(cache)}
    for turn in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert "1.000000" in done.stdout
        assert ("compiling" in done.stderr) == (turn == 0 or not writable)
    assert [path for path in (lanes / "gold").rglob("*") if path.suffix == ".nbi"] == []
