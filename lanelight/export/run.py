"""Export a trained network: graph, manifest, parity on rendered roads, and which runtime is faster here."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanelight.datasets.synthetic import RoadConfig, SyntheticRoads
from lanelight.errors import ModelError
from lanelight.export.draft import drafted
from lanelight.export.onnx import export_onnx
from lanelight.export.openvino import SUFFIX, export_openvino
from lanelight.export.parity import Parity, compare
from lanelight.geometry import InputSizes, Viewport
from lanelight.runtime.backends import open_session, runtimes_of
from lanelight.runtime.predictor import network_input
from lanelight.train.trained import Trained, load_trained

FRAMES = 12  # rendered roads that parity and latency are taken on


@dataclass(frozen=True)
class Report:
    """What an export found.

    Attributes:
        parity: one for each runtime, and of a file that takes many sizes of input one for another size too.
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
    trained: Path,
    out: Path,
    *,
    backend: str | None = None,
    licence: str = "",
    data: str = "",
    threads: int | None = None,
    dynamic_size: bool = False,
) -> Report:
    """Export a trained network as ONNX or OpenVINO IR, and compare it in each runtime that reads the file.

    Args:
        trained: a training run, a file of weights in one, a file that `lanelight convert` wrote, or a bundled name.
        out: the .onnx file, or the .xml of OpenVINO.
        backend: the runtime for the manifest; None takes the faster one, measured.
        licence: of the weights; empty: that of a bundled network.
        data: what they were trained on; empty: that of a bundled network.
        threads: threads of the runtimes while they are measured; None is all.
        dynamic_size: leave the size of the input open.

    Raises:
        ModelError: the exported network finds other lanes or classes than the trained one, or the network has one size
            alone, or `backend` does not read the file; `out` stays as it was.
        OutputError: the place cannot be written.
    """
    if backend is not None and backend not in runtimes_of(out):
        raise ModelError(f"{out}: expected --backend openvino, which reads this format, got {backend}; leave it out")
    network = load_trained(trained)
    model = network.model
    frames = unseen_roads(network, model.size)
    with drafted(out) as draft:  # nothing takes its final name before parity holds
        converts = out.suffix.lower() == SUFFIX
        graph = draft.with_name(f"{draft.stem}_graph.onnx") if converts else draft
        manifest = export_onnx(
            model,
            graph,
            name=network.name,
            viewport=network.viewport,
            licence=licence or network.licence,
            data=data or network.data,
            recipe=network.recipe,
            dynamic_size=dynamic_size,
        )
        if converts:
            manifest = export_openvino(graph, draft)
        reports = tuple(_parities(network, draft, frames, manifest.sizes))
        for report in reports:
            if not report.holds:
                what = "lanes" if report.other_class is None else "classes"
                raise ModelError(
                    f"{out}: {report.backend} finds other {what} than the trained network: {report.to_dict()}"
                )
        latency = measure(draft, model.size, frames, threads=threads)
    chosen = backend or min(latency, key=latency.__getitem__)
    replace(manifest, backend=chosen).save(out)
    return Report(reports, latency, chosen)


def _parities(
    network: Trained, exported: Path, frames: Sequence[NDArray[np.uint8]], sizes: InputSizes | None
) -> Iterator[Parity]:
    """Yield the comparison in each runtime; where the size is open in another too, for which nothing is prepared."""
    policy = network.viewport
    for name in runtimes_of(exported):
        yield compare(network.model, exported, frames, backend=name, viewport=policy, prepared=sizes is not None)
        if sizes is not None:
            other = replace(policy, target=sizes.smaller(policy.target))
            yield compare(network.model, exported, frames, backend=name, viewport=other)


def unseen_roads(network: Trained, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Return rendered roads that a network was not trained on, (H, W, 3) uint8 RGB of a size (width, height)."""
    roads = SyntheticRoads(RoadConfig(size=size), seed=network.seed, length=FRAMES)
    return [roads[index][1] for index in range(FRAMES)]


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
    whole = Viewport(size, (0, 0, *size), size)
    images = [network_input(frame, whole) for frame in frames]
    sessions = {name: open_session(model, name, threads=threads, size=size) for name in runtimes_of(model)}
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
