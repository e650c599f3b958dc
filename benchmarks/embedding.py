"""ENet with an embedding on real frames and rendered roads, scored on a later stretch of the drive.

Every run trains on the first stretch of one TuSimple drive and on rendered motorways, half of the frames each.

python benchmarks/embedding.py ROOT LABELS [--seeds 0] [--steps 900] [--out runs/embedding] [--picture FILE]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from instances import row_of
from record import record
from study import arguments, finished, rounded, score_drive, score_roads, split, told

from lanelight.datasets import TuSimple
from lanelight.decode import EmbeddingDecoder
from lanelight.frames import write_image
from lanelight.recipes.instance_networks import enet_instance_road
from lanelight.train import DataPart, Recipe, run
from lanelight.train.session import TorchSession
from lanelight.train.trained import load_trained

WORLD = "highway"
THREADS = 2


def main() -> None:
    args = arguments(__doc__, steps=900, out="runs/embedding")
    words = args.parse_args()
    words.out.mkdir(parents=True, exist_ok=True)
    stretches = split(words.labels, words.out)
    base = replace(study(words.root, stretches), steps=words.steps)
    rows: list[dict[str, Any]] = []
    for seed in words.seeds:
        folder = words.out / f"seed_{seed}"
        if not finished(folder):
            run(replace(base, seed=seed), folder, report=told)
        figures = score_drive(folder, words.root, stretches[1])
        figures["roads_f1"] = score_roads(folder, WORLD, 60)["f1"]
        rows.append({"network": base.network, "seed": f"seed {seed}", "steps": base.steps, **rounded(figures)})
        print(rows[-1], flush=True)
    print(record("embedding", rows))
    if words.picture:
        picture(words.out / f"seed_{words.seeds[0]}", words.root, stretches[1], words.picture)


def study(root: Path, stretches: tuple[Path, Path]) -> Recipe:
    """Return what all runs share."""
    base = enet_instance_road()
    frames = DataPart(kind="tusimple", share=0.5, frames=str(root), lists=(str(stretches[0]),))
    return replace(
        base,
        name="embedding",
        data=(frames, replace(base.data[0], share=0.5)),
        validation=replace(frames, share=1.0, lists=(str(stretches[1]),)),
        val_every=300,
    )


def picture(folder: Path, root: Path, labels: Path, path: Path) -> None:
    """Write what a run finds on three frames: lanes, clusters, embedding."""
    data, network = TuSimple(root, labels), load_trained(folder)
    session = TorchSession(network.model, threads=THREADS)
    decoder = network.model.decoder
    assert isinstance(decoder, EmbeddingDecoder)
    chosen = np.linspace(0, len(data) - 1, 5).astype(int)[1:-1]
    write_image(path, np.vstack([row_of(data[int(index)][1], network, session, decoder) for index in chosen]))
    session.close()


if __name__ == "__main__":
    main()
