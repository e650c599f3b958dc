"""Reading many CULane lane files at once, by the rules of `formats.culane.lane_points`; compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled

Ints = NDArray[np.int64]

EXACT_DIGITS = 15  # a whole number of so many digits is exact in a double
EXACT_POWER = 22  # and so is ten to this power: their product or quotient is then rounded once, hence right
LONGEST_POWER = 10**15  # more than any text has decimals; larger ones count as this
POWERS = 10.0 ** np.arange(EXACT_POWER + 1)
NEWLINE, PLUS, MINUS, POINT, ZERO, NINE, UPPER_E, LOWER_E = (ord(c) for c in "\n+-.09Ee")


class Lines(NamedTuple):
    """The numbers of the lines of some files.

    Attributes:
        values: (V,) float64, line after line.
        line_ends: (L,) index behind the last value of each line.
        file_ends: (F,) index behind the last line of each file.
        hard: (K, 3) numbers with too many digits to be formed here: index of the value, first byte, byte behind it.
    """

    values: NDArray[np.float64]
    line_ends: Ints
    file_ends: Ints
    hard: Ints


def parse(files: Sequence[bytes]) -> tuple[NDArray[np.float32], Ints, Ints]:
    """Return the lanes of some files.

    Returns:
        (P, 2) x and y in px, float32 as the official scorer keeps them; (L,) index behind the last point of each lane;
        (F,) index behind the last lane of each file.
    """
    content = b"".join(files)
    ends = np.cumsum([len(file) for file in files], dtype=np.int64)
    lines = read_lines(np.frombuffer(content, np.uint8), ends)
    for index, start, end in lines.hard.tolist():
        lines.values[index] = float(content[start:end])
    points, lane_ends = pair_up(lines.values, lines.line_ends)
    return points, lane_ends, lines.file_ends


@compiled
def read_lines(text: NDArray[np.uint8], ends: Ints) -> Lines:
    """Read the numbers at the start of every line.

    Args:
        text: (B,) the bytes of all files.
        ends: (F,) index behind the last byte of each file.
    """
    values, hard = np.empty(len(text) // 2 + 1, np.float64), np.empty((len(text) // 2 + 1, 3), np.int64)
    line_ends, file_ends = np.empty(len(text) + 1, np.int64), np.empty(len(ends), np.int64)
    count, lines, hards, at = 0, 0, 0, 0
    for file in range(len(ends)):
        end = ends[file]
        while at < end:
            while at < end and text[at] != NEWLINE:
                if _is_space(text[at]):
                    at += 1
                    continue
                after, valid, exact, value = _number(text, at, end)
                if not valid:
                    break
                values[count] = value
                if not exact:
                    hard[hards, 0], hard[hards, 1], hard[hards, 2] = count, at, after
                    hards += 1
                count += 1
                at = after
            while at < end and text[at] != NEWLINE:
                at += 1
            at += 1
            line_ends[lines] = count
            lines += 1
        at = end
        file_ends[file] = lines
    return Lines(values[:count], line_ends[:lines], file_ends, hard[:hards])


@compiled
def pair_up(values: NDArray[np.float64], line_ends: Ints) -> tuple[NDArray[np.float32], Ints]:
    """Return the points of the lines, (P, 2), and the index behind each line's last: at an infinity or an odd end."""
    points, ends = np.empty((len(values) // 2, 2), np.float32), np.empty(len(line_ends), np.int64)
    count, begin = 0, 0
    for line in range(len(line_ends)):
        for i in range(begin, line_ends[line] - 1, 2):
            if np.isinf(values[i]) or np.isinf(values[i + 1]):
                break
            points[count, 0], points[count, 1] = values[i], values[i + 1]
            count += 1
        begin = line_ends[line]
        ends[line] = count
    return points[:count], ends


@compiled
def _number(text: NDArray[np.uint8], at: int, end: int) -> tuple[int, bool, bool, float]:
    """Read one number; return where it ends, whether it is one, whether its value is exact, and the value."""
    negative = text[at] == MINUS
    if text[at] in (PLUS, MINUS):
        at += 1
    digits, decimals, kept, mantissa = 0, 0, 0, 0
    after_point = False
    while at < end:
        c = text[at]
        if c == POINT and not after_point:
            after_point = True
        elif ZERO <= c <= NINE:
            digits += 1
            decimals += after_point
            if kept or c != ZERO:
                kept += 1
                if kept <= EXACT_DIGITS:
                    mantissa = mantissa * 10 + int(c - ZERO)
        else:
            break
        at += 1
    valid, power = digits > 0, 0
    if valid and at < end and text[at] in (UPPER_E, LOWER_E):
        at, valid, power = _exponent(text, at + 1, end)
    power -= decimals
    exact = kept <= EXACT_DIGITS and -EXACT_POWER <= power <= EXACT_POWER
    value = 0.0
    if exact:
        value = mantissa / POWERS[-power] if power < 0 else mantissa * POWERS[power]
    return at, valid, exact, -value if negative else value


@compiled
def _exponent(text: NDArray[np.uint8], at: int, end: int) -> tuple[int, bool, int]:
    """Read what follows the letter e; return where it ends, whether it is a number, and its value."""
    negative = at < end and text[at] == MINUS
    if at < end and text[at] in (PLUS, MINUS):
        at += 1
    first, power = at, 0
    while at < end and ZERO <= text[at] <= NINE:
        power = min(power * 10 + int(text[at] - ZERO), LONGEST_POWER)
        at += 1
    return at, at > first, -power if negative else power


@compiled
def _is_space(c: int) -> bool:
    return c == 32 or 9 <= c <= 13  # blank, tab, vertical tab, form feed, carriage return
