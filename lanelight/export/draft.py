"""A place for files that are not yet known to be right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanelight.errors import ModelError
from lanelight.formats.text import cannot_write


@contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """Yield a path to write a file to; it takes its final name where the block ends without an error.

    Args:
        out: the final name. Of an .xml the .bin beside the draft takes its name too; what else lies there is lost with
            the folder that all are in.

    Raises:
        ModelError: the manifest of a network in another format has the place of the new one's.
        OutputError: the place cannot be written.
    """
    check_alone(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        workshop = tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent)
    except OSError as error:
        raise cannot_write(out, error) from error
    with workshop:
        draft = Path(workshop.name) / out.name
        yield draft
        if out.suffix.lower() == ".xml":  # the weights of OpenVINO's format
            draft.with_suffix(".bin").replace(out.with_suffix(".bin"))
        draft.replace(out)


def check_alone(out: Path) -> None:
    """Make sure that no network in another format has the name of a new one, and so the manifest.

    Args:
        out: the new file.

    Raises:
        ModelError: one has.
    """
    for suffix in {".onnx", ".xml"} - {out.suffix.lower()}:
        other = out.with_suffix(suffix)
        if other.is_file():
            raise ModelError(
                f"{out}: expected a name of its own, got that of {other.name} beside it, which would lose its manifest "
                f"{out.with_suffix('.json').name}; choose another name or folder, or delete {other.name}"
            )
