from pathlib import Path

import pytest

from lanelight.cli import main
from lanelight.cli.data_synth import FORMATS, WORLDS
from lanelight.datasets import open_dataset, synthetic
from lanelight.datasets.writers import WRITERS


def test_the_words_of_the_verb_are_those_of_the_library() -> None:
    assert set(WORLDS) == set(synthetic.WORLDS)
    assert set(FORMATS) == set(WRITERS)


def test_synth_writes_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "synth", "--frames", "3", "--seed", "5", "--world", "city,tunnel", "--size", "320x180"]
    assert main([*words, "--format", "culane", "--out", str(tmp_path / "set")]) == 0
    assert "3 frames of city, tunnel as culane" in capsys.readouterr().out
    assert len(open_dataset("culane", tmp_path / "set")) == 3


def test_synth_writes_a_drive_for_each_world(tmp_path: Path) -> None:
    words = ["data", "synth", "--frames", "5", "--world", "night,rural", "--size", "320x180", "--video"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    for world, frames in (("night", 3), ("rural", 2)):
        assert (tmp_path / world / "drive.mp4").stat().st_size > 1000
        assert len((tmp_path / world / "ego.csv").read_text(encoding="utf-8").splitlines()) == frames + 1


def test_synth_refuses_unknown_worlds_and_folders_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "synth", "--world", "moon", "--out", str(tmp_path / "a")]) == 2
    assert "moon" in capsys.readouterr().err
    (tmp_path / "kept.txt").write_text("mine", encoding="utf-8")
    assert main(["data", "synth", "--frames", "1", "--out", str(tmp_path)]) == 1
    assert "empty folder" in capsys.readouterr().err
    assert main(["data", "synth", "--frames", "1", "--seed", "-1", "--out", str(tmp_path / "b")]) == 2
    assert "seed" in capsys.readouterr().err
