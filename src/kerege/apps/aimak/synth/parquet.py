"""Write a synthetic country to a folder of Parquet files, one for each table."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kerege.apps.aimak.synth.country import BlockTables, block_tables, head_tables
from kerege.apps.aimak.synth.plan import Plan
from kerege.apps.aimak.synth.schema import TABLES

BLOCKS_AT_A_TIME = 4
"""Blocks of a row group: about 260,000 people, 150 MB in memory."""


class FolderNotEmptyError(Exception):
    """Something else lies in the folder that the country should be written to."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    persons: int
    """People made so far, without the dead and the second records."""
    of: int


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    rows: dict[str, int]
    """By table."""
    size_bytes: int


def write_parquet(
    folder: Path,
    plan: Plan,
    *,
    progress: Callable[[Progress], None] | None = None,
    blocks_at_a_time: int = BLOCKS_AT_A_TIME,
) -> Written:
    """Write the country's tables as `TABLE.parquet` into a folder that is made or empty.

    The same plan gives the same rows in the same order, however many blocks are made at a
    time; a table's columns are those of `schema.TABLES`. Memory does not grow with the
    country.

    Raises:
        FolderNotEmptyError: the folder has other things in it.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        message = f"{folder} is not empty: name a new folder, or empty it first"
        raise FolderNotEmptyError(message)
    rows = dict.fromkeys(TABLES, 0)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd")
            )
            for name, schema in TABLES.items()
        }
        for done, tables in _groups(plan, blocks_at_a_time):
            for name, table in tables.items():
                writers[name].write_table(table, row_group_size=len(table) or None)
                rows[name] += len(table)
            if progress:
                progress(Progress(done, plan.persons))
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return Written(rows, sum(sizes))


def _groups(plan: Plan, blocks_at_a_time: int) -> Iterator[tuple[int, BlockTables]]:
    yield 0, head_tables(plan)
    done = 0
    for start in range(0, len(plan.blocks), blocks_at_a_time):
        group = plan.blocks[start : start + blocks_at_a_time]
        made = [block_tables(plan, block) for block in group]
        done += sum(block.persons for block in group)
        yield (
            done,
            {
                name: pa.concat_tables(
                    [tables[name] for tables in made]
                ).unify_dictionaries()
                for name in made[0]
            },
        )
