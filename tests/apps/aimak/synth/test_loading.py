"""A synthetic country in the register's tables, on whichever database the tests have."""

import os
from datetime import date

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from kerege.apps.aimak.history import as_of
from kerege.apps.aimak.models import (
    Absence,
    Change,
    Dwelling,
    Household,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Membership,
    Person,
    PersonFacts,
    PersonPin,
    Street,
    Unit,
)
from kerege.apps.aimak.search.engine import search
from kerege.apps.aimak.synth import copying, load as loading
from kerege.apps.aimak.synth.country import make_country
from kerege.apps.aimak.synth.load import RegisterNotEmptyError, load
from kerege.apps.aimak.synth.plan import make_plan
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.access import Scope
from kerege.apps.common.staff.models import Office
from kerege.cli import main

pytestmark = pytest.mark.django_db

PERSONS = 3_000
PLAN = make_plan(PERSONS, 11)


def made(name):
    """The rows of a table as they were made."""
    tables = [block[name] for block in make_country(PLAN) if name in block]
    return [row for table in tables for row in table.to_pylist()]


def test_a_country_is_loaded_whole_with_one_change_and_an_entry_in_the_audit_log():
    seen = []
    counts = load(PLAN, progress=seen.append)
    assert seen[-1].persons == PERSONS
    assert Person.objects.count() == counts["Person"] == len(made("persons"))
    assert Household.objects.count() == len(made("households"))
    change = Change.objects.get()
    assert change.reason == "Synthetic people: 3000, seed 11"
    assert not PersonFacts.objects.exclude(change=change).exists()
    entry = Entry.objects.get(action="load synthetic country")
    assert entry.details == {"persons": "3000", "seed": "11"}


def test_persons_have_their_names_days_and_numbers():
    load(PLAN)
    held = [row for row in made("pins") if row["valid_to"] is None]
    numbers = {row["person_id"]: row["pin"] for row in held}
    for row in made("persons")[::50]:
        facts = PersonFacts.objects.get(person_id=row["person_id"])
        written = f"{facts.surname} {facts.patronymic} {facts.suffix}".split()
        read = f"{row['surname'] or ''} {row['patronymic'] or ''}".split()
        assert sorted(written) == sorted(read)
        assert facts.given_name == (row["given_name"] or "")
        assert facts.birth_date == row["birth_date"]
        assert facts.sex == {"F": "female", "M": "male"}[row["sex"]]
        latin = f"{row['surname_latin'] or ''} {row['given_name_latin'] or ''}"
        assert facts.latin_names == [latin.upper()]
        pin = PersonPin.objects.filter(person_id=row["person_id"], valid_to=None).get()
        assert pin.pin == numbers.get(row["person_id"], "")
        assert (pin.status == "missing") == (pin.pin == "")


def test_an_earlier_pin_is_a_row_that_has_ended():
    load(PLAN)
    earlier = PersonPin.objects.filter(valid_to__isnull=False)
    assert earlier.exists()
    for old in earlier:
        new = PersonPin.objects.get(person=old.person, valid_to=None)
        assert (old.status, new.status) == ("assigned", "changed")
        assert old.valid_to == new.valid_from


def test_a_household_has_its_address_and_its_people():
    load(PLAN)
    facts = as_of(HouseholdFacts.objects.all(), date(2025, 12, 1))
    assert facts.count() == Household.objects.count()
    in_units = facts.filter(unit_code__in=Unit.objects.values("code"))
    assert in_units.count() > 0.99 * facts.count()
    for household in in_units.select_related("street", "office")[:100]:
        # the planted: a district in the place of a village has no streets
        if household.street is not None:
            assert household.street.unit_code == household.unit_code
            assert household.street.names.get().name_ru
        assert household.office.unit_code[:8] == household.unit_code[:8]
    members = as_of(Membership.objects.all(), date(2025, 12, 1))
    heads = members.filter(is_head=True)
    assert heads.count() == pytest.approx(Household.objects.count(), rel=0.02)
    assert members.count() >= PERSONS


def test_people_and_their_household_are_in_one_office():
    load(PLAN)
    rows = Membership.objects.exclude(relation="other").select_related(
        "person", "household"
    )
    assert all(row.person.office_id == row.household.office_id for row in rows)
    assert Office.objects.count() > 1


