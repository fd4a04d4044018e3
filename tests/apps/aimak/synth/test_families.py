"""Every family of the country is one that could be."""


def none(database, question):
    return database.execute(question).fetchall() == []


def test_every_household_has_one_head(clean_country):
    assert none(
        clean_country,
        """select household_id from memberships where valid_to is null
        group by household_id having sum(relation = 'head') <> 1""",
    )


def test_everybody_belongs_to_one_household(clean_country):
    assert none(
        clean_country,
        """select person_id, count(household_id) from persons
        left join memberships using (person_id) group by person_id having count(*) <> 1
        or count(household_id) <> 1""",
    )


def test_a_household_has_at_most_one_living_spouse_and_the_other_sex(clean_country):
    assert none(
        clean_country,
        """select household_id from memberships join persons using (person_id)
        where valid_to is null and relation in ('head', 'spouse')
        group by household_id having count(*) > 2
        or (count(*) = 2 and count(distinct sex) <> 2)""",
    )


def test_mothers_are_women_and_had_the_age(clean_country):
    assert none(
        clean_country,
        """select child.person_id from persons child
        join persons mother on mother.person_id = child.mother_id
        where mother.sex <> 'F'
        or julianday(child.birth_date) - julianday(mother.birth_date)
        not between 15 * 365.2425 and 49 * 365.2425""",
    )


def test_fathers_are_men_and_at_least_sixteen_years_older(clean_country):
    assert none(
        clean_country,
        """select child.person_id from persons child
        join persons father on father.person_id = child.father_id
        where father.sex <> 'M'
        or julianday(child.birth_date) - julianday(father.birth_date) < 16 * 365.2""",
    )


def test_births_of_one_mother_are_twins_or_months_apart(clean_country):
    assert none(
        clean_country,
        """select mother_id from (select mother_id, julianday(birth_date) -
        lag(julianday(birth_date)) over (partition by mother_id order by birth_date)
        as days from persons where mother_id is not null)
        where days > 0 and days < 270""",
    )


def test_children_do_not_live_alone(clean_country):
    assert none(
        clean_country,
        """select household_id from memberships join persons using (person_id)
        where valid_to is null group by household_id
        having max(julianday('2025-12-01') - julianday(birth_date)) < 16 * 365""",
    )


def test_a_child_has_the_surname_and_patronymic_of_its_father(clean_country):
    rows = clean_country.execute("""
        select child.surname, child.patronymic, child.sex, father.surname,
        father.given_name from persons child
        join persons father on father.person_id = child.father_id
        where father.surname not like '% уулу' and child.surname not like '% уулу'
        and child.surname not like '% кызы' and child.mother_id is not null
        and child.marital_status = 'single'""").fetchall()
    assert len(rows) > 5_000
    for surname, patronymic, sex, fathers_surname, fathers_name in rows:
        if sex == "M":
            assert surname == fathers_surname
        if patronymic and patronymic.endswith((" уулу", " кызы")):
            assert patronymic.rsplit(" ", 1)[0] == fathers_name
        elif patronymic:
            assert patronymic[0] == fathers_name[0]


def test_some_families_write_themselves_with_uulu_and_some_have_no_patronymic(
    clean_country,
):
    rows = clean_country.execute(
        "select surname, patronymic, patronymic_absent, sex from persons"
    ).fetchall()
    uulu = [row for row in rows if row[0].endswith((" уулу", " кызы"))]
    assert 0.05 < len(uulu) / len(rows) < 0.2
    assert all((name.endswith("уулу")) == (sex == "M") for name, _, _, sex in uulu)
    assert all(
        (patronymic is None) == bool(absent) for _, patronymic, absent, _ in rows
    )


def test_three_generations_live_together_in_many_and_elders_alone_in_some(
    clean_country,
):
    (households, old_alone, grandparents) = clean_country.execute("""
        select count(*), sum(members = 1 and oldest > 60 * 365),
        sum(oldest - youngest > 40 * 365) from (
        select count(*) as members,
        max(julianday('2025-12-01') - julianday(birth_date)) as oldest,
        min(julianday('2025-12-01') - julianday(birth_date)) as youngest
        from memberships join persons using (person_id) where valid_to is null
        group by household_id)""").fetchone()
    assert 0.01 < old_alone / households < 0.08
    assert 0.25 < grandparents / households < 0.60
