"""Rows of results, kept beside the benchmarks: machine, date and revision come with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lanelight.runtime.results import append_rows

RESULTS = Path(__file__).resolve().parent / "results"


def record(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Append rows to ``results/NAME.csv`` and return its path; the columns are those of the first row.

    Raises:
        OutputError: the file has other columns.
    """
    path = RESULTS / f"{name}.csv"
    append_rows(path, rows)
    return path
