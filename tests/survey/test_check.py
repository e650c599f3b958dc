from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import fake_faults
import fakes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanelight.frames import write_image
from lanelight.survey import KINDS, Health, check, open_parts


def checked(name: str, root: Path, *, splits: tuple[str, ...] = (), lists: tuple[str, ...] = ()) -> Health:
    parts, found = open_parts(name, root, splits=splits, lists=lists)
    return check(parts, threads=2, found=found)


def places(health: Health, root: Path) -> dict[str, list[str]]:
    """Return kind -> files, relative to the root, of all findings."""
    return {
        kind: [finding.file.removeprefix(f"{root}/") for finding in health.tally.of(kind)]
        for kind in KINDS
        if health.tally.counts[kind]
    }


def camvid(root: Path, *, frames: int = 3) -> None:
    """Write a CamVid folder with a list."""
    lines = []
    for index in range(frames):
        write_image(root / f"{index}.png", fake_faults.picture(index))
        write_image(root / f"{index}_ids.png", np.full(fake_faults.SIZE[::-1], index, np.uint8))
        lines.append(f"{index}.png {index}_ids.png\n")
    (root / "list.txt").write_text("".join(lines))


def test_each_planted_fault_is_found_in_its_file_and_nothing_else_is(tmp_path: Path) -> None:
    planted = fake_faults.planted(tmp_path)
    health = checked("culane", tmp_path, splits=("train", "val"))
    assert places(health, tmp_path) == {kind: [planted[kind]] for kind in KINDS if kind in planted}
    assert health.tally.faults == len(planted) - 1  # frames without lanes are a note


def test_findings_name_line_and_lane(tmp_path: Path) -> None:
    fake_faults.planted(tmp_path)
    health = checked("culane", tmp_path, splits=("train",))
    (finding,) = health.tally.of("duplicate_lane")
    assert finding.place == f"{tmp_path}/driver_1/duplicate_lane.lines.txt line 3 lane 3"
    (crossing,) = health.tally.of("crossing_lanes")
    assert (crossing.line, crossing.lane) == (2, 2)
    assert "lane 1" in crossing.message


def test_a_healthy_folder_has_no_findings(tmp_path: Path) -> None:
    lines = fake_faults.healthy(tmp_path)
    (tmp_path / "all.txt").write_text("".join(lines))
    assert places(checked("culane", tmp_path, lists=("all.txt",)), tmp_path) == {}


# format, folder, splits, lists: number of frames, notes
PUBLISHED = {
    ("tusimple", "tusimple", (), ("label_data_pool.json",)): (138, {"pointless_lane": 21}),
    ("culane", "culane_clip", (), ("list/all.txt",)): (180, {"no_lanes": 23}),
    ("camvid", "camvid11", ("train", "val", "test"), ()): (378, {}),
    ("cityscapes", "cityscapes_sample", (), ()): (4, {}),
    ("bdd100k", "bdd_sample", (), ()): (1, {}),
}


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case[0])
def test_published_data_has_no_fault(shared: Path, case: tuple[str, str, tuple[str, ...], tuple[str, ...]]) -> None:
    name, folder, splits, lists = case
    health = checked(name, shared / "data" / folder, splits=splits, lists=lists)
    found = {kind: number for kind, number in health.tally.counts.items() if number}
    assert (sum(health.frames.values()), found) == PUBLISHED[case]


def test_class_ids_without_a_meaning_are_found_and_255_is_none_of_them(tmp_path: Path) -> None:
    camvid(tmp_path)
    ids = np.zeros(fake_faults.SIZE[::-1], np.uint8)
    ids[10:12, 20:25], ids[50] = 77, 255
    write_image(tmp_path / "1_ids.png", ids)
    (finding,) = checked("camvid", tmp_path).tally
    assert finding.kind == "class_range"
    assert finding.file == str(tmp_path / "1_ids.png")
    assert finding.message.startswith("10 px have class 77;")


def test_a_class_map_of_another_size_is_found(tmp_path: Path) -> None:
    camvid(tmp_path)
    write_image(tmp_path / "2_ids.png", np.zeros((90, 160), np.uint8))
    (finding,) = checked("camvid", tmp_path).tally
    assert finding.kind == "unusable_labels"
    assert finding.file == str(tmp_path / "2_ids.png")
    assert "160 x 90" in finding.message


def test_rows_out_of_order_and_rows_given_twice_are_found_by_line(tmp_path: Path) -> None:
    label_file = fakes.tusimple(tmp_path)
    entries = [json.loads(line) for line in label_file.read_text().splitlines()]
    for index in range(3):  # the pictures of the other frames would be near-identical
        write_image(tmp_path / f"clips/0000/{index}/20.jpg", fake_faults.picture(index, (1280, 720)))
    entries[1]["h_samples"][5:7] = entries[1]["h_samples"][6:4:-1]
    entries[2]["h_samples"][9] = entries[2]["h_samples"][8]
    label_file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    tally = checked("tusimple", tmp_path, lists=(str(label_file),)).tally
    assert [finding.place for finding in tally.of("unsorted_points")] == [f"{label_file} line 2"]
    assert {finding.line for finding in tally.of("repeated_point")} == {3}
    assert "row 320 is given twice in h_samples" in [finding.message for finding in tally.of("repeated_point")]
    assert tally.counts["pointless_lane"] == 3  # the fake labels have one in each frame, as part of the real ones


