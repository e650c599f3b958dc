"""Write the newest results into the tables of the pages: python benchmarks/tables.py.

A page holds ``<!-- results: NAME column column ... -->`` above its table and ``<!-- end -->`` below it. Of rows that
agree in every column that is not a number, the newest is shown.
"""

from __future__ import annotations

import csv
import re

from record import RESULTS

ROOT = RESULTS.parent.parent
PAGES = ("README.md", "docs/**/*.md", "lanelight/weights/*.md")
BLOCK = re.compile(r"(<!-- results: (\w+) ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
ORIGIN = ("machine", "date", "revision")


def main() -> None:
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            text = page.read_text()
            filled = BLOCK.sub(lambda m: m[1] + table(m[2], m[3].split()) + m[4], text)
            if filled != text:
                page.write_text(filled)
                print(page.relative_to(ROOT))


def table(name: str, columns: list[str]) -> str:
    """Return the Markdown table of the newest results, with a line that says where they come from."""
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    newest = {tuple(v for k, v in row.items() if k not in ORIGIN and not is_number(v)): row for row in rows}
    lines = ["| " + " | ".join(column.replace("_", " ") for column in columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(row[column] for column in columns) + " |" for row in newest.values()]
    origins = sorted({f"{row['machine']}, {row['date']}, revision {row['revision']}" for row in newest.values()})
    script = f"benchmarks/{name}.py"
    measured_by = script if (ROOT / script).is_file() else f"lanelight bench --csv benchmarks/results/{name}.csv"
    return "\n".join(lines) + f"\n\nMeasured by `{measured_by}`; {'; '.join(origins)}.\n"


def is_number(text: str) -> bool:
    """Say whether a cell is a measured value, or empty where none was measured."""
    return re.fullmatch(r"(-?[\d.]+(e-?\d+)?)?", text) is not None


if __name__ == "__main__":
    main()
