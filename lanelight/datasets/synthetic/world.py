"""One road with all that is on and around it, seen by one camera: drawn at random, then painted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.backdrop import Backdrop, draw_backdrop, paint_sky, paint_things
from lanelight.datasets.synthetic.bodywork import Vehicle
from lanelight.datasets.synthetic.camera import Camera, pitch_for_horizon
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.labels import NOT_ROAD, Land, label
from lanelight.datasets.synthetic.photo import Photo, below_bonnet, develop, draw_photo, exposure_gain
from lanelight.datasets.synthetic.road import BEHIND_M, STEP_M, Road, draw_road
from lanelight.datasets.synthetic.sprites import Canvas
from lanelight.datasets.synthetic.surface import Surface, draw_surface, shadow_bins
from lanelight.datasets.synthetic.textures import ripmaps
from lanelight.datasets.synthetic.traffic import draw_traffic, paint_traffic, shadows_of
from lanelight.geometry import FloatArray, Scene

FAR_M = 850.0


@dataclass(frozen=True)
class Light:
    """The light of a view.

    Attributes:
        sun: (3,) light of the sun on the road; 0 without.
        sky: (3,) light of the sky.
        slant: (along, lateral) length of the shadow of a stick of 1 m, m.
        air: (4,) colour and range (m) of the haze.
        headlights: strength of the own headlights.
        shadows: (R, 6) fixed shadows on the road.
        canopies: (C, 6) shadows of trees.
    """

    sun: FloatArray
    sky: FloatArray
    slant: tuple[float, float]
    air: FloatArray
    headlights: float
    shadows: FloatArray
    canopies: FloatArray


@dataclass(frozen=True)
class Mount:
    """How the camera sits in the car.

    Attributes:
        focal_px: vertical px.
        stretch: horizontal px per vertical px of the same angle.
        bend: distortion by the lens, see `Camera`.
        height_m: above the road.
        pitch: rad, relative to the road.
        roll: rad.
        yaw: rad, relative to the road.
        lateral_m: right of the middle of the lane.
    """

    focal_px: float
    stretch: float
    bend: float
    height_m: float
    pitch: float
    roll: float
    yaw: float
    lateral_m: float


@dataclass(frozen=True)
class World:
    """Everything random about one view or drive."""

    config: RoadConfig
    road: Road
    surface: Surface
    backdrop: Backdrop
    traffic: list[Vehicle]
    light: Light
    mount: Mount
    photo: Photo


def draw_world(config: RoadConfig, rng: np.random.Generator, length_m: float = 0.0) -> World:
    """Draw a world in which a camera can drive `length_m`."""
    road = draw_road(config, rng, length_m)
    night = bool(rng.random() < config.night_share)
    sunny = not night and bool(rng.random() < config.sunny_share)
    backdrop = draw_backdrop(road, rng, sunny=sunny, night=night)
    light = draw_light(config, road, backdrop, rng, sunny=sunny, night=night)
    lamps = 1.0 if night else float(rng.random() < 0.12)
    return World(
        config,
        road,
        draw_surface(road, rng),
        backdrop,
        draw_traffic(config, road, rng, lamps=lamps),
        light,
        draw_mount(config, road, rng),
        draw_photo(rng, sunny=sunny, night=night) if config.photometric else Photo(),
    )


def draw_mount(config: RoadConfig, road: Road, rng: np.random.Generator) -> Mount:
    """Draw the camera's lens and place."""
    width, height = config.size
    stretch = float(rng.uniform(*config.stretch)) if rng.random() < config.stretch_share else 1.0
    focal = width / 2 / stretch / np.tan(np.radians(float(rng.uniform(*config.hfov_deg))) / 2)
    if rng.random() < config.steep_share:
        horizon = float(rng.uniform(*config.steep_horizon))
    else:
        low, high = config.horizon
        horizon = float(np.clip(rng.normal(0.32, 0.13), low, high))
    rim = (width / 2 / stretch / focal) ** 2
    bend = float(rng.uniform(*config.bend)) / rim if rng.random() < config.bend_share else 0.0
    pitch = pitch_for_horizon(horizon * height, config.centre[1], float(focal))
    lateral = float(np.clip(rng.normal(0, config.lateral_share / 2), -1, 1)) * road.lane_width_m
    yaw = float(rng.normal(0, 0.4)) * config.yaw_deg
    if rng.random() < config.lane_change_share:
        lateral = float(rng.uniform(-0.48, 0.48)) * road.lane_width_m
        yaw += float(rng.uniform(-1, 1)) * config.yaw_deg
    roll = float(np.clip(rng.normal(0, 0.35), -1, 1)) * config.roll_deg
    return Mount(
        float(focal),
        stretch,
        bend,
        float(rng.uniform(*config.camera_height_m)),
        pitch,
        np.radians(roll),
        np.radians(yaw),
        lateral,
    )


