"""Clustering of lane pixels by their embedding, ms a frame on one core: ours and scikit-learn's on the same points.

python benchmarks/clustering.py [--outputs FILE.npz] [--name NAME] [--rounds 30]

Times are of the process, not of the clock, and the ways take turns; give OMP_NUM_THREADS=1. The embeddings are made as
the discriminative loss wants them: lanes drawn at 512x256, the pixels of each within 0.3 of a centre, centres at least
1.2 apart, and one pixel in two hundred somewhere else. Or they are what a network says: an .npz with `mask`
(N, 2, H, W) and `embedding` (N, E, H, W). "decode" is the whole way from both arrays to the lanes of a Scene;
"agreement" is the adjusted Rand index over the pixels that neither calls noise, the smallest of the frames.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from record import record
from sklearn.cluster import DBSCAN, MeanShift
from sklearn.metrics import adjusted_rand_score

from lanelight.decode import EmbeddingDecoder
from lanelight.decode.clusters import NOISE, dbscan, mean_shift
from lanelight.geometry import Viewport

SIZE = (512, 256)
BANDWIDTH, MIN_POINTS = 0.5, 5
# Of five drawn lanes: px in each row, for about as many pixels, and eps in the middle between their gaps and spacing.
RUNS = {"2,600 px": 3.3, "10,000 px": 13.0}
EPS_DRAWN, EPS_NETWORK = 0.3, 0.1  # 0.1 is the pull margin of the published network

Array = NDArray[np.float32]
Labels = NDArray[np.intp]


class Frame(NamedTuple):
    """What a network says of one picture: mask (2, H, W), embedding (E, H, W)."""

    mask: Array
    embedding: Array

    @property
    def points(self) -> Array:
        """Embeddings of the lane pixels, (N, E)."""
        return self.embedding[:, self.mask[1] > self.mask[0]].T


class Ways(NamedTuple):
    """Ours and scikit-learn's way to cluster, and the decoder with ours."""

    ours: Callable[[Array], Labels]
    theirs: Callable[[Array], Labels]
    decoder: EmbeddingDecoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=Path)
    parser.add_argument("--name", default="network")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    if args.outputs:
        with np.load(args.outputs) as file:
            pairs = zip(file["mask"][: args.frames], file["embedding"][: args.frames], strict=True)
            cases = {args.name: [Frame(mask, embedding) for mask, embedding in pairs]}
    else:
        cases = {name: [drawn(seed, run) for seed in range(args.frames)] for name, run in RUNS.items()}
    for name, frames in cases.items():
        rows = measure(name, frames, eps=EPS_NETWORK if args.outputs else EPS_DRAWN, rounds=args.rounds)
        for row in rows:
            print(row, flush=True)
        print(record("clustering", rows))


def drawn(seed: int, run: float, lanes: int = 5) -> Frame:
    """Return a frame of separable lanes; `run` is the width of a lane in each row, px."""
    rng = np.random.default_rng(seed)
    owner = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    rows, columns = np.arange(SIZE[1])[:, None], np.arange(SIZE[0])
    for lane, foot in enumerate(np.linspace(20, 490, lanes) + rng.uniform(-15, 15, lanes), start=1):
        middle = foot + (256 - foot) * 0.8 * (SIZE[1] - rows) / 166
        owner[(np.abs(columns - middle) < run / 2) & (rows >= 90)] = lane
    owner[rng.random(owner.shape) < 0.005 * (owner > 0).mean()] = lanes + 1
    centres: list[NDArray[np.float64]] = []
    while len(centres) < lanes:
        centre = rng.uniform(-2, 2, 5)
        if all(np.linalg.norm(centre - other) >= 1.2 for other in centres):
            centres.append(centre)
    off = rng.normal(size=(5, *owner.shape))
    off *= np.minimum(np.abs(rng.normal(0, 0.08, owner.shape)), 0.3) / np.linalg.norm(off, axis=0)
    table = np.array([np.zeros(5), *centres, np.zeros(5)])
    embedding = table[owner].transpose(2, 0, 1) + off
    stray = owner == lanes + 1
    embedding[:, stray] = rng.uniform(5, 20, (5, int(stray.sum())))
    margin = np.where(owner > 0, 3.0, -3.0) + rng.normal(0, 0.3, owner.shape)
    return Frame(np.stack([-margin / 2, margin / 2]).astype(np.float32), embedding.astype(np.float32))


def measure(name: str, frames: Sequence[Frame], *, eps: float, rounds: int) -> list[dict[str, Any]]:
    """Return a row for each way to cluster."""
    mean_shifts = Ways(
        lambda x: mean_shift(x, bandwidth=BANDWIDTH, min_points=MIN_POINTS),
        lambda x: MeanShift(bandwidth=BANDWIDTH, bin_seeding=True).fit_predict(x),
        EmbeddingDecoder(radius=BANDWIDTH, min_points=MIN_POINTS),
    )
    dbscans = Ways(
        lambda x: dbscan(x, eps=eps, min_points=MIN_POINTS),
        lambda x: DBSCAN(eps=eps, min_samples=MIN_POINTS).fit_predict(x),
        EmbeddingDecoder(method="dbscan", radius=eps, min_points=MIN_POINTS),
    )
    return [measured(name, frames, ways, rounds) for ways in (mean_shifts, dbscans)]


def measured(name: str, frames: Sequence[Frame], ways: Ways, rounds: int) -> dict[str, Any]:
    """Return the row of one way to cluster."""
    points = [np.ascontiguousarray(frame.points) for frame in frames]
    height, width = frames[0].mask.shape[1:]
    view = Viewport((1280, 720), (0, 0, 1280, 720), (width, height))
    ours, theirs, decode = [], [], []
    for turn in range(rounds + 1):  # the first warms up
        for frame, x in zip(frames, points, strict=True):
            ours.append(_ms(ways.ours, x))
            decode.append(_ms(ways.decoder, frame._asdict(), view))
            if turn <= max(1, rounds // 10):  # slow: few are enough
                theirs.append(_ms(ways.theirs, x))
    cluster, other, whole = (statistics.median(took[len(frames) :]) for took in (ours, theirs, decode))
    return {
        "embeddings": name,
        "size": f"{width}x{height}",
        "method": ways.decoder.method,
        "radius": ways.decoder.radius,
        "frames": len(frames),
        "pixels": round(statistics.mean(len(x) for x in points)),
        "lanes": round(statistics.mean(len(ways.decoder(frame._asdict(), view).lanes) for frame in frames), 2),
        "cluster_cpu_ms_p50": round(cluster, 2),
        "scikit_learn_cpu_ms_p50": round(other, 2),
        "times_faster": round(other / cluster, 1),
        "decode_cpu_ms_p50": round(whole, 2),
        "agreement": round(min(_agreement(ways.ours(x), ways.theirs(x)) for x in points), 4),
    }


def _agreement(a: Labels, b: Labels) -> float:
    both = (a != NOISE) & (b != NOISE)
    return float(adjusted_rand_score(a[both], b[both]))


def _ms(work: Callable[..., Any], *inputs: Any) -> float:
    start = time.process_time()
    work(*inputs)
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
