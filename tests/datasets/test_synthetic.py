from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lanelight.datasets.synthetic import EGO_LANE, NOT_ROAD, OTHER_LANE, RoadConfig, SyntheticRoads, render_drive
from lanelight.datasets.synthetic.light import DARK, NO_ROWS, Light
from lanelight.datasets.synthetic.road import BEHIND_M, Line, draw_road
from lanelight.datasets.synthetic.world import World, camera_at, draw_world, paint
from lanelight.errors import LanelightError
from lanelight.geometry import Scene

SMALL = RoadConfig(size=(256, 112))
BARE = RoadConfig(
    photometric=False,
    traffic=(0, 0),
    ego_leader_share=0.0,
    sunny_share=0.0,
    night_share=0.0,
    stretch_share=1.0,
    bend_share=0.5,
    divider_share=0.0,
    fence_share=0.0,
)


def test_an_item_depends_on_seed_and_index_alone() -> None:
    first, second = SyntheticRoads(SMALL, seed=3, length=9), SyntheticRoads(SMALL, seed=3, length=7)
    key, frame, scene = first[5]
    second[6]
    again_key, again, again_scene = second[5]
    assert key == again_key
    np.testing.assert_array_equal(frame, again)
    assert len(scene.lanes) == len(again_scene.lanes)
    for a, b in zip(scene.lanes, again_scene.lanes, strict=True):
        np.testing.assert_array_equal(a.points, b.points)
    other = SyntheticRoads(SMALL, seed=4, length=9)[5][1]
    assert not np.array_equal(frame, other)


def test_frames_and_scenes_have_the_asked_size() -> None:
    _, frame, scene = SyntheticRoads(SMALL, seed=0, length=1)[0]
    assert frame.shape == (112, 256, 3)
    assert frame.dtype == np.uint8
    assert scene.size == (256, 112)
    assert scene.classes is not None
    assert scene.classes.shape == (112, 256)
    assert set(np.unique(scene.classes)) <= {NOT_ROAD, EGO_LANE, OTHER_LANE}


def test_lanes_run_outwards_inside_the_frame_and_slots_rise_to_the_right() -> None:
    roads = SyntheticRoads(SMALL, seed=8, length=25)
    seen = 0
    for index in range(len(roads)):
        scene = roads[index][2]
        slots = [lane.slot for lane in scene.lanes if lane.slot is not None]
        assert slots == sorted(set(slots))
        for lane in scene.lanes:
            assert (lane.points >= -0.5 - 1e-9).all()
            assert (lane.points <= np.array(scene.size) - 0.5 + 1e-9).all()
            assert lane.points[0, 1] > lane.points[-1, 1]
            assert lane.attributes["style"] in {"solid", "dashed", "double", "botts"}
            assert lane.attributes["color"] in {"white", "yellow"}
            seen += 1
    assert seen > 25


def test_the_ego_pair_straddles_the_camera() -> None:
    config = replace(SMALL, lane_change_share=0.0, steep_share=0.0, yaw_deg=0.0, roll_deg=0.0)
    roads = SyntheticRoads(config, seed=2, length=25)
    pairs = 0
    for index in range(len(roads)):
        scene = roads[index][2]
        left, right = scene.in_slot(1), scene.in_slot(2)
        if left is None or right is None:
            continue
        pairs += 1
        # where the lines leave the frame, the middle column lies between them
        assert left.points[0, 0] < config.size[0] / 2 < right.points[0, 0]
    assert pairs > 8


