"""Which folder a command writes to, so that no earlier result is lost."""

from __future__ import annotations

from pathlib import Path


def numbered(folder: Path) -> Path:
    """Return the first of DIR, DIR2, DIR3, ... that does not exist yet."""
    number = 1
    place = folder
    while place.exists():
        number += 1
        place = folder.with_name(f"{folder.name}{number}")
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
