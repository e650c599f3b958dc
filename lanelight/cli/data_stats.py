"""`lanelight data stats`: count what is in a data set."""

from __future__ import annotations

from typing import Any

from lanelight.cli.arguments import positive
from lanelight.cli.datasets import (
    add_dataset,
    add_threads,
    check_apart,
    check_folders,
    check_picture,
    opened,
    print_errors,
)
from lanelight.cli.progress import Progress

BAR = 40  # characters of the longest bar


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    add_dataset(parser)
    add_threads(parser)
    parser.add_argument("--every", type=positive, default=1, metavar="N", help="only every N-th frame")
    parser.add_argument("--heat", metavar="FILE", help="write a picture of where the lanes are (.png)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")


def run(args: Any) -> int:
    """Count, print the tables and return 0, or 1 where frames could not be read."""
    from lanelight.formats.text import write_json
    from lanelight.frames import write_image
    from lanelight.survey import count, heat_picture

    check_folders(args.heat, args.json)
    check_picture(args.heat)
    data = opened(args)
    check_apart([data], args, args.heat, args.json)
    with Progress("stats", -(-len(data) // args.every)) as progress:
        figures = count(data, every=args.every, threads=args.threads, watch=progress.update)
    entry = figures.entry(data.class_names)
    _print(entry)
    if args.json:
        write_json(args.json, entry)
    if args.heat and entry["lanes"]:
        write_image(args.heat, heat_picture(figures))
        print(f"heat map: {args.heat}")
    elif args.heat:
        print("heat map: none, the data set has no lanes")
    print_errors(figures.unreadable)
    return 1 if figures.unreadable else 0


def _print(entry: dict[str, Any]) -> None:
    sizes = ", ".join(f"{size} ({number})" for size, number in entry["sizes"].items())
    print(f"{entry['frames']} frames of {sizes or 'no size'}, {entry['lanes']} lanes")
    if entry["lanes"]:
        _histogram("lanes in a frame", entry["frames_by_lanes"])
        print(f"\n{'lane':<20}{'mean':>10}{'p5':>10}{'median':>10}{'p95':>10}")
        for name, row in entry["lane"].items():
            values = (row[key] for key in ("mean", "p5", "p50", "p95"))
            print(f"{name:<20}" + "".join("         -" if value is None else f"{value:>10.4g}" for value in values))
    if entry["slots"]:
        _histogram("slot", entry["slots"])
    if entry["attributes"]:
        _histogram("attribute", entry["attributes"])
    if entry["classes"]:
        print(f"\n{'class':<28}{'pixels':>10}{'in frames':>12}")
        for row in entry["classes"]:
            name = f"{row['id']} {row['name']}"
            print(f"{name:<28}{row['pixel_share']:>10.4%}{row['frame_share']:>12.1%}")


def _histogram(title: str, numbers: dict[str, int]) -> None:
    most = max(numbers.values())
    wide = max(20, *(len(name) + 2 for name in numbers))
    print(f"\n{title:<{wide}}{'number':>10}")
    for name, number in numbers.items():
        print(f"{name:<{wide}}{number:>10}  {'#' * round(BAR * number / most)}")
