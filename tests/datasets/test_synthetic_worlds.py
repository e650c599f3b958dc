from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.datasets.synthetic import WORLDS, Ego, RoadConfig, SyntheticRoads, drive
from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.road import BEHIND_M, Line, Road
from lanelight.datasets.synthetic.world import camera_at, draw_world, paint
from lanelight.errors import LanelightError

Points = NDArray[np.float64]
every_world = pytest.mark.parametrize("world", sorted(WORLDS))


@every_world
def test_labels_lie_on_the_lines_as_an_independent_camera_sees_them(world: str) -> None:
    plain = replace(WORLDS[world], photometric=False, traffic=(0, 0))
    config = replace(plain, size=(1280, 720), supersample=0.5, bend_share=0.7)
    checked, bent = 0, 0
    for seed in range(8):
        drawn = draw_world(config, np.random.default_rng([seed, 5]))
        camera = camera_at(drawn, BEHIND_M)
        scene = paint(drawn, camera, BEHIND_M)[1]
        curves = [projected(line, drawn.road, camera) for line in drawn.road.lines]
        for lane in scene.lanes:
            middles = (lane.points[1:] + lane.points[:-1]) / 2
            on_curve = [
                max(away(lane.points, curve).max(), away(middles, curve).max()) for curve in curves if len(curve) > 1
            ]
            assert min(on_curve) < 0.5, (seed, lane.slot, on_curve)
            checked += 1
            bent += camera.bend != 0
    assert checked > 6
    assert bent > 1


@every_world
def test_a_world_gives_the_same_pixels_again_and_others_for_another_seed(world: str) -> None:
    config = replace(WORLDS[world], size=(192, 108))
    first, again = SyntheticRoads(config, seed=1, length=4), SyntheticRoads(config, seed=1, length=2)
    for i in (0, 1):
        np.testing.assert_array_equal(first[i][1], again[i][1])
    assert not np.array_equal(first[0][1], first[1][1])
    assert not np.array_equal(first[0][1], SyntheticRoads(config, seed=2, length=1)[0][1])


def test_tables_that_are_drawn_for_garbage_in_memory_change_nothing() -> None:
    config = replace(WORLDS["night"], size=(320, 180), photometric=False)
    world = draw_world(config, np.random.default_rng(4))
    camera = camera_at(world, BEHIND_M)
    first = paint(world, camera, BEHIND_M)[0]
    for size in (10_000, 300_000):
        junk = [np.full(size, np.nan, kind) for kind in (np.float32, np.float64) for _ in range(4)]
        del junk
        np.testing.assert_array_equal(first, paint(world, camera, BEHIND_M)[0])


def test_paint_that_is_gone_is_labelled_all_the_same() -> None:
    config = replace(WORLDS["highway"], size=(320, 180), photometric=False, traffic=(0, 0), gap_share=0.0, wear=0.0)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        world = draw_world(config, rng)
        camera = camera_at(world, BEHIND_M)
        frame, scene, _ = paint(world, camera, BEHIND_M)
        stripes = world.ground.stripes.copy()
        stripes[:, 14:] = (0.0, 1e9)
        bare_frame, bare, _ = paint(replace(world, ground=world.ground._replace(stripes=stripes)), camera, BEHIND_M)
        assert [lane.slot for lane in scene.lanes] == [lane.slot for lane in bare.lanes]
        for a, b in zip(scene.lanes, bare.lanes, strict=True):
            np.testing.assert_array_equal(a.points, b.points)
        assert not np.array_equal(frame, bare_frame)


def test_a_tunnel_hides_the_sky_and_a_wet_road_mirrors_it() -> None:
    plain = replace(WORLDS["highway"], size=(320, 180), photometric=False, sunny_share=0.0)
    tunnel = draw_world(replace(plain, tunnel_share=1.0), np.random.default_rng(1))
    assert tunnel.road.kind == "tunnel"
    wet = draw_world(replace(plain, wet_share=1.0, rain_share=0.0), np.random.default_rng(3))
    camera = camera_at(wet, BEHIND_M)
    dry = replace(wet, light=replace(wet.light, wet=0.0))
    shown, same, _ = paint(wet, camera, BEHIND_M, gain=1.0)
    flat, scene, _ = paint(dry, camera, BEHIND_M, gain=1.0)
    far = int(camera.project(wet.road.at(np.array(BEHIND_M + 60.0), np.array(0.0)))[0][1])
    assert scene.classes is not None
    road = scene.classes[far] > 0
    assert shown[far][road].mean() > flat[far][road].mean() + 4  # the sky lies on it
    for a, b in zip(same.lanes, scene.lanes, strict=True):
        np.testing.assert_array_equal(a.points, b.points)


def test_a_drive_tells_where_the_car_is() -> None:
    config = replace(WORLDS["rural"], size=(160, 90), photometric=False, traffic=(0, 0))
    frames = list(drive(config, seed=3, frames=6, fps=5.0))
    steps = np.diff([frame.ego.distance_m for frame in frames])
    np.testing.assert_allclose(steps, config.speed_m_s / 5.0)
    assert [frame.time_s for frame in frames] == pytest.approx([k / 5.0 for k in range(6)])
    for frame in frames:
        left, right = frame.scene.in_slot(1), frame.scene.in_slot(2)
        assert abs(frame.ego.offset_m) < frame.ego.lane_width_m / 2 + 0.3
        assert abs(frame.ego.heading_rad) < 0.2
        assert abs(frame.ego.curvature_per_m) <= config.rural_curvature_per_m * 1.1
        assert left is None or right is None or left.points[0, 0] < right.points[0, 0]


