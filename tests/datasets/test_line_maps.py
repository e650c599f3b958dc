from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.datasets.line_maps import LineMapFrames
from lanelight.datasets.line_tracer import LineTracer
from lanelight.errors import FormatError
from lanelight.geometry import Viewport

SIZE, FRAME = (640, 360), (1280, 720)
MEETING = (320.0, 150.0)
BOTTOM = 340


def _x(bottom_x: float, rows: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(MEETING[0] + (bottom_x - MEETING[0]) * (rows - MEETING[1]) / (BOTTOM - MEETING[1]))


def _maps(*bottoms: float, dashed: bool = False, road: tuple[float, float] = (-900, 1500)) -> NDArray[np.uint8]:
    """Return BGR maps as the files have them: red lane lines to the given x at the bottom, green road between two."""
    maps = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for y in range(160, BOTTOM):
        left, right = (int(np.clip(_x(edge, np.float64(y)), 0, 640)) for edge in road)
        maps[y, left:right, 1] = 255
    for bottom in bottoms:
        for y in range(170, BOTTOM):
            x = round(float(_x(bottom, np.float64(y))))
            if not (dashed and (y // 14) % 3 == 0) and 2 <= x < 637:
                maps[y, x - 2 : x + 3, 2] = 255
    return maps


def _trace(maps: NDArray[np.uint8]) -> dict[int | None, NDArray[np.float64]] | None:
    scene = LineTracer()(maps[..., 2], maps[..., 1], FRAME)
    return None if scene is None else {lane.slot: lane.points for lane in scene.lanes}


@pytest.mark.parametrize("dashed", [False, True])
def test_the_ego_pair_and_its_neighbours_get_their_slots(dashed: bool) -> None:
    lanes = _trace(_maps(-160, 160, 480, 800, dashed=dashed))
    assert lanes is not None
    assert sorted(lanes, key=str) == [0, 1, 2, 3]
    view = Viewport(FRAME, (0, 0, *FRAME), SIZE)
    for slot, bottom in enumerate((-160, 160, 480, 800)):
        points = view.to_target(lanes[slot])
        assert np.abs(points[:, 0] - _x(bottom, points[:, 1])).max() < 1.5


def test_a_line_that_is_no_neighbour_lane_teaches_nothing_where_it_lies() -> None:
    maps = _maps(160, 480, 560)  # a third line a quarter of a lane beside the ego lane
    scene = LineTracer()(maps[..., 2], maps[..., 1], FRAME)
    assert scene is not None
    assert [lane.slot for lane in scene.lanes] == [1, 2]
    assert scene.classes is not None
    spot = (
        Viewport(FRAME, (0, 0, *FRAME), SIZE).to_source(np.array([_x(560, np.array(300.0)), 300.0])).round().astype(int)
    )
    assert scene.classes[spot[1], spot[0]] == 255
    inside = Viewport(FRAME, (0, 0, *FRAME), SIZE).to_source(np.array([320.0, 300.0])).round().astype(int)
    assert scene.classes[inside[1], inside[0]] == 0  # the ego lane itself is known to be free of lines


def test_the_foot_of_a_barrier_is_no_neighbour_lane() -> None:
    lanes = _trace(_maps(-120, 160, 480, road=(150, 1500)))  # nothing drivable between it and the ego lane
    assert lanes is not None
    assert sorted(lanes, key=str) == [1, 2]


def test_a_frame_without_a_certain_ego_pair_is_left_out() -> None:
    assert _trace(_maps(160)) is None
    assert _trace(_maps()) is None


def _write(folder: Path, name: str, image: NDArray[np.uint8]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / name), image)


def test_stills_keep_a_frame_without_lanes_only_where_a_road_mask_says_something(tmp_path: Path) -> None:
    frame = np.full((640, 640, 3), (30, 90, 200), np.uint8)  # written as BGR: reddish
    mask = np.zeros((640, 640), np.uint8)
    mask[320:] = 255
    for name, maps in (("a", _maps(160, 480)), ("b", _maps())):
        _write(tmp_path / "images", f"{name}.jpg", frame)
        _write(tmp_path / "maps", f"{name}.png", maps)
        _write(tmp_path / "masks", f"{name}.png", mask)
    bare = LineMapFrames.stills(tmp_path / "images", tmp_path / "maps")
    assert [bare[i][0] for i in range(len(bare))] == ["a.jpg"]
    masked = LineMapFrames.stills(tmp_path / "images", tmp_path / "maps", masks=tmp_path / "masks", aspect=16 / 9)
    assert len(masked) == 2
    _, picture, scene = masked[1]
    assert picture.shape == (360, 640, 3)
    assert np.abs(picture.astype(int) - (200, 90, 30)).max() <= 4
    assert scene.lanes == ()
    assert scene.classes is not None
    assert (scene.classes[:150] == 0).all()  # off the road: certainly no lane
    assert (scene.classes[220:] == 255).all()  # on the road: nobody knows


def test_folders_without_maps_are_an_error(tmp_path: Path) -> None:
    _write(tmp_path / "images", "a.jpg", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "maps").mkdir()
    with pytest.raises(FormatError, match="found none"):
        LineMapFrames.stills(tmp_path / "images", tmp_path / "maps")
    with pytest.raises(FormatError, match="found none"):
        LineMapFrames.clips(tmp_path / "images", tmp_path / "maps")


def test_real_clips_give_an_ego_pair_on_most_frames(shared: Path) -> None:
    data = shared / "data"
    if not (data / "twinlitenet_outputs").is_dir():
        pytest.skip("needs the clips and maps in LANELIGHT_SHARED/data")
    frames = LineMapFrames.clips(data / "udacity_clips", data / "twinlitenet_outputs" / "udacity_clips")
    assert len(frames) > 280
    widths = []
    for i in range(0, len(frames), 12):
        _, frame, scene = frames[i]
        assert frame.shape == (720, 1280, 3)
        assert frame[:60, ..., 2].mean() > frame[:60, ..., 0].mean()  # the sky is blue: channels are R, G, B
        left, right = scene.in_slot(1), scene.in_slot(2)
        assert left is not None
        assert right is not None
        widths.append(float((right.x_at(600) - left.x_at(600))[0]))
    assert np.std(widths) < 0.1 * np.mean(widths)  # one road, one lane width
