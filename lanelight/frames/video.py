"""Decode videos with OpenCV and encode H.264 with PyAV; times are seconds from the first frame."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from lanelight.errors import OutputError, SourceError
from lanelight.frames.image import Image, quiet_opencv

CLOCK = 90_000  # ticks per second of written videos: divides every usual frame rate
BT601, LIMITED = 6, 1  # H.273 codes of what `cv2.COLOR_RGB2YUV_I420` gives; players follow these tags at any size


class VideoReader:
    """Frames of a video file, camera or stream, in order.

    Attributes:
        size: (width, height) px, as shown (rotation applied).
        fps: frames per second, or None where the source does not say.
        count: exact number of frames that the file's index promises, or None where it has no such index.
        live: a camera or stream: frames come in real time and have no end.

    Raises:
        SourceError: nothing that can be decoded; the message names the cause where it can be found.
    """

    def __init__(self, place: Path | str | int) -> None:
        self.name = str(place)
        self.count: int | None = None
        if isinstance(place, Path):
            self.count = _count_frames(place)
        self._capture = _open(place)
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps < 1000 else None
        self.live = not isinstance(place, Path) and not self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        self.size = self._first_size()

    def frames(self, every: int = 1) -> Iterator[tuple[int, float, Image]]:
        """Yield (index, time_s, image (H, W, 3) uint8 RGB) of every n-th frame; can be called once.

        Raises:
            SourceError: after the last frame, when the file promised more than could be decoded.
        """
        index = 0
        start = time.monotonic()
        while self._capture.grab():
            if index % every == 0:
                moment = time.monotonic() - start if self.live else self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                done, bgr = self._capture.retrieve()
                if not done:
                    break
                yield index, round(moment, 6), np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            index += 1
        if self.count is not None and index < self.count:
            raise SourceError(
                f"{self.name}: the video is cut off or damaged: {index} of {self.count} frames could be decoded; "
                "copy the file again"
            )
        if index == 0:
            raise SourceError(f"{self.name}: no frame could be decoded")

    def close(self) -> None:
        """Let go of the file or device."""
        self._capture.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _first_size(self) -> tuple[int, int]:
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        return width, height


class VideoWriter:
    """Write an H.264 mp4 that browsers play; the file appears under its name when it is closed.

    Frames of odd size gain a repeated last row or column, because yuv420p halves both sizes. A frame of another
    size than the first is fitted into it, with black bars.

    Args:
        path: ends with ``.mp4``.
        fps: frames per second, for frames without a time.
        crf: quality, 0 (lossless) to 51 (worst).
        preset: speed against size, a libx264 name.
        threads: encoder threads; 0 lets libx264 choose.

    Raises:
        OutputError: the place cannot be written.
    """

    def __init__(
        self, path: Path | str, *, fps: float = 25.0, crf: int = 23, preset: str = "veryfast", threads: int = 0
    ) -> None:
        self.path = Path(path)
        self.frames = 0
        self._part = self.path.with_name(f".{self.path.stem}.{os.getpid()}.part{self.path.suffix}")
        self._fps = fps
        self._options = {"crf": str(crf), "preset": preset, "threads": str(threads)}
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._last = -1

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: when to show it; by default at a constant rate. Times must rise.

        Raises:
            OutputError: the place cannot be written.
        """
        import av

        if self._container is None:
            self._start(image)
        yuv = np.asarray(cv2.cvtColor(_fitted(image, self._size), cv2.COLOR_RGB2YUV_I420), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        moment = self.frames / self._fps if time_s is None else time_s
        self._last = max(round(moment * CLOCK), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, CLOCK)
        frame.colorspace, frame.color_range = (
            av.video.reformatter.Colorspace.ITU601,
            av.video.reformatter.ColorRange.MPEG,
        )
        self._mux(frame)
        self.frames += 1

    def close(self) -> None:
        """Finish the file and give it its name; without any frame nothing is left behind."""
        if self._container is None:
            return
        try:
            self._mux(None)
            self._container.close()
            self._part.replace(self.path)
        except (OSError, ValueError) as error:
            raise self._failure(error) from error
        finally:
            self._container = None
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, image: Image) -> None:
        import av

        height, width = image.shape[:2]
        self._size = (width + width % 2, height + height % 2)
        try:
            self._part.touch()  # FFmpeg itself would find out only after the encoder's first packets
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        except (OSError, ValueError) as error:
            raise self._failure(error) from error
        rate = Fraction(self._fps).limit_denominator(1001)  # 1001: the NTSC rates are n/1001
        self._stream = self._container.add_stream("libx264", rate=rate, options=self._options)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, CLOCK)
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (*3 * (BT601,), LIMITED)

    def _mux(self, frame: Any) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> OutputError:
        return OutputError(f"{self.path}: the video cannot be written: {error}; choose another output folder")


def _open(place: Path | str | int) -> cv2.VideoCapture:
    # Read by OpenCV when FFmpeg is first used; -8 is FFmpeg's "quiet". A user's own setting wins.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with quiet_opencv():
        capture = cv2.VideoCapture(place if isinstance(place, int) else str(place))
    if capture.isOpened():
        return capture
    if isinstance(place, Path):
        raise SourceError(f"{place}: expected a video, got a file that cannot be decoded")
    what = "camera" if isinstance(place, int) else "stream"
    raise SourceError(f"{place}: expected a {what} that can be opened, got no answer; is it connected and not in use?")


def _count_frames(path: Path) -> int | None:
    """Count the frames that a video file's index shows, or return None where the container has no full index.

    An edit list hides frames at the start (the number in the header counts them): those are not to be expected.

    Raises:
        SourceError: the file is no video.
    """
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SourceError(f"{path}: expected a video, got a file without a video track")
            stream = container.streams.video[0]
            entries = stream.index_entries
            if stream.frames == 0 or len(entries) != stream.frames:
                return None  # Matroska, MPEG-TS: a sparse index or none
            return sum(not entry.is_discard for entry in entries)
    except (OSError, ValueError) as error:  # av.FFmpegError is both, by its kind
        raise SourceError(f"{path}: expected a video, got {_cause(path)}") from error


def _cause(path: Path) -> str:
    """Say in a few words why a file is no video."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if not head:
                return "an empty file"
            if head[4:8] == b"ftyp" and b"moov" not in _boxes(path):
                return "an mp4 whose index (moov) is missing: the recording was not finished or the file is cut off"
    except OSError as error:
        return f"an unreadable file: {error.strerror}"
    return f"a file that cannot be decoded (it begins with {head[:8]!r})"


def _boxes(path: Path) -> set[bytes]:
    """Return the kinds of the top-level boxes of an mp4."""
    kinds = set()
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            kinds.add(head[4:8])
            if length == 1:  # the length is in the next 8 bytes
                length = int.from_bytes(head[8:16], "big")
            if length < 8:  # 0: up to the end of the file
                break
            at += length
    return kinds


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """Bring a frame to the (even) size of the video."""
    width, height = size
    rows, columns = image.shape[:2]
    if (columns, rows) == size:
        return image
    if width - columns in (0, 1) and height - rows in (0, 1):
        edges = (0, height - rows, 0, width - columns)
        return np.asarray(cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE), dtype=np.uint8)
    scale = min(width / columns, height / rows)
    inner = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    left, above = (width - inner[0]) // 2, (height - inner[1]) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[above : above + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    return fitted
