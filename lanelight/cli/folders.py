"""Which folder a command writes to, so that no earlier result is lost."""

from __future__ import annotations

from pathlib import Path


def numbered(path: Path, suffix: str = "") -> Path:
    """Return the first of PATH, PATH2, PATH3, ... that does not exist yet; the suffix of a file stands behind them."""
    number = 1
    place = path.with_name(path.name + suffix)
    while place.exists():
        number += 1
        place = path.with_name(f"{path.name}{number}{suffix}")
    return place


def folders(out: Path, stems: list[str]) -> list[Path]:
    """Return the folder of each source: `out` itself for a single one, else one below it for each, all different."""
    if len(stems) == 1:
        return [out]
    places: list[Path] = []
    for stem in stems:
        place = out / stem
        number = 1
        while place in places:
            number += 1
            place = out / f"{stem}_{number}"
        places.append(place)
    return places
