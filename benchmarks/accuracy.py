"""Candidates and three baselines, on real and rendered frames: one row each, and pictures of where they fail.

python benchmarks/accuracy.py [MODEL...] [--data FOLDER] [--tusimple] [--rendered 16] [--out runs/accuracy]

MODEL is a bundled name, an exported file or a training run. FOLDER holds culane_clip, udacity_clips,
twinlitenet_outputs, tusimple and tusimple_eval, as docs/accuracy.md says; what is missing there is left out. The frames
of TuSimple are scored on request alone: candidates are chosen without them. OUT/NAME has the worst frames of each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from finders import Classical, ConstantLanes, Finder, ForeignMaps, Image, Network, Spot
from record import record
from steadiness import score_clips
from trials import Trial, culane_trial, rendered_trial, score_all, tusimple_trial

from lanelight.cli.detectors import open_detector
from lanelight.formats.text import write_json
from lanelight.frames import find_sources
from lanelight.runtime.bench import Contestant, measure
from lanelight.runtime.bench_frames import rendered_frames
from lanelight.runtime.bench_rows import rows_of

CULANE, CLIPS, TUSIMPLE = "culane_clip", "udacity_clips", "tusimple"
MAPS, OTHER_LABELS = "twinlitenet_outputs", "tusimple_eval/label_data_0313.json"
TIMED_FRAMES = 20
LINES = ("frames", "f1", "precision", "recall", "low", "high")
STEADY = ("jitter_px", "jitter_typical_px", "dropout_share", "count_changes", "slot_changes")
WORLDS = ("mixed", "highway", "plain", "city", "rural", "night", "rain", "tunnel")
TIMES = ("network_cpu_ms_p50", "end_to_end_cpu_ms_p50", "network_ms_p50", "end_to_end_ms_p50")
COLUMNS = (
    "method",
    *(f"culane_{name}" for name in LINES),
    *(f"rendered_{name}" for name in (*LINES, *WORLDS)),
    "clips_frames",
    *STEADY,
    *(f"tracked_{name}" for name in STEADY),
    *TIMES,
    *(f"tusimple_{name}" for name in ("frames", "accuracy", "fp", "fn", "low", "high")),
)

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="*", default=["default"])
    parser.add_argument("--data", type=Path, help="folder of the real frames; without it roads are rendered alone")
    parser.add_argument("--tusimple", action="store_true", help="score the frames of TuSimple too")
    parser.add_argument("--rendered", type=int, default=16, help="rendered validation roads of each world; 0 for none")
    parser.add_argument("--rounds", type=int, default=5, help="of the latency; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=2, help="of each network, and of rendering")
    parser.add_argument("--frames", type=int, help="first frames of everything, for a trial; nothing is recorded")
    parser.add_argument("--out", type=Path, default=Path("runs/accuracy"))
    args = parser.parse_args()
    if args.tusimple and not args.data:
        parser.error("--tusimple: expected --data FOLDER that holds its frames")
    networks = [Network(model, args.threads) for model in args.model]
    finders: list[Finder] = [*networks, ConstantLanes(), ForeignMaps(), Classical()]
    rows: dict[str, Row] = {finder.name: dict.fromkeys(COLUMNS) | {"method": finder.name} for finder in finders}
    if len(rows) < len(finders):
        parser.error(f"expected networks of different names, got {', '.join(finder.name for finder in finders)}")
    for trial in trials(args):
        print(f"{trial.name} ...", flush=True)
        join(rows, score_all(trial, finders, limit=args.frames, out=args.out))
    if args.data and (args.data / CLIPS).is_dir():
        print("clips ...", flush=True)
        maps = args.data / MAPS / CLIPS
        join(rows, score_clips(args.data / CLIPS, finders, maps=maps, limit=args.frames, out=args.out))
    if args.rounds:
        join(rows, speeds(networks, args))
    done = [{name: rounded(row[name]) for name in COLUMNS} for row in rows.values()]
    write_json(args.out / "accuracy.json", {"rows": done})
    for row in done:
        print({name: value for name, value in row.items() if value is not None})
    if args.frames is None:
        print(record("accuracy", done))


def trials(args: argparse.Namespace) -> list[Trial]:
    """Return the labelled frames that are asked for and there."""
    found = []
    if args.data and (args.data / CULANE).is_dir():
        found.append(culane_trial(args.data / CULANE, args.data / MAPS / CULANE))
    if args.rendered:
        found.append(rendered_trial(args.out, args.rendered, args.threads))
    if args.tusimple:
        found.append(tusimple_trial(args.data / TUSIMPLE, args.data / OTHER_LABELS, args.data / MAPS / TUSIMPLE))
    return found


def speeds(networks: Sequence[Network], args: argparse.Namespace) -> dict[str, Row]:
    """Return times of the networks, in turns, each in a process of its own, and the CPU time of edges and Hough."""
    frames = timed_frames(args.data)
    contestants = [
        Contestant(each.name, "auto", partial(open_detector, each.model, backend="auto", threads=args.threads), no_cost)
        for each in networks
    ]
    rows = rows_of(measure(contestants, frames, rounds=args.rounds), source="")
    found = {row["model"]: {name: row[name] for name in TIMES} for row in rows}
    classical, size = Classical(), (frames[0].shape[1], frames[0].shape[0])
    start = time.process_time()
    for frame in frames:
        classical.find(frame, Spot(size))
    spent = 1000 * (time.process_time() - start) / len(frames)
    return found | {classical.name: {"end_to_end_cpu_ms_p50": spent}}


def no_cost() -> None:
    """Count nothing: sizes stand in the networks' cards."""


def timed_frames(data: Path | None) -> list[Image]:
    """Return real frames of the first clip, or rendered ones where there is none."""
    clips = sorted((data / CLIPS).glob("*.mp4")) if data else []
    if not clips:
        return rendered_frames(TIMED_FRAMES).frames
    return [frame.image for frame in islice(find_sources([clips[0]])[0].frames(), TIMED_FRAMES)]


def join(rows: dict[str, Row], cells: dict[str, Any]) -> None:
    """Write cells into the rows of their finders.

    Raises:
        KeyError: a finder or column that the table does not have.
    """
    for name, row in cells.items():
        unknown = set(row) - set(COLUMNS)
        if unknown:
            raise KeyError(f"columns {', '.join(sorted(unknown))}")
        rows[name] |= row


def rounded(value: Any) -> Any:
    """Return what is written: four digits, nothing where nothing is known."""
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
