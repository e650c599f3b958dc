"""Export a network with convolutions in 8 bits, where that costs no more than was allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lanelight.errors import ModelError
from lanelight.export.calibration import MOST, Calibration, calibration_of
from lanelight.export.draft import drafted
from lanelight.export.int8_loss import Loss, check_truth, loss
from lanelight.export.quantize import choices, prepare, quantize
from lanelight.export.run import export_run
from lanelight.frames import find_sources
from lanelight.geometry import Scene
from lanelight.runtime import bench
from lanelight.runtime.backends import BACKENDS
from lanelight.runtime.bundled import BUNDLED, SUFFIXES, find_model
from lanelight.runtime.manifest import Manifest
from lanelight.runtime.predictor import Detector

DROP = 0.02  # largest loss by default


@dataclass(frozen=True)
class Speed:
    """The network alone in one runtime, float and 8 bits taking turns.

    Attributes:
        float_cpu_ms: median CPU time of all threads for a frame, ms, in float32.
        int8_cpu_ms: the same in 8 bits.
        times_faster: the first by the second.
    """

    float_cpu_ms: float
    int8_cpu_ms: float
    times_faster: float


@dataclass(frozen=True)
class Attempt:
    """A way to quantise a network, and what it costs.

    Attributes:
        convolutions: number of them.
        in_float: how many of these are in float32.
        shifted: as in `Choice`.
        losses: one for each runtime.
    """

    convolutions: int
    in_float: int
    shifted: bool
    losses: tuple[Loss, ...]

    @property
    def drop(self) -> float:
        """What is lost, in the runtime that loses more."""
        return max(each.drop for each in self.losses)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "losses": [each.to_dict() for each in self.losses], "drop": self.drop}

    def told(self, frames: int, limit: float) -> dict[str, Any]:
        """Return the manifest's entry."""
        told = {"frames": frames, "measure": self.losses[0].measure, "drop": round(self.drop, 6), "limit": limit}
        return {**told, "convolutions": self.convolutions, "in_float": self.in_float}


@dataclass(frozen=True)
class Int8Report:
    """What an export in 8 bits found.

    Attributes:
        source: of the frames, in words.
        frames: number of frames that ranges were taken from and lanes compared on.
        lanes: that the float network finds on them; 0 for a network of classes.
        limit: on the drop.
        attempts: the ways to quantise that were tried; the last one is in the file, those before cost too much.
        float_mb: size of the float file, MB.
        int8_mb: size of the 8-bit file, MB.
        speed: runtime -> how fast.
        backend: the runtime that the manifest names.
        problems: what could not be read of the frames.
    """

    source: str
    frames: int
    lanes: int
    limit: float
    attempts: tuple[Attempt, ...]
    float_mb: float
    int8_mb: float
    speed: dict[str, Speed]
    backend: str
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        attempts = [attempt.to_dict() for attempt in self.attempts]
        return {**asdict(self), "attempts": attempts, "drop": self.attempts[-1].drop}


def export_int8(
    model: str | Path,
    out: Path,
    *,
    calibration: Sequence[str | Path],
    limit: float = DROP,
    most: int = MOST,
    backend: str | None = None,
    licence: str = "",
    data: str = "",
    threads: int | None = None,
    rounds: int = 3,
) -> Int8Report:
    """Export a network in 8 bits.

    Args:
        model: a bundled name, an exported .onnx, a training run, or weights of one or of `lanelight convert`.
        out: the .onnx file.
        calibration: pictures, folders, videos, globs or bags of what the network is used on.
        limit: largest drop: 1 - F1 of the lanes, or 1 - mIoU of the classes, in the worse runtime.
        most: about how many frames are used, evenly spread.
        backend: the runtime for the manifest; None takes the faster one, measured.
        licence: of the weights; empty keeps that of an exported file.
        data: what they were trained on; likewise.
        threads: threads of the runtimes; None is all.
        rounds: of measuring speed; 0 leaves that out, and keeps the runtime of the float network's manifest.

    Raises:
        ModelError: the network cannot be quantised, loses more than `limit`, or the frames show too little to tell;
            `out` stays as it was.
        SourceError: there are no frames.
        OutputError: the place cannot be written.
    """
    sources = find_sources(calibration)
    with drafted(out) as draft:  # nothing takes its final name before the loss is known
        source, manifest = _float_network(model, out, draft, licence=licence, data=data)
        frames = calibration_of(sources, manifest, most=most)
        truth = frames.scenes(source, manifest, backend="onnxruntime", threads=threads)
        check_truth(truth, manifest.classes, limit, frames.source)
        search = _Search(manifest, frames, truth, limit, threads)
        attempts = search.run(source, draft, out)
        manifest = replace(manifest, int8=attempts[-1].told(len(frames), limit)).save(draft)
        speed = _speed(source, draft, frames, threads=threads, rounds=rounds)
        faster = min(speed, key=lambda name: speed[name].int8_cpu_ms, default=manifest.backend)
        float_mb, int8_mb = (each.stat().st_size / 1e6 for each in (source, draft))
    chosen = backend or faster
    replace(manifest, backend=chosen).save(out)
    return Int8Report(
        source=frames.source,
        frames=len(frames),
        lanes=sum(len(scene.lanes) for scene in truth),
        limit=limit,
        attempts=tuple(attempts),
        float_mb=float_mb,
        int8_mb=int8_mb,
        speed=speed,
        backend=chosen,
        problems=tuple(frames.problems),
    )


