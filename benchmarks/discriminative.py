"""Time and memory of the discriminative loss, forward and backward: ours, and two ways to write its formulas down.

python benchmarks/discriminative.py [--threads 1] [--rounds 12] [--embedding 5]

"loop" goes over images and lanes and computes on whole planes of pixels; "planes" computes all lanes of all images at
once, as products of the embedding with one plane of 0 and 1 per lane; "ours" is `lanelight.losses.discriminative`. The
first two are given the planes ready made, ours the map of instances. Values and gradients are compared first. Ways take
turns; times are medians of processor time, which other work on the machine changes least. Memory is measured in a
process for each way: the largest resident set of one step above that with the inputs there, the gradient included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from record import record
from torch import Tensor
from torch.linalg import vector_norm

from lanelight.geometry import Lane, Scene, Viewport
from lanelight.losses.discriminative import discriminative
from lanelight.models.lane_instances import instance_target

SIZE, BATCH, LANES = (512, 256), 8, 5
WIDTHS_PX = (5, 80)  # of the lines: 2 % of the pixels are lane, and a dense case
HORIZON = 0.79  # share of the height
PULL, PUSH, CENTRE = 0.5, 1.5, 0.001  # margins, and the weight of the last term
CLOSE = 1e-5  # of values and gradients, relative to the largest: float32, other orders of sums
CHILD = "--memory-of"


class Inputs(NamedTuple):
    """A batch: embedding (B, E, H, W), instances (B, H, W), and planes (B, C, H, W) of 0 and 1."""

    embedding: Tensor
    instances: Tensor
    planes: Tensor


def main() -> None:
    if sys.argv[1:2] == [CHILD]:
        way, width, channels, threads = sys.argv[2:]
        torch.set_num_threads(int(threads))
        print(json.dumps(peak_mb(WAYS[way], drawn(int(width), int(channels)))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--embedding", type=int, default=5, help="channels")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = [row for width in WIDTHS_PX for row in measured(width, args)]
    for row in rows:
        print(row)
    print(record("discriminative", rows))


def measured(width_px: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each way."""
    inputs = drawn(width_px, args.embedding)
    compare(inputs)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(args.rounds + 1):
        for way, total in WAYS.items():
            took = step(total, inputs)
            if turn > 0:  # the first warms up
                times[way].append(took)
    memory = {way: memory_of(way, width_px, args) for way in WAYS}
    cpu = {way: statistics.median(took) for way, took in times.items()}
    return [
        {
            "way": way,
            "size": f"{SIZE[0]}x{SIZE[1]}",
            "batch": BATCH,
            "lanes": LANES,
            "embedding": args.embedding,
            "lane_pixels": f"{100 * float((inputs.instances > 0).double().mean()):.1f} %",
            "threads": args.threads,
            "rounds": args.rounds,
            "step_cpu_ms_p50": round(1000 * cpu[way], 1),
            "peak_mb": round(memory[way], 1),
            "times_faster": round(cpu["loop"] / cpu[way], 1),
            "times_smaller": round(memory["loop"] / memory[way], 1),
        }
        for way in WAYS
    ]


def drawn(width_px: int, channels: int) -> Inputs:
    """Return a batch of lines that run together upwards, with drawn embeddings."""
    width, height = SIZE
    rng = np.random.default_rng(0)
    maps = []
    for _ in range(BATCH):
        top, feet = rng.uniform(0.4, 0.6), np.linspace(0.0, 1.0, LANES) + rng.uniform(-0.05, 0.05, LANES)
        ends = [[(foot * width, height), ((top + (foot - top) * 0.6) * width, HORIZON * height)] for foot in feet]
        lanes = [Lane(np.clip(np.array(points), 0, (width - 1, height - 1))) for points in ends]
        target = instance_target(Scene(SIZE, lanes), Viewport.whole(SIZE), width_px=width_px, lanes=LANES)
        maps.append(torch.from_numpy(target["instances"]))
    instances = torch.stack(maps)
    planes = torch.stack([(instances == number).float() for number in range(1, LANES + 1)], dim=1)
    embedding = torch.randn(BATCH, channels, height, width, generator=torch.Generator().manual_seed(0))
    return Inputs(embedding.requires_grad_(), instances, planes)


