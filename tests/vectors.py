"""Where the shared test vectors are, and their table of expected verdicts."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT.parent / "shared" / "vectors"
XROAD = VECTORS / "xroad"
LIVE = VECTORS / "xroad-live"

needs_vectors = pytest.mark.skipif(
    not XROAD.is_dir(), reason="X-Road vectors not found at ../shared/vectors/xroad"
)
needs_recordings = pytest.mark.skipif(
    not LIVE.is_dir(),
    reason="X-Road recordings not found at ../shared/vectors/xroad-live",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of expected.tsv."""

    area: str
    case: str
    inputs: tuple[str, ...]
    setup: str
    expected: str
    error_code: str
    notes: str

    def read(self, index: int) -> bytes:
        """Return the bytes of the row's input file with this index."""
        return xroad_path(self.inputs[index]).read_bytes()


def xroad_path(name: str) -> Path:
    """Return the path of a vector, given relative to the vectors' folder."""
    return XROAD / name


def rows(*areas: str) -> list[Any]:
    """Return the rows of these areas as pytest parameters, ids ``area/case``."""
    return [
        pytest.param(row, id=f"{row.area}/{row.case}")
        for row in all_rows()
        if row.area in areas
    ]


def all_rows() -> Iterator[Row]:
    """Yield every row of the table; none if the table is not here."""
    table = XROAD / "expected.tsv"
    if not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        for area, case, inputs, setup, expected, code, notes in reader:
            yield Row(area, case, tuple(inputs.split()), setup, expected, code, notes)
