from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import fake_faults
import numpy as np
import pytest

from lanelight.datasets import CULane
from lanelight.survey import KINDS, check, open_parts, write_page
from lanelight.survey.findings import Finding
from lanelight.survey.picture import MARK, draw_finding


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_shows_every_kind(tmp_path: Path) -> None:
    fake_faults.planted(tmp_path)
    parts, found = open_parts("culane", tmp_path, splits=("train", "val"))
    health = check(parts, found=found)
    write_page(tmp_path / "page.html", health, parts, title="roads <1>")
    text = (tmp_path / "page.html").read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert "roads &lt;1&gt;" in text
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in tags.links)
    assert {kind for kind in KINDS if f'id="{kind}"' in text} == {kind for kind in KINDS if health.tally.counts[kind]}
    pictures = [base64.b64decode(link.partition(",")[2]) for link in tags.links if link.startswith("data:")]
    assert len(pictures) == len(health.tally.counts) - 2  # missing and unreadable pictures have none
    for data in pictures:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[1] in (480, 972)


def test_the_page_stays_small_however_much_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [fake_faults.add_frame(tmp_path, str(index), [[(100, 200)]]) for index in range(20)]
    (tmp_path / "all.txt").write_text("".join(lines))
    parts, found = open_parts("culane", tmp_path, lists=["all.txt"])
    health = check(parts, found=found)
    write_page(tmp_path / "page.html", health, parts, title="many")
    assert len(re.findall("<img", (tmp_path / "page.html").read_text())) == 8
    monkeypatch.setattr("lanelight.survey.page.LARGEST_PAGE", 60_000)
    write_page(tmp_path / "page.html", health, parts, title="many")
    assert (tmp_path / "page.html").stat().st_size < 80_000


def test_what_lies_outside_the_frame_is_drawn_beside_it(tmp_path: Path) -> None:
    lane = [(600.0, 235.0), (640.0, 200.0), (740.0, 150.0)]
    line = fake_faults.add_frame(tmp_path, "frame", [lane], np.full((236, 656, 3), 90, np.uint8))
    (tmp_path / "all.txt").write_text(line)
    data = CULane(tmp_path, "all.txt")
    finding = Finding("outside_frame", "frame", "", lane=1, part="all", index=0, points=((740.0, 150.0),))
    drawn = draw_finding(finding, {"all": data}, width=752)
    assert drawn is not None
    red = (np.abs(drawn.astype(int) - MARK).max(axis=2) < 40).nonzero()[1]
    assert red.max() > 656 * 752 / (656 + 96)  # on the border, right of the picture


def test_a_finding_without_a_frame_has_no_picture() -> None:
    assert draw_finding(Finding("unusable_labels", "list.txt", "gone"), {}) is None
