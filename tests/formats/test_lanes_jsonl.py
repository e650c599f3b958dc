from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError, OutputError
from lanelight.formats import native
from lanelight.geometry import Lane, Scene

SIZE = (1280, 720)


def open_log(path: Path) -> native.LaneLog:
    return native.LaneLog(path, source="drive.mp4", model="default", size=SIZE, fps=25.0)


def scene(*points: tuple[float, float]) -> Scene:
    return Scene(SIZE, (Lane(np.array(points)),))


coordinate = st.floats(allow_nan=False, allow_infinity=False, width=64)
lanes = st.builds(
    Lane,
    points=st.lists(st.tuples(coordinate, coordinate), max_size=5).map(lambda p: np.array(p).reshape(-1, 2)),
    score=st.floats(0, 1),
    slot=st.none() | st.integers(0, 5),
    track=st.none() | st.integers(0, 10**6),
    attributes=st.dictionaries(st.text(), st.text(), max_size=2),
)


@given(st.lists(lanes, max_size=4), st.floats(0, 1e6))
def test_lanes_come_back_exactly_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[Lane], time_s: float
) -> None:
    path = tmp_path_factory.mktemp("log") / "lanes.jsonl"
    with open_log(path) as log:
        log.write(7, time_s, Scene(SIZE, written))
    header, [record] = native.read(path)
    assert header == native.LogHeader("drive.mp4", "default", SIZE, 25.0)
    assert (record.frame, record.time_s, record.scene.size) == (7, time_s, SIZE)
    for lane, back in zip(written, record.scene.lanes, strict=True):
        assert lane.points.tobytes() == back.points.tobytes()
        assert (lane.score, lane.slot, lane.track) == (back.score, back.slot, back.track)
        assert dict(lane.attributes) == dict(back.attributes)


def test_the_file_is_what_the_contract_shows(tmp_path: Path) -> None:
    with open_log(tmp_path / "lanes.jsonl") as log:
        log.write(0, 0.0, Scene(SIZE, (Lane(np.array([[1.5, 2.0]]), 0.5, slot=1, track=3),)))
    header, line = map(json.loads, (tmp_path / "lanes.jsonl").read_text().splitlines())
    assert header == {
        "format": "lanelight/1", "source": "drive.mp4", "model": "default", "size": [1280, 720], "fps": 25.0
    }  # fmt: skip
    assert line == {
        "frame": 0, "time_s": 0.0, "lanes": [{"points": [[1.5, 2.0]], "score": 0.5, "slot": 1, "track": 3}]
    }  # fmt: skip


def test_a_missing_coordinate_is_null_in_the_file_and_nan_in_memory(tmp_path: Path) -> None:
    with open_log(tmp_path / "lanes.jsonl") as log:
        log.write(0, 0.0, scene((np.nan, 10.0), (4.0, 20.0)))
    assert "NaN" not in (tmp_path / "lanes.jsonl").read_text()
    _, [record] = native.read(tmp_path / "lanes.jsonl")
    np.testing.assert_array_equal(record.scene.lanes[0].points, [[np.nan, 10.0], [4.0, 20.0]])


def test_pictures_of_other_sizes_keep_their_size(tmp_path: Path) -> None:
    with open_log(tmp_path / "lanes.jsonl") as log:
        log.write(0, 0.0, scene((1.0, 2.0)))
        log.write(1, None, Scene((640, 360)), name="b.jpg")
    _, records = native.read(tmp_path / "lanes.jsonl")
    assert [(record.time_s, record.name) for record in records] == [(0.0, None), (None, "b.jpg")]
    assert [record.scene.size for record in records] == [SIZE, (640, 360)]


def test_every_line_is_on_the_disk_before_the_next_frame(tmp_path: Path) -> None:
    with open_log(tmp_path / "lanes.jsonl") as log:
        log.write(0, 0.0, scene((1.0, 2.0)))
        [part] = tmp_path.iterdir()
        assert part.name != "lanes.jsonl"
        assert [json.loads(line)["frame"] for line in part.read_text().splitlines()[1:]] == [0]


def test_an_interruption_keeps_the_frames_written_so_far(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_log(tmp_path / "lanes.jsonl") as log:
            log.write(0, 0.0, scene((1.0, 2.0)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["lanes.jsonl"]
    assert len(native.read(tmp_path / "lanes.jsonl")[1]) == 1


def test_a_failure_before_the_first_frame_leaves_nothing_and_keeps_an_older_file(tmp_path: Path) -> None:
    (tmp_path / "lanes.jsonl").write_text("older\n")
    with pytest.raises(OSError, match="no camera"), open_log(tmp_path / "lanes.jsonl"):
        raise OSError("no camera")
    assert [path.name for path in tmp_path.iterdir()] == ["lanes.jsonl"]
    assert (tmp_path / "lanes.jsonl").read_text() == "older\n"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*missing/lanes\.jsonl"):
        open_log(tmp_path / "missing" / "lanes.jsonl")


def test_an_infinite_coordinate_is_refused(tmp_path: Path) -> None:
    with open_log(tmp_path / "lanes.jsonl") as log:
        log.write(0, 0.0, scene((1.0, 2.0)))
        with pytest.raises(OutputError, match="finite"):
            log.write(1, 0.0, scene((np.inf, 2.0)))
    assert len(native.read(tmp_path / "lanes.jsonl")[1]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is no lanes.jsonl"),
        ('{"frame": 0}\n', "line 1: expected a first line with"),
        ('{"format": "lanelight/2"}\n', "line 1: .*lanelight/2.*upgrade lanelight"),
        ('{"format": "lanelight/1", "size": [1, 2]}\n', "line 1: expected source, model, size"),
        ("no json\n", "line 1: expected one JSON object"),
        ("[1]\n", "line 1: expected one JSON object"),
    ],
)
def test_a_bad_header_says_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "lanes.jsonl").write_text(text)
    with pytest.raises(FormatError, match=message):
        native.read(tmp_path / "lanes.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        '{"frame": 1, "time_s": 0.0, "lanes": [{"points": [[1, 2',
        '{"frame": 1, "time_s": 0.0}',
        '{"frame": 1, "time_s": 0.0, "lanes": [{"points": [[1, 2, 3]]}]}',
        '{"frame": 1, "time_s": 0.0, "lanes": [{"points": [[1, 2], [3]]}]}',
        '{"frame": 1, "time_s": 0.0, "lanes": [{"points": [], "score": 7}]}',
        '{"frame": 1, "time_s": 0.0, "lanes": [[1, 2]]}',
        '{"frame": null, "time_s": 0.0, "lanes": []}',
    ],
)
def test_a_damaged_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "lanes.jsonl"
    with open_log(path) as log:
        log.write(0, 0.0, scene((1.0, 2.0)))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(FormatError, match=r"lanes\.jsonl line 3: expected"):
        native.read(path)


def test_a_file_that_is_no_text_is_a_format_error(tmp_path: Path) -> None:
    (tmp_path / "lanes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="UTF-8"):
        native.read(tmp_path / "lanes.jsonl")
    with pytest.raises(FormatError, match=r"cannot read .*nowhere"):
        native.read(tmp_path / "nowhere.jsonl")
