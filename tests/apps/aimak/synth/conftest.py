"""A country of 50,000 people, made once, and read with plain SQL."""

import sqlite3
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kerege.apps.aimak.synth.parquet import write_parquet
from kerege.apps.aimak.synth.plan import Plan, make_plan
from kerege.apps.aimak.synth.schema import TABLES

PERSONS, SEED = 50_000, 7


@pytest.fixture(scope="session")
def plan() -> Plan:
    return make_plan(PERSONS, SEED)


@pytest.fixture(scope="session")
def country(plan, tmp_path_factory) -> sqlite3.Connection:
    """The country with what is planted in it."""
    return opened(plan, tmp_path_factory.mktemp("country"))


@pytest.fixture(scope="session")
def clean_country(tmp_path_factory) -> sqlite3.Connection:
    """The same, with nothing planted."""
    plan = make_plan(PERSONS, SEED, clean=True)
    return opened(plan, tmp_path_factory.mktemp("clean"))


def opened(plan: Plan, folder: Path) -> sqlite3.Connection:
    """Write a country, and read its files back into SQLite."""
    write_parquet(folder / "made", plan)
    database = sqlite3.connect(":memory:")
    database.create_function("upper_", 1, lambda text: text and text.upper())
    database.create_function("lower_", 1, lambda text: text and text.lower())
    database.create_function("has_latin", 1, _has_latin)
    for name in TABLES:
        _fill(database, name, pq.read_table(folder / "made" / f"{name}.parquet"))
    for name, column in (("memberships", "household_id"), ("pins", "pin")):
        database.execute(f"create index {name}_{column} on {name} ({column})")
    return database


def _fill(database: sqlite3.Connection, name: str, table: pa.Table) -> None:
    columns = [
        [_plain(value) for value in column.to_pylist()] for column in table.columns
    ]
    places = ",".join("?" * len(columns))
    names = ",".join(f'"{column}"' for column in table.column_names)
    database.execute(f'create table "{name}" ({names})')
    rows = zip(*columns, strict=True)
    database.executemany(f'insert into "{name}" values ({places})', rows)  # noqa: S608


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _has_latin(text: str | None) -> bool:
    return any("a" <= letter.lower() <= "z" for letter in text or "")
