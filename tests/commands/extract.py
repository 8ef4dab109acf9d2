"""A small extract: some patients of the sample data, quick to learn from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

Row = dict[str, str]


def rows_of(path: Path, delimiter: str = ";") -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def write_rows(path: Path, rows: Sequence[Row], delimiter: str = ";") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def some_patients(source: Path, path: Path, *, first: int, end: int) -> Path:
    """The rows of some patients, counted in the order of their ids."""
    rows = rows_of(source)
    chosen = set(sorted({row["patient_id"] for row in rows})[first:end])
    return write_rows(path, [row for row in rows if row["patient_id"] in chosen])
