"""`Augment`: a frame and what is known about it, shown in another way; `AUGMENTS`: the ways of the published recipes.

Everything geometric is one matrix, applied once to the frame, its lanes and its classes (`lanelight.geometry.warp`).
All draws come from the generator that is given: sample i of a run is made from (seed, i) alone, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.appearance import Blur, HueSaturation, Lightness, Noise, Table, shuffled
from lanelight.datasets.placement import Affine, Window, cut
from lanelight.errors import LanelightError, unknown_name
from lanelight.geometry import Scene, Viewport
from lanelight.geometry.warp import Warp, cornered, mirrored

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Augment:
    """What may change about a frame without changing what is on the road; without arguments, nothing.

    The steps come in the order of the attributes. What lies outside the frame keeps the colour `fill` whatever
    happens to the other colours, and its class is `lanelight.geometry.warp.IGNORE`.

    Attributes:
        window: a crop, or None.
        flip: probability of mirroring; slots change sides.
        affine: scale, turn and shift, or None.
        perspective: largest move of each corner, as a share of the sample's width and height.
        fill: RGB of what lies outside the frame.
        shuffle: probability of another order of the colour channels.
        table: brightness, contrast, gamma and tint, or None.
        lightness: lightness in a drawn colour space, or None.
        hue: hue, saturation and value, or None.
        blur: or None.
        noise: or None.
        slots: number of slots that lanes may have, counted from the left.
    """

    window: Window | None = None
    flip: float = 0.0
    affine: Affine | None = None
    perspective: float = 0.0
    fill: tuple[int, int, int] = (0, 0, 0)
    shuffle: float = 0.0
    table: Table | None = None
    lightness: Lightness | None = None
    hue: HueSaturation | None = None
    blur: Blur | None = None
    noise: Noise | None = None
    slots: int = 4

    def apply(
        self, frame: UInt8, scene: Scene, view: Viewport | tuple[int, int], rng: np.random.Generator
    ) -> tuple[UInt8, Scene]:
        """Return a sample: the picture that the network sees, and the Scene in px of that picture.

        Args:
            frame: (H, W, 3) uint8 RGB.
            scene: what is known about it.
            view: what the network sees of the frame without augmentation, or the (width, height) in which it sees
                the whole frame.
            rng: all draws come from it; the same state gives the same sample.

        Raises:
            LanelightError: frame, scene and view are of different sizes, or a lane's slot is `slots` or above.
        """
        if not isinstance(view, Viewport):
            view = Viewport.whole(scene.size, view)
        warp = self.warp(view, rng)
        there = warp.scene(scene, slots=self.slots)
        seen = warp.image(frame, self.fill)
        image = self.colored(seen, rng)
        return (image if image is seen else warp.fill_outside(image, self.fill)), there

    def warp(self, view: Viewport, rng: np.random.Generator) -> Warp:
        """Draw where the pixels go."""
        target = view.target
        matrix = cut(view.crop if self.window is None else self.window.draw(view, rng), target)
        if rng.random() < self.flip:
            matrix = mirrored(target[0]) @ matrix
        if self.affine is not None:
            matrix = self.affine.draw(target, rng) @ matrix
        if self.perspective:
            moves = rng.uniform(-self.perspective, self.perspective, size=(4, 2)) * target
            matrix = cornered(target, moves) @ matrix
        return Warp(view.source, target, matrix)

    def colored(self, image: UInt8, rng: np.random.Generator) -> UInt8:
        """Return the picture in other colours, (H, W, 3) uint8 RGB; the same array where nothing changes."""
        if rng.random() < self.shuffle:
            image = shuffled(image, rng)
        for step in (self.table, self.lightness, self.hue, self.blur, self.noise):
            if step is not None:
                image = step(image, rng)
        return image


# Sources: CLRNet and CLRerNet, their training configurations; ENet-SAD, the authors' Torch code and its PyTorch
# reimplementation; Fast-SCNN, the paper (arXiv 1902.04502, sec. 4.1) and two reimplementations.
_CLR_AFFINE = Affine(p=0.7, scale=(0.8, 1.2), degrees=(-10.0, 10.0), shift=0.1)
_CLR_BLUR = Blur(p=0.2, kinds=("motion", "median"), widths_px=(3, 5, 5))  # an even width of 4 becomes 5
_CULANE_MEAN = (92, 93, 93)  # these recipes fill with 0 after subtracting the mean
_IMAGENET_MEAN = (124, 116, 104)

_ROAD = Augment(
    window=Window(scale=(1.0, 1 / 0.75), even="share", enlarged=False),
    flip=0.5,
    table=Table(contrast=0.25, brightness=0.125, gamma=0.3, tint=0.08),
    blur=Blur(p=0.15),
    noise=Noise(6.0),
)

AUGMENTS: dict[str, Augment] = {
    "none": Augment(),
    # Crops of whole px, so that they are resized as the detector resizes its frames.
    "road": _ROAD,
    # The bundled networks': real cameras differ in colour and sharpness more than rendered ones do.
    "road_varied": replace(
        _ROAD,
        table=Table(contrast=0.3, brightness=0.15, gamma=0.4, tint=0.1),
        hue=HueSaturation(p=0.5, hue=8, saturation=30),
        blur=Blur(p=0.25),
        noise=Noise(8.0),
    ),
    # Differs: what a turn uncovers above the view is shown where the frame has it, not filled; colours are those of RGB
    # pictures, where the reference treats BGR as RGB; a flip maps x to W - 1 - x, as its pixels do, not to W - x; blurs
    # come after the warp, on the small picture.
    "clrnet": Augment(
        flip=0.5,
        affine=_CLR_AFFINE,
        shuffle=0.1,
        lightness=Lightness(p=0.6, factor=(0.85, 1.15), add=10),
        hue=HueSaturation(p=0.7, hue=7, saturation=10, joined=True),
        blur=_CLR_BLUR,
    ),
    "clrernet": Augment(
        flip=0.5,
        affine=_CLR_AFFINE,
        shuffle=0.1,
        table=Table(p=0.6, contrast=0.15, pivot=0.0, brightness=0.04),
        hue=HueSaturation(p=0.7, hue=10, saturation=10, value=10),
        blur=_CLR_BLUR,
    ),
    # The PyTorch reimplementation turns by up to one degree and does nothing else.
    "enet_sad": Augment(affine=Affine(degrees=(-1.0, 1.0))),
    # The authors' own, for a view without the top 240 of 590 rows: resized to W 936..1018 and H 194..224, turned, and
    # 976x208 is cut. Differs: turned about the middle of the sample, not of the resized frame.
    "enet_sad_culane": Augment(
        window=Window(scale=(936 / 976, 1018 / 976), scale_y=(194 / 208, 224 / 208)),
        affine=Affine(degrees=(-1.0, 1.0)),
        fill=_CULANE_MEAN,
    ),
    # Theirs for SCNN, of the whole frame: W 760..842 and H 274..304, then 800x288.
    "scnn_culane": Augment(
        window=Window(scale=(760 / 800, 842 / 800), scale_y=(274 / 288, 304 / 288)),
        affine=Affine(degrees=(-1.0, 1.0)),
        fill=_CULANE_MEAN,
    ),
    # Resized to W 860..900 and H 425..445, then 640x368 is cut at the bottom, from the middle third.
    "enet_sad_tusimple": Augment(
        window=Window(scale=(860 / 640, 900 / 640), scale_y=(425 / 368, 445 / 368), x=(1 / 3, 2 / 3), y=(1.0, 1.0)),
        affine=Affine(degrees=(-2.2, -1.2)),
        fill=_CULANE_MEAN,
    ),
    # The paper gives no amounts for brightness and the noise of colour channels: 0.2 and 0.1 are ours.
    "fast_scnn": Augment(
        window=Window(scale=(0.5, 2.0), of="frame"),
        flip=0.5,
        fill=_IMAGENET_MEAN,
        table=Table(brightness=0.2, tint=0.1),
    ),
    # leftthomas: scales in steps, a crop of the network's size, a flip.
    "fast_scnn_short": Augment(
        window=Window(steps=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0), of="frame"), flip=0.5, fill=_IMAGENET_MEAN
    ),
    # Tramac: any scale, and a Gaussian blur of up to 1 px in half of the samples.
    "fast_scnn_blur": Augment(
        window=Window(scale=(0.5, 2.0), of="frame"), flip=0.5, blur=Blur(p=0.5, sigma_px=(0.0, 1.0))
    ),
    # Our own, for few frames of small size: of the short side, so that it fits frames of any size.
    "camvid": Augment(
        window=Window(scale=(0.8, 1.8), even="share", of="short"),
        flip=0.5,
        fill=_IMAGENET_MEAN,
        table=Table(contrast=0.3, brightness=0.15, gamma=0.3, tint=0.2),
        blur=Blur(p=0.15),
    ),
}


def augment_entry(entry: Any) -> Any:
    """Return the `augment` of a recipe file as the fields of `Augment`.

    Args:
        entry: these fields, the name of a preset, or the flat numbers that recipes held before there were presets.

    Returns:
        The fields; anything else as it is, for the reader of the file to refuse.

    Raises:
        LanelightError: an unknown preset.
    """
    if isinstance(entry, str):
        if entry not in AUGMENTS:
            raise LanelightError(unknown_name("augmentation", entry, AUGMENTS))
        return asdict(AUGMENTS[entry])
    if not isinstance(entry, Mapping) or set(entry) != FLAT:
        return entry
    zoom, gain = float(entry["zoom"]), float(entry["gain"])
    flat = Augment(
        window=Window(scale=(1.0, 1 / zoom), even="share", enlarged=False),
        flip=entry["flip"],
        table=Table(contrast=gain, brightness=gain / 2, gamma=entry["gamma"], tint=entry["tint"]),
        blur=Blur(p=entry["blur"]),
        noise=Noise(entry["noise"]),
    )
    return asdict(flat)


FLAT = frozenset({"flip", "zoom", "gain", "tint", "gamma", "blur", "noise"})
