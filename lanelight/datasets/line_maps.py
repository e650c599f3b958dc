"""Weak labels: unlabelled frames with the dense responses of another network, one map each.

A map holds the probability of "lane line" (red) and of "drivable area" (green) per pixel.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.line_tracer import LineTracer
from lanelight.errors import FormatError
from lanelight.frames import VideoReader, read_image
from lanelight.geometry import Scene
from lanelight.geometry.warp import IGNORE

UInt8 = NDArray[np.uint8]


class LineMapFrames:
    """Frames with weak labels; a `FrameDataset`.

    Args:
        frames: (key, encoded picture file content, Scene), in order; see `clips` and `stills`.
    """

    def __init__(self, frames: list[tuple[str, bytes, Scene]]) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> tuple[str, UInt8, Scene]:
        """Return (key, frame (H, W, 3) uint8 RGB, Scene)."""
        key, content, scene = self._frames[index]
        frame = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        if frame is None:
            raise FormatError(f"{key}: expected a picture, got data that cannot be decoded")
        return key, np.asarray(frame, dtype=np.uint8), scene

    @classmethod
    def clips(cls, videos: Path, maps: Path, tracer: LineTracer | None = None) -> LineMapFrames:
        """Read video clips and ``maps/CLIP/NNNNN.png`` (red: lane line, green: drivable).

        Frames without a certain ego pair, or without a map, are left out.

        Raises:
            FormatError: no clip has a map.
            SourceError: a clip cannot be read.
        """
        trace = tracer or LineTracer()
        frames = []
        for video in sorted(videos.glob("*.mp4")):
            with VideoReader(video) as reader:
                for number, _, frame in reader.frames():
                    file = maps / video.stem / f"{number:05d}.png"
                    scene = _traced(file, frame, trace) if file.is_file() else None
                    if scene is not None:
                        frames.append((f"{video.stem}/{number:05d}", _packed(frame), scene))
        if not frames:
            raise FormatError(f"{videos}: expected *.mp4 clips with maps in {maps}/CLIP/NNNNN.png, found none")
        return cls(frames)

    @classmethod
    def stills(
        cls,
        images: Path,
        maps: Path,
        *,
        masks: Path | None = None,
        aspect: float | None = None,
        tracer: LineTracer | None = None,
    ) -> LineMapFrames:
        """Read pictures and the maps of the same names in another folder.

        Args:
            images: folder of pictures.
            maps: folder of maps, NAME.png.
            masks: folder of road masks, NAME.png (255 road); lines may lie only on the road or at its edge. A picture
                without a certain ego pair is kept with a mask: off the road there is certainly no lane.
            aspect: width / height of the camera's picture where the files were stretched to another shape.
            tracer: how to trace.

        Raises:
            FormatError: no picture has a map.
            SourceError: a picture cannot be read.
        """
        trace = tracer or LineTracer()
        frames = []
        for image in sorted(images.iterdir()):
            file = maps / f"{image.stem}.png"
            if image.suffix.lower() not in (".jpg", ".jpeg", ".png") or not file.is_file():
                continue
            frame = read_image(image)
            if aspect is not None:
                size = (frame.shape[1], round(frame.shape[1] / aspect))
                frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            mask = None if masks is None else cv2.imread(str(masks / f"{image.stem}.png"), cv2.IMREAD_GRAYSCALE)
            scene = _traced(file, frame, trace, None if mask is None else np.asarray(mask, dtype=np.uint8))
            if scene is not None:
                frames.append((image.name, _packed(frame), scene))
        if not frames:
            raise FormatError(f"{images}: expected pictures with maps of the same names in {maps}, found none")
        return cls(frames)


def _packed(frame: UInt8) -> bytes:
    """Return the frame as high-quality JPEG: random access without the memory of whole clips."""
    _, content = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    return content.tobytes()


def _traced(file: Path, frame: NDArray[np.generic], trace: LineTracer, mask: UInt8 | None = None) -> Scene | None:
    """Return the Scene of one frame from its map file, or None where nothing can be learnt."""
    maps = cv2.imread(str(file))
    if maps is None:
        raise FormatError(f"{file}: expected a PNG map, got a file that cannot be decoded")
    line, road = np.asarray(maps[..., 2], dtype=np.uint8), np.asarray(maps[..., 1], dtype=np.uint8)
    size = (frame.shape[1], frame.shape[0])
    if mask is None:
        return trace(line, road, size)
    area = cv2.dilate(cv2.resize(mask, (line.shape[1], line.shape[0])), np.ones((9, 25), np.uint8))
    line = np.where(area > 127, line, 0).astype(np.uint8)
    scene = trace(line, np.asarray(area, dtype=np.uint8), size)
    if scene is not None:
        return scene
    classes = cv2.resize((area > 127).astype(np.uint8) * IGNORE, size, interpolation=cv2.INTER_NEAREST)
    return Scene(size, (), np.asarray(classes, dtype=np.uint8))
