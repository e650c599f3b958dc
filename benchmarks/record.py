"""Rows of results: every one says on which machine, when and at which revision it was measured."""

from __future__ import annotations

import csv
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def record(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Append rows to ``results/NAME.csv`` and return its path; the columns are those of the first row.

    Raises:
        ValueError: the file has other columns.
    """
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    origin = {"machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}", "revision": revision()}
    full = [{**row, **origin} for row in rows]
    new = not path.is_file()
    if not new and (known := path.open(newline="").readline().rstrip().split(",")) != list(full[0]):
        raise ValueError(f"{path}: expected the columns {known}, got {list(full[0])}; move the file away")
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(full[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(full)
    return path


def machine() -> str:
    """Return processor, number of usable cores and system."""
    cpu = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpu.is_file():
        names = [
            line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, Python {platform.python_version()}"


def revision() -> str:
    """Return the commit, with + where files differ from it."""
    command = ["git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
