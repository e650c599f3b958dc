"""`lanelight data dedup`: list the frames that differ from the one before."""

from __future__ import annotations

from typing import Any

from lanelight.cli.datasets import add_dataset, add_threads, check_apart, check_folders, opened, print_errors
from lanelight.cli.progress import Progress
from lanelight.errors import LanelightError

AGAINST = ("previous", "kept")
PUBLISHED_THRESHOLD = 15.0  # CLRerNet's and CLRKDNet's


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    add_dataset(parser)
    add_threads(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="list file to write, in the form of the given one")
    parser.add_argument(
        "--threshold", type=float, default=PUBLISHED_THRESHOLD, metavar="D", help="least mean difference, of 255"
    )
    parser.add_argument(
        "--against",
        choices=AGAINST,
        default=AGAINST[0],
        help="compare with the frame before, or with the last one kept",
    )
    parser.add_argument("--differences", metavar="FILE", help="write the difference of every frame (.npz)")
    parser.add_argument("--reuse", metavar="FILE", help="take the differences from such a file; no picture is read")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")


def run(args: Any) -> int:
    """Write the list, print how many frames were dropped and return 0, or 1 where pictures could not be read."""
    from lanelight.formats.text import write_json
    from lanelight.survey.dedup import find_different, read_differences, write_differences, write_list

    check_folders(args.out, args.differences, args.json)
    if args.reuse and args.against != AGAINST[0]:
        raise LanelightError(
            f"--reuse: expected --against {AGAINST[0]}, which the file was made with, got {args.against}"
        )
    data = opened(args)
    check_apart([data], args, args.out, args.differences, args.json)
    if args.reuse:
        found = read_differences(args.reuse, data, args.threshold)
    else:
        with Progress("dedup", len(data)) as progress:
            found = find_different(
                data, threshold=args.threshold, against=args.against, threads=args.threads, watch=progress.update
            )
    write_list(args.out, data, found.kept)
    if args.differences:
        write_differences(args.differences, data, found.values)
    dropped = len(data) - len(found.kept) - len(found.unreadable)
    figures = {
        "frames": len(data),
        "kept": len(found.kept),
        "dropped": dropped,
        "unreadable": len(found.unreadable),
        "threshold": args.threshold,
        "against": args.against,
        "errors": found.unreadable,
    }
    if args.json:
        write_json(args.json, figures)
    print(f"{'frames':>10}{'kept':>10}{'dropped':>10}{'unreadable':>12}{'threshold':>11}")
    print(
        f"{len(data):>10}{len(found.kept):>10}{dropped:>10}{len(found.unreadable):>12}{args.threshold:>11g}"
        f"\nlist: {args.out}"
    )
    print_errors(found.unreadable)
    return 1 if found.unreadable else 0
