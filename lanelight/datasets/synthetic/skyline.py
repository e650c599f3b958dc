"""Pixels of sky and skyline, compiled by numba; import this module only where a frame is drawn."""

# ruff: noqa: PLR0917 - compiled functions know no keyword-only parameters

from __future__ import annotations

from lanelight.compiled import compiled_borrowing
from lanelight.datasets.synthetic.patterns import Array, sample
from lanelight.datasets.synthetic.shading import BLOTCH
from lanelight.datasets.synthetic.tables import SKY_DEPTH


@compiled_borrowing
def lay_sky(
    image: Array,
    depth: Array,
    base: Array,
    clouds: Array,
    cloud: tuple[float, Array],
    crests: Array,
    layers: tuple[Array, Array],
    azimuth: Array,
    rise: Array,
    maps: Array,
) -> None:
    """Write the pixels that see no land, in place.

    Args:
        image: (rows, W, 3) float32.
        depth: (rows, W) float32 m.
        base: (rows, 3) clear sky.
        clouds: (rows, W) float32, or (0, 0) without clouds.
        cloud: how cloudy it is, and the colour of clouds.
        crests: (L, W) row of the top of each layer of the skyline.
        layers: (L, 2, 3) tone and haze, and (L, 3) size, contrast and phase of light and dark.
        azimuth: (W,) rad.
        rise: (rows,) tangent of the elevation.
        maps: ripmaps as `sample` takes them.
    """
    amount, bright = cloud
    tones, scales = layers
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if depth[y, x] != SKY_DEPTH:
                continue
            r, g, b = base[y, 0], base[y, 1], base[y, 2]
            if clouds.shape[0] > 0:
                field = clouds[y, x]
                cover = 0.9 * min(max((field + 2.4 * amount - 1.2) * 0.8, 0.0), 1.0)
                tone = 0.85 + 0.12 * min(max(field, -1.5), 1.5)
                r += cover * (bright[0] * tone - r)
                g += cover * (bright[1] * tone - g)
                b += cover * (bright[2] * tone - b)
            for k in range(crests.shape[0]):
                cover = min(max(y - crests[k, x] + 0.5, 0.0), 1.0)
                if cover <= 0.0:
                    continue
                size, contrast, phase = scales[k, 0], scales[k, 1], scales[k, 2]
                at, up = azimuth[x] * size + phase, rise[y] * size * 1.5 + phase
                tone = min(max(1.0 + contrast * sample(maps, BLOTCH, at, up, 1.0, 1.0), 0.2), 2.0)
                r += cover * (tones[k, 0, 0] * tone + tones[k, 1, 0] - r)
                g += cover * (tones[k, 0, 1] * tone + tones[k, 1, 1] - g)
                b += cover * (tones[k, 0, 2] * tone + tones[k, 1, 2] - b)
            image[y, x, 0] = r
            image[y, x, 1] = g
            image[y, x, 2] = b
