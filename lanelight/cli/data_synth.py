"""`lanelight data synth`: render roads with exact lanes, as a data set or as videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lanelight.cli.arguments import positive, seed, size, words_of
from lanelight.cli.progress import Progress
from lanelight.machine import usable_processors

WORLDS = ("mixed", "highway", "plain", "city", "rural", "night", "rain", "tunnel")
FORMATS = ("native", "culane", "tusimple", "bdd100k")


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to make; empty or missing")
    parser.add_argument("--frames", type=positive, default=100, metavar="N", help="how many, of all worlds together")
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="same seed, same pixels")
    parser.add_argument(
        "--world", type=words_of(WORLDS), metavar="NAMES",
        help=f"one or several of {','.join(WORLDS)}, in turn (mixed)",
    )  # fmt: skip
    parser.add_argument("--size", type=size, metavar="WxH", help="of the frames (1280x720)")
    parser.add_argument("--format", choices=FORMATS, default="native", help="layout of the data set")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train", help="part that they become")
    parser.add_argument("--threads", type=positive, metavar="N", help="views drawn at once (all processors)")
    parser.add_argument(
        "--video", action="store_true",
        help="a drive for each world: DIR/WORLD/drive.mp4, lanes.jsonl, and ego.csv with offset, heading and curvature",
    )  # fmt: skip
    parser.add_argument("--fps", type=float, default=25.0, metavar="F", help="frames per second of videos")


def run(args: Any) -> int:
    """Render, and say what was written and where."""
    from lanelight.datasets.rendering import write_views

    args.world, args.size = args.world or ("mixed",), args.size or (1280, 720)
    if args.video:
        return _drives(args)
    threads = args.threads or usable_processors()
    with Progress("synth", args.frames) as progress:
        write_views(
            args.out, args.format, args.world, frames=args.frames, seed=args.seed, size=args.size, split=args.split,
            threads=threads, watch=progress.update,
        )  # fmt: skip
    print(f"{args.out}: {args.frames} frames of {', '.join(args.world)} as {args.format}")
    return 0


def _drives(args: Any) -> int:
    """Write one drive for each world."""
    from lanelight.datasets.rendering import write_drive

    number = len(args.world)
    for k, world in enumerate(args.world):
        frames = args.frames // number + (k < args.frames % number)
        folder = Path(args.out) / world
        if frames == 0:
            continue
        with Progress(f"synth {world}", frames) as progress:
            write_drive(
                folder, world, frames=frames, seed=args.seed, size=args.size, fps=args.fps, watch=progress.update
            )
        print(f"{folder}: a drive of {frames} frames")
    return 0
