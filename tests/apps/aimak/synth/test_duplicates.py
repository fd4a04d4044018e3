"""Second records of one person, and the truth about them."""

from collections import Counter


def test_about_eight_of_a_thousand_have_a_second_record(country):
    (count,) = country.execute("select count(*) from truth_duplicates").fetchone()
    assert 250 < count < 600


def test_a_second_record_differs_from_the_first_as_the_truth_says(country):
    rows = country.execute("""
        select a.surname, a.given_name, a.birth_date, b.surname, b.given_name,
        b.birth_date, differs from truth_duplicates join persons a using (person_id)
        join persons b on b.person_id = duplicate_id""").fetchall()
    for *record, differs in rows:
        surname, given, born, other_surname, other_given, other_born = record
        kinds = differs.split(",")
        same_name = (surname, given) == (other_surname, other_given)
        assert not (same_name and born == other_born)
        assert (born != other_born) == ("birth_date" in kinds)
        if kinds[0] == "swapped" and len(kinds) == 2:
            assert (surname, given) == (other_given, other_surname)
    kinds = Counter(kind for *_, differs in rows for kind in differs.split(","))
    assert {"typo", "transliteration", "swapped", "nickname", "maiden_name"} <= set(
        kinds
    )
    assert kinds["pin_missing"] > kinds["pin_typo"] > kinds["pin_same"] > 0


def test_its_office_is_the_one_the_truth_says(country):
    rows = country.execute("""
        select a.office = b.office, same_office from truth_duplicates
        join memberships m on m.person_id = truth_duplicates.person_id
        and m.relation <> 'other'
        join memberships n on n.person_id = duplicate_id
        join households a on a.household_id = m.household_id
        join households b on b.household_id = n.household_id""").fetchall()
    assert len(rows) > 200
    assert all(found == told for found, told in rows)
    assert {told for _, told in rows} == {0, 1}


def test_no_two_others_have_the_same_name_and_birth_date_in_a_household(clean_country):
    rows = clean_country.execute("""
        select household_id from persons join memberships using (person_id)
        group by household_id, surname, given_name, birth_date
        having count(*) > 1""").fetchall()
    assert rows == []