def test_a_solid_line_lies_on_its_paint_on_hills_curves_and_with_roll() -> None:
    config = replace(BARE, supersample=1.0, roll_deg=6.0, steep_share=0.0, worn_out_share=0.0, wear=0.0)
    checked = 0
    for seed in range(16):
        world = _repainted(draw_world(config, np.random.default_rng(seed)))
        camera = camera_at(world, BEHIND_M)
        frame, scene, _ = paint(world, camera, BEHIND_M)
        light = frame.astype(float).mean(axis=2)
        for lane in scene.lanes:
            rows = np.arange(int(0.55 * frame.shape[0]), frame.shape[0] - 2)
            middle = np.array([_paint_middle(light[row], x) for row, x in zip(rows, lane.x_at(rows), strict=True)])
            lean = np.abs(lane.x_at(rows + 0.5) - lane.x_at(rows - 0.5))  # px sideways per row
            errors = (middle - lane.x_at(rows)) / np.hypot(1, lean)
            errors = errors[np.isfinite(errors)]
            if len(errors) > 10:
                checked += 1
                assert np.median(np.abs(errors)) < 0.4, (seed, lane.slot)
                assert np.quantile(np.abs(errors), 0.9) < 1.0, (seed, lane.slot)
    assert checked > 25


def test_a_lane_ends_where_a_crest_hides_the_road() -> None:
    world = _repainted(draw_world(replace(BARE, steep_share=0.0, horizon=(0.3, 0.3)), np.random.default_rng(1)))
    s = np.arange(len(world.road.path)) - BEHIND_M
    path = np.zeros_like(world.road.path)
    path[:, 0] = s
    path[:, 4] = -0.002 * np.clip(s - 25, 0, 120) ** 2  # level for 25 m, then ever steeper down
    hill, level = replace(world.road, path=path), replace(world.road, path=path * (1, 1, 1, 1, 0))
    tops = []
    for road in (hill, level):
        here = replace(world, road=road)
        scene = paint(here, camera_at(here, BEHIND_M), BEHIND_M)[1]
        tops.append(min(float(lane.points[:, 1].min()) for lane in scene.lanes if lane.slot in (1, 2)))
    assert tops[0] > tops[1] + 4


def test_a_road_without_paint_gives_an_empty_scene() -> None:
    config = replace(SMALL, highway_share=0.0, unpainted_share=1.0)
    scene = SyntheticRoads(config, seed=0, length=1)[0][2]
    assert len(scene.lanes) == 0
    assert scene.classes is not None
    assert (scene.classes == EGO_LANE).any()


def test_lanes_go_on_behind_other_vehicles() -> None:
    config = replace(SMALL, photometric=False)
    rng = np.random.default_rng(11)
    world = draw_world(replace(config, traffic=(16, 16)), rng)
    camera = camera_at(world, BEHIND_M)
    with_cars = paint(world, camera, BEHIND_M)
    without = paint(replace(world, traffic=[]), camera, BEHIND_M)
    assert not np.array_equal(with_cars[0], without[0])
    for a, b in zip(with_cars[1].lanes, without[1].lanes, strict=True):
        np.testing.assert_array_equal(a.points, b.points)


def test_a_drive_is_continuous_and_repeatable() -> None:
    config = replace(SMALL, steep_share=0.0, exit_share=0.0)
    frames = list(render_drive(config, seed=5, frames=8, fps=25))
    again = next(iter(render_drive(config, seed=5, frames=8, fps=25)))
    np.testing.assert_array_equal(frames[0][0], again[0])
    moves = [_move(a[1], b[1]) for a, b in pairwise(frames)]
    assert all(move < 4 for move in moves if np.isfinite(move))
    assert np.isfinite(moves).any()
    assert not np.array_equal(frames[0][0], frames[1][0])


def test_the_label_of_the_ego_lane_lies_between_its_lines() -> None:
    config = replace(SMALL, photometric=False, traffic=(0, 0), ego_leader_share=0.0, steep_share=0.0)
    checked = 0
    for index in range(20):
        scene = SyntheticRoads(config, seed=6, length=20)[index][2]
        left, right = scene.in_slot(1), scene.in_slot(2)
        if left is None or right is None or scene.classes is None:
            continue
        for row in (70, 80, 95):
            a, b = float(left.x_at([row])[0]), float(right.x_at([row])[0])
            if np.isfinite([a, b]).all() and b - a > 12:
                checked += 1
                inside = scene.classes[row, int(a) + 4 : int(b) - 3]
                assert (inside == EGO_LANE).mean() > 0.9
    assert checked > 8


