"""One HTML page about the health of a data set; pictures and style are part of the file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

import cv2

from lanelight.formats.text import replacing
from lanelight.frames.image import Image
from lanelight.survey.check import Health, Parts
from lanelight.survey.findings import KINDS, Finding
from lanelight.survey.picture import draw_finding

PICTURES_PER_KIND = 8
ROWS_PER_KIND = 200
LARGEST_PAGE = 8_000_000  # bytes of pictures, what every browser and mail program takes
JPEG_QUALITY = 80
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1b1d22 }
table { border-collapse: collapse; margin: .6rem 0 1.4rem } td, th { padding: .25rem .8rem .25rem 0; text-align: left }
th, td { border-bottom: 1px solid #d9dbe0; vertical-align: top } td.n { text-align: right }
h2 { margin-top: 2.4rem } .fault { color: #b3122d } .note { color: #45618c } .quiet { color: #6a6e78 }
.sheet { display: flex; flex-wrap: wrap; gap: 12px } figure { margin: 0; max-width: 100% } img { max-width: 100% }
figcaption { max-width: 30rem; font-size: 13px; overflow-wrap: anywhere } code { font-size: 13px }
details { margin-top: .8rem } td code { overflow-wrap: anywhere }
"""


def write_page(path: str | Path, health: Health, parts: Parts, *, title: str) -> None:
    """Write the page: a table of all kinds, then each kind with pictures in which the faults are drawn.

    At most `PICTURES_PER_KIND` pictures and `ROWS_PER_KIND` lines of a kind, and 8 MB of pictures in all.

    Raises:
        OutputError: the file cannot be written.
    """
    room = LARGEST_PAGE
    with replacing(path) as file:
        file.write(_head(health, title))
        for kind in KINDS:
            findings = health.tally.of(kind)
            if not findings:
                continue
            figures = []
            for finding in findings[:PICTURES_PER_KIND]:
                figure = _figure(finding, parts)
                if len(figure) <= room:
                    room -= len(figure)
                    figures.append(figure)
            file.write(_section(kind, findings, health.tally.counts[kind], figures))
        file.write("</body></html>\n")


def _head(health: Health, title: str) -> str:
    frames = ", ".join(f"{escape(name)}: {number}" for name, number in health.frames.items())
    sizes = ", ".join(f"{width}x{height} ({number})" for (width, height), number in health.sizes.most_common(6))
    faults = health.tally.faults
    rows = "".join(
        f'<tr><td><a href="#{kind}">{escape(row.title)}</a></td><td class="{_word(kind)}">{_word(kind)}</td>'
        f'<td class="n">{health.tally.counts[kind]}</td><td class="quiet">{escape(row.meaning)}</td></tr>'
        for kind, row in KINDS.items()
        if health.tally.counts[kind]
    )
    table = f"<table><tr><th>kind</th><th></th><th>number</th><th>meaning</th></tr>{rows}</table>" if rows else ""
    verdict = f'<b class="fault">{faults} faults</b>' if faults else "<b>no faults</b>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{verdict} in {sum(health.frames.values())} frames ({frames}); "
        f"pictures: {sizes or 'none'}</p>{table}\n"
    )


def _section(kind: str, findings: list[Finding], number: int, figures: Iterable[str]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(finding.place)}</code></td><td>{escape(finding.message)}</td></tr>\n"
        for finding in findings[:ROWS_PER_KIND]
    )
    left = number - min(len(findings), ROWS_PER_KIND)
    more = f'<p class="quiet">and {left} more</p>' if left else ""
    opened = " open" if number <= PICTURES_PER_KIND else ""
    return (
        f'<h2 id="{kind}" class="{_word(kind)}">{escape(KINDS[kind].title)}: {number}</h2>'
        f'<div class="sheet">{"".join(figures)}</div>'
        f"<details{opened}><summary>where</summary><table>{rows}</table>{more}</details>\n"
    )


def _figure(finding: Finding, parts: Parts) -> str:
    picture = draw_finding(finding, parts)
    if picture is None:
        return ""
    caption = f"<figcaption>{escape(finding.place)}: {escape(finding.message)}</figcaption>"
    return f'<figure><img alt="{escape(finding.message)}" src="{_data(picture)}">{caption}</figure>\n'


def _data(picture: Image) -> str:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _word(kind: str) -> str:
    return "fault" if KINDS[kind].fault else "note"
