from __future__ import annotations

import json
from pathlib import Path

import fakes
import pytest

from lanelight.cli import main
from lanelight.cli.progress import Progress
from lanelight.datasets import BDD100K, CULane, TuSimple


def test_a_data_set_is_converted_and_what_was_lost_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out, report = fakes.native(tmp_path / "from"), tmp_path / "to", tmp_path / "report.json"
    words = ["data", "convert", str(root), str(out), "--to-format", "culane", "--images", "copy", "--json", str(report)]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert f"{out}: 2 frames with 3 lanes as culane" in shown.out
    assert "not held: 1 tracks, in 1 frame: a/0.png" in shown.out
    assert "read as native" in shown.err
    assert json.loads(report.read_text())["not_held"]["tracks"] == {"count": 1, "frames": 1, "examples": ["a/0.png"]}
    assert len(CULane.open(out, "train")) == 2


def test_split_and_names_of_splits_are_carried_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = fakes.culane(tmp_path / "from")
    words = ["data", "convert", str(root), str(tmp_path / "to"), "--to-format", "tusimple", "--split", "test"]
    assert main([*words, "--images", "link"]) == 0
    assert "everything was held" in capsys.readouterr().out
    assert len(TuSimple.open(tmp_path / "to", "test")) == 1


def test_centre_lines_are_an_option_of_bdd100k(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fakes.bdd100k(tmp_path / "from")
    words = [
        "data",
        "convert",
        str(tmp_path / "from"),
        str(tmp_path / "to"),
        "--to-format",
        "bdd100k",
        "--centre-lines",
    ]
    assert main([*words, "--images", "link"]) == 0
    assert len(BDD100K.open(tmp_path / "to")[0][2].lanes) == 2
    native = fakes.native(tmp_path / "native")
    assert main(["data", "convert", str(native), str(tmp_path / "c"), "--to-format", "culane", "--centre-lines"]) == 1
    assert "error: --centre-lines: expected bdd100k" in capsys.readouterr().err


def test_frames_that_cannot_be_read_are_named_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fakes.culane(tmp_path / "from")
    CULane(root).picture(1).unlink()
    assert main(["data", "convert", str(root), str(tmp_path / "to"), "--to-format", "native", "--split", "train"]) == 1
    err = capsys.readouterr().err
    assert "00001.jpg" in err
    assert "error: 1 of 3 frames could not be read" in err


def test_wrong_words_are_one_line_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "convert", str(tmp_path / "nowhere"), str(tmp_path / "to"), "--to-format", "culane"]
    assert main(words) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert main([*words, "--from-format", "culan"]) == 1
    assert "did you mean 'culane'" in capsys.readouterr().err
    assert main(words[:4]) == 2


def test_a_converted_data_set_is_complete_without_further_options(tmp_path: Path) -> None:
    root = fakes.native(tmp_path / "from")
    assert main(["data", "convert", str(root), str(tmp_path / "to"), "--to-format", "culane"]) == 0
    data = CULane.open(tmp_path / "to", "train")
    assert all(data[index][1].size for index in range(len(data)))


def test_nothing_is_written_where_no_frame_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = fakes.culane(tmp_path / "from")
    for picture in root.rglob("*.jpg"):
        picture.unlink()
    assert main(["data", "convert", str(root), str(tmp_path / "to"), "--to-format", "native", "--split", "train"]) == 1
    shown = capsys.readouterr()
    assert "nothing was written" in shown.out
    assert "3 of 3 frames could not be read" in shown.err
    assert not (tmp_path / "to").exists()


def test_after_an_interruption_it_is_said_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_progress: Progress, done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "update", stop)
    root = fakes.culane(tmp_path / "from")
    words = ["data", "convert", str(root), str(tmp_path / "to"), "--to-format", "native", "--split", "train"]
    assert main(words) == 130
    assert f"interrupted; {tmp_path / 'to'} holds only a part of the frames" in capsys.readouterr().err