def test_wrong_arguments_are_refused_with_the_reason() -> None:
    with pytest.raises(LanelightError, match="seed"):
        SyntheticRoads(SMALL, seed=-1, length=3)
    with pytest.raises(IndexError):
        SyntheticRoads(SMALL, seed=0, length=3)[3]
    with pytest.raises(LanelightError, match="hfov_deg"):
        RoadConfig(hfov_deg=(90.0, 45.0))
    with pytest.raises(LanelightError, match="frames"):
        render_drive(SMALL, seed=0, frames=0)


def test_lines_of_a_road_are_in_order_from_left_to_right() -> None:
    for seed in range(30):
        road = draw_road(RoadConfig(), np.random.default_rng(seed))
        offsets = np.stack([line.offset for line in road.lines])
        assert (np.diff(offsets, axis=0) > -1e-9).all()
        assert (road.left <= offsets[0]).all()
        assert (road.right >= offsets[-1]).all()
        assert road.oncoming <= road.ego < len(road.lines) - 1


def _repainted(world: World) -> World:
    """Return the world with fresh solid white lines on plain dark asphalt under an even sky."""
    lines = tuple(Line(line.offset, "solid", "white", 0.2, wear=0.0) for line in world.road.lines)
    road = replace(world.road, lines=lines)
    ground = world.ground
    pavements = ground.pavements.copy()
    pavements[:] = [0.08, 0.08, 0.08, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0]
    stripes = np.zeros((len(lines), 16))
    stripes[:, [0, 6, 7, 8, 9]] = [0.2, 0.7, 0.7, 0.7, 1.0]
    stripes[:, 11:13] = (-1e9, 1e9)
    everywhere = np.full_like(ground.stripe_bins, (1 << len(lines)) - 1)
    ground = ground._replace(
        pavements=pavements,
        stripe_at=np.stack([line.offset for line in lines]),
        stripes=stripes,
        stripe_bins=everywhere,
        patches=np.empty((0, 7)),
        symbols=np.empty((0, 8)),
        symbol_bins=np.zeros_like(ground.symbol_bins),
    )
    air = np.array([0.5, 0.5, 0.5, 1e6])
    clear = Light(DARK, np.full(3, 0.7), (0.0, 0.0), air, DARK, DARK, NO_ROWS, 0.0, 0.0, NO_ROWS, NO_ROWS)
    return replace(world, road=road, ground=ground, light=clear)


def _paint_middle(row: np.ndarray, x: float) -> float:
    """Return the middle of the bright run of a row nearest to `x`, NaN where nothing near is bright."""
    if not np.isfinite(x):
        return float("nan")
    low, high = int(x) - 30, int(x) + 31
    if low < 0 or high > len(row):
        return float("nan")
    part = row[low:high]
    bright = np.flatnonzero(part > (part.max() + part.min()) / 2) + low
    if part.max() < part.min() + 30:
        return float("nan")
    runs = np.split(bright, np.flatnonzero(np.diff(bright) > 1) + 1)
    run = min(runs, key=lambda part: abs(part.mean() - x))
    if run[0] == low or run[-1] == high - 1:
        return float("nan")
    return float((run[0] + run[-1]) / 2)


def _move(a: Scene, b: Scene) -> float:
    """Return the median move in px along the rows of the lanes that both scenes have."""
    moves = []
    for lane in a.lanes:
        other = b.in_slot(lane.slot) if lane.slot is not None else None
        if other is not None:
            rows = np.arange(a.size[1] * 0.5, a.size[1] - 1, 4)
            moves.append(np.abs(lane.x_at(rows) - other.x_at(rows)))
    every = np.concatenate(moves) if moves else np.empty(0)
    every = every[np.isfinite(every)]
    return float(np.median(every)) if len(every) else float("nan")