def test_offset_heading_and_curvature_are_positive_to_the_right() -> None:
    ego = truth(lateral_m=0.4)
    assert ego.offset_m == pytest.approx(truth().offset_m + 0.4)
    assert truth(yaw=0.03).heading_rad == pytest.approx(truth().heading_rad + 0.03)
    level = replace(WORLDS["highway"], size=(160, 90), photometric=False, traffic=(0, 0))
    signs = set()
    for seed in range(12):
        first, *_, last = drive(level, seed=seed, frames=3, fps=1.0)
        world = draw_world(level, np.random.default_rng([seed, 0x0D51]), 3 * level.speed_m_s)
        ahead = world.road.at(np.array([0.0, 30.0, 60.0]) + BEHIND_M, np.zeros(3))[:, :2]
        (ax, ay), (bx, by) = ahead[1] - ahead[0], ahead[2] - ahead[1]
        turn_right = -(ax * by - ay * bx)  # seen from above, x to the right and y up
        mean = (first.ego.curvature_per_m + last.ego.curvature_per_m) / 2
        if abs(first.ego.curvature_per_m) > 5e-4 and first.ego.curvature_per_m * last.ego.curvature_per_m > 0:
            assert np.sign(mean) == np.sign(turn_right)
            signs.add(float(np.sign(mean)))
    assert signs


def test_the_labels_of_a_drive_move_smoothly_in_every_world() -> None:
    for config in WORLDS.values():
        small = replace(config, size=(192, 108), steep_share=0.0, exit_share=0.0, traffic=(0, 4))
        for a, b in pairwise(drive(small, seed=9, frames=5)):
            for lane in a.scene.lanes:
                other = b.scene.in_slot(lane.slot) if lane.slot is not None else None
                if other is not None:
                    rows = np.arange(60.0, 100.0, 5.0)
                    moves = np.abs(lane.x_at(rows) - other.x_at(rows))
                    assert not (moves[np.isfinite(moves)] > 8).any()


def test_wrong_drives_are_refused() -> None:
    with pytest.raises(LanelightError, match="fps"):
        drive(RoadConfig(), seed=0, frames=3, fps=0.0)
    with pytest.raises(LanelightError, match="seed"):
        drive(RoadConfig(), seed=-1, frames=3)


def truth(lateral_m: float = 0.0, yaw: float = 0.0) -> Ego:
    """Return what a drive measures in its first frame when the camera is mounted otherwise."""
    from lanelight.datasets.synthetic.drive import _measured

    config = replace(WORLDS["highway"], size=(160, 90))
    world = draw_world(config, np.random.default_rng(7))
    mount = replace(world.mount, lateral_m=world.mount.lateral_m + lateral_m, yaw=world.mount.yaw + yaw)
    return _measured(world, camera_at(world, BEHIND_M, sway=mount), BEHIND_M)


def projected(line: Line, road: Road, camera: Camera) -> Points:
    """Return a line of a road in px, of a double one its nearer stripe, by the textbook: turn, divide, bend, scale."""
    s = BEHIND_M + np.concatenate([np.arange(-4, 6, 0.01), np.arange(6, 30, 0.1), np.arange(30, 400, 0.5)])
    grid = np.arange(len(road.path))
    x, y, heading, _, z = (np.interp(s, grid, road.path[:, k]) for k in range(5))
    d = np.interp(s, grid, line.offset)
    beside = road.lateral_of(camera.position, BEHIND_M) - line.offset[int(BEHIND_M)]
    d = d + np.sign(beside) * line.spread_m
    east, north, up = x + d * np.sin(heading), y - d * np.cos(heading), z
    east, north, up = east - camera.position[0], north - camera.position[1], up - camera.position[2]
    ahead = east * np.cos(camera.heading) + north * np.sin(camera.heading)
    right = east * np.sin(camera.heading) - north * np.cos(camera.heading)
    depth = ahead * np.cos(camera.pitch) - up * np.sin(camera.pitch)
    down = -up * np.cos(camera.pitch) - ahead * np.sin(camera.pitch)
    across = right * np.cos(camera.roll) + down * np.sin(camera.roll)
    down = down * np.cos(camera.roll) - right * np.sin(camera.roll)
    before = depth > 0.25
    u, v = across[before] / depth[before], down[before] / depth[before]
    one_way = -3.0 * camera.bend * (u**2 + v**2) < 0.95  # farther out a lens that bends inwards turns back
    u, v = u[one_way], v[one_way]
    bend = 1.0 + camera.bend * (u**2 + v**2)
    focal = camera.focal_px
    return np.stack([u * bend * focal * camera.stretch + camera.centre[0], v * bend * focal + camera.centre[1]], axis=1)


def away(points: Points, curve: Points) -> Points:
    """Return the distance of points from a polyline, px."""
    a, b = curve[:-1], curve[1:]
    step = b - a
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    found = []
    for point in points:
        share = np.clip(((point - a) * step).sum(axis=1) / length, 0, 1)
        found.append(np.sqrt((((a + share[:, None] * step) - point) ** 2).sum(axis=1).min()))
    return np.array(found)
