"""`lanelight bench`: how fast networks are, side by side."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanelight.cli.arguments import positive, words_of
from lanelight.cli.datasets import check_folders
from lanelight.cli.detectors import BACKENDS, HELP, PRECISIONS, backends_of, cost_of, open_detector
from lanelight.cli.progress import Progress
from lanelight.errors import ModelError
from lanelight.machine import usable_processors

if TYPE_CHECKING:
    from lanelight.runtime.bench import Contestant
    from lanelight.runtime.bench_frames import Shown

RUNTIMES = tuple(name for name in BACKENDS if name != "auto")
WIDE = 400  # letters of a line at most
BUSY = 0.5  # processors that others keep busy, on the average of the last minute
# header of the table: column of a row, and decimals of a number
TABLE: dict[str, tuple[str, int]] = {
    "model": ("model", 0),
    "backend": ("backend", 0),
    "precision": ("precision", 0),
    "input": ("input", 0),
    "M par": ("parameters", 2),
    "GFLOP": ("gflop", 1),
    "view": ("preprocess_ms_p50", 1),
    "network": ("network_ms_p50", 1),
    "p95": ("network_ms_p95", 1),
    "CPU": ("network_cpu_ms_p50", 1),
    "decode": ("decode_ms_p50", 1),
    "all": ("end_to_end_ms_p50", 1),
    "all p95": ("end_to_end_ms_p95", 1),
    "all CPU": ("end_to_end_cpu_ms_p50", 1),
    "MB": ("peak_mb", 0),
    "x": ("network_times_faster", 2),
    "x CPU": ("network_cpu_times_faster", 2),
    "all x CPU": ("end_to_end_cpu_times_faster", 2),
    "px": ("lane_px", 2),
    "F1": ("f1", 4),
    "classes": ("other_class", 5),
}
COMPARED = ("lane_px", "f1", "other_class")  # columns of rows in another precision; left out where no row has any


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    parser.add_argument("model", nargs="+", type=str, metavar="MODEL", help=HELP)
    parser.add_argument(
        "--backends", type=words_of(RUNTIMES), metavar="NAME,...",
        help=f"of {', '.join(RUNTIMES)}; each network in those that can run it (all of them)",
    )  # fmt: skip
    parser.add_argument(
        "--precision", type=words_of(PRECISIONS), default=("float32",), metavar="NAME,...",
        help=f"of {', '.join(PRECISIONS)}; each network in each that its runtime has (float32)",
    )  # fmt: skip
    parser.add_argument("--source", type=str, metavar="PATH", help="video, folder or picture (rendered roads)")
    parser.add_argument("--frames", type=positive, default=20, metavar="N", help="first N frames of the source")
    parser.add_argument("--threads", type=positive, metavar="N", help="of each network (all processors)")
    parser.add_argument(
        "--rounds",
        type=positive,
        default=5,
        metavar="N",
        help="how often each network runs all frames, after a warm-up",
    )
    parser.add_argument("--csv", metavar="FILE", help="append the rows, with machine, date and revision")
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON")


def run(args: Any) -> int:
    """Measure, print the table and return 0."""
    from lanelight.formats.text import write_json
    from lanelight.runtime.bench import measure
    from lanelight.runtime.bench_rows import COLUMNS, rows_of
    from lanelight.runtime.results import append_rows, check_columns, origin

    check_folders(args.json, args.csv)
    if args.csv:
        check_columns(args.csv, COLUMNS)
    contestants = _contestants(args)
    shown = _shown(args)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    calls = len(contestants) * (args.rounds + 1) * len(shown.frames)
    with Progress("bench", calls) as progress:
        measured = measure(contestants, shown.frames, rounds=args.rounds, watch=progress.update)
    rows = rows_of(measured, source=shown.source)
    _print(rows, shown, load)
    if args.csv:
        append_rows(args.csv, rows)
    if args.json:
        write_json(args.json, {**origin(), "load_before": round(load, 2), "notes": shown.notes, "rows": rows})
    return 0


def _contestants(args: Any) -> list[Contestant]:
    """Return what is compared: every network in every wanted runtime that can run it, in every precision that it has.

    Raises:
        ModelError: a network is missing or damaged, or none of the wanted runtimes can run it.
    """
    from lanelight.runtime.backends import PRECISIONS_OF, check_precision
    from lanelight.runtime.bench import Contestant

    found: list[Contestant] = []
    for model, name in zip(args.model, _names(args.model), strict=True):
        chosen = _chosen(model, args.backends or RUNTIMES)
        ways = [
            (backend, precision)
            for backend in chosen
            for precision in args.precision
            if precision in PRECISIONS_OF.get(backend, PRECISIONS)
        ]
        if not ways:
            check_precision(args.precision[0], chosen[0], model)
        found += [
            Contestant(
                name,
                backend,
                partial(open_detector, model, backend=backend, threads=args.threads, precision=precision),
                partial(cost_of, model),
                precision,
            )
            for backend, precision in ways
        ]
    return found


def _chosen(model: str, wanted: tuple[str, ...]) -> list[str]:
    known = backends_of(model)
    chosen = [backend for backend in wanted if backend in known]
    if not chosen:
        raise ModelError(f"{model}: runs in {', '.join(known)}, got --backends {','.join(wanted)}")
    return chosen


def _names(models: list[str]) -> list[str]:
    """Return how networks are called in the results: their file's name, where that tells them apart."""
    short = [Path(model).name or model for model in models]
    return short if len(set(short)) == len(short) else models


def _shown(args: Any) -> Shown:
    from lanelight.runtime.bench_frames import real_frames, rendered_frames

    if args.source is None:
        return rendered_frames(args.frames)
    from lanelight.frames import find_sources

    return real_frames(find_sources([args.source]), args.frames)


def _print(rows: list[dict[str, Any]], shown: Shown, load: float) -> None:
    from rich.console import Console
    from rich.table import Table

    first = rows[0]
    print(
        f"{first['frames']} frames of {shown.source}, {first['rounds']} rounds after a warm-up, in turns; "
        f"{first['threads']} threads; ms a frame, medians"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
    shown_columns = {
        header: (column, digits)
        for header, (column, digits) in TABLE.items()
        if column not in COMPARED or any(row[column] is not None for row in rows)
    }
    for header, (column, _) in shown_columns.items():
        table.add_column(header, justify="left" if isinstance(first[column], str) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(column, row[column], digits) for column, digits in shown_columns.values()))
    # Wider than the terminal where it must be: a number that is cut would be another number.
    Console(width=WIDE, highlight=False, markup=False).print(table, soft_wrap=True)
    print("view: preprocessing; all: from frame to lanes; CPU: of all threads; MB: peak of the process without frames;")
    print(f"x: times faster than the first row ({first['model']}, {first['backend']}), CPU: in CPU time")
    if len(shown_columns) > len(TABLE) - len(COMPARED):
        print("px, F1, classes: what bf16 finds against float32: largest distance, lane F1, largest share of pixels")
    devices = {row["device"] for row in rows if row["device"] != "cpu"}
    for note in [*shown.notes, *(f"{row} computes in torch's rows" for row in sorted(devices))]:
        print(f"note: {note}")
    if load > BUSY:
        print(
            f"note: the machine was busy before (load {load:.1f}, {usable_processors()} processors): compare CPU time, "
            "not wall time"
        )


def _cell(column: str, value: Any, digits: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value / 1e6 if column == 'parameters' else value:.{digits}f}"
