"""The process in which one network is measured, so that its memory and its CPU time are its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from lanelight.frames import Image
from lanelight.geometry import FloatArray, Scene
from lanelight.runtime.cost import Cost
from lanelight.runtime.predictor import Detector

# name of a step in results -> the stage of `Timings`; all of them together are "end_to_end"
PARTS = {"preprocess": "view", "network": "network", "decode": "decode"}
STEPS = (*PARTS, "end_to_end")
ENDED, SCENES = "ended", "scenes"
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Loaded:
    """What a network is once it is loaded.

    Attributes:
        name: of the manifest.
        threads: of the network and of the preprocessing.
        device: what it computes on, "cpu" or the name of a GPU.
        precision: of its products.
        input: (width, height) of the network, px.
        load_s: from the file to the first answer.
    """

    name: str
    threads: int
    device: str
    precision: str
    input: tuple[int, int]
    load_s: float


@dataclass(frozen=True, eq=False)
class Round:
    """One call on each frame.

    Attributes:
        wall_ms: step of `STEPS` -> (frames,) durations, ms.
        cpu_ms: the same, of all threads together.
    """

    wall_ms: Mapping[str, FloatArray]
    cpu_ms: Mapping[str, FloatArray]


def serve(pipe: Connection, load: Callable[[], Detector], cost: Callable[[], Cost | None]) -> None:
    """Take frames until None, load the network, and answer each word.

    The answer is what is found on the frames at `SCENES`, memory and cost at `ENDED`, and a `Round` at any other word.
    What goes wrong is sent as the exception that it is.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starting process ends this one
    try:
        _serve(pipe, load, cost)
    except (EOFError, BrokenPipeError):  # nobody listens any more
        return
    except Exception as error:  # carried over to the process that asked
        pipe.send(error)


def _serve(pipe: Connection, load: Callable[[], Detector], cost: Callable[[], Cost | None]) -> None:
    frames: list[Image] = []
    while (frame := pipe.recv()) is not None:
        frames.append(frame)
    start = time.perf_counter()
    with load() as detector:
        cv2.setNumThreads(detector.threads)  # of the preprocessing: the number that is compared holds for all
        detector.predict(frames[0])
        manifest = detector.manifest
        pipe.send(
            Loaded(
                name=manifest.name,
                threads=detector.threads,
                device=detector.device,
                precision=detector.precision,
                input=manifest.viewport.target,
                load_s=time.perf_counter() - start,
            )
        )
        while (word := pipe.recv()) != ENDED:
            pipe.send(_scenes(detector, frames) if word == SCENES else _round(detector, frames))
    peak = peak_mb()
    given = sum(frame.nbytes for frame in frames) / 1e6
    pipe.send((None if peak is None else peak - given, cost()))


def _round(detector: Detector, frames: Sequence[Image]) -> Round:
    detector.timings.clear()
    wall, cpu = np.empty(len(frames)), np.empty(len(frames))
    for index, frame in enumerate(frames):
        start, used = time.perf_counter(), time.process_time()
        detector.predict(frame)
        wall[index], cpu[index] = time.perf_counter() - start, time.process_time() - used
    timings = detector.timings
    return Round(
        {step: timings.wall_ms(stage) for step, stage in PARTS.items()} | {"end_to_end": 1000 * wall},
        {step: timings.cpu_ms(stage) for step, stage in PARTS.items()} | {"end_to_end": 1000 * cpu},
    )


def _scenes(detector: Detector, frames: Sequence[Image]) -> list[Scene]:
    found = [detector.predict(frame) for frame in frames]
    # `pickle` knows no read-only dictionaries; what is found by a network has no attributes.
    return [Scene(scene.size, [replace(lane, attributes={}) for lane in scene.lanes], scene.classes) for scene in found]


def peak_mb() -> float | None:
    """Return the largest resident memory of this process so far, MB; None where the system does not tell.

    `resource.getrusage` would tell that of the process that started this one where that is larger.
    """
    if not STATUS.is_file():
        return None
    lines = STATUS.read_text().splitlines()
    return next((float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), None)
