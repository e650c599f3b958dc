from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lanelight.train.record import differences, digest, revision
from lanelight.train.table import Table


def test_the_digest_of_data_sees_names_sizes_and_labels_but_no_times(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "0.jpg").write_bytes(b"12345")
    (folder / "a" / "0.lines.txt").write_text("1 2")
    first = digest(folder)
    assert (first["files"], first["bytes"]) == (2, 8)
    (folder / "a" / "0.jpg").write_bytes(b"54321")
    assert digest(folder) == first  # stated: the content of pictures is not covered
    (folder / "a" / "0.lines.txt").write_text("1 3")
    changed = digest(folder)
    assert changed["sha256"] != first["sha256"]
    (folder / "a" / "0.jpg").rename(folder / "a" / "1.jpg")
    assert digest(folder)["sha256"] != changed["sha256"]


def test_the_commit_is_told_only_of_code_that_lies_in_it(tmp_path: Path) -> None:
    package = tmp_path / "lanelight"
    package.mkdir()
    (package / "__init__.py").write_text("")
    assert revision(package) is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    assert revision(package) is None  # somebody's repository that does not know the package
    subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-qm", "a"], cwd=tmp_path, check=True)
    found = revision(package)
    assert found is not None
    assert len(found["commit"]) == 40
    assert found["changed"] is False
    (package / "__init__.py").write_text("a = 1")
    assert revision(package) == {**found, "changed": True}


def test_what_differs_between_two_records_is_named() -> None:
    old = {"machine": {"threads": 1, "gpus": []}, "started": "a"}
    new = {"machine": {"threads": 2, "gpus": []}, "started": "b", "code": "c"}
    assert list(differences(old, new)) == ["code: None, now c", "machine.threads: 1, now 2"]


def test_a_table_goes_on_after_the_saved_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    table = Table(path)
    table.log_metrics({"loss": 2.0}, step=1)
    table.log_metrics({"loss": 1.5}, step=2)
    table.log_metrics({"val/f1": 0.5}, step=2)
    table.log_metrics({"loss": 1.0}, step=3)
    assert path.read_text() == "step,loss,val/f1\n1,2.0,\n2,1.5,0.5\n3,1.0,\n"
    with path.open("a") as file:
        file.write("4,0.")
    later = Table(path, step=2)
    later.log_metrics({"loss": 0.9}, step=3)
    later.log_metrics({"loss": 0.8}, step=4)
    assert path.read_text() == "step,loss,val/f1\n1,2.0,\n2,1.5,0.5\n3,0.9,\n4,0.8,\n"
    assert (later.name, later.version) == ("table", "")


@pytest.mark.parametrize("content", ["", "step\n", "a,b\n1,2\n"])
def test_a_table_of_another_kind_is_begun_anew(content: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(content)
    Table(path, step=9).log_metrics({"loss": 1.0}, step=1)
    assert path.read_text() == "step,loss\n1,1.0\n"