def draw_light(
    config: RoadConfig, road: Road, backdrop: Backdrop, rng: np.random.Generator, *, sunny: bool, night: bool
) -> Light:
    """Draw sun, sky, haze and what casts shadows on the road."""
    haze = float(np.exp(rng.uniform(np.log(500 if rng.random() < 0.85 else 90), np.log(6000))))
    air = np.array([*(backdrop.horizon * 0.9), haze])
    slant = (float(rng.uniform(-1.5, 1.5)), float(rng.uniform(-1.8, 1.8)))
    none = np.empty((0, 6))
    if night:
        sky = np.array((0.03, 0.035, 0.05)) * float(rng.uniform(0.3, 3.0))
        return Light(np.zeros(3), sky, slant, air, float(rng.uniform(0.1, 0.5)), none, none)
    if not sunny:
        return Light(
            np.zeros(3), np.array((0.62, 0.64, 0.68)) * float(rng.uniform(0.7, 1.1)), slant, air, 0.0, none, none
        )
    warm = float(rng.uniform(0, 1)) ** 2
    sun = np.array((0.80, 0.76 - 0.08 * warm, 0.68 - 0.22 * warm))
    sky = np.array((0.13, 0.16, 0.20)) * float(rng.uniform(0.5, 1.9))
    shadows, canopies = none, none
    if rng.random() < config.shadow_share:
        shadows, canopies = _draw_shadows(road, backdrop, rng)
    return Light(sun, sky, slant, air, 0.0, shadows, canopies)


