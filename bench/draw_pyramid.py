"""Draw a synthetic country's population pyramid beside the published figures.

    kerege aimak synth --persons 7395000 --clean --to parquet:country
    python -m bench.draw_pyramid country docs/images/pyramid.svg

Published: National Statistical Committee, 1 December 2025; census of 25 March 2022; the
State Agency for Local Self-Government, 31 October 2025 (ayil okmotu).
"""

import argparse
import sys
from collections.abc import Iterable
from datetime import date
from html import escape
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

ON = date(2025, 12, 1)
BAND, BANDS = 5, 19
WIDTH, TOP, BAR, MIDDLE, HALF = 760, 96, 17, 235, 190
MEN, WOMEN, INK, SOFT = "#1d5f8a", "#a8502f", "#1a1a1a", "#5a6570"
NOT_PUBLISHED = "–"
Figure = tuple[str, str, str]


def pyramid(folder: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Return thousands of men and women by five years of age, and how many live."""
    persons = pq.read_table(
        folder / "persons.parquet", columns=["sex", "birth_date", "death_date"]
    )
    persons = persons.filter(
        pc.and_(pc.is_null(persons["death_date"]), pc.is_valid(persons["birth_date"]))
    )
    days = (ON - date(1970, 1, 1)).days - persons["birth_date"].cast("int32").to_numpy()
    bands = np.clip(days / (365.2425 * BAND), 0, BANDS - 1).astype(int)
    women = persons["sex"].cast("string").to_numpy(zero_copy_only=False) == "F"
    men, hers = (np.bincount(bands[who], minlength=BANDS) for who in (~women, women))
    return men / 1000, hers / 1000, len(days)


def figures(folder: Path, living: int) -> list[Figure]:
    """Return what is published, and what the synthetic country has."""
    persons = pq.read_table(
        folder / "persons.parquet", columns=["birth_date", "death_date"]
    )
    days = (ON - date(2025, 1, 1)).days
    this_year = date(2025, 1, 1)
    born = pc.sum(
        pc.and_(
            pc.greater_equal(persons["birth_date"], this_year),
            pc.less_equal(persons["birth_date"], ON),
        )
    ).as_py()
    died = pc.sum(pc.greater_equal(persons["death_date"], this_year)).as_py()
    homes = pq.read_table(folder / "households.parquet", columns=["office", "unit"])
    members = pq.read_table(
        folder / "memberships.parquet", columns=["household_id", "valid_to"]
    )
    now = members.filter(pc.is_null(members["valid_to"]))["household_id"].to_numpy()
    ids = pq.read_table(folder / "households.parquet", columns=["household_id"])
    places = np.searchsorted(ids["household_id"].to_numpy(), now)
    offices = np.array(homes["office"].cast("string").to_pylist())
    codes, counted = np.unique(offices[places], return_counts=True)
    rural = np.array([code[8] == "8" for code in codes])
    sizes = counted[rural]
    return [
        ("People", "7,395,000", f"{living:,}"),
        ("Born a day", "383", f"{born / days:.0f}"),
        ("Died a day", "88", f"{died / days:.0f}"),
        ("In towns", "34.7 %", f"{100 * (1 - sizes.sum() / counted.sum()):.1f} %"),
        ("Households", NOT_PUBLISHED, f"{len(homes):,}"),
        ("of members", NOT_PUBLISHED, f"{living / len(homes):.2f}"),
        ("Ayil aimaks", "230", f"{len(sizes)}"),
        ("of people", "19,700", f"{sizes.mean():,.0f}"),
        ("the largest", "over 53,000", f"{sizes.max():,}"),
    ]


def svg(men: np.ndarray, women: np.ndarray, table: list[Figure]) -> str:
    """Return the drawing."""
    height = TOP + BANDS * (BAR + 2) + 64
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" font-size="13" '
            'font-family="system-ui, sans-serif">'
        ),
        "<title>The synthetic country: ages, and published figures beside</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 32, "The synthetic country, 1 December 2025", size=18),
        _text(16, 54, "Thousands of people by age; nobody of them is real.", SOFT),
        _text(MIDDLE - 30, 82, "men", MEN, anchor="end"),
        _text(MIDDLE + 30, 82, "women", WOMEN),
        *_bars(men, women),
        *_table(table),
    ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _bars(men: np.ndarray, women: np.ndarray) -> Iterable[str]:
    scale = (HALF - 30) / max(men.max(), women.max())
    for band in range(BANDS):
        y = TOP + (BANDS - 1 - band) * (BAR + 2)
        left, right = men[band] * scale, women[band] * scale
        name = f"{band * BAND}–{band * BAND + 4}" if band < BANDS - 1 else "90+"
        yield _text(MIDDLE, y + 13, name, anchor="middle", size=11)
        x = MIDDLE - 24 - left
        yield f'<rect x="{x:.1f}" y="{y}" width="{left:.1f}" height="{BAR}" fill="{MEN}"/>'
        yield (
            f'<rect x="{MIDDLE + 24}" y="{y}" width="{right:.1f}" height="{BAR}" '
            f'fill="{WOMEN}"/>'
        )
        yield _text(x - 5, y + 13, f"{men[band]:.0f}", SOFT, anchor="end", size=11)
        at = MIDDLE + 29 + right
        yield _text(at, y + 13, f"{women[band]:.0f}", SOFT, size=11)


def _table(table: list[Figure]) -> Iterable[str]:
    y = TOP + 20
    yield _text(640, y, "published", SOFT, anchor="end")
    yield _text(744, y, "synthetic", SOFT, anchor="end")
    for name, published, made in table:
        y += 30
        yield f'<line x1="470" x2="744" y1="{y - 20}" y2="{y - 20}" stroke="#d0d5da"/>'
        yield _text(470, y, name)
        yield _text(640, y, published, anchor="end")
        yield _text(744, y, made, anchor="end")
    yield _text(
        470,
        y + 26,
        "– nobody publishes it; 19,700 is 4.528 million villagers by 230",
        SOFT,
        size=11,
    )


def _text(
    x: float, y: float, text: str, fill: str = INK, *, anchor: str = "", size: int = 0
) -> str:
    more = f' text-anchor="{anchor}"' if anchor else ""
    more += f' font-size="{size}"' if size else ""
    return f'<text x="{x:.1f}" y="{y}" fill="{fill}"{more}>{escape(text)}</text>'


def main() -> int:
    """Draw one country."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("country", type=Path, help="the folder of Parquet files")
    parser.add_argument("drawing", type=Path, help="the SVG to write")
    chosen = parser.parse_args()
    men, women, living = pyramid(chosen.country)
    table = figures(chosen.country, living)
    chosen.drawing.write_text(svg(men, women, table), encoding="utf-8")
    for line in table:
        print(*line, sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
