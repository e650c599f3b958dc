"""What covers a road and the land beside it, as tables to shade from: pavement, paint, seams, repairs."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.config import RoadConfig
from lanelight.datasets.synthetic.land import draw_land
from lanelight.datasets.synthetic.road import BEHIND_M, Road
from lanelight.datasets.synthetic.stripes import WHITE, Colour, Stripe, marks, paint_of, sealing, stripe_bins
from lanelight.datasets.synthetic.symbols import draw_symbols
from lanelight.datasets.synthetic.tables import MOST, STEP_M, Ground, which_bins
from lanelight.geometry import FloatArray


@dataclass(frozen=True)
class Pavement:
    """One kind of pavement; amounts are shares of the reflectance.

    Attributes:
        colour: mean reflectance.
        grain: of single stones.
        blotch: of patches of decimetres to metres.
        streak: of stripes along the road.
        wheel: brightening (negative: darkening) of the wheel paths.
        wheel_width_m: their deviation.
        oil: the same in the middle of the lane.
        joint_m: distance of joints across the road, 0 for none.
        joint_width_m: of the joints.
        joint_dark: how dark they are.
        slab: difference from slab to slab.
        cracks: darkness of cracks.
    """

    colour: Colour
    grain: float
    blotch: float
    streak: float
    wheel: float
    wheel_width_m: float
    oil: float
    joint_m: float
    joint_width_m: float
    joint_dark: float
    slab: float
    cracks: float

    def row(self) -> list[float]:
        """Return the 14 numbers that the kernel reads."""
        return [*self.colour, *astuple(self)[1:]]


def draw_ground(config: RoadConfig, road: Road, rng: np.random.Generator, length_m: float) -> Ground:
    """Draw shape and covering of the land around a road, for a drive of `length_m`."""
    bounds = np.stack([road.left, *(line.offset for line in road.lines), road.right])
    bounds = np.maximum.accumulate(bounds, axis=0)
    pavements, pavement_of = _draw_pavements(road, rng, bounds)
    stripes = [*sealing(road, rng, concrete=pavements[0].joint_m > 0), *marks(road, rng)]
    paint = [stripe for line in road.lines for stripe in paint_of(line, rng)]
    stripes = [*stripes[: MOST - len(paint)], *paint]
    if not stripes:
        stripes = [Stripe(np.zeros(len(road.path)), WHITE, 0.1, opacity=0.0)]
    rows = np.array([stripe.row() for stripe in stripes])
    stripe_at = np.stack([stripe.offset for stripe in stripes])
    symbols = draw_symbols(config, road, rng, length_m)
    breaks, sides, grounds, faces = draw_land(road, rng)
    return Ground(
        path=np.empty((0, 7)),
        breaks=breaks,
        sides=sides,
        bounds=bounds,
        pavement_of=pavement_of,
        pavements=np.array([p.row() for p in pavements]),
        stripe_at=stripe_at,
        stripes=rows,
        stripe_bins=stripe_bins(stripe_at, rows),
        patches=_draw_patches(config, road, rng, length_m),
        grounds=grounds,
        faces=faces,
        symbols=symbols,
        symbol_bins=which_bins(symbols[:, [0, 0]] + symbols[:, [2, 2]] * (0.0, 1.0), len(road.path)),
    )


def draw_pavement(rng: np.random.Generator, *, concrete: bool) -> Pavement:
    """Draw one pavement."""
    tint = 1.0 + rng.normal(0, 0.025, 3) + np.array([0.02, 0.0, -0.02]) * rng.normal()
    if concrete:
        level = float(rng.uniform(0.16, 0.42))
        colour = tuple(level * tint * (1.03, 1.0, 0.93))
        joints = (float(rng.uniform(3.6, 6.1)), 0.014, float(rng.uniform(0.2, 0.8)))
        if rng.random() < 0.3:
            joints = (0.0, 0.0, 0.0)
        wheel, oil = -abs(rng.normal(0, 0.10)), -abs(rng.normal(0, 0.14))
        texture = (rng.uniform(0.02, 0.07), rng.uniform(0.01, 0.06), rng.uniform(0.02, 0.09))
        slab, cracks = rng.uniform(0, 0.12), rng.choice([0.0, 0.5], p=[0.8, 0.2])
    else:
        level = float(np.exp(rng.uniform(np.log(0.045), np.log(0.26))))
        colour = tuple(level * tint)
        joints = (0.0, 0.0, 0.0)
        wheel, oil = rng.normal(0.03, 0.09), -abs(rng.normal(0, 0.05))
        texture = (rng.uniform(0.03, 0.14), rng.uniform(0.01, 0.06), rng.uniform(0.01, 0.07))
        slab, cracks = 0.0, rng.choice([0.0, 0.3, 0.7], p=[0.65, 0.2, 0.15])
    path = (float(wheel), float(rng.uniform(0.16, 0.34)), float(oil))
    r, g, b = (float(c) for c in colour)
    grain, blotch, streak = (float(t) for t in texture)
    return Pavement((r, g, b), grain, blotch, streak, *path, *joints, float(slab), float(cracks))


def _draw_pavements(
    road: Road, rng: np.random.Generator, bounds: FloatArray
) -> tuple[list[Pavement], NDArray[np.uint8]]:
    """Draw the pavements of a road and say which lies where, (B + 1, N)."""
    concrete = rng.random() < (0.42 if road.kind == "highway" else 0.08)
    pavements = [draw_pavement(rng, concrete=concrete)]
    table = np.zeros((bounds.shape[0] + 1, bounds.shape[1]), np.uint8)
    if rng.random() < 0.35:  # shoulders of their own
        pavements.append(draw_pavement(rng, concrete=bool(rng.random() < 0.2)))
        table[[1, -2]] = len(pavements) - 1
    if rng.random() < 0.2:  # one lane renewed
        pavements.append(draw_pavement(rng, concrete=False))
        table[int(rng.integers(2, bounds.shape[0] - 1))] = len(pavements) - 1
    if rng.random() < 0.25:  # a bridge deck or a new section
        pavements.append(draw_pavement(rng, concrete=bool(rng.random() < 0.6)))
        begin = BEHIND_M + float(rng.uniform(-20, 90))
        end = begin + float(rng.uniform(15, 300))
        table[:, int(begin / STEP_M) : int(end / STEP_M)] = len(pavements) - 1
    return pavements, table


def _draw_patches(config: RoadConfig, road: Road, rng: np.random.Generator, length_m: float) -> FloatArray:
    """Draw repairs and stains, (Q, 7); paint is gone with some repairs."""
    if rng.random() >= config.repair_share:
        return np.empty((0, 7))
    rows = []
    for _ in range(int(rng.choice([1, 3, 6], p=[0.35, 0.4, 0.25]) * (1 + length_m / 150))):
        at = BEHIND_M + float(rng.uniform(2, 90 + length_m))
        d = float(rng.uniform(road.left[0], road.right[0]))
        pick = rng.random()
        tone, soft, gone = float(rng.uniform(0.5, 1.35)), 0.05, float(rng.random() < 0.5)
        if pick < 0.35:  # a stain
            half, tone = (rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.5)), float(rng.uniform(0.55, 0.9))
            soft, gone = float(rng.uniform(0.25, 0.5)), 0.0
        elif pick < 0.6:  # a trench across the road
            half = (rng.uniform(0.25, 0.8), rng.uniform(1.5, 6.0))
        else:
            half = (rng.uniform(0.5, 14), rng.uniform(0.3, 1.8))
        rows.append([at, d, *half, tone, soft, gone])
    return np.array(rows, dtype=np.float64).reshape(-1, 7)
