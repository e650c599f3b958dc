"""What a vehicle looks like: polygons of its end and of the flank that faces the camera."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lanelight.datasets.synthetic.camera import Camera
from lanelight.datasets.synthetic.road import Road
from lanelight.datasets.synthetic.sprites import Polygon
from lanelight.geometry import FloatArray

Colour = tuple[float, float, float]
Point = tuple[float, float, float]  # right, forward and up of the middle of the near end, m

GLASS: Colour = (0.10, 0.11, 0.13)  # what it mirrors of the sky
DEEP_GLASS: Colour = (0.02, 0.025, 0.03)
RUBBER: Colour = (0.012, 0.012, 0.013)
UNDERBODY: Colour = (0.008, 0.008, 0.009)
SLOPE_M = 0.35  # of a car's rear window: how far the roof begins before the waist ends


@dataclass(frozen=True)
class Vehicle:
    """One vehicle.

    Attributes:
        s: of its rear end as seen along the road, m.
        d: of its middle, m right of the centre line.
        speed: along the road, m/s; negative for oncoming traffic.
        size: (length, width, height) m.
        paint: reflectance.
        boxy: True for lorries, buses and vans.
        waist: share of the height at which the windows begin.
        lamps: brightness of its lights, 0 (off) to 1.
    """

    s: float
    d: float
    speed: float
    size: tuple[float, float, float]
    paint: Colour
    boxy: bool
    waist: float
    lamps: float

    def after(self, seconds: float) -> Vehicle:
        """Return the vehicle some time later."""
        return replace(self, s=self.s + self.speed * seconds)


@dataclass(frozen=True)
class Light:
    """Light on the end towards the camera, on the flank, and of the sky that glass mirrors, each (3,)."""

    end: FloatArray
    flank: FloatArray
    sky: FloatArray


@dataclass(frozen=True)
class Shell:
    """Polygons in the making, in the axes of one vehicle."""

    origin: FloatArray
    axes: FloatArray
    parts: list[Polygon] = field(default_factory=list)

    def add(self, points: list[Point], colour: Colour, opacity: float = 1.0) -> None:
        """Lay a polygon over what is there."""
        self.parts.append((self.origin + np.array(points) @ self.axes, colour, opacity))

    def rect(self, x: tuple[float, float], z: tuple[float, float], colour: Colour) -> None:
        """Lay an upright rectangle over the near end."""
        self.add([(x[0], 0, z[0]), (x[1], 0, z[0]), (x[1], 0, z[1]), (x[0], 0, z[1])], colour)


def body(road: Road, vehicle: Vehicle, camera: Camera, light: FloatArray) -> list[Polygon]:
    """Return the polygons of a vehicle, from back to front; none behind the camera.

    Args:
        road: which it drives on.
        vehicle: the vehicle.
        camera: which looks at it.
        light: (3, 3) rows as `Light` names them.
    """
    shell = Shell(*road.frame_at(vehicle.s, vehicle.d))
    if float(camera.project(shell.origin)[1]) < 0.5:
        return []
    lit = Light(*light)
    aside = road.lateral_of(camera.position, vehicle.s) - vehicle.d
    if abs(aside) > vehicle.size[1] / 2:
        _flank(shell, vehicle, lit, 1.0 if aside > 0 else -1.0)
    _end(shell, vehicle, lit)
    _lamps(shell, vehicle, lit)
    return shell.parts


def _levels(v: Vehicle) -> tuple[float, float, float, float]:
    """Return heights of underbody, sill and waist, and how far the roof is narrower on each side, m."""
    height = v.size[2]
    return 0.22 if height < 2.5 else 0.55, 0.36 * height, v.waist * height, 0.0 if v.boxy else 0.15


def _flank(shell: Shell, v: Vehicle, light: Light, side: float) -> None:
    """Add the flank on one side (-1 left, 1 right)."""
    length, width, height = v.size
    clear, sill, waist, tuck = _levels(v)
    x, inner = side * width / 2, side * (width / 2 - tuck)
    paint = _times(v.paint, light.flank)
    # bonnet and boot of a car are lower than its doors
    low = 0.88 * waist if not v.boxy else waist
    shell.add(
        [(x, 0.1, clear), (x, length - 0.1, clear), (x, length, sill), (x, length, low), (x, 0.7 * length, waist),
         (x, 0, waist), (x, 0, sill)], paint,
    )  # fmt: skip
    shell.add([(x, 0, clear), (x, length, clear), (x, length, sill), (x, 0, sill)], _times(v.paint, light.flank * 0.6))
    ends = (0.0, length, length, 0.0) if v.boxy else (0.0, 0.72 * length, 0.58 * length, SLOPE_M)
    cabin: list[Point] = [(x, ends[0], waist), (x, ends[1], waist), (inner, ends[2], height), (inner, ends[3], height)]
    shell.add(cabin, paint)
    if v.waist < 1:
        window: list[Point] = [(x * 0.99, ends[0] + 0.25, waist + 0.04), (x * 0.99, ends[1] - 0.2, waist + 0.04)]
        shell.add([*window, (inner, ends[2] - 0.1, height - 0.1), (inner, ends[3] + 0.1, height - 0.1)],
                  _times(GLASS, light.sky))  # fmt: skip
    radius = 0.33 if height < 2.5 else 0.5
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for axle in (0.19 * length, 0.81 * length):
        for r, colour in ((radius, RUBBER), (0.55 * radius, _times((0.12, 0.12, 0.12), light.flank))):
            shell.add([(x, axle + r * float(np.cos(a)), radius + r * float(np.sin(a))) for a in turn], colour)


def _end(shell: Shell, v: Vehicle, light: Light) -> None:
    """Add the end that faces the camera."""
    half, top = v.size[1] / 2, v.size[2]
    clear, sill, waist, tuck = _levels(v)
    paint = _times(v.paint, light.end)
    for x in (-half + 0.02, half - 0.27):
        shell.rect((x, x + 0.25), (0.0, clear + 0.15), RUBBER)
    shell.rect((-half + 0.25, half - 0.25), (0.12, clear + 0.05), UNDERBODY)
    round_off = 0.0 if v.boxy else 0.06
    shell.add(
        [(-half + round_off, 0, clear), (half - round_off, 0, clear), (half, 0, sill), (half, 0, waist),
         (-half, 0, waist), (-half, 0, sill)], paint,
    )  # fmt: skip
    shell.rect((-half + round_off, half - round_off), (clear, sill - 0.08), _times(paint, np.full(3, 0.6)))
    inner, shift = half - tuck, 0.0 if v.boxy else SLOPE_M
    shell.add(
        [(-half, 0, waist), (half, 0, waist), (inner, shift, top - round_off), (inner - round_off, shift, top),
         (round_off - inner, shift, top), (-inner, shift, top - round_off)], paint,
    )  # fmt: skip
    if v.waist >= 1:  # the doors of a lorry
        shell.rect((-0.02, 0.02), (clear + 0.1, top - 0.1), _times(paint, np.full(3, 0.5)))
        return
    for low, colour, opacity in ((waist + 0.05, _times(GLASS, light.sky), 1.0), (waist + 0.2, DEEP_GLASS, 0.5)):
        pane: list[Point] = [(0.16 - half, 0, low), (half - 0.16, 0, low)]
        shell.add([*pane, (inner - 0.1, shift, top - 0.09), (0.1 - inner, shift, top - 0.09)], colour, opacity)


def _lamps(shell: Shell, v: Vehicle, light: Light) -> None:
    """Add lamps and number plate."""
    half = v.size[1] / 2
    clear, sill, waist, _ = _levels(v)
    glow = (0.35 + 0.65 * v.lamps) * np.maximum(light.end * 0.5, v.lamps * 1.2)
    colour = _times((0.9, 0.88, 0.8) if v.speed < 0 else (0.45, 0.02, 0.02), glow)
    z = sill + 0.25 * (waist - sill) if v.waist < 1 else clear + 0.1
    for x in (0.04 - half, half - 0.34):
        shell.rect((x, x + 0.3), (z, z + 0.16), colour)
    if v.speed >= 0 or v.boxy:
        shell.rect((-0.26, 0.26), (sill + 0.02, sill + 0.13), _times((0.5, 0.5, 0.48), light.end))


def _times(colour: Colour, light: FloatArray) -> Colour:
    """Return a reflectance under a light."""
    r, g, b = (float(c) for c in np.array(colour) * light)
    return r, g, b
