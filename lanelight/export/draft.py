"""A place for files that are not yet known to be right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lanelight.formats.text import cannot_write


@contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """Yield a path to write a file to; it takes its final name where the block ends without an error.

    Args:
        out: the final name. What else lies beside the draft is lost with the folder that both are in.

    Raises:
        OutputError: the place cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        workshop = tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent)
    except OSError as error:
        raise cannot_write(out, error) from error
    with workshop:
        draft = Path(workshop.name) / out.name
        yield draft
        draft.replace(out)
