"""Lane instances on TuSimple frames: lanes told apart by the embedding, beside what the lane mask alone gives.

python benchmarks/instances.py ROOT LABELS --model FILE [--picture FILE] [--threads 2]

FILE is a training run or a file that `lanelight convert` wrote. "mask alone" takes the connected parts of the mask for
lanes; lines go through both in the same way. The picture has three frames: the lanes, the lane pixels in the colours of
their clusters, and the embedding of these pixels along its two main directions in the same colours, noise in grey.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from record import record
from study import labelled

from lanelight.datasets import TuSimple
from lanelight.decode import EmbeddingDecoder
from lanelight.decode.clusters import dbscan, mean_shift
from lanelight.formats.tusimple import ROWS
from lanelight.frames import write_image
from lanelight.geometry import Scene, Viewport
from lanelight.metrics import TuSimpleAccuracy
from lanelight.render import draw_lanes
from lanelight.render.palette import SLOT_COLORS
from lanelight.runtime.predictor import network_input
from lanelight.train.session import TorchSession
from lanelight.train.trained import Trained, load_trained

TILE = (426, 240)
SHOWN = 3  # frames in the picture
APART = 100.0  # distance of the connected parts in an embedding that numbers them
GREY = (150, 150, 150)
Outputs = dict[str, NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="folder of TuSimple frames")
    parser.add_argument("labels", type=Path, help="their label file")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    data, network = TuSimple(args.root, args.labels), load_trained(args.model)
    session = TorchSession(network.model, threads=args.threads)
    scores = {"embedding": TuSimpleAccuracy(), "mask alone": TuSimpleAccuracy()}
    decoder = network.model.decoder
    assert isinstance(decoder, EmbeddingDecoder)
    for index in range(len(data)):
        _, frame, gold = data[index]
        outputs, view = seen(network, session, frame)
        rows = data.entries[index].rows
        for way, change in WAYS.items():
            pred = decoder(change(outputs, decoder), view)
            scores[way].update(pred, gold, rows=ROWS if rows is None else rows)
    rows_out = [
        {"model": network.name, "lanes_by": way, "frames": score.frames, **_rounded(score.compute())}
        for way, score in scores.items()
    ]
    for row in rows_out:
        print(row)
    print(record("instances", rows_out))
    if args.picture:
        write_image(args.picture, sheet(data, network, session, decoder))
    session.close()


def seen(network: Trained, session: TorchSession, frame: NDArray[np.uint8]) -> tuple[Outputs, Viewport]:
    """Return what a network says of a frame, without the batch, and its view of it."""
    view = network.viewport.view((frame.shape[1], frame.shape[0]))
    found = session(network_input(frame, view, network.model.preprocess))
    return {name: array[0] for name, array in found.items()}, view


def by_parts(outputs: Outputs, decoder: EmbeddingDecoder) -> Outputs:
    """Return outputs whose embedding is the number of the connected part of the mask, far apart."""
    _, parts = cv2.connectedComponents(lane_pixels(outputs, decoder).astype(np.uint8), connectivity=8)
    return {"mask": outputs["mask"], "embedding": APART * parts[None].astype(np.float32)}


def lane_pixels(outputs: Outputs, decoder: EmbeddingDecoder) -> NDArray[np.bool_]:
    """Return the pixels that the decoder takes for lane, (H, W)."""
    mask = outputs["mask"]
    return np.asarray(mask[1] - mask[0] > math.log(decoder.threshold / (1 - decoder.threshold)))


WAYS: dict[str, Callable[[Outputs, EmbeddingDecoder], Outputs]] = {
    "embedding": lambda outputs, _: outputs,
    "mask alone": by_parts,
}


def sheet(data: TuSimple, network: Trained, session: TorchSession, decoder: EmbeddingDecoder) -> NDArray[np.uint8]:
    """Return the picture of three frames, evenly spread."""
    chosen = np.linspace(0, len(data) - 1, SHOWN + 2).astype(int)[1:-1]
    return np.vstack([row_of(data[int(index)][1], network, session, decoder) for index in chosen])


def row_of(
    frame: NDArray[np.uint8], network: Trained, session: TorchSession, decoder: EmbeddingDecoder
) -> NDArray[np.uint8]:
    """Return the three tiles of a frame, side by side."""
    outputs, view = seen(network, session, frame)
    scene = decoder(outputs, view)
    lane = lane_pixels(outputs, decoder)
    points = outputs["embedding"][:, lane].T
    clusters = _clusters(points, decoder)
    colors = np.array([*SLOT_COLORS, GREY], dtype=np.uint8)[np.where(clusters < 0, -1, clusters % len(SLOT_COLORS))]
    pixels = np.full((*lane.shape, 3), 30, dtype=np.uint8)
    pixels[lane] = colors
    return np.hstack(
        [
            _tile(_drawn(frame, scene), cv2.INTER_AREA, f"{len(scene.lanes)} lanes"),
            _tile(pixels, cv2.INTER_NEAREST, "lane pixels"),
            labelled(scattered(points, colors), "embedding"),
        ]
    )


def scattered(points: NDArray[np.float32], colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return points (N, E) along their two main directions, in colours (N, 3)."""
    picture = np.full((TILE[1], TILE[0], 3), 30, dtype=np.uint8)
    if len(points) < 3:
        return picture
    centred = points - points.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ directions[:2].T
    low, high = flat.min(axis=0), flat.max(axis=0)
    scale = min((TILE[0] - 40) / max(high[0] - low[0], 1e-6), (TILE[1] - 60) / max(high[1] - low[1], 1e-6))
    places = np.rint((flat - (low + high) / 2) * scale + np.array(TILE) / 2).astype(int)
    for (x, y), color in zip(places, colors.tolist(), strict=True):
        cv2.circle(picture, (int(x), int(y)), 1, color, -1)
    return picture


def _clusters(points: NDArray[np.float32], decoder: EmbeddingDecoder) -> NDArray[np.intp]:
    if decoder.method == "dbscan":
        return dbscan(points, eps=decoder.radius, min_points=decoder.min_points)
    return mean_shift(points, bandwidth=decoder.radius, min_points=decoder.min_points)


def _drawn(frame: NDArray[np.uint8], scene: Scene) -> NDArray[np.uint8]:
    return np.asarray(draw_lanes(frame, scene, fill=False, width_px=6), dtype=np.uint8)


def _tile(picture: NDArray[np.uint8], way: int, text: str) -> NDArray[np.uint8]:
    return labelled(np.asarray(cv2.resize(picture, TILE, interpolation=way), dtype=np.uint8), text)


def _rounded(figures: dict[str, Any]) -> dict[str, float]:
    return {name: round(float(figures[name]), 4) for name in ("accuracy", "fp", "fn")}


if __name__ == "__main__":
    main()
