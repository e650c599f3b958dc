"""A small CULane folder, healthy or with one planted fault of each kind that lanes and pictures can have."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from lanelight.frames import write_image
from lanelight.frames.image import Image

SIZE = (656, 236)
HEALTHY = 12

Points = list[tuple[float, float]]


def lane(bottom_x: float, *, top: int = 100, step: int = 8) -> Points:
    """Return a straight lane from the bottom of the frame to a row below the vanishing point at (328, 80)."""
    rows = range(SIZE[1] - 1, top, -step)
    return [(round(328 + (bottom_x - 328) * (y - 80) / (SIZE[1] - 1 - 80), 2), y) for y in rows]


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image:
    """Return a picture that is like no other one."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    rows, columns = (np.arange(n) * m // n for n, m in zip(size[::-1], (6, 8), strict=True))
    return np.ascontiguousarray(coarse[rows][:, columns])


def add_frame(root: Path, name: str, lanes: list[Points] | str, image: Image | None = None) -> str:
    """Write picture and lane file of a frame and return its line in the list."""
    file = root / "driver_1" / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(name.encode())
    write_image(file, picture(seed) if image is None else image)
    text = lanes if isinstance(lanes, str) else "".join(" ".join(f"{x} {y}" for x, y in one) + "\n" for one in lanes)
    file.with_suffix(".lines.txt").write_text(text)
    return f"/driver_1/{name}.png\n"


def healthy(root: Path, names: str = "frame") -> list[str]:
    """Write healthy frames and return their lines of a list."""
    lanes = [lane(120), lane(330), lane(540)]
    return [add_frame(root, f"{names}{index}", lanes) for index in range(HEALTHY)]


def planted(root: Path) -> dict[str, str]:
    """Write healthy frames, two lists, and one frame for each fault and note; return kind -> file it is found in."""
    train = healthy(root)
    both = [lane(120), lane(540)]
    first = both[0]
    shuffled = [*first[:4], first[6], first[5], first[4], *first[7:]]
    bent = [(x if y > 160 else 330 + (330 - x), y) for x, y in lane(300)]
    lanes: dict[str, list[Points] | str] = {
        "label_text": "120 235 121 225 oops 122 215\n",
        "label_size": [[(2.5 * x, 2.5 * y) for x, y in one] for one in both],
        "outside_frame": [*both, [(600, 235), (640, 200), (740, 150)]],
        "lone_point": [*both, [(300, 200)]],
        "repeated_point": [[*first[:5], *first[4:]], both[1]],
        "unsorted_points": [shuffled, both[1]],
        "duplicate_lane": [*both, [(x + 0.6, y) for x, y in first]],
        "crossing_lanes": [lane(300), [(2 * 314 - x + 40 * (y - 170) / 65, y) for x, y in bent]],
        "no_lanes": "",
    }
    train += [add_frame(root, kind, given) for kind, given in lanes.items()]
    train.append(add_frame(root, "picture_size", both, picture(1, (640, 230))))
    train.append(add_frame(root, "unreadable_image", both))
    cut = root / "driver_1/unreadable_image.png"
    cut.write_bytes(cut.read_bytes()[:200])
    train.append("/driver_1/missing_image.png\n")
    train.append(add_frame(root, "duplicate_frame", both, picture(7)))
    train.append(add_frame(root, "duplicate_frame_again", both, picture(7)))
    train.append(add_frame(root, "unusable_labels", both))
    (root / "driver_1/unusable_labels.lines.txt").unlink()
    again = np.clip(
        picture(8).astype(np.int16) + np.random.default_rng(0).integers(-4, 5, (SIZE[1], SIZE[0], 3)), 0, 255
    )
    train.append(add_frame(root, "shared_frame_of_train", both, picture(8)))
    val = [*healthy(root, "val"), add_frame(root, "shared_frame", both, again.astype(np.uint8))]
    (root / "list").mkdir()
    (root / "list/train.txt").write_text("".join(train))
    (root / "list/val.txt").write_text("".join(val))
    suffix = {"missing_image": ".png", "unreadable_image": ".png", "picture_size": ".png", "shared_frame": ".png"}
    found = {kind: f"driver_1/{kind}{suffix.get(kind, '.lines.txt')}" for kind in [*lanes, *suffix, "unusable_labels"]}
    return found | {"duplicate_frame": "driver_1/duplicate_frame_again.png"}
