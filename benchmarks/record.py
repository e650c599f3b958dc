"""Rows of results, kept beside the benchmarks: machine, date and revision come with them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lanelight.runtime.results import ORIGIN, append_rows

RESULTS = Path(__file__).resolve().parent / "results"


def record(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Append rows to ``results/NAME.csv`` and return its path; the columns are those of the first row.

    Raises:
        OutputError: the file has other columns.
    """
    path = RESULTS / f"{name}.csv"
    append_rows(path, rows)
    return path


def newest(name: str) -> list[dict[str, str]]:
    """Return the rows of ``results/NAME.csv``; of those that agree in every column that is no number, the newest."""
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return list(
        {tuple(v for k, v in row.items() if k not in ORIGIN and not is_number(v)): row for row in rows}.values()
    )


def is_number(text: str) -> bool:
    """Say whether a cell is a measured value, or empty where none was measured."""
    return re.fullmatch(r"(-?[\d.]+(e-?\d+)?)?", text) is not None
