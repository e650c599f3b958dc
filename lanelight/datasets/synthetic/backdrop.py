"""Sky, skyline, trees, bridges and signs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.sprites import Canvas, draw_cutout, draw_polygons
from lanelight.datasets.synthetic.textures import TILE, ripmaps
from lanelight.geometry import FloatArray


@dataclass(frozen=True)
class Backdrop:
    """What stands around a road.

    Attributes:
        zenith: colour of the sky overhead, linear.
        horizon: colour of the sky at the horizon.
        clouds: 0 (clear) to 1.
        cloud_shift: which part of the clouds is seen, texels.
        hills: (L, 4) per layer from far to near: height in rad, roughness, phase, kind (0 hill, 1 trees, 2 town).
        hill_colours: (L, 3) reflectance of each layer.
        trees: (T, 5) along, lateral, height (m), kind, brightness.
        bridges: (B, 4) along, clearance, thickness of the deck, reflectance.
        posts: (P, 5) along, lateral, height (m), kind (0 lamp, 1 sign, 2 gantry), reflectance.
    """

    zenith: FloatArray
    horizon: FloatArray
    clouds: float
    cloud_shift: tuple[float, float]
    hills: FloatArray
    hill_colours: FloatArray
    trees: FloatArray
    bridges: FloatArray
    posts: FloatArray


def draw_backdrop(road: Road, rng: np.random.Generator, *, sunny: bool, night: bool) -> Backdrop:
    """Draw what stands around a road."""
    zenith, horizon = _sky_colours(rng, sunny=sunny, night=night)
    layers, colours = [], []
    for k in range(int(rng.integers(1, 4))):
        kind = float(rng.choice([0.0, 1.0, 2.0], p=[0.45, 0.42, 0.13]))
        top = float(rng.uniform(0.015, 0.12 if kind == 0 else 0.06)) * (1.0 if k else 1.3)
        layers.append([top, rng.uniform(0.6, 1.4), rng.uniform(0, 256), kind])
        base = np.array([(0.07, 0.09, 0.07), (0.03, 0.045, 0.02), (0.16, 0.15, 0.15)][int(kind)])
        if kind == 0 and rng.random() < 0.4:
            base = np.array((0.22, 0.17, 0.09))
        blue = np.array(horizon) * (0.35 if k == 0 else 0.08)
        colours.append(base * rng.uniform(0.6, 1.4) + blue)
    if road.kind == "street" and rng.random() < 0.6:
        layers.append([rng.uniform(0.06, 0.25), 1.0, rng.uniform(0, 256), 2.0])
        colours.append(np.array((0.2, 0.18, 0.16)) * rng.uniform(0.4, 1.5))
    return Backdrop(
        zenith,
        horizon,
        float(rng.beta(0.8, 1.2)) if sunny else float(rng.uniform(0.2, 1.0)),
        (float(rng.uniform(0, 256)), float(rng.uniform(0, 256))),
        np.array(layers),
        np.array(colours),
        _draw_trees(road, rng),
        _draw_bridges(road, rng),
        _draw_posts(road, rng),
    )


def _sky_colours(rng: np.random.Generator, *, sunny: bool, night: bool) -> tuple[FloatArray, FloatArray]:
    """Return the colour of the sky overhead and at the horizon, linear."""
    if night:
        level = float(np.exp(rng.uniform(np.log(0.01), np.log(0.15))))
        return level * np.array((0.5, 0.7, 1.1)), level * np.array((1.5, 1.2, 1.1))
    if sunny:
        zenith = np.array((0.12, 0.28, 0.58)) * rng.uniform(0.6, 1.3)
        return zenith, np.array((0.55, 0.68, 0.82)) * rng.uniform(0.7, 1.25)
    grey = float(rng.uniform(0.45, 1.1))
    return grey * np.array((0.80, 0.86, 0.92)) * rng.uniform(0.7, 1.0), grey * np.array((0.95, 0.97, 1.0))


def _draw_trees(road: Road, rng: np.random.Generator) -> FloatArray:
    """Draw trees and bushes, (T, 5), far to near."""
    rows = []
    total = int(rng.choice([0, 5, 14, 30], p=[0.2, 0.3, 0.3, 0.2]))
    share_left = float(rng.uniform(0.1, 0.9))
    for _ in range(total):
        left = rng.random() < share_left
        edge = float(road.left.min()) if left else float(road.right.max())
        away = float(rng.uniform(4, 11) + rng.exponential(9.0))
        ahead = float(np.exp(rng.uniform(np.log(14), np.log(320))))
        height = float(rng.uniform(1.0, 3.0) if rng.random() < 0.3 else rng.uniform(4, 14))
        lateral = edge - away if left else edge + away
        rows.append([BEHIND_M + ahead, lateral, height, float(rng.integers(0, 6)), rng.uniform(0.5, 1.3)])
    if rng.random() < 0.3:  # a row or a hedge along one side
        left = rng.random() < 0.5
        away, tall = float(rng.uniform(3, 12)), float(rng.uniform(2, 12))
        d = float(road.left.min()) - away if left else float(road.right.max()) + away
        gap, kind = 0.5 * tall + float(rng.uniform(0.5, 5)), float(rng.integers(0, 6))
        for k in range(26):
            s = BEHIND_M + 6 + gap * k * (1 + 0.05 * k)
            rows.append([s, d + rng.normal(0, 0.8), tall * rng.uniform(0.7, 1.2), kind, rng.uniform(0.7, 1.1)])
    rows.sort(key=lambda row: -row[0])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def _draw_bridges(road: Road, rng: np.random.Generator) -> FloatArray:
    """Draw bridges over the road, (B, 4)."""
    if road.kind == "rural" or rng.random() > 0.14:
        return np.empty((0, 4))
    at = BEHIND_M + float(np.exp(rng.uniform(np.log(8), np.log(200))))
    return np.array([[at, rng.uniform(5.0, 6.5), rng.uniform(1.0, 2.2), rng.uniform(0.1, 0.4)]])


def _draw_posts(road: Road, rng: np.random.Generator) -> FloatArray:
    """Draw lamp posts, signs and gantries, (P, 5)."""
    rows = []
    if rng.random() < 0.35:
        left = rng.random() < 0.5
        d = float(road.left.min()) - 1.5 if left else float(road.right.max()) + 1.5
        gap, height, tone = float(rng.uniform(25, 50)), float(rng.uniform(7, 11)), float(rng.uniform(0.05, 0.4))
        rows += [[BEHIND_M + gap * k + 8, d, height, 0.0, tone] for k in range(7)]
    for _ in range(int(rng.integers(0, 4))):
        d = float(road.right.max()) + float(rng.uniform(0.6, 4))
        if rng.random() < 0.25:
            d = float(road.left.min()) - float(rng.uniform(0.6, 3))
        rows.append([BEHIND_M + float(rng.uniform(12, 160)), d, rng.uniform(2.0, 3.6), 1.0, float(rng.integers(0, 5))])
    if road.kind == "highway" and rng.random() < 0.15:
        rows.append([BEHIND_M + float(rng.uniform(25, 220)), 0.0, 7.0, 2.0, float(rng.integers(0, 2))])
    rows.sort(key=lambda row: -row[0])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def paint_sky(camera: Camera, backdrop: Backdrop, light: FloatArray, rows: int, air: FloatArray) -> NDArray[np.float32]:
    """Return the sky with its skyline, (rows, W, 3) float32 linear.

    Args:
        camera: with a vertical image plane.
        backdrop: what to paint.
        light: (3,) light on the skyline.
        rows: how many rows from the top are wanted.
        air: colour and range of the haze.
    """
    width = camera.size[0]  # soft things are painted on every second px and enlarged
    y, x = np.arange(rows, dtype=np.float64), np.arange(width, dtype=np.float64)
    rise = (camera.centre[1] - y) / camera.focal_px  # tangent of the elevation
    share = np.clip(rise / 0.5, 0.0, 1.0)[:, None] ** 0.6
    sky = (backdrop.horizon + share * (backdrop.zenith - backdrop.horizon)).astype(np.float32)
    image = np.repeat(sky[::2, None, :], (width + 1) // 2, axis=1)
    azimuth = np.arctan((x - camera.centre[0]) / camera.focal_px) - camera.heading
    if backdrop.clouds > 0.15 and rows > 2:
        _add_clouds(image, backdrop, azimuth[::2], rise[::2])
    image = np.asarray(cv2.resize(image, (width, rows), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    noise = ripmaps()[1, :256, :256]
    for layer, colour in zip(backdrop.hills, backdrop.hill_colours, strict=True):
        crest = layer[0] * _crest(noise, azimuth, layer)
        cover = np.clip((crest[None, :] - rise[:, None]) * camera.focal_px + 0.5, 0.0, 1.0).astype(np.float32)
        shade = cv2.resize(
            _relief(noise, azimuth[::2], rise[::2], layer), (width, rows), interpolation=cv2.INTER_LINEAR
        )
        tone = (colour * light).astype(np.float32) * shade[..., None]
        veil = float(np.exp(-(2500.0 if layer[3] == 0 else 500.0) / air[3]))
        tone = tone * np.float32(veil) + (air[:3] * (1 - veil)).astype(np.float32)
        image += cover[..., None] * (tone - image)
    return image


def _add_clouds(image: NDArray[np.float32], backdrop: Backdrop, azimuth: FloatArray, rise: FloatArray) -> None:
    """Lay clouds over a sky, in place."""
    noise = ripmaps()[1, :256, :256]
    stretch = 24.0 / (np.maximum(rise, 0.0) + 0.12)
    u = (azimuth[None, :] * 60 * (1 + 0.4 * stretch[:, None] / 24) + backdrop.cloud_shift[0]).astype(np.float32) % TILE
    v = np.broadcast_to((stretch[:, None] + backdrop.cloud_shift[1]) % TILE, u.shape).astype(np.float32)
    field = cv2.remap(noise, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    cover = np.clip((field + 2.4 * backdrop.clouds - 1.2) * 0.8, 0, 1).astype(np.float32)
    bright = (backdrop.horizon * 1.05).astype(np.float32) * (0.85 + 0.12 * np.clip(field, -1.5, 1.5))[..., None]
    image += (0.9 * cover)[..., None] * (bright - image)


def _crest(noise: NDArray[np.float32], azimuth: FloatArray, layer: FloatArray) -> FloatArray:
    """Return the skyline of a layer, about 1, over the azimuth."""
    scale = (14.0, 60.0, 40.0)[int(layer[3])] * layer[1]
    at = azimuth * scale + layer[2]
    line = np.interp(at, np.arange(TILE), noise[17], period=TILE) * 0.5
    if layer[3] == 1:
        line = 0.4 * line + 0.35 * np.interp(at * 5, np.arange(TILE), noise[90], period=TILE)
    if layer[3] == 2:
        line = noise[40, (np.floor(at * 0.7) % TILE).astype(int)] * 0.8
    return np.asarray(np.maximum(0.9 + line, 0.15), dtype=np.float64)


def _relief(
    noise: NDArray[np.float32], azimuth: FloatArray, rise: FloatArray, layer: FloatArray
) -> NDArray[np.float32]:
    """Return light and dark on a layer of the skyline, (rows, W)."""
    scale = (200.0, 700.0, 500.0)[int(layer[3])]
    u = ((azimuth[None, :] * scale + layer[2]) % TILE).astype(np.float32)
    v = np.broadcast_to((rise[:, None] * scale * 1.5 + layer[2]) % TILE, (len(rise), len(azimuth))).astype(np.float32)
    u = np.ascontiguousarray(np.broadcast_to(u, v.shape))
    field = cv2.remap(noise, u, np.ascontiguousarray(v), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(np.clip(1 + (0.15, 0.4, 0.2)[int(layer[3])] * field, 0.2, 2.0), dtype=np.float32)


def paint_things(canvas: Canvas, road: Road, breaks: FloatArray, backdrop: Backdrop, light: FloatArray) -> None:
    """Composite trees, bridges, signs and posts; `light` is (3,) on what faces the camera."""
    for s, d, height, kind, tone in backdrop.trees:
        ground = np.interp(d, np.repeat(breaks[:, 0], 2), breaks[:, 1:3].ravel()) if len(breaks) else 0.0
        foot = road.at(np.array(s), np.array(d), 0.8 * float(ground) - 0.3)
        draw_cutout(canvas, tree(int(kind)), foot, float(height), light * tone)
    for s, clearance, thick, tone in backdrop.bridges:
        _paint_bridge(canvas, road, (s, clearance, thick, tone), light)
    for s, d, height, kind, tone in backdrop.posts:
        if kind == 2:
            _paint_gantry(canvas, road, s, light, green=tone > 0)
        else:
            _paint_post(canvas, road, (s, d, height, tone), light, lamp=kind == 0)


def _paint_bridge(canvas: Canvas, road: Road, bridge: tuple[float, float, float, float], light: FloatArray) -> None:
    """Composite a bridge over the road: deck seen from below and in front, and its piers."""
    s, clearance, thick, tone = bridge
    far, (low, high) = s + 14.0, (float(road.left.min()) - 40, float(road.right.max()) + 40)
    r, g, b = (float(c) for c in light * tone)
    piers = []
    for d in (float(road.left.min()) - 2.0, float(road.right.max()) + 2.0):
        foot = [
            road.at(np.array(s + 5), np.array(d + e), h)
            for e, h in ((0, 0), (1.2, 0), (1.2, clearance), (0, clearance))
        ]
        piers.append((np.array(foot), (0.5 * r, 0.5 * g, 0.5 * b), 1.0))
    below = [road.at(np.array(a), np.array(d), clearance) for a, d in ((s, low), (s, high), (far, high), (far, low))]
    front = [
        road.at(np.array(s), np.array(d), h)
        for d, h in ((low, clearance), (high, clearance), (high, clearance + thick), (low, clearance + thick))
    ]
    shade = (0.12 * r, 0.12 * g, 0.13 * b)
    _, depth = canvas.camera.project(road.at(np.array(s), np.array(0.0)))
    if float(depth) > 3:
        draw_polygons(canvas, [*piers, (np.array(below), shade, 1.0), (np.array(front), (r, g, b), 1.0)], float(depth))


def _paint_post(
    canvas: Canvas, road: Road, post: tuple[float, float, float, float], light: FloatArray, *, lamp: bool
) -> None:
    """Composite a lamp post or a sign."""
    s, d, height, tone = post
    origin, axes = road.frame_at(s, d)
    _, depth = canvas.camera.project(origin)
    if float(depth) < 4:
        return

    def rect(x0: float, x1: float, z0: float, z1: float) -> FloatArray:
        return np.asarray(origin + np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]) @ axes)

    grey = float(tone) if lamp else 0.25
    r, g, b = (float(c) for c in light * grey)
    polygons = [(rect(-0.07, 0.07, 0, height), (r, g, b), 1.0)]
    if lamp:
        arm = -2.0 if d > 0 else 2.0
        polygons.append((rect(min(0, arm), max(0, arm), height - 0.12, height), (r, g, b), 1.0))
    else:
        plates = ((0.7, 0.7, 0.7), (0.02, 0.2, 0.08), (0.7, 0.4, 0.02), (0.5, 0.03, 0.03), (0.03, 0.1, 0.4))
        pr, pg, pb = (float(c) for c in light * plates[int(tone)])
        polygons.append((rect(-0.5, 0.5, height - 0.9, height), (pr, pg, pb), 1.0))
    draw_polygons(canvas, polygons, float(depth))


def _paint_gantry(canvas: Canvas, road: Road, s: float, light: FloatArray, *, green: bool) -> None:
    """Composite signs on a gantry over the road."""
    low, high = float(road.left[int(s)]) - 1.5, float(road.right[int(s)]) + 1.5
    origin, axes = road.frame_at(s, 0.0)
    _, depth = canvas.camera.project(origin)
    if float(depth) < 6:
        return

    def rect(x0: float, x1: float, z0: float, z1: float) -> FloatArray:
        return np.asarray(origin + np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)]) @ axes)

    r, g, b = (float(c) for c in light * 0.25)
    plate = np.array((0.01, 0.14, 0.06) if green else (0.02, 0.08, 0.32)) * light
    pr, pg, pb = (float(c) for c in plate)
    polygons = [(rect(low, high, 6.4, 6.8), (r, g, b), 1.0)]
    polygons += [(rect(d, d + 0.3, 0, 6.8), (r, g, b), 1.0) for d in (low, high)]
    for k in range(max(1, int((high - low) / 6))):
        x = low + 2 + 6 * k
        polygons.append((rect(x, x + 4.4, 5.4, 7.6), (pr, pg, pb), 1.0))
    draw_polygons(canvas, polygons, float(depth))


@cache
def tree(kind: int) -> NDArray[np.float32]:
    """Return the cut-out of a tree or bush, (192, 160, 4) float32: reflectance times opacity, opacity."""
    rng = np.random.default_rng(100 + kind)
    h, w = 192, 160
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    crown = np.full((h, w), -9.0, np.float32)
    wide, low = ((0.30, 0.55), (0.36, 0.62), (0.30, 0.97), (0.40, 0.6), (0.16, 0.8), (0.40, 0.97))[kind]
    for _ in range(60):
        up = rng.beta(1.5, 1.3)
        reach = wide * (0.35 + 0.9 * np.sqrt(up * (1 - 0.75 * up)))
        cx, cy = w * (0.5 + reach * rng.uniform(-0.75, 0.75)), h * (0.12 + (low - 0.2) * (1 - up))
        size = w * rng.uniform(0.06, 0.15)
        crown = np.maximum(crown, 1 - ((x - cx) ** 2 + (y - cy) ** 2) / size**2)
    noise = ripmaps()[4, :h, :w]
    alpha = np.clip((crown + 0.35 * noise + 0.25) * 2.5, 0, 1)
    trunk = (np.abs(x - w / 2) < 3.5 + 2 * (y / h)) & (y > 0.5 * h)
    light = np.clip(0.75 + 0.28 * noise + 0.5 * (0.5 - y / h), 0.15, 2.0)
    greens = (
        (0.05, 0.075, 0.02),
        (0.04, 0.06, 0.025),
        (0.08, 0.085, 0.03),
        (0.12, 0.10, 0.06),
        (0.03, 0.05, 0.025),
        (0.06, 0.09, 0.02),
    )
    colour = light[..., None] * np.array(greens[kind], np.float32)
    colour[trunk & (alpha < 0.5)] = (0.06, 0.05, 0.04)
    alpha = np.maximum(alpha, trunk.astype(np.float32))
    return np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
