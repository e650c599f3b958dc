"""Render a short drive, find its lanes and draw them: python examples/demo.py [OUT]."""

from __future__ import annotations

import sys
from pathlib import Path

from lanelight.cli import main
from lanelight.datasets.synthetic import RoadConfig, render_drive
from lanelight.frames import VideoWriter

SIZE, FPS, FRAMES, SEED = (1280, 720), 25.0, 75, 11


def render(path: Path) -> Path:
    """Write the drive as a video, once."""
    if not path.is_file():
        print(f"rendering {FRAMES} frames of a drive: {path}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, fps=FPS) as video:
            for frame, _ in render_drive(RoadConfig(size=SIZE), seed=SEED, frames=FRAMES, fps=FPS):
                video.write(frame)
    return path


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
    drive = render(out / "rendered" / "drive.mp4")
    code = main(["predict", str(drive), "--out", str(out)])
    if code == 0:
        print("the same for a video of your own: .venv/bin/lanelight predict my_drive.mp4")
    sys.exit(code)
