"""Tables of figures, as text, JSON and Markdown.

A table has a title, columns and rows; the first cell of a row is its name. A row that was not measured holds the reason instead
of figures, so that every table has the same rows wherever the script runs.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- figures: written by benches/compare -->", "<!-- end of the figures -->"


@dataclass
class Table:
    title: str
    columns: list
    rows: list = field(default_factory=list)

    def add(self, *cells):
        assert len(cells) == len(self.columns), (self.title, cells)
        self.rows.append([str(cell) for cell in cells])

    def skip(self, name, reason):
        """A row without figures; the reason stands in its last cell."""
        self.add(name, *["–"] * (len(self.columns) - 2), reason)

    def markdown(self):
        line = lambda cells: "| " + " | ".join(cells) + " |"
        return "\n".join([f"### {self.title}", "", line(self.columns), line(["---"] * len(self.columns)), *map(line, self.rows)])


def seconds(value):
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def times(spread):
    """A ratio with its spread, where there were several runs."""
    number = lambda value: f"{value:.2f}" if value < 10 else f"{value:,.0f}"
    if spread.least == spread.most:
        return f"{number(spread.median)} ×"
    return f"{number(spread.median)} × ({number(spread.least)}–{number(spread.most)})"


def mib(value):
    return f"{value:.0f} MiB"


def document(command, machine, tables):
    about = ", ".join(f"{key} {value}" for key, value in machine.items())
    lines = [f"From `{command}`", f"on: {about}."]
    return "\n".join(lines) + "\n\n" + "\n\n".join(table.markdown() for table in tables) + "\n"


def as_json(command, machine, tables):
    tables = [{"title": table.title, "columns": table.columns, "rows": table.rows} for table in tables]
    return json.dumps({"command": command, "machine": machine, "tables": tables}, indent=1, ensure_ascii=False) + "\n"


def write_between_markers(path, text):
    path = Path(path)
    page = path.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no place for figures: `{BEGIN}` and `{END}`")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
