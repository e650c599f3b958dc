"""`Table`: ``metrics.csv`` that a run which goes on continues where it was."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from lanelight.formats.text import cannot_write, replacing


class Table(Logger):
    """One row a step, one column a figure; written at once, so that it tells of a run that was killed too.

    Lightning's own table is emptied when a run goes on.

    Args:
        path: the file.
        step: rows after this step are dropped: the run that goes on writes them anew.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        super().__init__()
        self.path = path
        self._rows = [row for row in _read(path) if int(row["step"]) <= step]
        self._columns = ["step"]
        self._written = False

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "table"

    @property
    def version(self) -> str:
        """Version; there is one."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the recipe has a file of its own."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add figures to the row of a step.

        Raises:
            OutputError: the file cannot be written.
        """
        new = {name: repr(float(value)) for name, value in metrics.items()}
        again = bool(self._rows) and int(self._rows[-1]["step"]) == step
        if again:
            self._rows[-1] |= new
        else:
            self._rows.append({"step": str(step), **new})
        if again or not self._written or not set(self._rows[-1]) <= set(self._columns):
            self._write()
            return
        self._append()

    def _append(self) -> None:
        """Add the last row to the file, whole or not at all."""
        before = self.path.stat().st_size
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self._columns, lineterminator="\n").writerow(self._rows[-1])
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, before)
            raise cannot_write(self.path, error) from error

    def _write(self) -> None:
        self._columns = list(dict.fromkeys(name for row in self._rows for name in row))
        with replacing(self.path) as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        self._written = True


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table without empty cells; a last row cut short by a kill is left out."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row.get("step") or "").isdigit() and None not in row.values()]
    return [{name: value for name, value in row.items() if value} for row in rows]
