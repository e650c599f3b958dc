"""Write the newest results into the tables of the pages: python benchmarks/tables.py.

A page holds ``<!-- results: NAME column column ... -->`` above its table and ``<!-- end -->`` below it. Of rows that
agree in every column that is not a number, the newest is shown.
"""

from __future__ import annotations

import re

from record import RESULTS, newest

ROOT = RESULTS.parent.parent
PAGES = ("README.md", "docs/**/*.md", "lanelight/weights/*.md")
BLOCK = re.compile(r"(<!-- results: (\w+) ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


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
    rows = newest(name)
    lines = ["| " + " | ".join(column.replace("_", " ") for column in columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(row[column] for column in columns) + " |" for row in rows]
    origins = sorted({f"{row['machine']}, {row['date']}, revision {row['revision']}" for row in rows})
    script = f"benchmarks/{name}.py"
    measured_by = script if (ROOT / script).is_file() else f"lanelight bench --csv benchmarks/results/{name}.csv"
    return "\n".join(lines) + f"\n\nMeasured by `{measured_by}`; {'; '.join(origins)}.\n"


if __name__ == "__main__":
    main()
