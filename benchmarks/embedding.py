"""ENet with an embedding on real frames and rendered roads, scored on a later stretch of the drive.

Every run trains on the first stretch of one TuSimple drive and on rendered motorways, half of the frames each.

python benchmarks/embedding.py ROOT LABELS [--seeds 0] [--steps 900] [--out runs/embedding] [--picture FILE]
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from instances import sheet
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
    args = arguments(__doc__, steps=900, out="runs/embedding").parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    stretches = split(args.labels, args.out)
    base = replace(study(args.root, stretches), steps=args.steps)
    rows: list[dict[str, Any]] = []
    for seed in args.seeds:
        folder = args.out / f"seed_{seed}"
        if not finished(folder):
            run(replace(base, seed=seed), folder, report=told)
        figures = score_drive(folder, args.root, stretches[1])
        figures["roads_f1"] = score_roads(folder, WORLD, 60)["f1"]
        rows.append({"network": base.network, "seed": f"seed {seed}", "steps": base.steps, **rounded(figures)})
        print(rows[-1], flush=True)
    print(record("embedding", rows))
    if args.picture:
        picture(args.out / f"seed_{args.seeds[0]}", args.root, stretches[1], args.picture)


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
    write_image(path, sheet(data, network, session, decoder))
    session.close()


if __name__ == "__main__":
    main()
