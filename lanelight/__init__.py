"""Train, distil, evaluate, export and run light lane-detection networks.

Example:
    >>> import lanelight
    >>> detector = lanelight.load("default")  # doctest: +SKIP
    >>> for result in detector.stream("drive.mp4"):  # doctest: +SKIP
    ...     print(result.time_s, len(result.scene.lanes))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lanelight.errors import FormatError, LanelightError, ModelError, OutputError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from lanelight.frames import Frame, find_sources, read_image, write_image
    from lanelight.geometry import Lane, Scene, Viewport, ViewportPolicy
    from lanelight.render import draw_lanes
    from lanelight.runtime import Detector, Manifest, Result
    from lanelight.runtime.session import Precision

__version__ = "0.1.0"

__all__ = [
    "Detector",
    "FormatError",
    "Frame",
    "Lane",
    "LanelightError",
    "Manifest",
    "ModelError",
    "OutputError",
    "Result",
    "Scene",
    "SourceError",
    "Viewport",
    "ViewportPolicy",
    "__version__",
    "draw_lanes",
    "find_sources",
    "load",
    "read_image",
    "write_image",
]

# Loaded when first used: OpenCV and NumPy would make `import lanelight` and `lanelight --help` slow.
_HOMES = {
    "Detector": "lanelight.runtime",
    "Frame": "lanelight.frames",
    "Lane": "lanelight.geometry",
    "Manifest": "lanelight.runtime",
    "Result": "lanelight.runtime",
    "Scene": "lanelight.geometry",
    "Viewport": "lanelight.geometry",
    "ViewportPolicy": "lanelight.geometry",
    "draw_lanes": "lanelight.render",
    "find_sources": "lanelight.frames",
    "read_image": "lanelight.frames",
    "write_image": "lanelight.frames",
}


def load(
    name_or_path: str | Path = "default",
    *,
    backend: str = "auto",
    threads: int | None = None,
    score: float | None = None,
    precision: Precision = "float32",
    size: tuple[int, int] | None = None,
    frames_at_once: int = 1,
) -> Detector:
    """Load a bundled network by name, or an exported one by path; see `Detector.load`."""
    from lanelight.runtime import Detector

    return Detector.load(
        name_or_path,
        backend=backend,
        threads=threads,
        score=score,
        precision=precision,
        size=size,
        frames_at_once=frames_at_once,
    )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lanelight' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