def _float_network(model: str | Path, out: Path, draft: Path, *, licence: str, data: str) -> tuple[Path, Manifest]:
    """Return the float file and its manifest: the exported one that is named, or one exported beside the draft.

    Raises:
        ModelError: there is none, or it cannot be quantised.
    """
    if str(model) in BUNDLED or Path(model).suffix.lower() in (*SUFFIXES, ".json"):
        source = find_model(str(model) if str(model) in BUNDLED else Path(model))
        if source.suffix.lower() != ".onnx":
            raise ModelError(f"{source}: --int8 expects an .onnx file, which OpenVINO reads as well; export it as one")
        if source.resolve() == out.resolve():
            raise ModelError(f"{out}: expected another name than that of the float network; change --out")
    else:
        source = draft.with_name(f"{draft.stem}.float.onnx")
        export_run(Path(model), source)
    manifest = Manifest.load(source)
    if manifest.source is not None:
        raise ModelError(
            f"{source}: --int8 expects a network alone, got an end-to-end graph, whose decoding has to stay in float; "
            "export it without --end-to-end"
        )
    if manifest.int8 is not None:
        raise ModelError(f"{source}: expected a network in float32, this one is in 8 bits already; name its original")
    return source, replace(manifest, licence=licence or manifest.licence, data=data or manifest.data)


@dataclass(frozen=True, eq=False)
class _Search:
    """Looks for the fastest way to quantise with which the loss is within the limit."""

    manifest: Manifest
    frames: Calibration
    truth: Sequence[Scene]
    limit: float
    threads: int | None

    def run(self, source: Path, draft: Path, out: Path) -> list[Attempt]:
        """Write the quantised network and return all attempts, the last of which it is.

        Args:
            source: float file.
            draft: the file to write.
            out: its name for messages.

        Raises:
            ModelError: every choice costs too much.
        """
        prepared = draft.with_name(f"{draft.stem}.prepared.onnx")
        names = prepare(source, prepared)
        tried: list[Attempt] = []
        for choice in choices(prepared, names):
            quantize(prepared, draft, self.frames.images(), choice, input_name=self.manifest.input)
            losses = tuple(self._loss(draft, backend) for backend in BACKENDS)
            tried.append(Attempt(len(names), len(choice.in_float), choice.shifted, losses))
            if tried[-1].drop <= self.limit:
                return tried
        least = min(tried, key=lambda attempt: attempt.drop)
        scores = ", ".join(f"{each.backend} {each.measure} {each.score:.4f}" for each in least.losses)
        raise ModelError(
            f"{out}: 8 bits cost {least.drop:.4f} on {len(self.frames)} frames of {self.frames.source} ({scores}), "
            f"more than the limit of {self.limit:g}, also with sensitive convolutions in float; calibrate "
            "with more or other frames, keep float32, or allow more with --int8-drop"
        )

    def _loss(self, draft: Path, backend: str) -> Loss:
        found = self.frames.scenes(draft, self.manifest, backend=backend, threads=self.threads)
        return loss(self.truth, found, self.manifest.classes, backend=backend)


def _speed(source: Path, draft: Path, frames: Calibration, *, threads: int | None, rounds: int) -> dict[str, Speed]:
    """Measure both files in both runtimes, in processes that take turns."""
    if not rounds:
        return {}
    contestants = [
        bench.Contestant(name, backend, partial(Detector.load, file, backend=backend, threads=threads), cost=_no_cost)
        for backend in BACKENDS
        for name, file in (("float32", source), ("int8", draft))
    ]
    cpu = {
        (each.contestant.backend, each.contestant.model): float(np.median(each.cpu_ms["network"]))
        for each in bench.measure(contestants, frames.frames, rounds=rounds)
    }
    pairs = {backend: (cpu[backend, "float32"], cpu[backend, "int8"]) for backend in BACKENDS}
    return {backend: Speed(before, after, before / after) for backend, (before, after) in pairs.items()}


def _no_cost() -> None:
    """Count nothing."""
