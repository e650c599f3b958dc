from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanelight.errors import FormatError
from lanelight.formats.text import inside, json_items


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "a", "", "b c.jpg", "/"]), max_size=5).map("/".join))
def test_every_name_is_below_the_root_or_refused(name: str) -> None:
    try:
        path = inside("/data/root", name, "list.txt line 1")
    except FormatError:
        return
    assert path.is_relative_to("/data/root")
    assert ".." not in path.parts
    assert path != Path("/data/root")


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/../etc/passwd", "", "/", ".", "a\nb", "a\0", "\ud800", "x" * 256]
)
def test_names_that_no_file_below_the_root_has_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match=r"^list\.txt line 3: expected"):
        inside("root", name, "list.txt line 3")


def test_a_leading_slash_is_the_roots() -> None:
    assert inside("root", "/driver/a.jpg", "x") == Path("root/driver/a.jpg")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=4), st.sampled_from([None, 1, "\t"]))
def test_a_list_is_read_item_by_item(
    tmp_path_factory: pytest.TempPathFactory, items: list[object], indent: int | str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "items.json"
    path.write_text(json.dumps(items, indent=indent) + "\n")
    assert [item for _, item in json_items(path)] == items
    path.write_text(json.dumps({"all": items}))
    assert list(json_items(path)) == [(str(path), {"all": items})]


@pytest.mark.parametrize("text", ["", "[", "[1", "[1 2]", "[1,, 2]", "{", "[" * 100_000, "[nul]"])
def test_damaged_json_is_reported_with_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError, match=r"a\.json: expected"):
        list(json_items(tmp_path / "a.json"))
