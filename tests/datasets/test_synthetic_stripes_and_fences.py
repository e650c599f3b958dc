from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lanelight.datasets.synthetic import WORLDS
from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.fences import Fence
from lanelight.datasets.synthetic.labels import FLATTEST_SHARE
from lanelight.datasets.synthetic.road import BEHIND_M, Divider, Line, Road, draw_road
from lanelight.datasets.synthetic.surface import draw_ground
from lanelight.datasets.synthetic.traffic import draw_traffic
from lanelight.datasets.synthetic.world import World, camera_at, draw_world, paint

Points = NDArray[np.float64]
BARE = replace(
    WORLDS["plain"],
    size=(1280, 720),
    photometric=False,
    traffic=(0, 0),
    lanes=(4, 4),
    repair_share=0.0,
    sunny_share=0.0,
    highway_curvature_per_m=0.0,
    grade=0.0,
)
WHITE_FENCE = Fence(0.0, 0.0, 1.0, 3.0, 0.2, (0.12, 0.8), 0.05, (0.7, 0.7, 0.7), (0.0, 1e9))


def test_of_a_double_line_the_stripe_nearer_to_the_vehicle_is_labelled_in_every_slot() -> None:
    slots = set()
    for seed in range(6):
        world = _with_lines(draw_world(BARE, np.random.default_rng(seed)), "double", spread_m=0.3)
        world = replace(world, road=replace(world.road, ego=1 + seed % 2))
        camera = camera_at(world, BEHIND_M)
        frame, scene, _ = paint(world, camera, BEHIND_M)
        beside = world.road.lateral_of(camera.position, BEHIND_M)
        s = BEHIND_M + np.arange(9.0, 16.0)
        for lane in scene.lanes:
            assert lane.attributes["style"] == "double"
            if lane.slot is None:
                continue
            line = world.road.lines[world.road.ego - 1 + lane.slot]
            towards = np.sign(beside - line.offset[0])
            near, middle, far = (_seen(world.road, camera, s, line.offset[0] + k * towards * 0.3) for k in (1, 0, -1))
            inside = (near[:, 0] > 8) & (near[:, 0] < 1272)
            if not inside.any():
                continue
            slots.add(lane.slot)
            np.testing.assert_allclose(lane.x_at(near[inside, 1]), near[inside, 0], atol=0.5)
            assert (
                _light(frame, near[inside]) > _light(frame, middle[inside]) + 20
            )  # there is paint, and a gap beside it
            assert (np.abs(lane.x_at(far[inside, 1]) - far[inside, 0]) > 5).all()
    assert slots == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", ["fence", "wall", "rail", "kerb"])
def test_what_divides_the_directions_hides_no_label_of_the_own_and_ends_those_beyond(kind: str) -> None:
    world = _with_lines(draw_world(BARE, np.random.default_rng(3)), "double", spread_m=0.2)
    world = replace(world, road=replace(world.road, ego=2, oncoming=2))
    divider = Divider(2, kind, float(world.road.lines[2].offset[0]))
    road = replace(world.road, divider=divider)
    ground = draw_ground(BARE, road, np.random.default_rng(9), 0.0)
    fences = [replace(WHITE_FENCE, d=divider.d)] if kind == "fence" else []
    camera = camera_at(world, BEHIND_M)
    frame, scene, _ = paint(world, camera, BEHIND_M)
    other, divided, _ = paint(replace(world, road=road, ground=ground, fences=fences), camera, BEHIND_M)
    before, after = ({lane.slot: lane.points for lane in one.lanes} for one in (scene, divided))
    assert set(before) >= {0, 1, 2, 3}
    assert 0 not in after
    for slot in (1, 2, 3):
        np.testing.assert_array_equal(before[slot], after[slot])
    if kind != "kerb":
        foot = _seen(road, camera, np.array([BEHIND_M + 12.0]), divider.d, 0.55)[0]
        area = (slice(int(foot[1]) - 6, int(foot[1]) + 6), slice(int(foot[0]) - 20, int(foot[0]) - 1))
        assert np.abs(frame[area].astype(int) - other[area]).max() > 12


