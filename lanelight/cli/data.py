"""`lanelight data`: verbs about data sets, each in a module of its own."""

from __future__ import annotations

# verb: (module with `add_arguments(parser)` and `run(args) -> int`, summary)
VERBS: dict[str, tuple[str, str]] = {
    "convert": ("lanelight.cli.data_convert", "turn a data set of lanes into one of another format"),
    "import": (
        "lanelight.cli.data_import",
        "turn labels of CVAT, LabelMe, Label Studio, COCO or BDD100K into a data set",
    ),
    "check": ("lanelight.cli.data_check", "find faults: pictures, labels, duplicates, frames in two splits"),
    "stats": ("lanelight.cli.data_stats", "count frames, lanes and classes, and draw where the lanes are"),
    "show": ("lanelight.cli.data_show", "draw frames with their labels on one sheet"),
    "synth": ("lanelight.cli.data_synth", "render roads with exact lanes, as a data set or as videos"),
    "dedup": ("lanelight.cli.data_dedup", "list the frames that differ from the one before"),
}
