"""Functions compiled by numba when they are first called, with the machine code kept in the user's cache folder.

A module that imports this one imports numba (0.4 s): import it inside the function that needs it.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from lanelight.machine import user_cache_folder

log = logging.getLogger(__name__)
config = cast(Any, numba.config)  # its settings are made at run time, unseen by type checkers
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays at its first call; other threads run while it works.

    No relaxed floating point: sums and products happen in the order written, without fused multiply-add, on every
    machine. Division by zero gives infinity or NaN, as in NumPy.
    """
    with _cache_folder() as folder:
        return cast(F, numba.njit(nogil=True, cache=folder is not None, fastmath=False, error_model="numpy")(function))


@contextmanager
def when_compiling(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` once if anything is compiled inside the block: it takes seconds, at the first use on a machine."""
    from numba.core import event

    said = False

    class Listener(event.Listener):
        def on_start(self, _: object) -> None:
            nonlocal said
            if not said:
                said = True
                say()

        def on_end(self, _: object) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield


def inlined(function: F) -> F:
    """Compile a small function into the body of each compiled function that calls it: no call, no copied arguments."""
    return cast(F, numba.njit(inline="always", nogil=True, fastmath=False, error_model="numpy")(function))


def compiled_borrowing(function: F) -> F:
    """Compile a function as `compiled` does that makes no array, and keeps and returns none that it is given.

    References are then not counted, which in loops over pixels takes as long as the rest. The switch is none of numba's
    documented ones: where it is gone they are counted, and results are the same.
    """
    with _cache_folder() as folder:
        options = {"nogil": True, "cache": folder is not None, "fastmath": False, "error_model": "numpy"}
        compiler = cast(Any, numba.njit)
        try:
            return cast(F, compiler(**options, _nrt=False)(function))
        except (KeyError, TypeError, ValueError):
            return cast(F, compiler(**options)(function))


@contextmanager
def _cache_folder() -> Iterator[Path | None]:
    """Let numba keep what it compiles inside the block in the user's cache folder; None where that is not writable.

    The setting is put back, so that other users of numba in the process keep theirs.
    """
    before = config.CACHE_DIR
    folder = _writable()
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        yield folder
    finally:
        config.CACHE_DIR = before


def _state_of_the_sources() -> str:
    """Return a digest of all files with compiled functions.

    Numba itself notices no change in a function that another file's function calls.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        source = file.read_bytes()
        if b"lanelight.compiled import" in source:
            digest.update(source)
    return digest.hexdigest()[:16]


@cache
def _writable() -> Path | None:
    try:
        folder = user_cache_folder() / "compiled" / _state_of_the_sources()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        log.info("compiled functions are kept in memory only: the cache folder cannot be written (%s)", error)
        return None
