"""A country from its plan: the tables of its units, and of one block after the other."""

from collections.abc import Iterator

import pyarrow as pa

from kerege.apps.aimak.synth.book import make_book
from kerege.apps.aimak.synth.defects import plant_in_units
from kerege.apps.aimak.synth.plan import Block, Plan
from kerege.apps.aimak.synth.planting import plant
from kerege.apps.aimak.synth.tables import book_tables, table, unit_table

BlockTables = dict[str, pa.Table]


def head_tables(plan: Plan) -> BlockTables:
    """Return the units, and the truth about those that are wrong."""
    units, truth = plant_in_units(plan)
    return {"units": unit_table(units), "truth_defects": table("truth_defects", truth)}


def block_tables(plan: Plan, block: Block) -> BlockTables:
    """Return all tables of a block, with what is planted in them and the truth."""
    book = make_book(plan, block)
    truths = plant(plan, book)
    tables = book_tables(book)
    for name, columns in truths.items():
        tables[name] = table(name, columns)
    return tables


def make_country(plan: Plan) -> Iterator[BlockTables]:
    """Return the units first, then the tables of block after block."""
    yield head_tables(plan)
    for block in plan.blocks:
        yield block_tables(plan, block)
