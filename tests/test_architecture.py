"""The house rules that tools do not check: imports go one way, and the base install needs no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "lanelight"

# A room may import the rooms of lower rank; rooms of one rank do not know each other.
RANKS = {
    "errors": 0, "machine": 0,
    "compiled": 1,
    "geometry": 1,
    "frames": 2,
    "formats": 3,
    "datasets": 4, "decode": 4, "metrics": 4, "render": 4,
    "score": 5, "runtime": 5, "survey": 5,
    "nn": 6,
    "losses": 7,
    "models": 8,
    "distill": 9,
    "train": 10,
    "recipes": 11,
    "export": 12,
    "cli": 13,
}  # fmt: skip
BASE_ROOMS = (
    "errors",
    "geometry",
    "frames",
    "formats",
    "datasets",
    "decode",
    "metrics",
    "render",
    "score",
    "runtime",
    "survey",
    "cli",
)
HEAVY = {"av", "cv2", "jsonargparse", "lightning", "numba", "numpy", "onnx", "onnxruntime", "openvino", "rich", "torch"}
SHAPELESS = {"utils", "util", "misc", "common", "core", "engine", "helpers", "helper"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the dotted name of a module file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; the house writes full names"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room_of(dotted: str) -> str | None:
    """Return the room that a dotted name lies in, None outside the package's rooms."""
    package, _, rest = dotted.partition(".")
    room = rest.partition(".")[0]
    return room if package == "lanelight" and room in RANKS else None


def run_python(code: str) -> str:
    """Return what a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_was_found() -> None:
    assert {"lanelight.errors", "lanelight.geometry.lane", "lanelight.cli"} <= {name_of(path) for path in MODULES}


def test_every_module_lies_in_a_known_room() -> None:
    homeless = [name_of(path) for path in MODULES if room_of(name_of(path)) is None]
    assert set(homeless) <= {"lanelight", "lanelight.__main__"}


def test_imports_go_one_way() -> None:
    wrong = []
    for path in MODULES:
        home = room_of(name_of(path))
        for line, dotted in imported(path):
            room = room_of(dotted)
            if home is not None and room is not None and room != home and RANKS[room] >= RANKS[home]:
                wrong.append(f"{path.relative_to(PACKAGE.parent)}:{line}: {home} imports {room}")
    assert not wrong, "\n".join(wrong)


def test_modules_use_no_names_of_the_top_level_package() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line}: {dotted}"
        for path in MODULES
        for line, dotted in imported(path)
        if dotted.startswith("lanelight.") and room_of(dotted) is None and dotted != "lanelight.__version__"
    ]
    assert not wrong, "\n".join(wrong)


def test_import_lanelight_loads_nothing_heavy() -> None:
    loaded = set(run_python("import sys, lanelight; print(*{name.partition('.')[0] for name in sys.modules})").split())
    assert not loaded & HEAVY


@pytest.mark.parametrize("room", BASE_ROOMS)
def test_rooms_of_the_base_install_load_no_torch(room: str) -> None:
    names = [name for path in MODULES if room_of(name := name_of(path)) == room]
    code = f"import sys\nfor name in {names!r}: __import__(name)\nprint('torch' in sys.modules)"
    assert run_python(code).split() == ["False"]


def test_no_folder_or_module_has_a_shapeless_name() -> None:
    assert not [path for path in PACKAGE.rglob("*") if path.stem.strip("_") in SHAPELESS]
