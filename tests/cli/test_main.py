"""The command itself: exit codes, one-line errors, speed of its help."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from lanelight import __version__, cli
from lanelight.cli import VERBS, main


def test_help_names_every_verb_and_no_words_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {verb} " in told for verb in VERBS)
    assert main([]) == 2


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lanelight {__version__}\n"


def test_a_misspelt_verb_suggests_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predcit"]) == 2
    assert "unknown verb 'predcit': did you mean 'predict'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["predict"], ["predict", "a.mp4", "--every", "0"], ["predict", "a.mp4", "--sav", "x"]]
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "usage: lanelight predict" in capsys.readouterr().err


def test_an_error_is_one_line_and_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "missing.mp4"]) == 1
    assert capsys.readouterr().err == "error: missing.mp4: no such file or folder\n"
    assert main(["predict", "missing.mp4", "--debug"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.endswith("error: missing.mp4: no such file or folder\n")


def test_a_verb_without_its_extra_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs_torch(*words: object) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli, "_run_verb", needs_torch)
    assert main(["train", "smoke"]) == 1
    assert capsys.readouterr().err == "error: lanelight train needs torch: pip install 'lanelight[train]'\n"


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*words: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run_verb", interrupted)
    assert main(["predict", "a.mp4"]) == 130


@pytest.mark.parametrize(
    "words", [["--help"], ["predict", "--help"], ["models", "--help"], ["bench", "--help"], ["eval", "--help"]]
)
def test_help_is_quick_and_loads_neither_torch_nor_a_runtime(words: list[str]) -> None:
    script = (
        "import sys; from lanelight.cli import main; rc = main(sys.argv[1:]); "
        "heavy = {'torch', 'cv2', 'av', 'numba', 'onnxruntime', 'openvino', 'rich'} & set(sys.modules); "
        "print(rc, sorted(heavy), file=sys.stderr)"
    )
    took = []
    for _ in range(2):  # the first run may read the disk
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - start)
    assert done.stderr == "0 []\n"
    assert min(took) < 0.5


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lanelight", "predict", "missing.mp4"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: missing.mp4: no such file or folder\n")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m lanelight models | head -c 5; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.endswith("0\n")
