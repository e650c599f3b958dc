"""`Detector`: a network with its viewport and decoder; frame in, Scene out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from lanelight.decode import Decoder, decoder_from_dict
from lanelight.errors import LanelightError, ModelError
from lanelight.frames import Frame, Image, Source, Stamp, find_sources
from lanelight.frames.preprocess import Step, preprocessed, steps_from
from lanelight.geometry import Scene, Viewport
from lanelight.runtime.abreast import abreast
from lanelight.runtime.backends import open_session
from lanelight.runtime.bundled import find_model
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.prefetch import prefetch
from lanelight.runtime.session import Array, Precision, Session
from lanelight.runtime.timings import Timings
from lanelight.runtime.tracking import LaneTracker

SCORE_FIELDS = {  # kind of decoder -> what `score` replaces
    "masks": "exist_threshold",
    "benchmark_masks": "exist_threshold",
    "priors": "score_threshold",
    "benchmark_priors": "score_threshold",
    "embedding": "score_threshold",
    "end_to_end_lanes": "score_threshold",
}


@dataclass(frozen=True, eq=False)
class Result:
    """One frame and what was found in it.

    Attributes:
        frame: (H, W, 3) uint8 RGB.
        scene: its lanes, in px of the frame.
        time_s: seconds from the first frame, None for pictures.
        index: number of the frame in its source.
        name: file name of a picture, or the frame's number.
        latency_ms: time from the frame to its Scene.
        stamp: what a robot's recording says about the frame, None elsewhere.
    """

    frame: Image
    scene: Scene
    time_s: float | None
    index: int
    name: str
    latency_ms: float
    stamp: Stamp | None = None


class Detector:
    """Finds the lanes of frames of any size.

    Attributes:
        manifest: what is known about the network.
        timings: how long each stage took, since loading.
        backend: the runtime in use.
        threads: its number of threads.
        device: what it computes on, "cpu" or the name of a GPU.
        precision: of its products, "float32" or "bf16"; "int8" where its file has most of them in 8 bits.
        frames_at_once: how many frames of a file it works on at the same time.
    """

    def __init__(self, session: Session, manifest: Manifest, decoder: Decoder) -> None:
        self.manifest = manifest
        self.timings = Timings()
        self.backend = session.backend
        self.threads = session.threads
        self.device = session.device
        self.precision = session.precision if manifest.int8 is None else "int8"
        self.frames_at_once = session.at_once
        self._session = session
        self._decoder = decoder
        self._steps = steps_from(manifest.preprocess, f"model {manifest.name!r}")

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = "default",
        *,
        backend: str = "auto",
        threads: int | None = None,
        score: float | None = None,
        precision: Precision = "float32",
        size: tuple[int, int] | None = None,
        frames_at_once: int = 1,
    ) -> Self:
        """Load a bundled or exported network.

        Args:
            name_or_path: a bundled name (`lanelight models`) or a path to an .onnx or OpenVINO .xml file.
            backend: ``"onnxruntime"``, ``"openvino"``, or ``"auto"`` for what the manifest calls faster.
            threads: threads of the network; None takes every processor this process may use.
            score: smallest score of a lane in [0, 1]; None keeps the manifest's.
            precision: "bf16" computes in bfloat16 with OpenVINO, which ``"auto"`` then takes: faster on processors
                with AMX or AVX512_BF16, and lanes move a little.
            size: (width, height) of the network's input, px, where its file takes many; None: what the manifest names.
            frames_at_once: how many frames of videos and pictures `stream` works on at the same time, each with its
                share of `threads`. More frames a second, each of them later; cameras and streams are shown one by one.

        Raises:
            ModelError: the model is unknown, missing, corrupted or of a newer version, or backend or processor have
                not this precision, or the file does not take this size.
        """
        path = find_model(name_or_path)
        manifest = Manifest.load(path)
        manifest = manifest if size is None else manifest.at_size(size)
        decoder = decoder_of(manifest, score)
        chosen = backend
        if backend == "auto":
            chosen = "openvino" if path.suffix == ".xml" or precision == "bf16" else manifest.backend
        session = open_session(
            path,
            chosen,
            threads=threads,
            input_name=manifest.input,
            outputs=manifest.outputs,
            precision=precision,
            size=manifest.viewport.target if manifest.sizes else None,
            at_once=frames_at_once,
        )
        return cls(session, manifest, decoder)

    def predict(self, frame: Image) -> Scene:
        """Return the lanes of one frame.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Raises:
            LanelightError: the frame has another shape or type.
        """
        _check_frame(frame)
        if self.manifest.source is not None:
            return self._read(frame, self.manifest.source)
        with self.timings.measure("view"):
            view = self.manifest.viewport.view((frame.shape[1], frame.shape[0]))
            images = network_input(frame, view, self._steps)
        with self.timings.measure("network"):
            outputs = self._session(images)
        with self.timings.measure("decode"):
            return self._decoder({name: array[0] for name, array in outputs.items()}, view)

    def stream(
        self,
        source: str | int | Path | Source | Sequence[str | Path],
        *,
        every: int = 1,
        limit: int | None = None,
        track: bool = True,
    ) -> Iterator[Result]:
        """Yield the lanes of frame after frame; the next frames are read meanwhile.

        Args:
            source: picture, folder, glob, video, camera number or stream address, or several of them.
            every: take every n-th frame.
            limit: stop after so many frames.
            track: give the lanes of moving pictures an identity that lasts (`Lane.track`), smooth them and bridge
                short drop-outs; False yields the lanes of each frame by itself.

        Raises:
            SourceError: the source cannot be read; frames before the damage are yielded first.
        """
        sources = [source] if isinstance(source, Source) else find_sources(_as_names(source))
        left = limit
        for item in sources:
            for result in self.results(item, every=every, limit=left, track=track):
                left = None if left is None else left - 1
                yield result
            if left == 0:
                return

    def results(
        self,
        source: Source,
        *,
        every: int = 1,
        limit: int | None = None,
        track: bool = True,
        stop: threading.Event | None = None,
    ) -> Iterator[Result]:
        """Yield the lanes of the frames of one open source, until `stop` is set."""
        tracker = LaneTracker() if track and source.kind == "video" else None
        frames = prefetch(source, every=every, limit=limit, stop=stop, timings=self.timings)
        alone = source.live or self.frames_at_once == 1
        for result in map(self._result, frames) if alone else abreast(self._result, frames, self.frames_at_once):
            yield result if tracker is None else replace(result, scene=tracker.update(result.scene))

    def warm_up(self) -> None:
        """Run the network once on a grey picture, so that the first real frame is as fast as the others."""
        if self.manifest.source is not None:
            width, height = self.manifest.source
            self._session(np.full((height, width, 3), 128, dtype=np.uint8))
            return
        width, height = self.manifest.viewport.target
        self._session(np.full((1, 3, height, width), 0.5, dtype=np.float32))

    def close(self) -> None:
        """Free the network."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _read(self, frame: Image, size: tuple[int, int]) -> Scene:
        """Return what an end-to-end graph for frames of `size` says of one; all but reading is its own work."""
        view = Viewport.whole((frame.shape[1], frame.shape[0]))
        if view.source != size:
            raise LanelightError(
                f"model {self.manifest.name!r}: expected a frame of {size[0]}x{size[1]}, the size it was exported for, "
                f"got {view.source[0]}x{view.source[1]}; export it again with --source-size "
                f"{view.source[0]}x{view.source[1]}"
            )
        with self.timings.measure("view"):
            whole = np.ascontiguousarray(frame)
        with self.timings.measure("network"):
            outputs = self._session(whole)
        with self.timings.measure("decode"):
            return self._decoder(outputs, view)

    def _result(self, frame: Frame) -> Result:
        start = time.perf_counter()
        scene = self.predict(frame.image)
        latency = 1000 * (time.perf_counter() - start)
        return Result(frame.image, scene, frame.time_s, frame.index, frame.name, latency, frame.stamp)


