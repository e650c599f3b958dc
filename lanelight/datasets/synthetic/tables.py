"""The tables from which a frame is painted, as the compiled loops read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.geometry import FloatArray

STEP_M = 1.0  # spacing of the tables along the road; linear in between (0.6 mm off at 1/200 m)
FAR_M = 850.0  # end of the land
FACE = 64  # zones from here on are vertical faces
CEILING = 250  # zone of the roof of a tunnel
SKY = 255  # zone above all
SKY_DEPTH = 1e6
UNSEEN_DEPTH = 2e6  # of pixels that nobody asked for
BINS, BIN_M, HALF_BINS_M = 192, 0.25, 24.0  # the strip of land across the road where stripes are looked up by place
BIN_MARGIN_M = 0.12  # a pixel wider than this asks every stripe
HOUSE_M = 18.0  # length of a house along a street
MOST = 64  # stripes, shadows or symbols of one view: as many as an integer has bits


class Eye(NamedTuple):
    """A camera with a vertical image plane.

    Attributes:
        focal: px.
        cx: column of the principal point, px.
        cy: its row.
        x: in the world, m.
        y: in the world, m.
        z: in the world, m.
        heading: rad.
        s: along the road, m.
        d: right of its centre line, m.
    """

    focal: float
    cx: float
    cy: float
    x: float
    y: float
    z: float
    heading: float
    s: float
    d: float


class Ground(NamedTuple):
    """Shape and covering of the land.

    Attributes:
        path: (N, 7) x, y, heading, curvature, height of the centre line, cosine and sine of the heading, every STEP_M.
        breaks: (K, 4) lateral position, height left and right of it (m), share of `sides` in the height.
        sides: (N, 2) height factor of the land left and right of the road.
        bounds: (B, N) lateral position of the edges of lanes and shoulders, ascending, m.
        pavement_of: (B + 1, N) uint8 row of `pavements` per strip.
        pavements: (P, 14) see `surface.Pavement`.
        stripe_at: (M, N) lateral position of painted or sealed stripes, m.
        stripes: (M, 16) see `stripes.Stripe`.
        stripe_bins: (N, BINS) uint64 which stripes may touch a bin of BIN_M across the road.
        patches: (Q, 7) along, lateral, half length, half width (m), factor, softness (m), 1 where it covers paint.
        grounds: (K + 1, 8) two colours, contrast, gravel edge (m) of each zone beside the road.
        faces: (K, 5) colour, kind (see `land`), height of each vertical face.
        symbols: (D, 8) see `symbols.Symbol`.
        symbol_bins: (N,) uint64 which symbols may touch a step along the road.
    """

    path: FloatArray
    breaks: FloatArray
    sides: FloatArray
    bounds: FloatArray
    pavement_of: NDArray[np.uint8]
    pavements: FloatArray
    stripe_at: FloatArray
    stripes: FloatArray
    stripe_bins: NDArray[np.uint64]
    patches: FloatArray
    grounds: FloatArray
    faces: FloatArray
    symbols: FloatArray
    symbol_bins: NDArray[np.uint64]


class Lamplight(NamedTuple):
    """What shines on the land and through the air.

    Attributes:
        colours: (5, 3) sun, sky, own headlights, lamps beside or over the road, what wet asphalt mirrors.
        air: (4,) colour of the haze and its range in m.
        wet: 0 (dry) to 1 (a film of water).
        roof_m: height of the roof of a tunnel, 0 in the open.
        shadows: (R, 6) along from, to, lateral from, to (m), softness (m), strength.
        shadow_bins: (N,) uint64 which shadows may touch a step along the road.
        canopies: (C, 6) side (-1, 1), edge (m), reach (m), cover, size (m), strength.
        lamps: (L, 6) rows of lamps: distance, phase, lateral, height (m), strength, visible length in a roof (m).
        maps: ripmaps as `patterns.sample` takes them.
    """

    colours: FloatArray
    air: FloatArray
    wet: float
    roof_m: float
    shadows: FloatArray
    shadow_bins: NDArray[np.uint64]
    canopies: FloatArray
    lamps: FloatArray
    maps: NDArray[Any]


def which_bins(spans: FloatArray, count: int, margin_m: float = 3.0) -> NDArray[np.uint64]:
    """Return which of at most MOST (from, to) spans (R, 2) m may touch each of `count` steps, one bit a span."""
    bins = np.zeros(count, np.uint64)
    for m, (low, high) in enumerate(spans):
        first, last = np.clip(np.array([low - margin_m, high + margin_m]) / STEP_M, 0, count - 1).astype(int)
        bins[first : last + 1] |= np.uint64(1) << np.uint64(m)
    return bins
