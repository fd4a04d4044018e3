"""Our list of regions, towns and districts is that of the seed file others use."""

import csv

import pytest

from kerege.apps.aimak.synth.plan import make_plan
from kerege.apps.aimak.synth.units import own_units, read_units
from tests.vectors import VECTORS

FILE = VECTORS / "soate" / "regions-and-districts.csv"
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"the list of units is not at {FILE}"
)


def test_codes_parents_levels_and_names_are_the_same():
    with FILE.open(encoding="utf-8") as file:
        theirs = {
            (row["code"], row["parent"], row["level"], row["name_ru"])
            for row in csv.DictReader(file)
        }
    ours = {(unit.code, unit.parent, unit.level, unit.name_ru) for unit in own_units()}
    assert ours == theirs


def test_the_file_can_be_given_instead():
    plan = make_plan(1_000, 1, units_file=FILE)
    assert plan.units[: len(read_units(FILE))] == tuple(read_units(FILE))
    assert sum(block.persons for block in plan.blocks) == 1_000
