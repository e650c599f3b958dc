"""`lanelight data`: verbs about data sets, each in a module of its own."""

from __future__ import annotations

# verb: (module with `add_arguments(parser)` and `run(args) -> int`, summary)
VERBS: dict[str, tuple[str, str]] = {}