def _draw_shadows(road: Road, backdrop: Backdrop, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Draw the shadows of walls, bridges, poles and trees."""
    low, high = float(road.left.min()), float(road.right.max())
    rows = [[s - 2.0, s + 14.0, low - 60, high + 60, 0.2, 1.0] for s in backdrop.bridges[:, 0]]
    pick = rng.random()
    if pick < 0.2:  # wall or bank along one side
        reach = float(rng.uniform(0.3, 5.0))
        side = [low - 30, low + reach] if rng.random() < 0.5 else [high - reach, high + 30]
        rows.append([0.0, 1e5, *side, float(rng.uniform(0.05, 0.4)), 1.0])
    elif pick < 0.45:  # bars across: gantries, poles, buildings, a bridge out of sight
        for _ in range(int(rng.integers(1, 4))):
            at = BEHIND_M + float(rng.uniform(1, 70))
            length = float(rng.choice([0.3, 1.0, 8.0, 20.0]) * rng.uniform(0.5, 1.5))
            side = [low - 30, high + 30] if rng.random() < 0.6 else [low - 30, float(rng.uniform(low, high))]
            rows.append([at, at + length, *side, float(rng.uniform(0.05, 0.6)), 1.0])
    canopies = []
    if rng.random() < 0.62:
        for sign in (-1.0, 1.0):
            if rng.random() < 0.6:
                edge = low - 2.0 if sign < 0 else high + 2.0
                reach = float(rng.uniform(3, 16))
                cover, size = float(rng.uniform(-0.1, 0.75)), float(np.exp(rng.uniform(np.log(0.35), np.log(2.5))))
                canopies.append([-sign, edge, reach, cover, size, float(rng.uniform(0.7, 1.0))])
    shadows = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return shadows, np.array(canopies, dtype=np.float64).reshape(-1, 6)


def camera_at(world: World, s: float, *, sway: Mount | None = None) -> Camera:
    """Return the camera when the car is at `s` along the road."""
    mount = world.mount if sway is None else sway
    road = world.road
    d = road.lane_middle(road.ego, s) + mount.lateral_m
    x, y, z = (float(v) for v in road.at(np.array(s), np.array(d), mount.height_m))
    pitch = mount.pitch - float(np.arctan(road.grade_at(s + 2.0)))
    heading = road.heading_at(s) - mount.yaw
    return Camera(
        world.config.size, mount.focal_px, world.config.centre, (x, y, z), heading, pitch, mount.roll, mount.stretch
    )


def paint(
    world: World, camera: Camera, s: float, *, frame: int = 0, gain: float | None = None
) -> tuple[NDArray[np.uint8], Scene, float]:
    """Return the picture and the Scene that a camera at `s` along the road sees, and the gain of its exposure."""
    twin = camera.twin(world.config.supersample)
    land, image = _paint_land(world, twin, s)
    light = world.light
    canvas = Canvas(twin, image, land.depth, np.zeros(land.depth.shape, np.bool_), light.air)
    facing = light.sun * 0.55 + light.sky * 1.1
    if light.headlights > 0:
        facing = light.sky * 0.7 + light.headlights * 0.15
    paint_things(canvas, world.road, world.surface.breaks, world.backdrop, facing)
    sides = np.stack([light.sun * (0.25 if light.slant[0] > 0 else 0.75) + light.sky, facing * 0.9, _mirrored(world)])
    paint_traffic(canvas, world.road, world.traffic, sides)
    seen = camera.seen_from(twin, image, smooth=True)
    gain = exposure_gain(seen, world.photo) if gain is None else gain
    picture = develop(seen, world.photo, frame, gain)
    scene = label(world.config, world.road, camera, s, land=land, taken=canvas.taken)
    if world.photo.bonnet > 0 and scene.classes is not None:
        classes = np.where(below_bonnet(world.photo, camera.size) > 0, np.uint8(NOT_ROAD), scene.classes)
        scene = replace(scene, classes=classes)
    return picture, scene, gain


def _mirrored(world: World) -> FloatArray:
    """Return the light that glass mirrors."""
    return np.asarray(world.backdrop.horizon * 0.8 + world.light.sky * 0.3, dtype=np.float64)


def _paint_land(world: World, twin: Camera, s: float) -> tuple[Land, NDArray[np.float32]]:
    """Paint sky and land into the picture of the twin camera."""
    from lanelight.datasets.synthetic.kernels import SKY, march
    from lanelight.datasets.synthetic.shading import shade

    width, height = twin.size
    fields, zone = np.empty((4, height, width), np.float32), np.empty((height, width), np.uint8)
    surface, light, road = world.surface, world.light, world.road
    start = (float(s), road.lateral_of(twin.position, s))
    march(
        twin.focal_px, twin.centre, twin.position, twin.heading, start, road.path, STEP_M,
        surface.breaks, surface.sides, FAR_M, fields, zone,
    )  # fmt: skip
    image = np.zeros((height, width, 3), np.float32)
    below = int((zone == SKY).any(axis=1).nonzero()[0].max(initial=-1)) + 1
    if below:
        lit = light.sun * 0.6 + light.sky
        image[:below] = paint_sky(twin, world.backdrop, lit, below, light.air)
    strip = np.empty((height, width), np.uint8)
    own = _own_shadow(start, light)
    shadows = np.concatenate([own, light.shadows, shadows_of(world.traffic, light.slant, sunny=bool(light.sun.any()))])[
        :64
    ]
    shade(
        fields, zone, twin.focal_px, STEP_M, ripmaps().ravel(), surface.bounds, surface.pavement_of, surface.pavements,
        surface.stripe_at, surface.stripes, surface.stripe_bins, surface.patches, surface.grounds, surface.faces,
        shadows, shadow_bins(shadows, len(road.path)), light.canopies, np.stack([light.sun, light.sky]), light.air,
        image, strip,
    )  # fmt: skip
    depth = fields[0]
    if light.headlights > 0:
        _add_headlights(image, depth, twin, light.headlights)
    return Land(twin, depth, strip), image


def _own_shadow(start: tuple[float, float], light: Light) -> FloatArray:
    """Return the shadow of the own car as a row of `shading.shade`'s shadows, (1, 6), or none."""
    if not light.sun.any():
        return np.empty((0, 6))
    (s, d), (ahead, aside) = start, light.slant
    low, high = d - 0.9 + min(aside * 1.3, 0.0), d + 0.9 + max(aside * 1.3, 0.0)
    return np.array([[s - 3.0, s + 1.6 + max(ahead, 0.0) * 1.3, low, high, 0.08, 1.0]])


def _add_headlights(image: NDArray[np.float32], depth: NDArray[np.float32], twin: Camera, strength: float) -> None:
    """Light the land before the car, in place."""
    x = (np.arange(image.shape[1], dtype=np.float32) - twin.centre[0]) / twin.focal_px
    beam = np.exp(-((x / 0.45) ** 2))[None] * np.exp(-depth / 28.0) / (1 + (4.0 / depth) ** 2)
    image *= (1 + strength * 60 * beam).astype(np.float32)[..., None]
