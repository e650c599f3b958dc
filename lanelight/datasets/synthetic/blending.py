"""Laying patches over a picture in linear light, compiled by numba; import only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters

from __future__ import annotations

from lanelight.compiled import compiled
from lanelight.datasets.synthetic.patterns import Array


@compiled
def blend(
    image: Array,
    depth: Array,
    taken: Array,
    patch: Array,
    cover: Array,
    light: tuple[float, float, float],
    haze: tuple[float, float, float],
    through: float,
    nearest: float,
) -> None:
    """Lay a patch over a part of a picture where the land is not nearer, in place.

    Args:
        image: (h, w, 3) float32.
        depth: (h, w) float32 depth of the land, m.
        taken: (h, w) bool, set where the patch covers the land.
        patch: (h, w, 3) float32 colour, premultiplied by the cover.
        cover: (h, w) float32 0 to 1.
        light: factor on the patch.
        haze: light that the air adds.
        through: share of the patch's light that the air lets through.
        nearest: land at less depth hides the patch, m.
    """
    r, g, b = light[0] * through, light[1] * through, light[2] * through
    for y in range(cover.shape[0]):
        for x in range(cover.shape[1]):
            share = cover[y, x]
            if share <= 0.0 or depth[y, x] <= nearest:
                continue
            rest = 1.0 - share
            image[y, x, 0] = image[y, x, 0] * rest + patch[y, x, 0] * r + haze[0] * share
            image[y, x, 1] = image[y, x, 1] * rest + patch[y, x, 1] * g + haze[1] * share
            image[y, x, 2] = image[y, x, 2] * rest + patch[y, x, 2] * b + haze[2] * share
            if share > 0.5:
                taken[y, x] = True


@compiled
def glow(
    image: Array,
    depth: Array,
    light: tuple[float, float, float],
    middle: tuple[float, float],
    radii: tuple[float, float],
    nearest: float,
) -> None:
    """Add the light of a lamp, bright in the middle with a faint halo, in place.

    Args:
        image: (h, w, 3) float32.
        depth: (h, w) float32 depth of the land, m.
        light: in the middle.
        middle: (x, y) px.
        radii: across and down, px.
        nearest: land at less depth hides the lamp, m.
    """
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if depth[y, x] <= nearest:
                continue
            far = ((x - middle[0]) / radii[0]) ** 2 + ((y - middle[1]) / radii[1]) ** 2
            if far >= 36.0:
                continue
            edge = 1.0 - far / 36.0
            share = edge * edge * (1.0 / (1.0 + far * far) + 0.01)
            image[y, x, 0] += light[0] * share
            image[y, x, 1] += light[1] * share
            image[y, x, 2] += light[2] * share
