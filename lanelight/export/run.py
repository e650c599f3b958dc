"""Export a training run: graph, manifest, parity on rendered roads, and which runtime is faster here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.errors import ModelError
from lanelight.export.onnx import export_onnx
from lanelight.export.parity import Parity, compare
from lanelight.runtime.session import BACKENDS, open_session
from lanelight.train.run import load_run

FRAMES = 12  # rendered roads that parity and latency are taken on


@dataclass(frozen=True)
class Report:
    """What an export found.

    Attributes:
        parity: one for each runtime.
        latency_ms: runtime -> median time of the network alone, batch 1.
        backend: the runtime that the manifest names.
    """

    parity: tuple[Parity, ...]
    latency_ms: dict[str, float]
    backend: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def export_run(
    folder: Path,
    out: Path,
    *,
    backend: str | None = None,
    licence: str = "",
    data: str = "",
    threads: int | None = None,
) -> Report:
    """Export the network of a training run as ONNX.

    Args:
        folder: the run.
        out: the .onnx file.
        backend: the runtime for the manifest; None takes the faster one, measured.
        licence: of the weights.
        data: what they were trained on.
        threads: threads of the runtimes while they are measured; None is all.

    Raises:
        ModelError: the exported network finds other lanes than the trained one; nothing is left at `out`.
    """
    recipe, model = load_run(folder)
    frames = [
        SyntheticRoads(RoadConfig(size=recipe.size), seed=recipe.val_seed, length=FRAMES)[i][1] for i in range(FRAMES)
    ]
    manifest = export_onnx(
        model,
        out,
        name=recipe.name,
        viewport=recipe.viewport,
        licence=licence,
        data=data,
        recipe=recipe.to_dict(),
    )
    reports = tuple(compare(model, out, frames, backend=name, viewport=recipe.viewport) for name in BACKENDS)
    for report in reports:
        if not report.holds:
            out.unlink()
            out.with_suffix(".json").unlink()
            raise ModelError(f"{out}: {report.backend} finds other lanes than the trained network: {report.to_dict()}")
    latency = measure(out, model.size, frames, threads=threads)
    chosen = backend or min(latency, key=latency.__getitem__)
    replace(manifest, backend=chosen).save(out)
    return Report(reports, latency, chosen)


def measure(
    model: Path, size: tuple[int, int], frames: Sequence[NDArray[np.uint8]], *, threads: int | None, rounds: int = 5
) -> dict[str, float]:
    """Return the median time of one picture for each runtime, ms, the runtimes taking turns.

    Args:
        model: the exported file.
        size: (width, height) of its input; the frames have it.
        frames: real pictures: trained networks meet denormal numbers on pictures, not on noise.
        threads: threads of each runtime; None is all.
        rounds: how often all frames are run.
    """
    assert all(frame.shape[:2] == (size[1], size[0]) for frame in frames)
    images = [frame.transpose(2, 0, 1)[None].astype(np.float32) / 255 for frame in frames]
    sessions = {name: open_session(model, name, threads=threads) for name in BACKENDS}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(rounds + 1):
        for name, session in sessions.items():
            for image in images:
                start = time.perf_counter()
                session(image)
                if turn:  # the first round warms up
                    times[name].append(1000 * (time.perf_counter() - start))
    for session in sessions.values():
        session.close()
    return {name: statistics.median(each) for name, each in times.items()}
