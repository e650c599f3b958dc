"""One road with all that is on and around it, seen by one camera: drawn at random, then painted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.backdrop import Backdrop, draw_backdrop
from lanelight.datasets.synthetic.bodywork import Vehicle
from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.develop import develop
from lanelight.datasets.synthetic.fences import Fence, draw_fences, paint_fences
from lanelight.datasets.synthetic.labels import NOT_ROAD, Land, label
from lanelight.datasets.synthetic.land import height_at, houses_at
from lanelight.datasets.synthetic.light import Light, draw_light
from lanelight.datasets.synthetic.mount import Mount, draw_mount
from lanelight.datasets.synthetic.photo import Photo, draw_photo, exposure_gain
from lanelight.datasets.synthetic.road import Road, draw_road
from lanelight.datasets.synthetic.sky import paint_sky
from lanelight.datasets.synthetic.sprites import Canvas
from lanelight.datasets.synthetic.surface import draw_ground
from lanelight.datasets.synthetic.tables import MOST, Eye, Ground, Lamplight, which_bins
from lanelight.datasets.synthetic.textures import packed
from lanelight.datasets.synthetic.things import paint_things
from lanelight.datasets.synthetic.traffic import draw_traffic, paint_traffic, shadows_of
from lanelight.datasets.synthetic.weather import draw_weather
from lanelight.geometry import FloatArray, Scene

LARGE_PX, LARGE_SUPERSAMPLE = 500_000, 0.7
DARK_SUPERSAMPLE = 0.6  # of large views where lamps are what shines: their light spreads over more than that


@dataclass(frozen=True)
class World:
    """Everything random about one view or drive."""

    config: RoadConfig
    road: Road
    ground: Ground
    backdrop: Backdrop
    traffic: list[Vehicle]
    light: Light
    mount: Mount
    photo: Photo
    fences: list[Fence]


def draw_world(config: RoadConfig, rng: np.random.Generator, length_m: float = 0.0) -> World:
    """Draw a world in which a camera can drive `length_m`."""
    road = draw_road(config, rng, length_m)
    weather = draw_weather(config, road, rng)
    backdrop = draw_backdrop(config, road, weather, rng, length_m)
    light = draw_light(config, road, backdrop, weather, rng, length_m=length_m)
    lamps = 1.0 if light.dark or weather.wet > 0 else float(rng.random() < 0.12)
    ground = draw_ground(config, road, rng, length_m)
    left, right = houses_at(ground)
    trees = backdrop.trees[(backdrop.trees[:, 1] > left) & (backdrop.trees[:, 1] < right)]
    traffic = draw_traffic(config, road, rng, lamps=lamps)
    level = [v for v in traffic if v.d > road.left.min() or abs(height_at(ground, v.s, v.d)) < 0.3]
    mount = draw_mount(config, road, rng)
    horizon = (config.centre[1] - mount.focal_px * float(np.tan(mount.pitch))) / config.size[1]
    photo = draw_photo(config, weather, rng, dark=light.dark, horizon=horizon) if config.photometric else Photo()
    fences = draw_fences(config, road, ground, rng)
    return World(config, road, ground, replace(backdrop, trees=trees), level, light, mount, photo, fences)


def camera_at(world: World, s: float, *, sway: Mount | None = None) -> Camera:
    """Return the camera when the car is at `s` along the road."""
    mount = world.mount if sway is None else sway
    road = world.road
    d = road.lane_middle(road.ego, s) + mount.lateral_m
    x, y, z = (float(v) for v in road.at(np.array(s), np.array(d), mount.height_m))
    pitch = mount.pitch - float(np.arctan(road.grade_at(s + 2.0)))
    return Camera(
        world.config.size,
        mount.focal_px,
        world.config.centre,
        (x, y, z),
        road.heading_at(s) - mount.yaw,
        pitch,
        mount.roll,
        mount.stretch,
        mount.bend,
    )


def paint(
    world: World, camera: Camera, s: float, *, frame: int = 0, gain: float | None = None
) -> tuple[NDArray[np.uint8], Scene, float]:
    """Return the picture and the Scene that a camera at `s` along the road sees, and the gain of its exposure."""
    scale = world.config.supersample
    if camera.size[0] * camera.size[1] > LARGE_PX:
        scale = min(scale, DARK_SUPERSAMPLE if world.light.dark else LARGE_SUPERSAMPLE)
    twin = camera.twin(scale)
    land, image = _paint_land(world, camera, twin, s)
    light = world.light
    canvas = Canvas(twin, image, land.depth, np.zeros(land.depth.shape, np.bool_), light.air)
    facing = _facing(light)
    paint_things(canvas, world.road, world.ground, world.backdrop, facing, lamp=light.lamp)
    sides = np.stack([light.sun * (0.25 if light.slant[0] > 0 else 0.75) + light.sky, facing * 0.9, _mirrored(world)])
    if light.dark:
        sides[0] = facing
    d = world.road.lateral_of(camera.position, s)
    behind = [v for v in world.traffic if any((f.d - v.d) * (f.d - d) < 0 for f in world.fences)]
    paint_traffic(canvas, world.road, behind, sides, light, s=s)
    paint_fences(canvas, world.road, world.fences, facing, s=s)
    paint_traffic(canvas, world.road, [v for v in world.traffic if v not in behind], sides, light, s=s)
    seen = camera.seen_from(twin, image, smooth=True)
    gain = exposure_gain(seen, world.photo) if gain is None else gain
    picture = develop(seen, world.photo, frame, gain)
    scene = label(world.config, world.road, camera, s, land=land, taken=canvas.taken)
    if world.photo.bonnet is not None and scene.classes is not None:
        start, below = world.photo.bonnet.below(camera.size)
        classes = scene.classes.copy()
        classes[start:][below > 0] = NOT_ROAD
        scene = replace(scene, classes=classes)
    return picture, scene, gain


def _facing(light: Light) -> FloatArray:
    """Return the light on what faces the camera."""
    if light.dark:
        return np.asarray(light.sky * 0.8 + light.head * 0.12 + light.lamp * light.lamps[:, 4].sum() * 0.7)
    return np.asarray(light.sun * 0.55 + light.sky * 1.1)


def _mirrored(world: World) -> FloatArray:
    """Return the light that glass mirrors."""
    return np.asarray(world.backdrop.horizon * 0.8 + world.light.sky * 0.3, dtype=np.float64)


def _paint_land(world: World, camera: Camera, twin: Camera, s: float) -> tuple[Land, NDArray[np.float32]]:
    """Paint sky and land into the picture of the twin camera."""
    from lanelight.datasets.synthetic.landscape import paint_land

    width, height = twin.size
    light, road = world.light, world.road
    heading = road.path[:, 2:3]
    ground = world.ground._replace(path=np.concatenate([road.path, np.cos(heading), np.sin(heading)], axis=1))
    (cx, cy), (x, y, z) = twin.centre, twin.position
    d = road.lateral_of(twin.position, s)
    eye = Eye(float(twin.focal_px), float(cx), float(cy), x, y, z, float(twin.heading), float(s), d)
    image = np.zeros((height, width, 3), np.float32)
    own = _own_shadow((eye.s, eye.d), light)
    moving = shadows_of(world.traffic, light.slant, sunny=bool(light.sun.any()))
    shadows = np.concatenate([own, light.shadows, moving])[:MOST]
    colours = np.stack([light.sun, light.sky, light.head, light.lamp, _sheen(world)])
    lamplight = Lamplight(
        colours, light.air, light.wet, light.roof_m, shadows, which_bins(shadows[:, :2], len(road.path)),
        light.canopies, light.lamps, packed(),
    )  # fmt: skip
    columns, strips = np.empty((width, height), np.float32), np.empty((width, height), np.uint8)
    paint_land(eye, ground, lamplight, camera.rows_in(twin), image, columns, strips)
    depth = np.asarray(cv2.transpose(columns), dtype=np.float32)
    paint_sky(twin, world.backdrop, light.sun * 0.6 + light.sky, light.air, image=image, depth=depth)
    return Land(twin, depth, np.asarray(cv2.transpose(strips), dtype=np.uint8)), image


def _sheen(world: World) -> FloatArray:
    """Return what a wet road, or a lamp in a roof, throws towards the camera."""
    if world.light.roof_m > 0:
        return world.light.lamp
    return np.asarray(world.backdrop.horizon * 0.85 + 0.1 * world.backdrop.zenith)


def _own_shadow(start: tuple[float, float], light: Light) -> FloatArray:
    """Return the shadow of the own car as a row of `tables.Lamplight.shadows`, (1, 6), or none."""
    if not light.sun.any():
        return np.empty((0, 6))
    (s, d), (ahead, aside) = start, light.slant
    low, high = d - 0.9 + min(aside * 1.3, 0.0), d + 0.9 + max(aside * 1.3, 0.0)
    return np.array([[s - 3.0, s + 1.6 + max(ahead, 0.0) * 1.3, low, high, 0.08, 1.0]])
