"""How steady lanes are on clips without labels, for `accuracy.py`: as they are found, and tracked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finders import Finder, Image, Spot, folder_of

from lanelight.frames import find_sources, write_image
from lanelight.geometry import Scene
from lanelight.metrics.base import Figures
from lanelight.metrics.stability import LaneStability
from lanelight.render import contact_sheet, draw_lanes
from lanelight.render.sheet import shrunk
from lanelight.runtime.tracking import LaneTracker

WORST, TILE_PX = 9, 640
# column -> figure of `LaneStability`, per frame where it is a count
SHOWN = {
    "jitter_px": "jitter_px",
    "jitter_typical_px": "jitter_typical_px",
    "dropout_share": "dropout_share",
    "count_changes": "count_changes",
    "slot_changes": "slot_changes",
}
COUNTS = ("count_changes", "slot_changes")


def score_clips(
    clips: Path, finders: Sequence[Finder], *, maps: Path | None, limit: int | None, out: Path
) -> dict[str, dict[str, float | None]]:
    """Run all finders over the videos of a folder and write the frames after which most changed.

    Args:
        clips: folder of videos.
        finders: what is compared.
        maps: folder of the other network's answers: CLIP/NNNNN.png.
        limit: frames of each clip.
        out: folder of the pictures.

    Returns:
        finder -> column -> figure; nothing of a finder that cannot see these frames.
    """
    found = {finder.name: _Watched() for finder in finders}
    for clip in sorted(clips.glob("*.mp4")):
        for index, frame in enumerate(find_sources([clip])[0].frames()):
            if index == limit:
                break
            image = frame.image
            file = None if maps is None else maps / clip.stem / f"{index:05d}.png"
            spot = Spot((image.shape[1], image.shape[0]), None, file)
            for finder in finders:
                scene = finder.find(image, spot)
                if scene is not None:
                    found[finder.name].add(f"{clip.stem} {index}", image, scene)
        for watched in found.values():
            watched.next_clip()
    seen = {name: watched for name, watched in found.items() if watched.frames}
    for name, watched in seen.items():
        watched.write_worst(folder_of(out, name) / "clips_worst.jpg")
    return {name: watched.columns() for name, watched in seen.items()}


class _Watched:
    """One finder's lanes over all clips."""

    def __init__(self) -> None:
        self.frames = 0
        self._raw, self._tracked = LaneStability(), LaneStability()
        self._worst: list[tuple[int, str, Image]] = []
        self.next_clip()

    def next_clip(self) -> None:
        """End the clip."""
        self._tracker = LaneTracker()
        self._before: tuple[Image, Scene] | None = None
        self._raw.next_video()
        self._tracked.next_video()

    def add(self, name: str, image: Image, scene: Scene) -> None:
        """Count a frame."""
        self.frames += 1
        self._raw.update(scene)
        self._tracked.update(self._tracker.update(scene))
        if self._before is not None:
            changed = len(_slots(scene) ^ _slots(self._before[1]))
            if changed > (self._worst[-1][0] if len(self._worst) == WORST else 0):
                self._keep(changed, name, image, scene)
        self._before = image, scene

    def columns(self) -> dict[str, float | None]:
        """Return the cells of the table."""
        ways = {"": self._raw.compute(), "tracked_": self._tracked.compute()}
        cells: dict[str, float | None] = {"clips_frames": self.frames}
        for way, figures in ways.items():
            cells |= {f"{way}{column}": _cell(figures, name) for column, name in SHOWN.items()}
        return cells

    def write_worst(self, path: Path) -> None:
        """Write the frames in which most slots were taken or left, each under the one before it."""
        if self._worst:
            _, names, tiles = zip(*self._worst, strict=True)
            write_image(path, contact_sheet(tiles, names, tile_width=TILE_PX))

    def _keep(self, changed: int, name: str, image: Image, scene: Scene) -> None:
        before = self._before or (image, scene)
        pair = [shrunk(draw_lanes(*each), TILE_PX) for each in (before, (image, scene))]
        tile = contact_sheet(pair, columns=1, tile_width=TILE_PX)
        self._worst = sorted([*self._worst, (changed, f"{name}: {changed} changed", tile)], key=lambda x: -x[0])[:WORST]


def _slots(scene: Scene) -> set[int | None]:
    return {lane.slot for lane in scene.lanes}


def _cell(figures: Figures, name: str) -> float | None:
    value = figures[name]
    if value is None:
        return None
    return float(value) / figures["frames"] if name in COUNTS else float(value)
