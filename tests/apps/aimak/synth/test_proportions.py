"""The country looks like the one whose figures are published (population, births, SOATE).

Sources: National Statistical Committee, 1 December 2025 (7.395 million people, 127,800
births and 29,300 deaths since 1 January), census of 25 March 2022 (urban 2.408 of 6.936
million), 230 ayil okmotu on 31 October 2025.
"""

import re

import pytest

from kerege.apps.aimak.synth.plan import make_plan
from tests.apps.aimak.synth.conftest import PERSONS

PIN = re.compile(r"[012][0-3][0-9][01][0-9][12][0-9]{3}[0-9]{5}")
"""As the Tunduk code `my-data` matches it."""


def one(database, question):
    return database.execute(question).fetchone()[0]


def test_exactly_as_many_people_live_there_as_were_asked_for(clean_country):
    living = one(clean_country, "select count(*) from persons where death_date is null")
    assert living == PERSONS


def test_as_many_are_born_in_eleven_months_as_were(clean_country):
    born = one(
        clean_country,
        "select count(*) from persons where birth_date >= '2025-01-01'",
    )
    assert born / PERSONS == pytest.approx(127.8 / 7395, rel=0.05)


def test_as_many_have_died_in_eleven_months_as_did(clean_country):
    died = one(
        clean_country,
        "select count(*) from persons where death_date >= '2025-01-01'",
    )
    assert died / PERSONS == pytest.approx(29.3 / 7395, rel=0.2)


def test_a_third_lives_in_towns(clean_country):
    towns = one(
        clean_country,
        """select count(*) from memberships join households using (household_id)
        join units on unit = code where level <> 'village' and valid_to is null""",
    )
    assert towns / PERSONS == pytest.approx(2.408 / 6.936, abs=0.005)


def test_the_country_is_young_and_women_are_a_little_more(clean_country):
    under_15, over_65, women = clean_country.execute("""
        select avg(days < 15 * 365.25), avg(days > 65 * 365.25), avg(sex = 'F')
        from (select sex, julianday('2025-12-01') - julianday(birth_date) as days
        from persons where death_date is null)""").fetchone()
    assert 0.29 < under_15 < 0.36
    assert 0.04 < over_65 < 0.08
    assert 0.495 < women < 0.52


def test_households_have_between_four_and_five_members(clean_country):
    households = one(clean_country, "select count(*) from households")
    assert PERSONS / households == pytest.approx(7.4 / 1.6, rel=0.04)
    largest = one(
        clean_country,
        """select max(n) from (select count(*) n from memberships
        where valid_to is null group by household_id)""",
    )
    assert largest < 20


def test_the_whole_country_has_the_units_of_the_real_one():
    plan = make_plan(7_400_000, 1)
    levels = [unit.level for unit in plan.units]
    assert levels.count("region") == 9
    assert levels.count("district") == 44  # 40 raions and the four of Bishkek
    assert levels.count("aimak") == pytest.approx(230, abs=20)
    assert 2_000 < levels.count("village") < 3_000
    sizes: dict[str, int] = {}
    for part in (part for block in plan.blocks for part in block.parts):
        if not part.settlement.town:
            office = part.settlement.office
            sizes[office] = sizes.get(office, 0) + part.persons
    assert sum(sizes.values()) / len(sizes) == pytest.approx(19_700, rel=0.08)
    assert 40_000 < max(sizes.values()) < 80_000
    assert sum(block.persons for block in plan.blocks) == 7_400_000


def test_codes_follow_the_rule_of_soate(plan):
    codes = [unit.code for unit in plan.units]
    assert len(set(codes)) == len(codes)
    for unit in plan.units:
        assert re.fullmatch(r"417(\d\d)(\d{3})(\d{3})(\d{3})", unit.code)
        if unit.level == "village":
            assert int(unit.code[11:]) % 10 == 0
            assert unit.parent == unit.code[:11] + "000"


def test_pins_have_the_shape_that_tunduk_expects(clean_country):
    pins = [pin for (pin,) in clean_country.execute("select pin from pins")]
    assert len(pins) > PERSONS * 0.99
    assert all(PIN.fullmatch(pin) for pin in pins)


def test_some_pins_were_changed_and_some_are_blocked(country):
    counts = dict(
        country.execute("select status, count(*) from pins group by status").fetchall()
    )
    assert counts["replaced"] == pytest.approx(0.004 * PERSONS, rel=0.3)
    assert 5 < counts["blocked"] < 60
    later = country.execute("""
        select old.valid_to, new.valid_from from pins old
        join pins new using (person_id)
        where old.status = 'replaced' and new.status = 'active'""").fetchall()
    assert later
    assert all(ended == began for ended, began in later)


def test_villages_keep_animals_and_towns_hardly(clean_country):
    rows = dict(
        clean_country.execute("""
        select level = 'village', 1.0 * sum(owned > 0) / count(*) from (
        select level, (select count(*) from livestock
        where livestock.household_id = households.household_id) as owned
        from households join units on unit = code) group by 1""").fetchall()
    )
    assert rows[1] > 0.7
    assert rows[0] < 0.2
    assert {
        s for (s,) in clean_country.execute("select species from livestock")
    } == set(range(1, 7))


def test_nobody_is_in_the_book_before_birth_or_after_death(clean_country):
    rows = clean_country.execute("""
        select person_id from persons join memberships using (person_id)
        where valid_from < birth_date or valid_to <> death_date
        or valid_to <= valid_from""").fetchall()
    assert rows == []