def loop(inputs: Inputs) -> Tensor:
    """Return the weighted sum of the terms, image by image and lane by lane."""
    total = torch.zeros(())
    for embedding, planes in zip(inputs.embedding, inputs.planes, strict=True):
        present = [plane for plane in planes if plane.any()]
        means = []
        for plane in present:
            mean = (embedding * plane).sum(dim=(1, 2)) / plane.sum()
            outside = torch.relu(vector_norm(embedding - mean[:, None, None], dim=0) - PULL)
            total = total + (plane * outside**2).sum() / plane.sum() / len(present)
            means.append(mean)
        for a in range(len(means)):
            for b in range(len(means)):
                if a != b:
                    near = torch.relu(2 * PUSH - vector_norm(means[a] - means[b])) ** 2
                    total = total + near / (len(means) * (len(means) - 1))
        total = total + CENTRE * torch.stack([vector_norm(mean) for mean in means]).mean()
    return total / len(inputs.planes)


def planes(inputs: Inputs) -> Tensor:
    """Return the same, all images and lanes at once; every image has all of the lanes."""
    sizes = inputs.planes.sum(dim=(2, 3))  # (B, C)
    means = torch.einsum("bchw,behw->bce", inputs.planes, inputs.embedding) / sizes.unsqueeze(2)
    own = torch.einsum("bchw,bce->behw", inputs.planes, means)
    outside = torch.relu(vector_norm(inputs.embedding - own, dim=1) - PULL) ** 2
    pull = (torch.einsum("bchw,bhw->bc", inputs.planes, outside) / sizes).mean()
    gaps = vector_norm(means.unsqueeze(2) - means.unsqueeze(1), dim=3)
    push = torch.relu(2 * PUSH * (1 - torch.eye(LANES)) - gaps) ** 2
    centre = vector_norm(means, dim=2).mean()
    total: Tensor = pull + push.sum(dim=(1, 2)).mean() / (LANES * (LANES - 1)) + CENTRE * centre
    return total


def ours(inputs: Inputs) -> Tensor:
    """Return the same from the map of instances."""
    terms = discriminative(inputs.embedding, inputs.instances, pull_margin=PULL, push_margin=PUSH)
    return terms.pull + terms.push + CENTRE * terms.centre


WAYS: dict[str, Callable[[Inputs], Tensor]] = {"loop": loop, "planes": planes, "ours": ours}


def step(total: Callable[[Inputs], Tensor], inputs: Inputs) -> float:
    """Return the seconds of the processor for forward and backward."""
    inputs.embedding.grad = None
    start = time.process_time()
    torch.autograd.backward(total(inputs))
    return time.process_time() - start


def compare(inputs: Inputs) -> None:
    """Make sure that all ways say the same."""
    found = {}
    for way, total in WAYS.items():
        value = total(inputs)
        found[way] = value.detach(), torch.autograd.grad(value, inputs.embedding)[0]
    for way, each in found.items():
        for have, want in zip(each, found["loop"], strict=True):
            gap = float((have - want).abs().max() / want.abs().max())
            assert gap < CLOSE, f"{way}: differs from the loop by {gap:.1e} of the largest"


def memory_of(way: str, width_px: int, args: argparse.Namespace) -> float:
    """Return the peak of a way in a process of its own, MB."""
    words = [sys.executable, __file__, CHILD, way, str(width_px), str(args.embedding), str(args.threads)]
    return float(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


def peak_mb(total: Callable[[Inputs], Tensor], inputs: Inputs) -> float:
    """Return the largest resident set of one step above that before it, MB; Linux alone tells."""
    first = Inputs(inputs.embedding[:1, :, -32:].detach().requires_grad_(), *(each[:1] for each in inputs[1:]))
    step(total, Inputs(first.embedding, first.instances[:, -32:], first.planes[:, :, -32:]))  # loads the code
    Path("/proc/self/clear_refs").write_text("5")  # the largest so far is forgotten
    before = _status("VmRSS")
    step(total, inputs)
    return _status("VmHWM") - before


def _status(name: str) -> float:
    """Return an entry of this process's status, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
