"""CLRNet and CLRKDNet: network alone, and decoding with its lane NMS, batch 1, on real frames; three runtimes in turns.

python benchmarks/priors.py SOURCE [clrnet_r18 ...] [--benchmark culane] [--threads 2] [--run RUN]

No weights of this size are at hand for all of them, so the networks have random ones, their batch norm set to the
frames; denormal numbers are flushed by all three. Such networks find nothing worth decoding: each call is followed by
decoding what the network of a training run said of the same frame (--run), or else made-up lanes, of each about as many
copies as a trained network finds. GMAC are half of what `FlopCounterMode` counts on the path of inference.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from record import record
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lanelight.decode import Decoder, PriorDecoder
from lanelight.decode.priors import lane_scores
from lanelight.export import export_onnx
from lanelight.frames import find_sources
from lanelight.geometry import Viewport, ViewportPolicy
from lanelight.geometry.priors import FIELDS, ROWS, STRIPS, Priors
from lanelight.models import MODELS, LaneModel
from lanelight.runtime.backends import BACKENDS, open_session
from lanelight.runtime.predictor import network_input
from lanelight.runtime.session import Session
from lanelight.train.run import load_run
from lanelight.train.session import TorchSession

NETWORKS = [
    "clrkdnet_r18", "clrkdnet_dla34", "clrnet_r18", "clrnet_r34", "clrnet_r50", "clrnet_r101", "clrnet_dla34",
]  # fmt: skip
SIZE, PRIORS = (800, 320), 192
TOPS = {"culane": 270 / 590, "tusimple": 160 / 720}
FEET, BENDS = (-0.35, 0.22, 0.74, 1.3), (0.05, 0.03, 0.02, 0.0)  # of made-up lanes, shares of the width
COPIES = (6, 9, 9, 6)  # of each, above the threshold
EAGER = "torch, eager"
CLOSE = 1e-3  # of logits, relative to the largest: float32, other orders of sums

Array = NDArray[np.float32]


class Answer(NamedTuple):
    """What is decoded after a call: priors (P, 78), by what, and the view that they belong to."""

    rows: Array
    decoder: Decoder
    view: Viewport


class Times(NamedTuple):
    """ms of every call."""

    network: list[float]
    network_cpu: list[float]
    decode: list[float]
    decode_cpu: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="picture, folder, glob or video")
    parser.add_argument("networks", nargs="*", choices=[*NETWORKS, []], default=[])
    parser.add_argument("--benchmark", choices=TOPS, default="culane", help="whose cut of the frame's top")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", type=Path, help="a training run of a CLR network, of any size")
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.set_num_threads(args.threads)
    source = find_sources([args.source])[0]
    frames = [frame.image for frame, _ in zip(source.frames(), range(args.frames), strict=False)]
    policy = ViewportPolicy(target=SIZE, fit="stretch", top=TOPS[args.benchmark])
    answers = said(args.run, frames) if args.run else made_up(frames, policy)
    images = [network_input(frame, policy.view((frame.shape[1], frame.shape[0]))) for frame in frames]
    for name in args.networks or NETWORKS:
        rows = measured(name, images, answers, args)
        for row in rows:
            print(row, flush=True)
        print(record("priors", rows))


def measured(
    name: str, images: Sequence[Array], answers: Sequence[Answer], args: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return a row for each way to run a network."""
    model = random_network(name, images)
    parameters, gmac = sum(p.numel() for p in model.parameters()), multiplications(model, images[0]) / 1e9
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        export_onnx(model, file, name=name)
        sessions: dict[str, Session] = {EAGER: TorchSession(model, threads=args.threads)}
        sessions |= {backend: open_session(file, backend, threads=args.threads) for backend in BACKENDS}
        compare(sessions, images[0])
        times = {way: Times([], [], [], []) for way in sessions}
        for turn in range(args.rounds + 1):
            for way, session in sessions.items():
                took = Times([], [], [], []) if turn == 0 else times[way]  # the first turn warms up
                for image, answer in zip(images, answers, strict=True):
                    call(session, image, answer, took)
        for session in sessions.values():
            session.close()
    base = times[EAGER]
    shared = {
        "network": name,
        "weights": "random",
        "threads": args.threads,
        "input": f"{SIZE[0]}x{SIZE[1]}",
        "frames": len(images),
        "rounds": args.rounds,
        "parameters": parameters,
        "gmac": round(gmac, 2),
        "decoded": "outputs of a trained network" if args.run else "made-up lanes",
        "candidates": round(statistics.mean(candidates(answer) for answer in answers), 1),
    }
    return [{**shared, "backend": way, **cells(took, base)} for way, took in times.items()]