def network_input(frame: Image, view: Viewport, steps: Sequence[Step] = ()) -> Array:
    """Return what a network sees of a frame: float32 (1, 3, H, W) RGB in [0, 1].

    Args:
        frame: (H, W, 3) uint8 RGB.
        view: the network's view of it.
        steps: on the picture before; of most networks none.
    """
    seen = preprocessed(view.apply(frame), steps)
    images = np.empty((1, 3, *seen.shape[:2]), dtype=np.float32)
    for channel, plane in enumerate(cv2.split(seen)):  # twice as fast as one strided product
        np.multiply(plane, np.float32(1 / 255), out=images[0, channel])
    return images


def decoder_of(manifest: Manifest, score: float | None = None) -> Decoder:
    """Build the decoder that a manifest describes.

    Args:
        manifest: of the network.
        score: smallest score of a lane in [0, 1]; None keeps the manifest's.

    Raises:
        ModelError: a score outside [0, 1] or for a network without single lanes, or a decoder that this version does
            not know.
    """
    decoder = decoder_from_dict(manifest.decoder)
    if score is None:
        return decoder
    if not 0 <= score <= 1:
        raise ModelError(f"score: expected a value in [0, 1], got {score}")
    field = SCORE_FIELDS.get(manifest.decoder["kind"])
    if field is None:
        raise ModelError(
            f"score: expected a network that finds single lanes, got model {manifest.name!r}, whose decoder is "
            f"{manifest.decoder['kind']}; leave the score out"
        )
    return decoder_from_dict({**manifest.decoder, field: score})


def _check_frame(frame: Image) -> None:
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise LanelightError(
            f"predict: expected a frame of shape (H, W, 3) uint8 RGB, got {frame.shape} {frame.dtype}; "
            "read pictures with lanelight.frames.read_image"
        )


def _as_names(source: str | int | Path | Sequence[str | Path]) -> list[str | Path]:
    if isinstance(source, int):
        return [str(source)]
    return [source] if isinstance(source, str | Path) else list(source)
