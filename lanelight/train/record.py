"""``run.json``: what a run was made of, so that it can be told from others and made again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from lanelight import __version__
from lanelight.distill.teacher_network import weights_file
from lanelight.machine import usable_processors
from lanelight.runtime import manifest
from lanelight.train.processes import Processes
from lanelight.train.recipe import DataPart, Recipe

PACKAGES = ("torch", "lightning", "numpy", "opencv-python-headless", "numba", "timm", "safetensors")
TEXT = frozenset({".txt", ".json", ".jsonl", ".csv", ".yaml", ".yml", ".xml"})
COVERS = (
    "per folder: the name and the bytes of each text file (lists and labels), the name and the size in bytes of every "
    "other file; not the content of pictures and videos, not times"
)


def description(recipe: Recipe, processes: Processes, lr: float) -> dict[str, Any]:
    """Return the content of ``run.json``.

    Args:
        recipe: the run, resolved.
        processes: that train together.
        lr: peak learning rate after scaling.
    """
    frames = recipe.batch * recipe.accumulate * processes.count
    return {
        "recipe": recipe.to_dict(),
        "seeds": {"weights, order, augmentation, dropout": recipe.seed, "validation roads": recipe.val_seed},
        "frames_per_step": frames,
        "processes": {"devices": processes.devices, "nodes": processes.nodes},
        "peak_lr": lr,
        "data": {"covers": COVERS, "parts": [_part(part) for part in _parts(recipe)]},
        "teacher": _teacher(recipe),
        "init": _hash(Path(recipe.init).read_bytes()) if recipe.init and Path(recipe.init).is_file() else None,
        **surroundings(),
        "resumed": [],
    }


def _teacher(recipe: Recipe) -> str | None:
    """Return the sha256 of the teacher's file, or None without a teacher."""
    return None if recipe.teacher is None else manifest.digest(weights_file(recipe.teacher.file))


def surroundings() -> dict[str, Any]:
    """Return code revision, package versions, machine and time."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "lanelight": __version__,
        "revision": revision(),
        "code": _code(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "processor": _processor(),
            "processors": usable_processors(),
            "threads": torch.get_num_threads(),
            "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
        },
    }


def differences(old: dict[str, Any], new: dict[str, Any], within: str = "") -> Iterator[str]:
    """Yield what differs between two descriptions, ``name: old, now new``, without the time."""
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from differences(was, now, f"{within}{name}.")
        elif was != now and name not in ("started", "resumed", "result"):
            yield f"{within}{name}: {was}, now {now}"


def revision(package: Path | None = None) -> dict[str, Any] | None:
    """Return the commit of the code and whether files were changed since, or None outside a repository of its own.

    Args:
        package: folder of the package; None takes this one's.
    """
    folder = package or Path(__file__).resolve().parents[1]
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:  # installed below somebody's repository
        return None
    commit, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--", ".")
    return None if commit is None else {"commit": commit, "changed": bool(changes)}


def digest(folder: str | Path) -> dict[str, Any]:
    """Return number of files, bytes and a digest of a folder; see `COVERS`."""
    folder = Path(folder)
    total, count, lines = 0, 0, hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = file.stat().st_size
        about = _hash(file.read_bytes()) if file.suffix.lower() in TEXT else str(size)
        lines.update(f"{file.relative_to(folder).as_posix()}\0{about}\n".encode())
        total, count = total + size, count + 1
    return {"files": count, "bytes": total, "sha256": lines.hexdigest()}


def _parts(recipe: Recipe) -> list[DataPart]:
    return [*recipe.data, *([recipe.validation] if recipe.validation is not None else [])]


def _part(part: DataPart) -> dict[str, Any]:
    """Return what is known of one source; rendered roads follow from their seed and the code."""
    if part.kind == "synthetic":
        return {"kind": part.kind, "seed": part.seed, "pool": part.pool}
    folders = {"frames": part.frames, "maps": part.maps, "masks": part.masks}
    kept: dict[str, Any] = {name: digest(folder) for name, folder in folders.items() if folder}
    lists = [_hash(path.read_bytes()) for name in part.lists if (path := Path(name)).is_file()]
    return {"kind": part.kind, "split": part.split, **kept, **({"lists": lists} if lists else {})}


def _code() -> str:
    """Return a digest of the package's modules: a commit says nothing of what was changed since."""
    package = Path(__file__).resolve().parents[1]
    names = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        names.update(f"{file.relative_to(package).as_posix()} {_hash(file.read_bytes())}\n".encode())
    return names.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says, or None where there is no git or it fails."""
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the name of the processor; Linux has it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
