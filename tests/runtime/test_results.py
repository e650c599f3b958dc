"""Rows of results carry their origin, and a file keeps its columns."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from lanelight import __version__, machine
from lanelight.errors import OutputError
from lanelight.runtime import results
from lanelight.runtime.results import append_rows


def test_rows_are_appended_with_machine_date_and_revision(tmp_path: Path) -> None:
    path = tmp_path / "new" / "speed.csv"
    append_rows(path, [{"model": "a", "ms": 1.5}])
    append_rows(path, [{"model": "b, c", "ms": None}, {"model": "d", "ms": 2}])
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["ms"]) for row in rows] == [("a", "1.5"), ("b, c", ""), ("d", "2")]
    assert {row["machine"] for row in rows} == {machine.description()}
    assert f"{machine.usable_processors()} cores" in rows[0]["machine"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"]) and row["revision"] for row in rows)
    assert [each.name for each in path.parent.iterdir()] == ["speed.csv"]


def test_a_file_with_other_columns_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "speed.csv"
    append_rows(path, [{"model": "a"}])
    before = path.read_text()
    with pytest.raises(OutputError, match=r"speed\.csv: expected the columns model, ms, machine, date, revision, got"):
        append_rows(path, [{"model": "a", "ms": 1}])
    assert path.read_text() == before


def test_in_somebody_else_s_repository_the_version_is_the_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "PACKAGE", tmp_path)  # no repository, and none that has our files
    assert results.revision() == __version__
    monkeypatch.setenv("PATH", str(tmp_path))  # no git either
    assert results.revision() == __version__
