"""`lanelight data show`: draw frames with their labels on one sheet."""

from __future__ import annotations

from typing import Any

from lanelight.cli.arguments import positive, seed
from lanelight.cli.datasets import (
    add_dataset,
    add_threads,
    check_apart,
    check_folders,
    check_picture,
    opened,
    print_errors,
)

SIZE_LIMIT = 400  # frames; more give a picture that viewers do not open


def add_arguments(parser: Any) -> None:
    """Declare the options of the verb."""
    add_dataset(parser)
    add_threads(parser)
    parser.add_argument("--frames", type=positive, default=12, metavar="N", help="number of frames, chosen at random")
    parser.add_argument("--seed", type=seed, default=0, metavar="S", help="of the choice")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="frames by their names, in place of a choice")
    parser.add_argument(
        "--columns", type=positive, metavar="N", help="frames in a row (about as many as rows, up to 4)"
    )
    parser.add_argument("--width", type=positive, default=480, metavar="PX", help="width of a frame on the sheet")
    parser.add_argument("--out", default="sheet.png", metavar="FILE", help="picture to write")


def run(args: Any) -> int:
    """Write the sheet and return 0, or 1 where frames could not be read."""
    import numpy as np

    from lanelight.errors import LanelightError
    from lanelight.frames import write_image
    from lanelight.survey.sheet import choose, draw_labels, named

    check_folders(args.out)
    check_picture(args.out)
    number = len(args.names) if args.names else args.frames
    if number > SIZE_LIMIT:
        raise LanelightError(f"expected at most {SIZE_LIMIT} frames on a sheet, got {number}")
    data = opened(args)
    check_apart([data], args, args.out)
    indices = named(data, args.names) if args.names else choose(data, args.frames, np.random.default_rng(args.seed))
    sheet, unreadable = draw_labels(
        data, indices, tile_width=args.width, columns=args.columns or 0, threads=args.threads
    )
    print_errors(unreadable)
    if sheet is not None:
        write_image(args.out, sheet)
        print(f"{len(indices) - len(unreadable)} of {len(data)} frames: {args.out}")
    return 1 if unreadable else 0