def test_a_damaged_list_is_a_finding_and_the_other_lists_are_checked(tmp_path: Path) -> None:
    lines = fake_faults.healthy(tmp_path)
    (tmp_path / "good.txt").write_text("".join(lines))
    (tmp_path / "bad.txt").write_text(lines[0] + "../../etc/passwd\n")
    health = checked("culane", tmp_path, lists=("good.txt", "bad.txt", "gone.txt"))
    assert health.frames == {"good.txt": fake_faults.HEALTHY}
    assert [finding.part for finding in health.tally] == ["bad.txt", "gone.txt"]
    assert "line 2" in health.tally.of("unusable_labels")[0].message


def test_frames_listed_twice_are_duplicates(tmp_path: Path) -> None:
    lines = fake_faults.healthy(tmp_path)
    (tmp_path / "all.txt").write_text("".join([*lines, lines[2]]))
    (finding,) = checked("culane", tmp_path, lists=("all.txt",)).tally
    assert (finding.kind, finding.file) == ("duplicate_frame", "driver_1/frame2.png")


def test_a_frame_saved_again_and_smaller_is_found_in_the_other_list(tmp_path: Path) -> None:
    train = fake_faults.healthy(tmp_path)
    small = cv2.resize(fake_faults.picture(3), (328, 118), interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    copy = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    train.append(fake_faults.add_frame(tmp_path, "original", [], fake_faults.picture(3)))
    val = [*fake_faults.healthy(tmp_path, "val"), fake_faults.add_frame(tmp_path, "copy", [], copy)]
    (tmp_path / "a.txt").write_text("".join(train))
    (tmp_path / "b.txt").write_text("".join(val))
    tally = checked("culane", tmp_path, lists=("a.txt", "b.txt")).tally
    (finding,) = tally.of("shared_frame")
    assert finding.file == str(tmp_path / "driver_1/copy.png")
    assert "driver_1/original.png" in finding.message


def test_pictures_of_many_sizes_are_a_note(tmp_path: Path) -> None:
    lines = [
        fake_faults.add_frame(tmp_path, f"frame{index}", "", fake_faults.picture(index, (300 + 20 * index, 200)))
        for index in range(4)
    ]
    (tmp_path / "all.txt").write_text("".join(lines))
    health = checked("culane", tmp_path, lists=("all.txt",))
    assert dict(health.tally.counts) == {"mixed_sizes": 1}
    assert health.tally.faults == 0


def test_many_findings_are_counted_though_few_are_kept(tmp_path: Path) -> None:
    lines = [f"/driver_1/{index}.png\n" for index in range(1200)]
    (tmp_path / "all.txt").write_text("".join(lines))
    health = checked("culane", tmp_path, lists=("all.txt",))
    assert health.tally.counts["missing_image"] == 1200
    entry = health.entry()
    assert (len(entry["findings"]), entry["findings_left_out"], entry["faults"]) == (1000, 200, 1200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    lanes=st.one_of(st.binary(max_size=200), st.text("0123456789.-+e naif\n", max_size=200).map(str.encode)),
    picture=st.one_of(st.none(), st.binary(max_size=60)),
)
def test_whatever_stands_in_the_files_of_a_frame_gives_findings_and_no_crash(
    tmp_path: Path, lanes: bytes, picture: bytes | None
) -> None:
    shutil.rmtree(tmp_path / "driver_1", ignore_errors=True)
    lines = [fake_faults.add_frame(tmp_path, f"frame{index}", "") for index in range(2)]
    (tmp_path / "driver_1/frame0.lines.txt").write_bytes(lanes)
    if picture is not None:
        (tmp_path / "driver_1/frame0.png").write_bytes(picture)
    (tmp_path / "all.txt").write_text("".join(lines))
    health = checked("culane", tmp_path, lists=("all.txt",))
    assert health.frames == {"all.txt": 2}
    assert (health.tally.counts["unreadable_image"] == 1) == (picture is not None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    line=st.fixed_dictionaries(
        {"raw_file": st.sampled_from(["a.png", "../a.png", "/etc/passwd", "", "gone.png"]) | st.integers()},
        optional={
            "lanes": st.lists(st.lists(st.floats() | st.none(), max_size=4), max_size=3) | st.text(max_size=3),
            "h_samples": st.lists(st.floats() | st.integers(-5, 300), max_size=4),
        },
    )
)
def test_whatever_stands_in_a_label_file_gives_findings_and_no_crash(tmp_path: Path, line: object) -> None:
    write_image(tmp_path / "a.png", fake_faults.picture(0))
    (tmp_path / "label.json").write_text(json.dumps(line) + "\n")
    health = checked("tusimple", tmp_path, lists=("label.json",))
    assert health.frames in ({}, {"label.json": 1})
    assert health.frames or health.tally.counts["unusable_labels"]
