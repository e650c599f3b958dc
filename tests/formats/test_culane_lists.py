from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError
from lanelight.formats import culane
from lanelight.formats.culane_lists import Listed, list_line, read_list, slot_flags, slotted
from lanelight.geometry import Lane, Scene


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_both_forms_of_the_benchmarks_lists_are_read(tmp_path: Path) -> None:
    text = "/d/00000.jpg /laneseg_label_w16/d/00000.png 0 1 1 0\n\n/d/00030.jpg \nd/00060.jpg 1 0 0 0\n"
    listed = read_list(write(tmp_path / "list.txt", text))
    assert [one.image for one in listed] == ["d/00000.jpg", "d/00030.jpg", "d/00060.jpg"]
    assert [one.mask for one in listed] == ["laneseg_label_w16/d/00000.png", None, None]
    assert [one.exists for one in listed] == [(False, True, True, False), (), (True, False, False, False)]
    assert listed[1].where == f"{tmp_path / 'list.txt'} line 3"


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.sampled_from(["a.jpg", "my drive/a b.jpg", "x 1 1.png"]))
def test_lines_come_back(tmp_path_factory: pytest.TempPathFactory, flags: list[bool], name: str) -> None:
    path = tmp_path_factory.getbasetemp() / "list.txt"
    plain, flagged = read_list(write(path, list_line(name) + list_line(name, flags)))
    if " " not in name:
        assert plain == Listed(name, None, (), f"{path} line 1")
        assert flagged.mask == f"laneseg_label_w16/{name[:-4]}.png"
    assert plain.image == name
    assert flagged.exists == tuple(flags)


@pytest.mark.parametrize("text", ["", "\n \n", "/../a.jpg\n", "/a.jpg /../b.png 1 1 1 1\n", "/\n"])
def test_empty_lists_and_names_out_of_the_root_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"list\.txt.*: expected"):
        read_list(write(tmp_path / "list.txt", text))


def test_slots_and_flags_are_each_others_reverse() -> None:
    bare = [Lane(np.array([[x, 500.0], [x, 300.0]])) for x in (1.0, 2.0)]
    for flags in ((True, False, False, True), (False, True, True, False)):
        assert slot_flags(Scene((1640, 590), slotted(bare, flags))) == flags
    assert slotted(bare, (True, True, True, False)) == tuple(bare)
    assert slot_flags(Scene((1640, 590), bare)) is None
    assert slot_flags(Scene((1640, 590))) == (False,) * 4
    for slots in ((2, 1), (1, 1), (3, 4)):
        lanes = [Lane(lane.points, slot=slot) for lane, slot in zip(bare, slots, strict=True)]
        assert slot_flags(Scene((1640, 590), lanes)) is None


coordinate = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@given(st.lists(st.lists(st.tuples(coordinate, coordinate), max_size=4), max_size=4))
def test_true_lanes_come_back_to_the_last_bit(lanes: list[list[tuple[float, float]]]) -> None:
    scene = Scene((1640, 590), [Lane(np.array(lane).reshape(-1, 2)) for lane in lanes])
    back = culane.lane_points(culane.label_text(scene).encode())
    assert [points.tolist() for points in back] == [[list(point) for point in lane] for lane in lanes]


def test_missing_coordinates_are_left_out_of_a_true_lane_file() -> None:
    scene = Scene((1640, 590), [Lane(np.array([[1.5, 590.0], [np.nan, 580.0], [np.inf, 570.0], [2.0, 560.0]]))])
    assert culane.label_text(scene) == "1.5 590 2 560\n"


def test_the_real_lane_files_are_written_as_they_were(shared: Path, tmp_path: Path) -> None:
    root = shared / "data/culane_clip"
    files = sorted(root.rglob("*.lines.txt"))
    assert len(files) == 180
    for file in files:
        scene = culane.read_lanes(file)
        culane.write_labels(tmp_path / "a.lines.txt", scene)
        written = (tmp_path / "a.lines.txt").read_text()
        numbers = [[float(word) for word in line.split()] for line in file.read_text().splitlines()]
        assert [[float(word) for word in line.split()] for line in written.splitlines()] == numbers
