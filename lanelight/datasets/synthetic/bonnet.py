"""The own bonnet at the lower edge of the picture, and what it mirrors."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic.config import RoadConfig

LEAST_ROAD = 0.2  # share of the height that stays free between horizon and bonnet
Crease = tuple[float, float, float, float]  # column at the edge, column at the bottom (-1 to 1), width, strength


@dataclass(frozen=True)
class Bonnet:
    """The own bonnet; columns are -1 at the left to 1 at the right.

    Attributes:
        top: share of the picture's height that it takes where it is highest.
        middle: column where it is highest.
        fall: how much lower it is one unit to the side of that, share of `top`.
        power: of that fall; 2 is round, more is flat with falling flanks.
        colour: reflectance of the paint.
        gloss: share of the light that it mirrors at its far edge.
        inner_gloss: the same next to the driver, as a share of `gloss`.
        squeeze: px of the scene mirrored in one px of it.
        spread: how much wider the mirrored scene is next to the driver.
        ripple: unevenness of what is mirrored, share of the picture's width.
        rim: brightness (negative: darkness) of its far edge.
        creases: lines of its shape.
        cowl: share of the picture's height, from below, that is dark plastic or dashboard.
        wipers: (column of the foot, column and height of the tip as a share of `top`) of wipers at rest.
        glint: (column, strength) of the sun in it.
    """

    top: float
    middle: float = 0.0
    fall: float = 0.4
    power: float = 2.0
    colour: tuple[float, float, float] = (0.02, 0.02, 0.02)
    gloss: float = 0.3
    inner_gloss: float = 0.3
    squeeze: float = 1.5
    spread: float = 0.2
    ripple: float = 0.0
    rim: float = 0.0
    creases: tuple[Crease, ...] = ()
    cowl: float = 0.0
    wipers: tuple[tuple[float, float, float], ...] = ()
    glint: tuple[float, float] = (0.0, 0.0)

    def below(self, size: tuple[int, int]) -> tuple[int, NDArray[np.float32]]:
        """Return its first row, and how far below its edge the pixels from there on lie, (R, W) px."""
        width, height = size
        start = max(0, int(height * (1 - self.top)) - 2)
        x = np.linspace(-1, 1, width, dtype=np.float32)
        away = np.abs(x - np.float32(self.middle)) ** np.float32(self.power)
        line = height * (1 - self.top * (1 - np.float32(self.fall) * away))
        return start, np.asarray(np.arange(start, height, dtype=np.float32)[:, None] - line[None], dtype=np.float32)


def draw_bonnet(config: RoadConfig, rng: np.random.Generator, *, horizon: float, sunny: bool) -> Bonnet | None:
    """Draw the own bonnet, None where the camera does not see it.

    Args:
        config: for the share of views with a bonnet.
        rng: source of everything random.
        horizon: row of the horizon, share of the height; some road stays free below it.
        sunny: whether the sun may shine in the paint.
    """
    top = float(
        rng.choice([rng.uniform(0.02, 0.1), rng.uniform(0.1, 0.2), rng.uniform(0.2, 0.34)], p=[0.35, 0.35, 0.3])
    )
    top = min(top, 1 - horizon - LEAST_ROAD)
    if rng.random() >= config.bonnet_share or top < 0.015:
        return None
    matt = rng.random() < 0.2
    creases = tuple(
        (
            x,
            x * float(rng.uniform(1.0, 1.7)),
            float(rng.uniform(0.01, 0.06)),
            float(rng.choice([-0.5, 0.6]) * rng.random()),
        )
        for x in (float(v) for v in rng.uniform(-0.9, 0.9, int(rng.integers(0, 5))))
    )
    wipers = tuple(
        (x, x + float(rng.uniform(0.3, 0.9)), float(rng.uniform(0.1, 0.7)))
        for x in (float(v) for v in rng.uniform(-1.1, 0.5, int(rng.choice([0, 1, 2], p=[0.65, 0.15, 0.2]))))
    )
    return Bonnet(
        top=top,
        middle=float(np.clip(rng.normal(0, 0.22), -0.6, 0.6)),
        fall=float(rng.uniform(0.1, 0.95)),
        power=float(rng.uniform(1.8, 4.5)),
        colour=_paint(rng),
        gloss=float(rng.uniform(0.02, 0.15) if matt else rng.uniform(0.25, 0.95)),
        inner_gloss=float(rng.uniform(0.05, 0.9)),
        squeeze=float(np.exp(rng.uniform(np.log(0.7), np.log(4.0)))),
        spread=float(rng.uniform(-0.1, 0.6)),
        ripple=float(rng.uniform(0, 0.006)) if rng.random() < 0.5 else 0.0,
        rim=float(rng.normal(0, 0.5)),
        creases=creases,
        cowl=top * float(rng.uniform(0.1, 0.75)) if rng.random() < 0.45 else 0.0,
        wipers=wipers,
        glint=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.5, 3.0)) if sunny and rng.random() < 0.3 else 0.0),
    )


def add_bonnet(image: NDArray[np.float32], bonnet: Bonnet, gain: float) -> None:
    """Cover the lower edge of a picture by the own bonnet, in place.

    Args:
        image: (H, W, 3) linear light.
        bonnet: the bonnet.
        gain: of the exposure: glints are as bright as the camera shows.
    """
    height, width = image.shape[:2]
    start, down = bonnet.below((width, height))
    if start >= height:
        return
    size = (max(width // 2, 2), max((height - start) // 2, 1))  # what is mirrored is never quite sharp
    deep = np.asarray(cv2.resize(down, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    t = np.clip(deep / (bonnet.top * height), 0, 1).astype(np.float32)
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None]
    mirrored = _mirrored(image, bonnet, deep, t, start)
    share = np.float32(bonnet.gloss) * (bonnet.inner_gloss + (1 - bonnet.inner_gloss) * np.exp(-3 * t))
    tone = (1.0 - 0.45 * t) * (1 + bonnet.rim * np.exp(-((deep / (0.012 * height)) ** 2)))
    for first, last, wide, strength in bonnet.creases:
        tone *= 1 + strength * np.exp(-(((x - first - (last - first) * t) / (wide * (1 + 2 * t))) ** 2))
    around = image[::8, ::8].mean(axis=(0, 1))
    paint = (around * np.array(bonnet.colour, dtype=np.float32)).astype(np.float32)
    look = (tone * (1 - share))[..., None] * paint + share[..., None] * mirrored
    if bonnet.glint[1] > 0:
        at = np.exp(-(((x - bonnet.glint[0]) / 0.12) ** 2) - ((t - 0.25) / 0.2) ** 2) * bonnet.glint[1] / gain
        look += (at * bonnet.gloss)[..., None]
    dark = _dark(bonnet, size, height)
    look = np.asarray(look + dark[..., None] * (0.012 * around - look), dtype=np.float32)
    look = np.asarray(cv2.resize(look, (width, height - start), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    cover = np.clip(down + 0.5, 0, 1)[..., None]
    image[start:] += cover * (look - image[start:])


def _mirrored(
    image: NDArray[np.float32], bonnet: Bonnet, deep: NDArray[np.float32], t: NDArray[np.float32], start: int
) -> NDArray[np.float32]:
    """Return the scene upside down below the bonnet's edge, (h, w, 3)."""
    height, width = image.shape[:2]
    rows, columns = deep.shape
    y = start + (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * ((height - start) / rows) - 0.5
    x = (np.arange(columns, dtype=np.float32)[None] + 0.5) * (width / columns) - 0.5
    wave = np.float32(bonnet.ripple * width) * np.sin(x * np.float32(37.0 / width) + 9 * t)
    edge = y - deep
    source_y = edge - bonnet.squeeze * np.maximum(deep, 0) * (1 + t) - 1.5 + wave
    axis = np.float32((bonnet.middle + 1) / 2 * width)
    source_x = x + (axis - x) * np.float32(bonnet.spread) * t + wave
    found = cv2.remap(
        image,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.blur(found, (3, 3)), dtype=np.float32)


def _dark(bonnet: Bonnet, size: tuple[int, int], height: int) -> NDArray[np.float32]:
    """Return the share of dark plastic in each pixel of the bonnet, (h, w)."""
    columns, rows = size
    full = bonnet.top * height / 2  # px of the reduced picture
    mask = np.zeros((rows, columns), np.uint8)
    if bonnet.cowl > 0:
        x = np.linspace(-1, 1, columns)
        line = rows - bonnet.cowl / bonnet.top * full * (1 - 0.5 * bonnet.fall * np.abs(x - bonnet.middle) ** 2)
        mask[np.arange(rows)[:, None] >= line[None]] = 255
    for foot, tip, tall in bonnet.wipers:
        ends = [(round((v + 1) / 2 * columns), rows - 1 - round(up * full)) for v, up in ((foot, 0.0), (tip, tall))]
        cv2.line(mask, ends[0], ends[1], (255.0,), max(1, round(columns / 110)), cv2.LINE_AA)
    return np.asarray(mask, dtype=np.float32) / np.float32(255)


def _paint(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw the paint of the own car."""
    level = float(np.exp(rng.uniform(np.log(0.006), np.log(0.75))))
    tint = 1 + rng.normal(0, 0.06 if rng.random() < 0.6 else 0.4, 3)
    r, g, b = (float(c) for c in np.clip(level * tint.clip(0.15, 1.9), 0.003, 0.8))
    return r, g, b
