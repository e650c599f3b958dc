"""Which sizes of input a network takes is one rule."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lanelight.errors import ModelError
from lanelight.geometry import InputSizes

EIGHTS = InputSizes(multiple=8, least=16)


@pytest.mark.parametrize("size", [(100, 48), (96, 50), (8, 16)])
def test_a_size_that_breaks_the_rule_is_refused(size: tuple[int, int]) -> None:
    says = f"net: expected a size in multiples of 8, at least 16x16, got {size[0]}x{size[1]}"
    with pytest.raises(ModelError, match=re.escape(says)):
        EIGHTS.check("net", size)
    EIGHTS.check("net", (96, 48))
    InputSizes(1, 64).check("net", (65, 64))


@pytest.mark.parametrize(
    ("size", "other"), [((512, 256), (384, 192)), ((104, 56), (72, 40)), ((16, 32), (16, 24)), ((16, 16), (24, 24))]
)
def test_another_allowed_size_is_found(size: tuple[int, int], other: tuple[int, int]) -> None:
    assert EIGHTS.smaller(size) == other
    EIGHTS.check("net", other)


@pytest.mark.parametrize("rule", [(0, 16), (8, 4), (8, 20), (32, 1 << 20), ("8", 16), (8.0, 16)])
def test_numbers_that_are_no_rule_are_refused(rule: tuple[Any, Any]) -> None:
    with pytest.raises(ModelError, match="sizes of input: expected a multiple"):
        InputSizes(*rule)
