"""Open the splits or lists of a data set, of which some may be damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lanelight.datasets import DATASETS, LabelledPictures, open_dataset
from lanelight.datasets.base import check_root
from lanelight.errors import FormatError, unknown_name
from lanelight.survey.findings import Finding

ALL = "all"  # name of the only part where neither split nor list is given


def open_parts(
    name: str, root: str | Path, *, splits: Sequence[str] = (), lists: Sequence[str | Path] = ()
) -> tuple[dict[str, LabelledPictures], list[Finding]]:
    """Open each split and each list on its own; without either, everything there is.

    Args:
        name: of the format, a key of `DATASETS`.
        root: folder of the data.
        splits: names of splits.
        lists: list or label files.

    Returns:
        The parts that could be opened, by the name of their split or list, and a finding for each other one.

    Raises:
        FormatError: there is no such format.
        SourceError: the root is no folder.
    """
    if name not in DATASETS:
        raise FormatError(unknown_name("data set", name, DATASETS))
    check_root(root, f"the folder of a {name} data set")
    wanted: Iterable[tuple[str, str | None, str | Path | None]] = (
        [(split, split, None) for split in splits] + [(str(path), None, path) for path in lists]
    ) or [(ALL, None, None)]
    parts: dict[str, LabelledPictures] = {}
    findings = []
    for part, split, list_file in wanted:
        try:
            parts[part] = open_dataset(name, root, split, list_file)
        except FormatError as error:
            findings.append(Finding("unusable_labels", str(list_file or root), str(error), part=part))
    return parts, findings
