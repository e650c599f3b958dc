"""`lanelight data check`: find what is wrong with a data set before a network learns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lanelight.cli.datasets import add_dataset, add_threads, check_apart, check_folders
from lanelight.cli.progress import Progress

if TYPE_CHECKING:
    from lanelight.survey import Health

LINES_SHOWN = 5  # of each kind; all are in the JSON and HTML files


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    add_dataset(parser, several=True)
    add_threads(parser)
    parser.add_argument("--json", metavar="FILE", help="write every finding as JSON")
    parser.add_argument("--html", metavar="FILE", help="write one page with pictures in which the faults are drawn")
    parser.add_argument("--all", action="store_true", help=f"print every finding, not only {LINES_SHOWN} of a kind")


def run(args: Any) -> int:
    """Check, print what was found and return 0, or 1 where there are faults; notes do not count."""
    from lanelight.formats.text import write_json
    from lanelight.survey import check, open_parts, write_page

    check_folders(args.json, args.html)
    parts, found = open_parts(args.dataset, args.root, splits=args.split or (), lists=args.list or ())
    check_apart(parts.values(), args, args.json, args.html)
    with Progress("check", sum(map(len, parts.values()))) as progress:
        health = check(parts, threads=args.threads, watch=progress.update, found=found)
    _print(health, None if args.all else LINES_SHOWN)
    if args.json:
        write_json(args.json, health.entry())
    if args.html:
        write_page(args.html, health, parts, title=f"lanelight data check: {args.dataset} in {args.root}")
        print(f"page: {args.html}")
    return 1 if health.tally.faults else 0


def _print(health: Health, most: int | None) -> None:
    from lanelight.survey import KINDS
    from lanelight.survey.parts import ALL

    tally = health.tally
    for kind, number in ((kind, tally.counts[kind]) for kind in KINDS if tally.counts[kind]):
        shown = tally.of(kind)[:most]
        for finding in shown:
            print(
                f"{'fault' if KINDS[kind].fault else 'note'}: {finding.place}: {KINDS[kind].title}: {finding.message}"
            )
        if number > len(shown):
            print(f"  ... and {number - len(shown)} more: {KINDS[kind].title}")
    if tally.counts:
        print(f"\n{'kind':<26}{'':<8}{'number':>8}")
    for kind in KINDS:
        if tally.counts[kind]:
            print(f"{KINDS[kind].title:<26}{'fault' if KINDS[kind].fault else 'note':<8}{tally.counts[kind]:>8}")
    number = sum(health.frames.values())
    parts = ", ".join(f"{name} {number}" for name, number in health.frames.items() if name != ALL)
    frames = "1 frame" if number == 1 else f"{number} frames"
    faults = "1 fault" if tally.faults == 1 else f"{tally.faults} faults"
    print(f"{faults} in {frames}" + (f" ({parts})" if parts else "" if health.frames else " (none could be opened)"))
