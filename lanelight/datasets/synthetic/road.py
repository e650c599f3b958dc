"""The road itself: its course over the map, its lanes and the land beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lanelight.datasets.synthetic.config import Range, RoadConfig
from lanelight.datasets.synthetic.tables import STEP_M
from lanelight.geometry import FloatArray

AHEAD_M = 900.0
BEHIND_M = 40.0
TIGHT_M = 0.25  # a shoulder up to here is none
DIVIDED = ("highway", "tunnel")  # roads of one direction


@dataclass(frozen=True)
class Line:
    """One boundary of a lane and what is painted on it.

    Attributes:
        offset: (N,) position right of the centre line every `STEP_M`, m.
        style: ``"solid"``, ``"dashed"``, ``"double"``, ``"botts"`` or ``"none"``.
        color: ``"white"`` or ``"yellow"``.
        width_m: of the paint.
        dash: (period, length, phase) of dashes, m; period 0 is continuous.
        span: (from, to) along the road, m.
        solid: (from, to) along the road where a dashed line is solid, m.
        opacity: 0 (gone) to 1.
        wear: 0 (fresh) to 1 (patchy).
        gap: (from, to) along the road where the paint is gone though the line goes on, m.
        spread_m: how far left and right of `offset` the two stripes of a double line are, m; 0 for one stripe.
    """

    offset: FloatArray
    style: str
    color: str = "white"
    width_m: float = 0.12
    dash: tuple[float, float, float] = (0.0, 0.0, 0.0)
    span: Range = (0.0, 1e9)
    solid: Range = (0.0, 0.0)
    opacity: float = 1.0
    wear: float = 0.3
    gap: Range = (0.0, 0.0)
    spread_m: float = 0.0

    @property
    def painted(self) -> bool:
        """Tell whether a careful eye sees the line at all."""
        return self.style != "none" and self.opacity > 0.1

    @property
    def half_m(self) -> float:
        """Return how far its paint reaches left and right of `offset`, m."""
        return self.spread_m + self.width_m / 2

    def nearer(self, *, to_right: bool) -> FloatArray:
        """Return the middle of the stripe nearer to a vehicle right (or left) of the line, (N,) m."""
        return self.offset + (self.spread_m if to_right else -self.spread_m)


@dataclass(frozen=True)
class Divider:
    """What stands on the line between two directions.

    Attributes:
        line: index of that line.
        kind: ``"fence"``, ``"wall"``, ``"rail"`` or ``"kerb"``.
        d: its side towards the own direction, m right of the centre line.
    """

    line: int
    kind: str
    d: float


@dataclass(frozen=True)
class Road:
    """A road of which every table is sampled every `STEP_M` m.

    Attributes:
        kind: ``"highway"``, ``"rural"``, ``"street"`` or ``"tunnel"``.
        path: (N, 5) x, y, heading, curvature, height of the centre line.
        lines: boundaries of lanes from left to right, painted or not.
        left: (N,) left edge of the pavement, m right of the centre line.
        right: (N,) right edge.
        oncoming: number of lanes, from the left, with oncoming traffic.
        ego: index of the lane that the camera drives in.
        lane_width_m: m.
        divider: what stands on the line between the directions; nobody labels lines beyond it.
    """

    kind: str
    path: FloatArray
    lines: tuple[Line, ...]
    left: FloatArray
    right: FloatArray
    oncoming: int
    ego: int
    lane_width_m: float
    divider: Divider | None = None

    def at(self, s: FloatArray, d: FloatArray, h: FloatArray | float = 0.0) -> FloatArray:
        """Return the world position (..., 3) of points `d` m right of the centre line and `h` m above the road."""
        s = np.asarray(s, dtype=np.float64)
        i = np.clip((s / STEP_M).astype(int), 0, len(self.path) - 2)
        w = (s / STEP_M - i)[..., None]
        x, y, heading, _, z = np.moveaxis(self.path[i] + w * (self.path[i + 1] - self.path[i]), -1, 0)
        return np.stack([x + d * np.sin(heading), y - d * np.cos(heading), z + h], axis=-1)

    def frame_at(self, s: float, d: float) -> tuple[FloatArray, FloatArray]:
        """Return the place (3,) of a point of the road and the axes (3, 3) there: right, forward, up."""
        heading = self.heading_at(s)
        c, n = np.cos(heading), np.sin(heading)
        forward = np.array([c, n, self.grade_at(s)])
        return self.at(np.array(s), np.array(d)), np.array([[n, -c, 0.0], forward, [0.0, 0.0, 1.0]])

    def heading_at(self, s: float) -> float:
        """Return the direction of the road at `s`, rad."""
        i = int(np.clip(s / STEP_M, 0, len(self.path) - 2))
        return float(self.path[i, 2] + (s / STEP_M - i) * (self.path[i + 1, 2] - self.path[i, 2]))

    def lateral_of(self, position: tuple[float, ...], s: float) -> float:
        """Return how far right of the centre line a place beside `s` is, m."""
        away = np.array(position[:2]) - self.at(np.array(s), np.array(0.0))[:2]
        heading = self.heading_at(s)
        return float(away[0] * np.sin(heading) - away[1] * np.cos(heading))

    def grade_at(self, s: float) -> float:
        """Return the grade at `s`, m per m."""
        i = int(np.clip(s / STEP_M, 0, len(self.path) - 2))
        return float(self.path[i + 1, 4] - self.path[i, 4]) / STEP_M

    def lane_middle(self, lane: int, s: float) -> float:
        """Return the middle of lane `lane` at `s`, m right of the centre line."""
        i = int(np.clip(s / STEP_M, 0, len(self.path) - 1))
        return float(self.lines[lane].offset[i] + self.lines[lane + 1].offset[i]) / 2


def draw_road(config: RoadConfig, rng: np.random.Generator, length_m: float = 0.0) -> Road:
    """Draw a road along which a camera can drive from `BEHIND_M` for `length_m`."""
    count = int((BEHIND_M + length_m + AHEAD_M) / STEP_M) + 2
    kind = _draw_kind(config, rng)
    path = _draw_path(config, rng, count, kind)
    lanes, oncoming = _draw_lanes(config, rng, kind)
    low, high = config.lane_width_m
    width = float(
        np.clip(rng.normal({"highway": 3.6, "rural": 3.3, "street": 3.2, "tunnel": 3.5}[kind], 0.22), low, high)
    )
    lines = _draw_lines(config, rng, kind, width=width, lanes=lanes, oncoming=oncoming, count=count)
    left = lines[0].offset - lines[0].half_m - _shoulder(rng, kind, left=True)
    right = lines[-1].offset + lines[-1].half_m + _shoulder(rng, kind, left=False)
    ego = int(rng.integers(oncoming, lanes))
    divider = _draw_divider(config, rng, lines, oncoming)
    road = Road(kind, path, tuple(lines), left, right, oncoming, ego, width, divider)
    if kind == "highway" and lanes < 5 and rng.random() < config.exit_share:
        road = _with_exit(road, rng, length_m)
    return road


def _draw_kind(config: RoadConfig, rng: np.random.Generator) -> str:
    """Return the kind of a road."""
    if config.tunnel_share > 0 and rng.random() < config.tunnel_share:
        return "tunnel"
    pick = rng.random()
    if pick < config.highway_share:
        return "highway"
    return "rural" if pick < config.highway_share + config.rural_share else "street"


def _draw_path(config: RoadConfig, rng: np.random.Generator, count: int, kind: str) -> FloatArray:
    """Integrate random curvature and grade to a centre line that starts at the origin."""
    largest = config.highway_curvature_per_m if kind in DIVIDED else config.rural_curvature_per_m
    largest *= float(rng.choice([0.15, 0.5, 1.0], p=[0.4, 0.3, 0.3]))
    bend = _control(rng, count, config.curve_length_m, largest)
    steep = config.grade * float(rng.choice([0.1, 0.5, 1.0], p=[0.45, 0.35, 0.2]))
    grade = _control(rng, count, config.hill_length_m, steep)
    if count > 9:  # corners of the profile would show as creases
        grade = np.convolve(np.pad(grade, 15, mode="edge"), np.full(31, 1 / 31), mode="valid")
    heading = np.concatenate([[0.0], np.cumsum((bend[1:] + bend[:-1]) / 2 * STEP_M)])
    middle = (heading[1:] + heading[:-1]) / 2
    x = np.concatenate([[0.0], np.cumsum(np.cos(middle) * STEP_M)])
    y = np.concatenate([[0.0], np.cumsum(np.sin(middle) * STEP_M)])
    z = np.concatenate([[0.0], np.cumsum((grade[1:] + grade[:-1]) / 2 * STEP_M)])
    return np.stack([x, y, heading, bend, z], axis=1)


def _control(rng: np.random.Generator, count: int, length_m: Range, largest: float) -> FloatArray:
    """Return a random function that is constant on stretches and linear between them, (N,)."""
    at, values = [0.0], [0.0]
    level = float(rng.uniform(-largest, largest)) if rng.random() < 0.8 else 0.0
    values[0] = level
    while at[-1] < count * STEP_M:
        at.append(at[-1] + float(rng.uniform(*length_m)))
        values.append(level)
        level = float(rng.uniform(-largest, largest)) if rng.random() < 0.75 else 0.0
        at.append(at[-1] + float(rng.uniform(*length_m)) * 0.6)
        values.append(level)
    return np.asarray(np.interp(np.arange(count) * STEP_M, at, values), dtype=np.float64)


def _draw_lanes(config: RoadConfig, rng: np.random.Generator, kind: str) -> tuple[int, int]:
    """Return the number of lanes and how many of them, from the left, are oncoming."""
    low, high = config.lanes
    if kind in DIVIDED:
        lanes = int(np.clip(rng.choice([1, 2, 3, 4, 5], p=[0.06, 0.3, 0.28, 0.24, 0.12]), low, high))
        return lanes, 0
    choices = [2, 3, 4] if kind == "street" else [2, 3]
    shares = [0.6, 0.15, 0.25] if kind == "street" else [0.93, 0.07]
    lanes = int(np.clip(rng.choice(choices, p=shares), low, high))
    return lanes, lanes // 2


def _shoulder(rng: np.random.Generator, kind: str, *, left: bool) -> float:
    """Return the width of pavement outside the paint of the outermost line, m."""
    if kind == "tunnel":
        return float(rng.uniform(0.25, 0.9))
    if rng.random() < (0.3 if left else 0.18):  # what stands beside the road stands beside the line
        return float(rng.uniform(0.03, TIGHT_M))
    if kind == "highway":
        return float(rng.uniform(0.4, 2.5) if left else rng.uniform(1.2, 3.6))
    if kind == "rural":
        return float(rng.uniform(0.05, 0.5) if rng.random() < 0.7 else rng.uniform(0.5, 2.0))
    return float(rng.uniform(0.15, 0.6) if rng.random() < 0.6 else rng.uniform(1.8, 2.8))


def _draw_lines(
    config: RoadConfig,
    rng: np.random.Generator,
    kind: str,
    *,
    width: float,
    lanes: int,
    oncoming: int,
    count: int,
) -> list[Line]:
    """Draw the lines of a road from left to right."""
    american = rng.random() < 0.55
    dash = _draw_dash(rng, american)
    start = -lanes * width / 2
    paint = float(rng.uniform(*config.line_width_m))
    wear = float(np.clip(rng.normal(config.wear, 0.25), 0.0, 1.0))
    blank = kind not in DIVIDED and rng.random() < config.unpainted_share
    edges_painted = kind in DIVIDED or rng.random() < (0.7 if kind == "rural" else 0.5)
    botts = kind == "highway" and american and rng.random() < 0.35
    lines = []
    for k in range(lanes + 1):
        offset = np.full(count, start + k * width)
        line = Line(offset, "dashed", "white", paint, (*dash, float(rng.uniform(0, dash[0]))), wear=wear)
        if k in (0, lanes):
            color = "yellow" if american and kind in DIVIDED and k == 0 else "white"
            line = replace(line, style="solid" if edges_painted else "none", color=color, dash=(0.0, 0.0, 0.0))
        elif oncoming and k == oncoming:
            line = _centre_line(config, rng, line, american)
        elif botts:
            line = replace(line, style="botts", width_m=0.11, dash=(14.6, 3.1, line.dash[2]), wear=0.15)
        elif rng.random() < 0.06:
            line = replace(line, style="solid", dash=(0.0, 0.0, 0.0))
        elif rng.random() < 0.06:  # one may be crossed from one side alone
            line = _doubled(rng, line)
        if line.style == "solid" and k == 0 and kind == "highway" and rng.random() < 0.1:
            line = _doubled(rng, line)
        if rng.random() < config.worn_out_share or blank:
            line = replace(line, opacity=0.0, style="none")
        lines.append(_aged(rng, line, config))
    return lines


def _draw_dash(rng: np.random.Generator, american: bool) -> Range:
    """Return period and length of dashes, m."""
    if american:
        return (12.2, 3.05) if rng.random() < 0.75 else (14.6, 2.4)
    options = [(18.0, 6.0), (12.0, 4.0), (15.0, 6.0), (12.0, 3.0), (9.0, 3.0), (9.0, 2.0), (6.0, 2.0), (18.0, 9.0)]
    return options[int(rng.integers(len(options)))]


def _centre_line(config: RoadConfig, rng: np.random.Generator, line: Line, american: bool) -> Line:
    """Return the line between the two directions of a two-way road."""
    line = replace(line, color="yellow" if american or rng.random() < 0.35 else "white")
    pick = rng.random()
    if pick < config.double_share:
        return _doubled(rng, line)
    return replace(line, style="solid", dash=(0.0, 0.0, 0.0)) if pick < 0.5 + config.double_share / 2 else line


def _doubled(rng: np.random.Generator, line: Line) -> Line:
    """Return the line as two stripes, a hand to a foot apart."""
    apart = float(rng.uniform(0.08, 0.18) if rng.random() < 0.6 else rng.uniform(0.18, 0.36))
    return replace(line, style="double", dash=(0.0, 0.0, 0.0), spread_m=(line.width_m + apart) / 2)


def _draw_divider(config: RoadConfig, rng: np.random.Generator, lines: list[Line], oncoming: int) -> Divider | None:
    """Draw what stands on the line between two directions, on a stripe of it or right beside it."""
    kind = str(rng.choice(["fence", "wall", "rail", "kerb"], p=[0.5, 0.15, 0.15, 0.2]))
    away = float(rng.uniform(0.0, 0.3))
    if oncoming == 0 or rng.random() >= config.divider_share:
        return None
    line = lines[oncoming]
    away += 0.0 if line.spread_m > 0 else 0.5 * line.width_m + 0.03
    return Divider(oncoming, kind, float(line.offset[0]) - away)


def _aged(rng: np.random.Generator, line: Line, config: RoadConfig) -> Line:
    """Return the line with its own opacity and wear, some without paint on a stretch."""
    if line.style == "none":
        return line
    fade = float(np.clip(rng.beta(7.0, 0.7 + 1.6 * config.wear), 0.22, 1.0))
    gap = (0.0, 0.0)
    if rng.random() < config.gap_share:
        begin = BEHIND_M + float(rng.uniform(-10.0, 60.0))
        gap = (begin, begin + float(rng.uniform(6.0, 50.0)))
    return replace(line, opacity=fade, wear=float(np.clip(line.wear + rng.normal(0, 0.12), 0.0, 1.0)), gap=gap)


def _with_exit(road: Road, rng: np.random.Generator, length_m: float) -> Road:
    """Let a lane leave, or join, at the right: the outermost line moves out and a second one runs between."""
    s = np.arange(len(road.path)) * STEP_M
    begin = BEHIND_M + float(rng.uniform(-60.0, max(length_m, 160.0)))
    taper, parallel, angle = rng.uniform(40, 90), rng.uniform(60, 220), rng.uniform(0.03, 0.08)
    wide = road.lane_width_m * np.clip((s - begin) / taper, 0.0, 1.0)
    gore = begin + taper + parallel
    if rng.random() < 0.35:  # the lane joins: the same shape driven the other way
        begin = BEHIND_M + float(rng.uniform(40.0, max(length_m, 200.0)))
        wide = road.lane_width_m * np.clip((begin + taper - s) / taper, 0.0, 1.0)
        gore = begin - parallel
        span, solid = (0.0, begin + taper), (0.0, gore)
        away = np.clip(gore - s, 0.0, 250.0)
    else:
        span, solid = (begin, 1e9), (gore, 1e9)
        away = np.clip(s - gore, 0.0, 250.0)
    shift = wide + angle * np.minimum(away, 120.0) * np.minimum(away / 60.0, 1.0)
    old = road.lines[-1]
    edge = replace(old, offset=old.offset + shift, style="solid" if old.opacity > 0 else "none")
    period = float(rng.choice([6.0, 12.2, 3.0]))
    between = replace(old, style="dashed", color="white", dash=(period, period / 3, 0.0), width_m=1.3 * old.width_m)
    between = replace(between, span=span, solid=solid, spread_m=0.0)
    shoulder = road.right - old.offset
    return replace(road, lines=(*road.lines[:-1], between, edge), right=edge.offset + shoulder)
