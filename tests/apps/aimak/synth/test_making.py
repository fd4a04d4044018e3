"""The same numbers make the same country, in pieces of any size."""

from datetime import date

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from kerege.apps.aimak.synth.country import block_tables
from kerege.apps.aimak.synth.parquet import FolderNotEmptyError, write_parquet
from kerege.apps.aimak.synth.plan import MAX_PERSONS, Plan, make_plan
from kerege.apps.aimak.synth.schema import TABLES
from kerege.apps.aimak.synth.units import UnitsFileError
from kerege.cli import main


def test_a_country_is_the_same_however_many_blocks_are_made_at_a_time(tmp_path):
    plan = make_plan(9_000, 3)
    assert len(plan.blocks) > 1
    write_parquet(tmp_path / "one", plan, blocks_at_a_time=1)
    write_parquet(tmp_path / "all", plan, blocks_at_a_time=100)
    for name in TABLES:
        one = pq.read_table(tmp_path / "one" / f"{name}.parquet")
        whole = pq.read_table(tmp_path / "all" / f"{name}.parquet")
        assert one.to_pylist() == whole.to_pylist(), name


def test_a_block_is_the_same_when_it_is_made_alone():
    plan = make_plan(9_000, 3)
    last = plan.blocks[-1]
    first, second = block_tables(plan, last), block_tables(make_plan(9_000, 3), last)
    assert first["persons"].to_pylist() == second["persons"].to_pylist()


def test_another_seed_makes_other_people():
    names = []
    for seed in (1, 2):
        plan = make_plan(500, seed)
        names.append(
            block_tables(plan, plan.blocks[0])["persons"]["surname"].to_pylist()
        )
    assert names[0] != names[1]


def test_progress_is_told_up_to_the_whole(tmp_path):
    plan = make_plan(2_000, 1)
    seen = []
    written = write_parquet(tmp_path / "new", plan, progress=seen.append)
    assert seen[-1].persons == seen[-1].of == 2_000
    assert written.rows["persons"] >= 2_000
    assert written.size_bytes > 0


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "book.txt").write_text("mine")
    with pytest.raises(FolderNotEmptyError, match="is not empty"):
        write_parquet(tmp_path, make_plan(100, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["book.txt"]


@pytest.mark.parametrize("persons", [0, -5, MAX_PERSONS + 1])
def test_a_country_has_bounds(persons):
    with pytest.raises(ValueError, match="A country has 1 to"):
        make_plan(persons, 1)


@pytest.mark.parametrize("persons", [1, 2, 7, 60])
def test_the_smallest_countries_are_made_too(persons):
    plan = make_plan(persons, 5, clean=True)
    tables = [block_tables(plan, block) for block in plan.blocks]
    living = [
        person
        for table in tables
        for person in table["persons"].to_pylist()
        if person["death_date"] is None
    ]
    assert len(living) == persons


def units_file(tmp_path, text):
    path = tmp_path / "units.csv"
    path.write_text("code,parent,level,name_ru\n" + text, encoding="utf-8")
    return path


def test_units_come_from_the_official_file_if_there_is_one(tmp_path):
    path = units_file(
        tmp_path,
        "41704000000000,,region,Нарынская область\n"
        "41704220000000,41704000000000,district,Ат-Башынский район\n"
        "41704400000010,41704000000000,town,г. Нарын\n",
    )
    plan = make_plan(5_000, 1, units_file=path)
    assert [unit.code for unit in plan.units[:3]] == [
        "41704000000000",
        "41704220000000",
        "41704400000010",
    ]
    assert plan.units[1].name_ky == "Ат-Башы району"
    assert {unit.parent for unit in plan.units if unit.level == "aimak"} == {
        "41704220000000"
    }


def test_a_file_that_is_no_list_of_units_is_refused_with_its_line(tmp_path):
    path = units_file(tmp_path, "417,,region,Нарын\n")
    with pytest.raises(
        UnitsFileError, match="line 2: a unit needs a code of 14 digits"
    ):
        make_plan(100, 1, units_file=path)
    with pytest.raises(UnitsFileError, match="has no units"):
        make_plan(100, 1, units_file=units_file(tmp_path, ""))


def test_the_command_writes_a_country_and_counts_its_rows(tmp_path):
    command = ["aimak", "synth", "--persons", "700", "--seed", "4", "--villages-only"]
    folder = tmp_path / "new"
    result = CliRunner().invoke(main, [*command, "--to", f"parquet:{folder}"])
    assert result.exit_code == 0
    assert "700 people, 100%" in result.stderr
    assert " persons" in result.stdout
    levels = pq.read_table(folder / "units.parquet")["level"].to_pylist()
    assert "village" in levels
    again = CliRunner().invoke(main, [*command, "--to", f"parquet:{folder}"])
    assert again.exit_code == 1
    assert "is not empty: name a new folder, or empty it first" in again.stderr


@pytest.mark.parametrize("target", ["parquet:", "country", "csv:country"])
def test_the_command_says_where_a_country_can_go(target):
    result = CliRunner().invoke(main, ["aimak", "synth", "--to", target])
    assert result.exit_code == 2
    assert "say parquet:FOLDER or database" in result.stderr


def test_the_day_is_chosen():
    plan: Plan = make_plan(300, 1, on=date(2030, 6, 1))
    people = block_tables(plan, plan.blocks[0])["persons"].to_pylist()
    assert max(p["birth_date"] for p in people if p["birth_date"]).year >= 2029
