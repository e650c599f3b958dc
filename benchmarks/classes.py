"""A class network on whole pairs of Cityscapes, end to end: decode the PNGs, network, class of each pixel, confusion.

python benchmarks/classes.py CITYSCAPES [--model FILE.onnx] [--split train] [--threads 2] [--rounds 10]

Runtimes and ways take turns on the same frames. Without a model the network is Fast-SCNN for 2048x1024 with random
weights: its time does not depend on them, but its figures mean nothing, so none are printed. "ids" is the exported
graph, which chooses the classes itself; "logits" is the same graph without that last step, the choice being made in
NumPy by `ClassDecoder`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from record import record

from lanelight.datasets import Cityscapes
from lanelight.export import export_onnx
from lanelight.formats.cityscapes import INSTANCE_IDS, LABEL_IDS
from lanelight.frames import read_map
from lanelight.metrics.cityscapes import CityscapesIoU, count_frame
from lanelight.models import MODELS
from lanelight.runtime import Manifest
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.class_ids import CITYSCAPES, looked_up, table
from lanelight.runtime.predictor import decoder_of, network_input

SIZE = (2048, 1024)
STAGES = ("decode PNGs", "view", "network", "classes", "confusion", "all")
LOGITS = "logits"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    data = Cityscapes(args.data, args.split)
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or random_network(Path(folder))
        ways = {"ids": model, LOGITS: without_choice(model, Path(folder) / "logits.onnx")}
        rows = measure(data, Manifest.load(model), ways, threads=args.threads, rounds=args.rounds)
    for row in rows:
        print(row)
    print(record("classes", rows))


def random_network(folder: Path) -> Path:
    """Export Fast-SCNN with random weights and return the file."""
    torch.manual_seed(0)
    path = folder / "fast_scnn.onnx"
    export_onnx(MODELS["fast_scnn"](size=SIZE), path, name="fast_scnn, random weights")
    return path


def without_choice(model: Path, path: Path) -> Path:
    """Write the graph without its choice of the largest logit, and return the file."""
    network = onnx.load(str(model))
    (choice,) = (node for node in network.graph.node if node.op_type == "ArgMax")
    for node in network.graph.node:
        node.output[:] = [LOGITS if name == choice.input[0] else name for name in node.output]
        node.input[:] = [LOGITS if name == choice.input[0] else name for name in node.input]
    del network.graph.output[:]
    network.graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, None))
    onnx.save(network, str(path))
    return path


def measure(
    data: Cityscapes, manifest: Manifest, ways: dict[str, Path], *, threads: int, rounds: int
) -> list[dict[str, Any]]:
    """Return a row for each runtime and way: the median time of each stage, ms a frame."""
    sessions = {
        (backend, way): open_session(path, backend, threads=threads, outputs=(LOGITS if way == LOGITS else "classes",))
        for backend in BACKENDS
        for way, path in ways.items()
    }
    decoder, metric = decoder_of(manifest), CityscapesIoU()
    to_label_ids = table(manifest.classes, CITYSCAPES, 0)
    times: dict[tuple[str, str], dict[str, list[float]]] = {key: {name: [] for name in STAGES} for key in sessions}
    for turn in range(rounds + 1):
        for index in range(len(data)):
            for key, session in sessions.items():
                lap = _stopwatch()
                _, frame, gold = data[index]
                label = data.label(index)
                instances = read_map(label.with_name(label.name.replace(LABEL_IDS, INSTANCE_IDS)))
                took = [lap()]
                view = manifest.viewport.view((frame.shape[1], frame.shape[0]))
                images = network_input(frame, view)
                took.append(lap())
                (array,) = session(images).values()
                took.append(lap())
                pred = decoder({"classes": array[0]}, view)
                took.append(lap())
                assert pred.classes is not None
                assert gold.classes is not None
                metric.add(count_frame(looked_up(to_label_ids, pred.classes), gold.classes, instances))
                took.append(lap())
                for name, ms in zip(STAGES, [*took, sum(took)], strict=True):
                    if turn:  # the first round warms up and compiles
                        times[key][name].append(ms)
    for session in sessions.values():
        session.close()
    return [
        {
            "model": manifest.name,
            "size": "x".join(map(str, manifest.viewport.target)),
            "backend": backend,
            "graph_gives": way,
            "threads": threads,
            "frames": rounds * len(data),
            **{
                f"{name.replace(' ', '_')}_p50_ms": round(statistics.median(each), 2)
                for name, each in times[backend, way].items()
            },
        }
        for backend, way in sessions
    ]


def _stopwatch() -> Callable[[], float]:
    """Return what tells the ms since it was last asked."""
    last = [time.perf_counter()]

    def lap() -> float:
        last.append(time.perf_counter())
        return 1000 * (last[-1] - last[-2])

    return lap


if __name__ == "__main__":
    main()