def test_second_records_are_in_the_office_of_the_household_they_are_in():
    load(PLAN)
    seconds = [row["duplicate_id"] for row in made("truth_duplicates")]
    assert seconds
    for row in Membership.objects.filter(person_id__in=seconds).select_related(
        "person", "household"
    ):
        assert row.person.office_id == row.household.office_id


def test_what_households_own_is_there_but_for_what_cannot_be():
    load(PLAN)
    herds = [row for row in made("livestock") if row["heads"] > 0]
    animals = sum(Livestock.objects.values_list("count", flat=True))
    assert animals == sum(row["heads"] for row in herds)
    assert set(Livestock.objects.values_list("age_group", flat=True)) == {
        "", "0", "1", "2", "3",
    }  # fmt: skip
    assert LandPlot.objects.count() == len(made("land_plots"))
    assert Dwelling.objects.count() == len(made("dwellings"))
    assert Absence.objects.count() == len(made("absences"))


def test_the_truth_stays_beside_with_the_same_identifiers(tmp_path):
    load(PLAN, truth=tmp_path / "truth")
    truths = pq.read_table(tmp_path / "truth" / "truth_defects.parquet").to_pylist()
    assert truths == made("truth_defects")
    kinds = [row for row in truths if row["kind"] == "birth_date_missing"]
    assert kinds
    for row in kinds:
        assert PersonFacts.objects.get(person_id=row["row_id"]).birth_date is None


def test_a_register_with_people_is_left_alone():
    office = Office.objects.create(code="karool", unit_code="41704210830000")
    Person.objects.create(office=office)
    with pytest.raises(RegisterNotEmptyError, match="There are people in the register"):
        load(PLAN)
    assert Person.objects.count() == 1


def test_what_is_added_by_hand_afterwards_gets_new_identifiers():
    load(PLAN)
    office = Office.objects.first()
    assert office is not None
    last = Person.objects.order_by("-pk").first()
    assert last is not None
    assert Person.objects.create(office=office).pk > last.pk
    assert Street.objects.create(unit_code="41704210830020").pk


def test_indexes_and_constraints_are_there_again():
    load(PLAN)
    facts = PersonFacts.objects.first()
    assert facts is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonFacts.objects.create(
            person=facts.person, change=facts.change, recorded_at=facts.recorded_at
        )
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(
            cursor, PersonFacts._meta.db_table
        )
    assert "aimak_pf_person" in names
    assert any(one["foreign_key"] for one in names.values())
    connection.check_constraints()


def test_a_row_comes_after_those_that_it_refers_to(monkeypatch):
    """Else SQLite searches whole tables for each row: hours instead of seconds."""

    def checked(table, rows):
        copying.copy(table, rows)
        connection.check_constraints()

    monkeypatch.setattr(loading, "copy", checked)
    load(PLAN)
    far = Membership.objects.exclude(person__office=F("household__office"))
    assert far.count() < 0.01 * PERSONS
    assert Membership.objects.count() == len(made("memberships"))


def test_nothing_is_left_of_a_loading_that_fails():
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(PLAN, progress=stop)
    assert not Person.objects.exists()
    assert not Change.objects.exists()
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(
            cursor, PersonFacts._meta.db_table
        )
    assert "aimak_pf_person" in names


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The user's words, for the database that the tests have."""
    for name in ("KEREGE_PORTAL", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back afterwards
    words = ["aimak", "synth", "--persons", "400", "--to", "database"]
    return [*words, "--portal", str(tmp_path), "--truth", str(tmp_path / "truth")]


def test_the_command_loads_a_country_whose_people_can_be_found(command, tmp_path):
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert " Person\n" in result.stdout
    assert (tmp_path / "truth" / "truth_duplicates.parquet").is_file()
    somebody = PersonFacts.objects.filter(death_date=None).exclude(surname="").last()
    assert somebody is not None
    name = f"{somebody.surname} {somebody.given_name}"
    found = search(name, Scope(everywhere=True)).found
    assert somebody.person in [one.facts.person for one in found]


def test_the_command_leaves_a_register_with_people_alone(command):
    office = Office.objects.create(code="karool", unit_code="41704210830000")
    Person.objects.create(office=office)
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "There are people in the register" in result.stderr
