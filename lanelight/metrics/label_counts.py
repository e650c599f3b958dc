"""Count pixels of label maps: compiled, a frame of 2048x1024 takes about a millisecond.

Importing this module imports numba: do it inside the function that needs it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lanelight.compiled import compiled

IDS = 64  # room for an id: the power of two above the benchmark's 34
BYTE, PAIR = np.uint64(8), np.uint64(16)  # bits
TO_ROW = np.uint64(6)  # times 64
LOW_BYTE, LOW_PAIR = np.uint64(0xFF), np.uint64(0xFFFF)
EVERY_BYTE = np.uint64(0x0101010101010101)
EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
ID_BITS = np.uint64(0x3F3F3F3F3F3F3F3F)
ONE, EIGHT = np.uint32(1), np.uint32(8)
TOP_GROUP = 1000  # instance ids up to here are label ids: groups, and classes without instances


def pair_counts(pred: NDArray[np.uint8], gold: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count how often each pair of ids meets.

    Args:
        pred: (H, W) predicted ids; only the six low bits are looked at.
        gold: (H, W) true ids, likewise.

    Returns:
        (64, 64) int64 by [true id, predicted id].
    """
    flat_pred, flat_gold = pred.ravel(), gold.ravel()
    whole = flat_pred.size - flat_pred.size % 8
    counts = count_words(_words(flat_pred[:whole]), _words(flat_gold[:whole]))
    np.add.at(counts, (flat_gold[whole:] % IDS, flat_pred[whole:] % IDS), 1)
    return counts


@compiled
def count_words(pred: NDArray[np.uint64], gold: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count pairs of ids, eight of them in a word: `pred` and `gold` are (N / 8,), the answer is (64, 64)."""
    # Neighbours mostly have the same pair, and adding to one cell has to wait for the addition before: so words of one
    # pair are added at once, and the others go to four tables in turn.
    counts = np.zeros((4, IDS * IDS), np.uint32)
    a, b, c, d = counts[0], counts[1], counts[2], counts[3]
    for i in range(len(pred)):
        p, g = pred[i] & ID_BITS, gold[i] & ID_BITS
        first_p, first_g = p & LOW_BYTE, g & LOW_BYTE
        if p == first_p * EVERY_BYTE and g == first_g * EVERY_BYTE:
            a[(first_g << TO_ROW) | first_p] += EIGHT
            continue
        even = ((g & EVEN_BYTES) << TO_ROW) | (p & EVEN_BYTES)  # four cells of 16 bits
        odd = (((g >> BYTE) & EVEN_BYTES) << TO_ROW) | ((p >> BYTE) & EVEN_BYTES)
        for _ in range(2):
            a[even & LOW_PAIR] += ONE
            b[odd & LOW_PAIR] += ONE
            even, odd = even >> PAIR, odd >> PAIR
            c[even & LOW_PAIR] += ONE
            d[odd & LOW_PAIR] += ONE
            even, odd = even >> PAIR, odd >> PAIR
    total: NDArray[np.int64] = counts.sum(axis=0).astype(np.int64).reshape(IDS, IDS)
    return total


@compiled
def instance_counts(
    pred: NDArray[np.uint8], instances: NDArray[np.uint16], group_of: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Count the pixels of each true instance.

    Args:
        pred: (N,) predicted ids.
        instances: (N,) instance ids; those above 1000 are instances, of class id // 1000.
        group_of: (256,) the group of each class, in which a prediction is half right; 0 is no group.

    Returns:
        (I, 4) int64, in the order of the ids: class, pixels, pixels predicted as that class, pixels predicted as one of
        its group.
    """
    counts = np.zeros((65536, 3), np.uint32)
    known, label, group = np.int64(0), np.int64(0), np.uint8(0)
    for i in range(len(pred)):
        instance = np.int64(instances[i])
        if instance <= TOP_GROUP:
            continue
        if instance != known:
            known, label = instance, instance // 1000
            group = group_of[label]
        counts[instance, 0] += ONE
        counts[instance, 1] += pred[i] == label
        counts[instance, 2] += group != 0 and group_of[pred[i]] == group
    found = np.flatnonzero(counts[:, 0])
    rows = np.empty((len(found), 4), np.int64)
    rows[:, 0] = found // 1000
    rows[:, 1:] = counts[found]
    return rows


def _words(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return eight ids a word, copied where the first does not lie at a multiple of eight bytes."""
    return np.require(ids.view(np.uint64), requirements="A")
