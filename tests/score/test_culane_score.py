"""CULane files scored as by the benchmark's own tool."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lanelight.errors import FormatError, LanelightError
from lanelight.metrics.culane import pen_for
from lanelight.metrics.culane_counts import Lanes, measure_image, similarity
from lanelight.metrics.matching import match
from lanelight.score.culane import CULaneScore, score
from lanelight.score.lane_text import parse

THRESHOLDS = (0.3, 0.5, 0.75)
GOOD = "100 590 200 490 300 390 400 290\n1500 590 1400 490 1300 390 1200 290\n"
FIRST = GOOD[: GOOD.index("\n") + 1]


def rows_of(file: Path) -> list[dict[str, Any]]:
    with lzma.open(file, "rt") as stream:
        return [json.loads(line) for line in stream]


def write(root: Path, name: str, text: str | None) -> None:
    file = root / (name.lstrip("/").rsplit(".", 1)[0] + ".lines.txt")
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        file.write_bytes(text.encode())


@pytest.fixture(scope="module")
def inputs(shared: Path) -> list[dict[str, Any]]:
    return rows_of(shared / "goldens/metrics/culane_inputs.jsonl.xz")


@pytest.fixture(scope="module")
def golden(inputs: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("culane")
    for row in inputs:
        write(root / "gold", row["name"], row["gt"])
        write(root / "pred", row["name"], row["pred"])
    (root / "list.txt").write_text("".join(f"{row['name']}\n" for row in inputs))
    return root


def scored(root: Path, **options: Any) -> CULaneScore:
    options.setdefault("names", root / "list.txt")
    return score(root / "gold", root / "pred", **options)


def test_every_image_has_the_official_counts_at_every_threshold(shared: Path, golden: Path) -> None:
    expected = rows_of(shared / "goldens/metrics/culane_expected.jsonl.xz")
    found = scored(golden, thresholds=THRESHOLDS)
    assert len(expected) == len(found.names) == 200
    for index, row in enumerate(expected):
        frame = found.frame(index)
        for threshold in THRESHOLDS:
            figures = frame[f"iou_{threshold}"]
            assert [figures[key] for key in ("tp", "fp", "fn")] == row[f"t{threshold}"], row["name"]
    totals = json.loads((shared / "goldens/metrics/culane_totals.json").read_text())["official_totals"]
    for key, total in totals.items():
        for name in ("tp", "fp", "fn"):
            assert found.figures[f"iou_{key}"][name] == total[name]
        for name in ("precision", "recall", "f1"):
            assert found.figures[f"iou_{key}"][name] == pytest.approx(total[name], abs=1e-12)


def test_every_pixel_count_and_every_match_is_the_official_one(shared: Path, inputs: list[dict[str, Any]]) -> None:
    expected = rows_of(shared / "goldens/metrics/culane_expected.jsonl.xz")
    pen = pen_for((1640, 590), 30)
    for row, wanted in zip(inputs, expected, strict=True):
        points, ends, file_ends = parse([(row[side] or "").encode() for side in ("gt", "pred")])
        gold, count = file_ends.tolist()
        assert (gold, count - gold) == (wanted["n_gt"], wanted["n_pred"])
        if not wanted["px"]:
            continue
        pixels, shared_pixels = measure_image(Lanes(points, ends, file_ends[:1], file_ends[1:]), pen, 0)
        found = [
            [pixels[g], pixels[gold + p], shared_pixels[g, p]] if min(pixels[g], pixels[gold + p]) >= 0 else [-1] * 3
            for g in range(gold)
            for p in range(count - gold)
        ]
        assert np.array_equal(found, wanted["px"]), row["name"]
        assert match(similarity(pixels, shared_pixels)).tolist() == wanted["match"], row["name"]


def test_threads_and_the_order_of_the_list_change_nothing(golden: Path, tmp_path: Path) -> None:
    figures = scored(golden, thresholds=THRESHOLDS, threads=1).figures
    assert scored(golden, thresholds=THRESHOLDS, threads=4).figures == figures
    names = (golden / "list.txt").read_text().splitlines()
    (tmp_path / "back.txt").write_text("\n".join(reversed(names)))
    assert scored(golden, names=tmp_path / "back.txt", thresholds=THRESHOLDS).figures == figures


def test_categories_are_reported_and_summed_and_crossroads_show_false_ones_only(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    for category, gold, pred in (
        ("0_normal", GOOD, GOOD),
        ("1_crowd", GOOD, FIRST),
        ("7_cross", "", GOOD),
    ):
        name = f"/{category}/00000.jpg"
        write(tmp_path / "gold", name, gold)
        write(tmp_path / "pred", name, pred)
        (lists / f"test{category}.txt").write_text(f"{name}\n")
    figures = scored(tmp_path, names=lists).figures
    assert list(figures["categories"]) == ["normal", "crowd", "cross"]
    assert figures["categories"]["normal"]["iou_0.5"]["f1"] == 1.0
    assert figures["categories"]["cross"] == {"iou_0.5": {"fp": 2}}
    assert [figures["iou_0.5"][key] for key in ("tp", "fp", "fn")] == [3, 2, 1]


def test_without_a_list_every_file_of_the_true_lanes_counts(tmp_path: Path) -> None:
    for name in ("/b/1.jpg", "/a/2.jpg"):
        write(tmp_path / "gold", name, GOOD)
        write(tmp_path / "pred", name, GOOD)
    found = scored(tmp_path, names=None)
    assert list(found.names) == ["/a/2.jpg", "/b/1.jpg"]
    assert found.figures["mf1"] == 1.0


def test_links_to_folders_are_followed_where_there_is_no_list(tmp_path: Path) -> None:
    for side in ("gold", "pred"):
        write(tmp_path / side, "/a/1.jpg", GOOD)
        write(tmp_path / f"elsewhere_{side}", "/2.jpg", GOOD)
        (tmp_path / side / "b").symlink_to(tmp_path / f"elsewhere_{side}")
        (tmp_path / side / "a" / "round").symlink_to(tmp_path / side)
    assert list(scored(tmp_path, names=None).names) == ["/a/1.jpg", "/b/2.jpg"]


def test_missing_and_short_and_repeated_are_warned_of(tmp_path: Path) -> None:
    for name, gold, pred in (("/1.jpg", GOOD, GOOD), ("/2.jpg", GOOD, None), ("/3.jpg", "\n1 2\n" + GOOD, "")):
        write(tmp_path / "gold", name, gold)
        write(tmp_path / "pred", name, pred)
    (tmp_path / "list.txt").write_text("/1.jpg\n/2.jpg\n/3.jpg\n\n/1.jpg\n")
    found = scored(tmp_path)
    assert [found.figures["iou_0.5"][key] for key in ("tp", "fp", "fn")] == [4, 0, 6]
    told = "\n".join(found.warnings)
    assert "1 of 4 listed frames have no file of predicted lanes" in told
    assert "/2.jpg" in told
    assert "2 of 10 true lanes have fewer than two points" in told
    assert "1 frames are listed more than once" in told
    assert len(found.warnings) == 3
    odd = list(found.oddities())
    assert [line.partition(str(tmp_path))[2] for line in odd] == [
        "/gold/3.lines.txt line 1: blank line; it counts as a lane that nothing matches",
        "/gold/3.lines.txt line 2: one point; it counts as a lane that nothing matches",
        "/pred/2.lines.txt: missing; it counts as a frame without lanes",
    ]


@pytest.mark.parametrize(
    ("gold_scale", "pred_scale", "size", "told"),
    [
        (1.0, 0.45, (1640, 590), "predicted lanes reach only"),
        (2.0, 2.0, (1640, 590), "lie far outside the frame of 1640x590"),
        (1.0, 1.0, (3840, 2160), "true lanes reach only"),
        (1.0, 1.0, (1640, 590), None),
    ],
)
def test_a_wrong_frame_size_is_warned_of(
    tmp_path: Path, gold_scale: float, pred_scale: float, size: tuple[int, int], told: str | None
) -> None:
    def scaled(factor: float) -> str:
        lines = ([f"{float(value) * factor:.1f}" for value in line.split()] for line in GOOD.splitlines())
        return "".join(" ".join(line) + "\n" for line in lines)

    names = [f"/{number}.jpg" for number in range(5)]
    for name in names:
        write(tmp_path / "gold", name, scaled(gold_scale))
        write(tmp_path / "pred", name, scaled(pred_scale))
    (tmp_path / "list.txt").write_text("\n".join(names))
    warnings = scored(tmp_path, size=size).warnings
    assert any(told in warning for warning in warnings) if told else not warnings


def test_columns_behind_the_pictures_are_left_out_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path / "gold", "/1.jpg", GOOD)
    write(tmp_path / "pred", "/1.jpg", GOOD)
    (tmp_path / "list.txt").write_text("/1.jpg /laneseg/1.png 1 1 1 0\n")
    found = scored(tmp_path)
    assert found.names == ["/1.jpg"]
    assert "columns" in found.warnings[0]
    assert found.figures["mf1"] == 1.0


def test_columns_and_pictures_with_blanks_in_their_names_are_told_apart(tmp_path: Path) -> None:
    for side in ("gold", "pred"):
        write(tmp_path / side, "/b c/1.jpg", GOOD)
    lines = ("/b c/1.jpg /laneseg/b c/1.png 1 1 1 0", "/b c/1.jpg 1 1 1 0", "/b c/1.jpg")
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    found = scored(tmp_path)
    assert found.names == ["/b c/1.jpg"] * 3
    assert found.figures["iou_0.5"]["tp"] == 6


@pytest.mark.parametrize("name", ["/../gold/1.jpg", "/a/../../1.jpg", "/1.jpg\0b"])
def test_listed_names_never_lead_out_of_their_folder(tmp_path: Path, name: str) -> None:
    for side in ("gold", "pred"):
        write(tmp_path / side, "/1.jpg", GOOD)
    (tmp_path / "list.txt").write_text(f"/1.jpg\n{name}\n")
    with pytest.raises(FormatError, match=r"list\.txt line 2: expected"):
        scored(tmp_path)


@pytest.mark.parametrize("size", [(0, 590), (1640, 32768), (10**30, 10)])
def test_impossible_frame_sizes_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    for side in ("gold", "pred"):
        write(tmp_path / side, "/1.jpg", GOOD)
    with pytest.raises(LanelightError, match="frames of 1 to 32767 px"):
        scored(tmp_path, names=None, size=size)


def test_what_cannot_be_scored_is_one_clear_error(tmp_path: Path) -> None:
    write(tmp_path / "gold", "/1.jpg", GOOD)
    (tmp_path / "pred").mkdir()
    (tmp_path / "list.txt").write_text("/1.jpg\n")
    (tmp_path / "other.txt").write_text("/2.jpg\n/3.jpg\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FormatError, match=r"pred: expected a file of predicted lanes for each of 1 listed"):
        scored(tmp_path)
    with pytest.raises(FormatError, match=r"gold: expected a file of true lanes.*for /2.jpg"):
        scored(tmp_path, names=tmp_path / "other.txt")
    with pytest.raises(FormatError, match="found an empty file"):
        scored(tmp_path, names=tmp_path / "empty.txt")
    with pytest.raises(FormatError, match="found none"):
        scored(tmp_path, names=tmp_path / "folder")
    with pytest.raises(FormatError, match="cannot read"):
        scored(tmp_path, names=tmp_path / "missing.txt")
    with pytest.raises(FormatError, match="expected the folder of the true lanes"):
        score(tmp_path / "nowhere", tmp_path / "pred")
    with pytest.raises(LanelightError, match="thresholds"):
        scored(tmp_path, thresholds=())


def test_a_folder_in_place_of_a_lane_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "gold", "/1.jpg", GOOD)
    (tmp_path / "pred" / "1.lines.txt").mkdir(parents=True)
    (tmp_path / "list.txt").write_text("/1.jpg\n")
    with pytest.raises(FormatError, match=r"cannot read .*pred/1\.lines\.txt"):
        scored(tmp_path)


def test_the_worst_frame_comes_first(tmp_path: Path) -> None:
    for name, pred in (("/fine.jpg", GOOD), ("/half.jpg", FIRST), ("/lost.jpg", "")):
        write(tmp_path / "gold", name, GOOD)
        write(tmp_path / "pred", name, pred)
    (tmp_path / "list.txt").write_text("/fine.jpg\n/half.jpg\n/lost.jpg\n")
    found = scored(tmp_path)
    assert [found.names[index] for index in found.worst(9)] == ["/lost.jpg", "/half.jpg", "/fine.jpg"]
    assert [len(scene.lanes) for scene in found.scenes(1)] == [1, 2]
    assert found.caption(1) == "/half.jpg  tp 1 fp 0 fn 1"


def test_ego_lanes_of_the_real_clip_are_compared(shared: Path) -> None:
    clip = shared / "data" / "culane_clip"
    found = score(clip, clip, names=clip / "list" / "labelled.txt", lanes="ego")
    assert found.figures["iou_0.5"]["f1"] == 1.0
    assert found.figures["iou_0.5"]["tp"] == 314