def call(session: Session, image: Array, answer: Answer, took: Times) -> None:
    """Run the network and then decode, as in use, and note how long both take."""
    start, used = time.perf_counter(), time.process_time()
    session(image)
    took.network.append(1000 * (time.perf_counter() - start))
    took.network_cpu.append(1000 * (time.process_time() - used))
    start, used = time.perf_counter(), time.process_time()
    answer.decoder({"priors": answer.rows}, answer.view)
    took.decode.append(1000 * (time.perf_counter() - start))
    took.decode_cpu.append(1000 * (time.process_time() - used))


def cells(took: Times, base: Times) -> dict[str, float]:
    """Return the medians, and how many times faster the network is than that of `base`."""
    network, cpu = statistics.median(took.network), statistics.median(took.network_cpu)
    return {
        "network_ms_p50": round(network, 1),
        "network_cpu_ms_p50": round(cpu, 1),
        "speedup_over_eager": round(statistics.median(base.network) / network, 2),
        "cpu_speedup_over_eager": round(statistics.median(base.network_cpu) / cpu, 2),
        "decode_ms_p50": round(statistics.median(took.decode), 2),
        "decode_cpu_ms_p50": round(statistics.median(took.decode_cpu), 2),
    }


def random_network(name: str, images: Sequence[Array], size: tuple[int, int] = SIZE) -> LaneModel:
    """Return a network with random weights whose activations neither fade nor grow on these pictures."""
    torch.manual_seed(0)
    model = MODELS[name](size=size).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of what it meets, from the first picture on
    with torch.no_grad():
        for image in images[:4]:
            model(torch.from_numpy(image))
    return model.requires_grad_(False).eval()


def multiplications(model: LaneModel, image: Array) -> float:
    """Return the number of multiplications with additions of one picture."""
    with FlopCounterMode(display=False) as counter:
        model(torch.from_numpy(image))
    return float(counter.get_total_flops() / 2)


def compare(sessions: dict[str, Session], image: Array) -> None:
    """Make sure that all ways say the same of a picture."""
    logits = {way: Priors(session(image)["priors"]).logits for way, session in sessions.items()}
    want = logits[EAGER]
    for way, have in logits.items():
        gap = float(np.abs(have - want).max() / np.abs(want).max())
        assert gap < CLOSE, f"{way}: logits differ by {gap:.1e} of the largest"


def said(run: Path, frames: Sequence[NDArray[np.uint8]]) -> list[Answer]:
    """Return what the network of a run says of the frames."""
    recipe, model = load_run(run)
    session = TorchSession(model)
    views = [recipe.viewport.view((frame.shape[1], frame.shape[0])) for frame in frames]
    rows = [session(network_input(frame, view))["priors"][0] for frame, view in zip(frames, views, strict=True)]
    session.close()
    return [Answer(each, model.decoder, view) for each, view in zip(rows, views, strict=True)]


def made_up(frames: Sequence[NDArray[np.uint8]], policy: ViewportPolicy) -> list[Answer]:
    """Return four lanes a frame, with their copies, among priors that are none."""
    rng = np.random.default_rng(0)
    up = np.arange(ROWS) / STRIPS
    made = []
    for frame in frames:
        rows = np.zeros((PRIORS, FIELDS), np.float32)
        lanes = np.repeat(np.arange(len(FEET)), COPIES)
        lanes = np.append(lanes, rng.integers(0, len(FEET), PRIORS - len(lanes)))
        feet, bends = np.array(FEET)[lanes, None], np.array(BENDS)[lanes, None]
        middle = 0.5 + rng.normal(0, 0.02)
        xs = feet + (middle - feet) * up / 0.9 + bends * up**2 + rng.normal(0, 0.005, (PRIORS, 1))
        rows[:, 6:] = xs
        first = ((xs >= 0) & (xs <= 1)).argmax(axis=1)
        rows[:, 2], rows[:, 3] = first / STRIPS, xs[np.arange(PRIORS), first]
        rows[:, 5] = 0.75 - first / STRIPS
        rows[:, 1] = np.where(np.arange(PRIORS) < sum(COPIES), rng.uniform(0, 3, PRIORS), -4)
        view = policy.view((frame.shape[1], frame.shape[0]))
        made.append(Answer(rng.permutation(rows), PriorDecoder(), view))
    return made


def candidates(answer: Answer) -> int:
    """Return how many priors are above the decoder's threshold."""
    return int((lane_scores(answer.rows) >= answer.decoder.to_dict()["score_threshold"]).sum())


if __name__ == "__main__":
    main()
