"""`lanelight predict`: lanes or classes of pictures, videos, robots' bags, cameras and streams."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive, share, words_of
from lanelight.cli.detectors import HELP, add_runtime_options, open_detector, runtime_of
from lanelight.cli.folders import folders, numbered
from lanelight.cli.progress import Progress
from lanelight.cli.signals import INTERRUPTED, finishing_on_signals
from lanelight.errors import SourceError
from lanelight.machine import usable_processors

if TYPE_CHECKING:
    from lanelight.frames import Source
    from lanelight.runtime import Detector

KINDS = ("video", "lanes", "frames", "culane", "tusimple", "sheet", "bag", "cvat", "labelme", "classes", "triptych")
FOLDER = Path("runs/predict")
MOST_AT_ONCE = 4  # frames: reading and drawing keep pace with no more, and each takes memory


def add_arguments(parser: Any) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        "source", nargs="+", type=str, metavar="SOURCE",
        help="picture, folder, glob, video, bag of ROS 1 or ROS 2, camera number, or address such as rtsp://...",
    )  # fmt: skip
    parser.add_argument("--topic", metavar="NAME", help="whose images are read from bags (the only topic of images)")
    parser.add_argument("--model", default="default", metavar="NAME|PATH", help=HELP)
    parser.add_argument("--out", metavar="DIR", help="output folder (a new runs/predict, runs/predict2, ...)")
    parser.add_argument(
        "--save", type=words_of(KINDS), metavar="KIND,...",
        help=f"of {', '.join(KINDS)} (videos: video,lanes,sheet; pictures: frames,lanes; lanes.jsonl always)",
    )  # fmt: skip
    parser.add_argument("--gold", metavar="DIR", help="true class maps of the pictures, for --save triptych")
    add_runtime_options(parser)
    parser.add_argument("--every", type=positive, default=1, metavar="N", help="take every N-th frame")
    parser.add_argument("--limit", type=positive, metavar="N", help="stop after N frames of each source")
    parser.add_argument("--score", type=share, metavar="F", help="smallest score of a lane, 0 to 1 (the model's own)")
    parser.add_argument(
        "--track", action="store_true", default=True, help="number, smooth and bridge lanes through a video (default)"
    )
    parser.add_argument("--no-track", dest="track", action="store_false", help="lanes of each frame by itself")
    parser.add_argument("--json", metavar="FILE", help="write the printed figures as JSON")


def run(args: Any) -> int:
    """Run the verb."""
    from lanelight.formats.text import make_folder, write_json
    from lanelight.frames import find_sources
    from lanelight.runtime.outputs import check_kinds, check_writable

    sources = find_sources(args.source, topic=args.topic)
    out = Path(args.out) if args.out else numbered(FOLDER)
    check_writable(out)
    if args.json:
        check_writable(Path(args.json).absolute().parent)
    stop = threading.Event()
    entries: list[dict[str, Any]] = []
    problems: list[SourceError] = []
    with open_detector(
        args.model,
        backend=args.backend,
        threads=args.threads,
        score=args.score,
        precision=args.precision,
        size=args.size,
        frames_at_once=_frames_at_once(sources, args.threads),
    ) as detector:
        check_kinds(args.save or (), detector.manifest)
        detector.warm_up()
        with finishing_on_signals(stop):
            for source, folder in zip(sources, folders(out, [source.stem for source in sources]), strict=True):
                try:
                    entry, problem = _predict(detector, source, folder, args, stop)
                except SourceError as error:
                    problems.append(error)
                    continue
                entries.append(entry)
                problems += [problem] if problem else []
                if stop.is_set():
                    break
    figures = {
        "model": detector.manifest.name,
        "backend": detector.backend,
        "precision": detector.precision,
        "threads": detector.threads,
        "frames_at_once": detector.frames_at_once,
    }
    if args.json:
        make_folder(Path(args.json).absolute().parent)
        write_json(args.json, {**figures, "interrupted": stop.is_set(), "sources": entries})
    if stop.is_set():
        kept = any(entry["frames"] for entry in entries)
        print("interrupted; what was found so far is kept" if kept else "interrupted; nothing was written")
        return INTERRUPTED
    if problems:
        raise SourceError("; ".join(str(problem) for problem in problems))
    return 0


def _predict(
    detector: Detector, source: Source, folder: Path, args: Any, stop: threading.Event
) -> tuple[dict[str, Any], SourceError | None]:
    """Run one source, print its figures and return them, with what was wrong with the source."""
    from lanelight.runtime.outputs import DEFAULT_KINDS, Outputs
    from lanelight.runtime.stream import run_job

    kinds = args.save or DEFAULT_KINDS[source.kind]
    detector.timings.clear()
    expected = None if source.count is None else -(-source.count // args.every)
    if args.limit is not None:
        expected = args.limit if expected is None else min(expected, args.limit)
    outputs = Outputs(
        folder,
        source,
        kinds,
        model=detector.manifest.name,
        every=args.every,
        timings=detector.timings,
        class_names=detector.manifest.classes,
        gold=Path(args.gold) if args.gold else None,
    )
    with outputs, Progress(source.name, expected) as progress:
        report = run_job(
            detector,
            source,
            outputs,
            every=args.every,
            limit=args.limit,
            track=args.track,
            stop=stop,
            progress=progress.update,
        )
    manifest = detector.manifest
    lanes = {"lanes_per_frame": round(report.lanes / max(report.frames, 1), 3)}
    entry = {
        "source": source.name,
        "frames": report.frames,
        **(lanes if manifest.slots or not manifest.classes else {"classes": len(manifest.classes)}),
        "seconds": round(report.seconds, 3),
        "frames_per_second": round(report.frames_per_second, 2),
        "stages": detector.timings.summary(),
        "outputs": {kind: str(path) for kind, path in outputs.paths.items()},
    }
    how = f"{detector.manifest.name}, {runtime_of(detector)}, threads: {detector.threads}"
    _print(entry, how if detector.frames_at_once == 1 else f"{how}, {detector.frames_at_once} frames at once")
    return entry, report.problem


def _frames_at_once(sources: Sequence[Source], threads: int | None) -> int:
    """Return how many frames the network works on at the same time: of cameras and single pictures one."""
    few = sum(2 if source.count is None else source.count for source in sources) == 1
    return 1 if few or any(source.live for source in sources) else min(threads or usable_processors(), MOST_AT_ONCE)


def _print(entry: dict[str, Any], how: str) -> None:
    found = f"{entry['classes']} classes" if "classes" in entry else f"{entry['lanes_per_frame']:.2f} lanes a frame"
    print(f"{entry['source']}: {entry['frames']} frames, {found}, {entry['frames_per_second']:.1f} frames/s ({how})")
    print(f"  {'stage':<8} {'mean':>8} {'p50':>8} {'p95':>8}   ms a frame")
    for stage, row in entry["stages"].items():
        print(f"  {stage:<8} {row['mean_ms']:8.2f} {row['p50_ms']:8.2f} {row['p95_ms']:8.2f}")
    for kind, path in entry["outputs"].items():
        print(f"  {kind:<8} {path}")