def test_a_vehicle_beyond_a_fence_does_not_cover_it() -> None:
    config = replace(BARE, traffic=(16, 16), close_share=1.0)
    world = draw_world(config, np.random.default_rng(5))
    left = float(world.road.lines[0].offset[0])
    vehicle = replace(world.traffic[0], s=BEHIND_M + 9.0, d=left - 1.8, size=(4.5, 1.8, 1.5), paint=(0.02, 0.02, 0.02))
    world = replace(world, traffic=[vehicle], road=replace(world.road, ego=0))
    fence = replace(WHITE_FENCE, d=left - 0.3)
    camera = camera_at(world, BEHIND_M)
    with_car = paint(replace(world, fences=[fence]), camera, BEHIND_M, gain=0.5)[0]
    alone = paint(world, camera, BEHIND_M, gain=0.5)[0]
    bar = _seen(world.road, camera, np.linspace(BEHIND_M + 9.2, BEHIND_M + 12.0, 15), fence.d, 0.8)
    assert _light(with_car, bar) > _light(alone, bar) + 30


def test_lines_end_where_a_lane_is_seen_edge_on() -> None:
    world = _with_lines(draw_world(BARE, np.random.default_rng(2)), "solid")
    s = np.arange(len(world.road.path)) - BEHIND_M
    path = np.zeros_like(world.road.path)
    bend = np.where(s > 20, 1 / 70, 0.0)
    heading = np.concatenate([[0.0], np.cumsum(bend[:-1])])
    path[:, 0] = np.concatenate([[0.0], np.cumsum(np.cos(heading[:-1]))]) - BEHIND_M
    path[:, 1] = np.concatenate([[0.0], np.cumsum(np.sin(heading[:-1]))])
    path[:, 2], path[:, 3] = heading, bend
    curved = replace(world, road=replace(world.road, path=path))
    camera = camera_at(curved, BEHIND_M)
    lanes = {lane.slot: lane.points for lane in paint(curved, camera, BEHIND_M)[1].lanes}
    along = BEHIND_M + np.arange(1.0, 110.0, 0.5)
    full = [_seen(curved.road, camera, along, float(line.offset[0])) for line in curved.road.lines]
    least = FLATTEST_SHARE * 1280
    ego = curved.road.ego
    for slot in (1, 2):
        beside = full[ego + 2 - slot]  # the other line of the ego lane
        assert min(_away(lanes[slot][k], beside) for k in (-1, -2)) > 0.5 * least
        assert min(_away(point, beside) for point in full[ego - 1 + slot][60:]) < 0.4 * least  # it goes on as an arm


def test_vehicles_stand_clear_of_each_other_and_often_close() -> None:
    config = replace(WORLDS["highway"], close_share=1.0, traffic=(4, 8))
    close = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        road = draw_road(config, rng)
        own = [v for v in draw_traffic(config, road, rng, lamps=0.0) if v.d > road.left.min()]
        for k, a in enumerate(own):
            for b in own[:k]:
                apart = a.s > b.s + b.size[0] or b.s > a.s + a.size[0] or abs(a.d - b.d) > 2.2
                assert apart, seed
        close += any(v.s < BEHIND_M + 16 for v in own)
    assert close > 25


def _with_lines(world: World, style: str, spread_m: float = 0.0) -> World:
    """Return the world with four lanes of fresh white lines on dark asphalt."""
    lines = tuple(Line(line.offset, style, "white", 0.15, wear=0.0, spread_m=spread_m) for line in world.road.lines)
    left, right = lines[0].offset - 1.0, lines[-1].offset + 1.0
    road = replace(world.road, lines=lines, left=left, right=right)
    ground = draw_ground(BARE, road, np.random.default_rng(1), 0.0)
    pavements = ground.pavements.copy()
    pavements[:] = [0.08, 0.08, 0.08, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0]
    stripes = ground.stripes.copy()
    painted = stripes[:, 0] == 0.15
    stripes[painted, 1:4] = 0.0  # no dashes
    stripes[~painted, 9] = 0.0
    return replace(world, road=road, ground=ground._replace(pavements=pavements, stripes=stripes), fences=[])


def _seen(road: Road, camera: Camera, s: Points, d: float, h: float = 0.0) -> Points:
    """Return where a camera sees places of the road, (N, 2) px."""
    return camera.project(road.at(s, np.full(len(s), d), h))[0]


def _light(frame: NDArray[np.uint8], at: Points) -> float:
    """Return the median brightness at places, px."""
    x, y = np.round(at).astype(int).T
    return float(np.median(frame[y, x].mean(axis=1)))


def _away(point: Points, curve: Points) -> float:
    """Return the distance of a point from a polyline, px."""
    a, step = curve[:-1], curve[1:] - curve[:-1]
    share = np.clip(((point - a) * step).sum(axis=1) / np.maximum((step**2).sum(axis=1), 1e-12), 0, 1)
    return float(np.sqrt(((a + share[:, None] * step - point) ** 2).sum(axis=1).min()))
