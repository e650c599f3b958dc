"""Render a short drive, find its lanes and draw them: python examples/demo.py [OUT] [FRAMES]."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from lanelight.cli import main
from lanelight.datasets.synthetic import WORLDS, render_drive
from lanelight.frames import VideoWriter

SIZE, FPS, SEED = (1280, 720), 25.0, 102


def render(path: Path, frames: int) -> Path:
    """Write the drive as a video, once."""
    if not path.is_file():
        print(f"rendering {frames} frames of a drive: {path}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, fps=FPS) as video:
            for frame, _ in render_drive(replace(WORLDS["highway"], size=SIZE), seed=SEED, frames=frames, fps=FPS):
                video.write(frame)
    return path


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
    drive = render(out / "rendered" / "drive.mp4", int(sys.argv[2]) if len(sys.argv) > 2 else 75)
    code = main(["predict", str(drive), "--out", str(out)])
    if code == 0:
        print("the same for a video of your own: .venv/bin/lanelight predict my_drive.mp4")
    sys.exit(code)
