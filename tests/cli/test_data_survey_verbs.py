from __future__ import annotations

import json
from pathlib import Path

import fake_faults
import pytest

from lanelight.cli import main
from lanelight.cli.datasets import FORMATS, MOST_PRINTED
from lanelight.datasets import DATASETS
from lanelight.frames import read_image


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    (tmp_path / "all.txt").write_text("".join(fake_faults.healthy(tmp_path)))
    return tmp_path


def words(verb: str, root: Path, *more: str) -> list[str]:
    return ["data", verb, "culane", "--root", str(root), *more]


def test_check_ends_with_0_on_healthy_data_and_with_1_on_faults(
    healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words("check", healthy, "--list", "all.txt")) == 0
    assert "0 faults in 12 frames" in capsys.readouterr().out
    (healthy / "driver_1/frame5.png").unlink()
    assert main(words("check", healthy, "--list", "all.txt", "--json", str(healthy / "out.json"))) == 1
    assert f"fault: {healthy}/driver_1/frame5.png: picture missing" in capsys.readouterr().out
    entry = json.loads((healthy / "out.json").read_text())
    assert entry["faults"] == 1
    assert entry["kinds"]["missing_image"]["count"] == 1
    assert entry["findings"][0]["file"] == str(healthy / "driver_1/frame5.png")


def test_notes_are_no_faults(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (healthy / "driver_1/frame5.lines.txt").write_text("")
    assert main(words("check", healthy, "--list", "all.txt")) == 0
    assert "note: " in capsys.readouterr().out


def test_check_compares_lists_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_faults.planted(tmp_path)
    page = tmp_path / "page.html"
    assert main(words("check", tmp_path, "--split", "train", "val", "--html", str(page), "--threads", "1")) == 1
    out = capsys.readouterr().out
    assert "frame in two splits" in out
    assert "frames (train 28, val 13)" in out
    assert page.read_text().startswith("<!doctype html>")


def test_unknown_formats_and_missing_output_folders_are_told_before_the_work(
    healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "culine", "--root", str(healthy)]) == 1
    assert "did you mean 'culane'" in capsys.readouterr().err
    assert main(words("check", healthy, "--html", str(healthy / "no/page.html"))) == 1
    assert "its folder is missing" in capsys.readouterr().err


def test_stats_prints_figures_and_writes_a_heat_map(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, heat = healthy / "stats.json", healthy / "heat.png"
    assert main(words("stats", healthy, "--list", "all.txt", "--json", str(out), "--heat", str(heat))) == 0
    assert "12 frames of 656x236 (12), 36 lanes" in capsys.readouterr().out
    assert json.loads(out.read_text())["frames_by_lanes"] == {"3": 12}
    assert read_image(heat).shape == (345 + 44, 960, 3)


def test_show_writes_a_sheet(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = healthy / "sheet.png"
    assert (
        main(words("show", healthy, "--list", "all.txt", "--frames", "4", "--width", "100", "--out", str(sheet))) == 0
    )
    assert "4 of 12 frames" in capsys.readouterr().out
    assert read_image(sheet).shape[1] == 2 * 106 + 6
    names = ("--names", "driver_1/frame0.png", "driver_1/frame1.png")
    (healthy / "driver_1/frame1.png").unlink()
    assert main(words("show", healthy, "--list", "all.txt", *names, "--out", str(sheet))) == 1
    assert "frame1.png" in capsys.readouterr().err


def test_dedup_writes_list_differences_and_figures(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_faults.add_frame(healthy, "frame1", [], fake_faults.picture(77))
    fake_faults.add_frame(healthy, "frame2", [], fake_faults.picture(77))
    kept, stored, figures = (healthy / name for name in ("kept.txt", "d.npz", "figures.json"))
    more = ("--out", str(kept), "--differences", str(stored), "--json", str(figures))
    assert main(words("dedup", healthy, "--list", "all.txt", *more)) == 0
    names = kept.read_text().splitlines()
    assert len(names) == fake_faults.HEALTHY - 1
    assert "/driver_1/frame2.png" not in names
    assert json.loads(figures.read_text()) == {
        "frames": 12,
        "kept": 11,
        "dropped": 1,
        "unreadable": 0,
        "threshold": 15.0,
        "against": "previous",
        "errors": [],
    }
    again = ("--out", str(kept), "--reuse", str(stored), "--threshold", "0")
    assert main(words("dedup", healthy, "--list", "all.txt", *again)) == 0
    assert len(kept.read_text().splitlines()) == 12
    assert main(words("dedup", healthy, "--list", "all.txt", *again, "--against", "kept")) == 1
    assert "--reuse" in capsys.readouterr().err


def test_the_help_names_every_format() -> None:
    assert set(FORMATS.split(", ")) == set(DATASETS)


def test_no_output_replaces_a_file_of_the_data_set(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = (healthy / "all.txt").read_text()
    assert main(words("dedup", healthy, "--list", "all.txt", "--out", str(healthy / "all.txt"))) == 1
    assert "would replace this file of the data set" in capsys.readouterr().err
    assert (healthy / "all.txt").read_text() == listed
    sheet = str(healthy / "driver_1/frame0.png")
    assert main(words("show", healthy, "--list", "all.txt", "--out", sheet)) == 1
    assert main(words("check", healthy, "--list", "all.txt", "--json", str(healthy / "driver_1/frame0.lines.txt"))) == 1
    for _ in range(2):  # an output of an earlier call is replaced
        assert main(words("check", healthy, "--list", "all.txt", "--json", str(healthy / "report.json"))) == 0


def test_wrong_names_of_pictures_and_seeds_are_told_before_the_work(
    healthy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words("stats", healthy, "--list", "all.txt", "--heat", str(healthy / "heat.xyz"))) == 1
    shown = capsys.readouterr()
    assert "expected a picture suffix" in shown.err
    assert shown.out == ""
    assert main(words("show", healthy, "--list", "all.txt", "--out", str(healthy / "sheet"))) == 1
    assert main(words("show", healthy, "--list", "all.txt", "--seed", "-1")) == 2


def test_of_many_errors_the_first_are_printed(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for picture in healthy.rglob("*.png"):
        picture.unlink()
    out = healthy / "stats.json"
    assert main(words("stats", healthy, "--list", "all.txt", "--json", str(out))) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == MOST_PRINTED + 1
    assert lines[-1] == "error: ... and 2 more of the kind"
    assert len(json.loads(out.read_text())["unreadable"]) == 12
