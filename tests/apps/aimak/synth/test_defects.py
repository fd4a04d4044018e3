"""Every planted mistake is found where the truth says, and nowhere else."""

import pytest

# What a rule of the register would look for: the identifiers of the rows that break it.
RULES = {
    "pin_birth_date": """
        select person_id from persons join pins using (person_id)
        where status <> 'replaced' and length(pin) = 14 and pin not glob '*[^0-9]*'
        and substr(pin, 2, 8) <> substr(birth_date, 9, 2) || substr(birth_date, 6, 2)
            || substr(birth_date, 1, 4)""",
    "pin_sex": """
        select person_id from persons join pins using (person_id)
        where status <> 'replaced' and substr(pin, 1, 1) in ('1', '2')
        and length(pin) = 14 and (sex = 'F') <> (substr(pin, 1, 1) = '1')""",
    "pin_shape": """
        select person_id from pins
        where length(pin) <> 14 or pin glob '*[^0-9]*'""",
    "pin_missing": """
        select person_id from persons where person_id not in (select person_id from pins)
        and birth_date < '2025-11-29'""",
    "pin_shared": """
        select person_id from pins where status <> 'replaced' and pin in
        (select pin from pins where status <> 'replaced' group by pin having count(*) > 1)""",
    "mixed_alphabet": """
        select person_id from persons where has_latin(surname) or has_latin(given_name)""",
    "name_missing": """
        select person_id from persons where surname is null or given_name is null""",
    "name_spaces": """
        select person_id from persons
        where surname <> trim(surname) or given_name <> trim(given_name)""",
    "name_case": """
        select person_id from persons
        where surname in (upper_(surname), lower_(surname))
        or given_name in (upper_(given_name), lower_(given_name))""",
    "birth_date_missing": "select person_id from persons where birth_date is null",
    "birth_date_future": "select person_id from persons where birth_date > '2025-12-01'",
    "patronymic_sex": """
        select person_id from persons
        where sex = 'M' and (patronymic like '%на' or patronymic like '% кызы')
        or sex = 'F' and (patronymic like '%ич' or patronymic like '% уулу')""",
    "mother_younger": """
        select child.person_id from persons child
        join persons mother on mother.person_id = child.mother_id
        where child.birth_date <= '2025-12-01'
        and julianday(child.birth_date) - julianday(mother.birth_date) < 12 * 365""",
    "two_households": """
        select person_id from memberships where valid_to is null
        group by person_id having count(distinct household_id) > 1""",
    "death_before_birth": """
        select person_id from persons where death_date < birth_date""",
    "dead_in_household": """
        select person_id from persons join memberships using (person_id)
        where death_date is not null and valid_to is null""",
    "two_heads": """
        select household_id from memberships where relation = 'head'
        and valid_to is null group by household_id having count(*) > 1""",
    "no_head": """
        select household_id from memberships where valid_to is null
        group by household_id having sum(relation = 'head') = 0""",
    "unit_unknown": """
        select household_id from households where unit not in (select code from units)""",
    "unit_above": """
        select household_id from households join units on unit = code
        where code <> office and level <> 'village'""",
    "house_missing": "select household_id from households where house is null",
    "empty": """
        select household_id from households
        where household_id not in (select household_id from memberships)""",
    "age_comma": "select herd_id from livestock where age_text like '%,%'",
    "species_unknown": "select herd_id from livestock where species not between 1 and 6",
    "count_negative": "select herd_id from livestock where heads <= 0",
    "area_in_square_metres": "select plot_id from land_plots where area_hectares > 150",
    "wrong_parent": """
        select cast(code as integer) from units where parent <> case level
        when 'village' then substr(code, 1, 11) || '000'
        when 'aimak' then substr(code, 1, 8) || '000000'
        when 'region' then '' else substr(code, 1, 5) || '000000000' end""",
}


@pytest.mark.parametrize("kind", RULES)
def test_a_rule_finds_what_is_planted_and_nothing_else(country, kind):
    found = {row for (row,) in country.execute(RULES[kind])}
    planted = {
        row
        for (row,) in country.execute(
            "select row_id from truth_defects where kind = ?", (kind,)
        )
    }
    assert found == planted


def test_the_truth_tells_of_no_kind_without_a_rule(country):
    kinds = {kind for (kind,) in country.execute("select kind from truth_defects")}
    assert kinds <= set(RULES)
    assert len(kinds) >= len(RULES) - 2  # the rarest may not come in 50,000 people


@pytest.mark.parametrize("kind", RULES)
def test_a_clean_country_breaks_no_rule(clean_country, kind):
    assert clean_country.execute(RULES[kind]).fetchall() == []


def test_a_clean_country_has_no_truths(clean_country):
    for question in ("select * from truth_defects", "select * from truth_duplicates"):
        assert clean_country.execute(question).fetchall() == []


def test_the_truth_tells_what_stands_there_and_what_would_be_right(country):
    for name, born, planted, right in country.execute(
        """select kind, birth_date, planted, "right" from truth_defects
        join persons on person_id = row_id where kind = 'birth_date_future'"""
    ):
        assert name == "birth_date_future"
        assert born == planted
        assert right <= "2025-12-01"
    rows = country.execute(
        """select planted, "right", surname, given_name from truth_defects
        join persons on person_id = row_id where kind = 'mixed_alphabet'"""
    ).fetchall()
    assert rows
    for planted, right, surname, given in rows:
        assert planted in {surname, given}
        assert planted != right
        assert len(planted) == len(right)
