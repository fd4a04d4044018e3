"""A book is checked, taken and undone."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction

from kerege.apps.aimak import history, reads
from kerege.apps.aimak.actions import Action, begin
from kerege.apps.aimak.imports import steps, writing
from kerege.apps.aimak.imports.jobs import TAKE, start
from kerege.apps.aimak.imports.models import Import, State, StateError
from kerege.apps.aimak.models import (
    VERSIONED,
    Change,
    ChangeKind,
    HouseholdFacts,
    LandPlot,
    Livestock,
    Membership,
    PersonFacts,
    PersonPin,
    StreetName,
    Unit,
)
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.common.jobs import queue, worker
from tests.apps.aimak import people
from tests.apps.aimak.imports.conftest import (
    FAMILY,
    checked,
    row,
    taken,
    undone,
    work,
)

pytestmark = pytest.mark.django_db


def current(model):
    return model.objects.filter(CURRENT)


def findings(item: Import):
    return [
        (f.row, f.code)
        for f in item.findings.filter(is_note=False).order_by("row", "pk")
    ]


def test_a_dry_run_tells_and_changes_nothing(upload):
    bad = row("2", "Токтогулова Гүл", "1", "30.02.1975", "аялы", "а")
    item = checked(upload([*FAMILY, bad]))
    assert item.state == State.CHECKED
    assert (item.row_count, item.bad_count, item.household_count) == (5, 1, 2)
    assert findings(item) == [(6, "pin.length"), (6, "date.impossible")]
    assert not PersonFacts.objects.exists()
    assert not Change.objects.filter(kind=ChangeKind.IMPORT).exists()


def test_what_is_good_is_taken_as_one_change(upload, office):
    item = taken(upload())
    assert (item.state, item.taken_rows, item.content) == (State.TAKEN, 4, None)
    usen = PersonFacts.objects.get(given_name="Үсөн")
    assert (usen.surname, usen.sex, usen.birth_date) == (
        "Асанов",
        "male",
        date(1987, 3, 5),
    )
    bakyt = PersonFacts.objects.get(given_name="Бакыт")
    assert (bakyt.surname, bakyt.suffix) == ("Асан", "уулу")
    household = HouseholdFacts.objects.get(number="1")
    assert (household.unit_code, household.house) == ("41704210830010", "1")
    assert household.street.names.get().name_ky == "Ленин"
    assert Livestock.objects.get().count == 3
    assert LandPlot.objects.get().area_m2 == Decimal(5000)
    members = Membership.objects.filter(household=household.household)
    assert sorted(m.relation for m in members) == ["child", "head", "spouse"]
    changes = {
        change
        for model in VERSIONED
        if model is not Unit
        for change in model.objects.values_list("change_id", flat=True)
    }
    assert changes == {item.change_id}
    assert item.change.office == office


def test_the_family_can_be_read_as_the_services_read_it(upload):
    taken(upload())
    family = reads.services.family_members("20503198700123", people.TODAY)
    assert [member.relation for member in family] == ["head", "spouse", "child"]


def test_an_import_is_undone_as_a_whole(upload):
    item = undone(taken(upload()))
    assert item.state == State.UNDONE
    for model in VERSIONED:
        if model is not Unit:
            assert not current(model).exists()
    assert item.change.undone_by.get().kind == ChangeKind.UNDO
    with pytest.raises(StateError):
        start(item, State.TAKING, TAKE, item.created_by)


def test_an_undo_is_refused_where_somebody_has_changed_a_row_since(upload, office):
    item = taken(upload())
    usen = PersonFacts.objects.get(given_name="Үсөн")
    with transaction.atomic():
        by = begin(Action(ChangeKind.CHANGE, None, office), item.change.recorded_at)
        key = (usen.person_id,)
        history.change(PersonFacts, key, {"occupation": "мугалим"}, people.TODAY, by)
    undone(item)
    assert (item.state, item.error) == (State.TAKEN, "undo.changed_later")
    assert item.error_details["rows"] == [["PersonFacts", usen.person_id]]
    assert current(PersonFacts).filter(given_name="Айгүл").exists()


def test_a_book_sent_twice_adds_nobody(upload):
    taken(upload())
    again = taken(upload())
    assert (again.taken_rows, again.bad_count) == (0, 4)
    assert {code for _, code in findings(again)} == {"known.pin"}
    assert current(PersonFacts).count() == 4


def test_a_member_can_be_added_to_a_household_of_the_register(upload):
    taken(upload())
    child = row("1", "Асанова Айжан", None, "02.02.2020", "кызы", "а", cattle=9)
    head = row("1", "Асанов Эркин", None, "02.02.1960", "башчы")
    same = row("1", "Асанова Айгуль", None, "12.07.1990", "аялы", "а")
    item = taken(upload([child, head, same]))
    assert findings(item) == [(3, "known.head"), (4, "known.person")]
    household = HouseholdFacts.objects.get(number="1").household
    assert Membership.objects.filter(household=household).count() == 4
    assert Livestock.objects.get().count == 3
    household.refresh_from_db()
    assert household.version == 2


def test_somebody_of_another_office_is_not_taken_and_not_shown(upload):
    other = people.make_office("toluk", "41704210840000")
    book = people.Book(other)
    household = book.household("7")
    born = date(1987, 3, 5)
    book.person(household, "Асанов Үсөн", "head", born, "20503198700123")
    item = taken(upload())
    (row_number, code), *more = findings(item)
    assert (row_number, code, more) == (2, "known.pin", [])
    assert "Асанов" not in str(item.findings.first().details)


DUPLICATES = (
    row("1", "Асанов Үсөн", "20503198700123", "05.03.1987", "башчы"),
    row("1", "Асанов Усон", "20503198700123", "05.03.1987", "башчы"),
    row("2", "Бакиров Эрмек", "20503198700124", "05.03.1987", "башчы"),
    row("3", "Турдуев Нурлан", "20503198700124", "05.03.1987", "башчы"),
    row("4", "Асанова Гүл", None, "01.02.1980", "башчы", "а"),
    row("4", "Асанова Гул", None, "01.02.1980", "кызы", "а"),
    row("4", "Асанов Канат", None, "01.02.1950", "башчы"),
)


def test_who_is_there_twice_is_told_and_never_merged(upload):
    item = taken(upload(DUPLICATES))
    assert findings(item) == [
        (3, "duplicate.row"),
        (4, "duplicate.pin"),
        (5, "duplicate.pin"),
        (7, "duplicate.person"),
        (8, "duplicate.head"),
    ]
    details = [f.details["row"] for f in item.findings.order_by("row")]
    assert details == ["2", "5", "4", "6", "6"]
    names = current(PersonFacts).values_list("given_name", flat=True)
    assert sorted(names) == ["Гүл", "Үсөн"]


def test_a_village_of_another_office_is_unknown(upload):
    item = checked(upload([row("1", "А Б", None, "01.01.1990", "башчы", village="Ош")]))
    assert findings(item) == [(2, "village.unknown")]


def test_a_word_of_no_list_is_told_and_the_row_is_taken(upload, clerk):
    header = ("Чарба", "Фамилия", "Аты", "Дата рождения", "Родство", "Образование")
    rows = [
        ("1", "Асанов", "Үсөн", "05.03.1987", "глава", "высшее"),
        ("1", "Асанова", "Гүл", "05.03.1990", "жена", "ПТУ №5"),
    ]
    item = taken(upload(rows, header))
    assert item.note_counts == {"code.unknown": 1}
    assert item.taken_rows == 2
    assert PersonFacts.objects.get(given_name="Гүл").education == ""


FAMILIES = [
    row(str(n), f"Асанов Үсөн{'а' * n}", None, "01.01.1990", "башчы")
    for n in range(1, 8)
]


def test_a_power_cut_halfway_leaves_whole_households_and_the_next_worker_goes_on(
    upload, monkeypatch
):
    """The third batch dies inside its transaction, as when the plug is pulled."""
    monkeypatch.setattr(steps, "BATCH_ROWS", 2)
    item = checked(upload(FAMILIES))
    start(item, State.TAKING, TAKE, item.created_by)
    real, batches = writing.refresh_persons, []

    def cut(persons):
        batches.append(persons)
        if len(batches) == 3:
            raise KeyboardInterrupt
        real(persons)

    monkeypatch.setattr(writing, "refresh_persons", cut)
    job = queue.claim("first", [TAKE])
    with pytest.raises(KeyboardInterrupt):
        worker.perform(job)
    item.refresh_from_db()
    assert (item.state, item.taken_households, item.taken_rows) == (State.TAKING, 4, 4)
    assert current(PersonFacts).count() == current(HouseholdFacts).count() == 4
    monkeypatch.setattr(writing, "refresh_persons", real)
    type(job).objects.filter(pk=job.pk).update(lease_until=item.created_at)
    work()
    item.refresh_from_db()
    assert (item.state, item.taken_rows) == (State.TAKEN, 7)
    names = list(current(PersonFacts).values_list("given_name", flat=True))
    assert len(names) == len(set(names)) == 7
    assert set(current(PersonFacts).values_list("change", flat=True)) == {
        item.change_id
    }
    assert current(StreetName).filter(name_ky="Ленин").count() == 1


def test_an_import_that_was_stopped_goes_on_or_is_undone(upload, monkeypatch):
    monkeypatch.setattr(steps, "BATCH_ROWS", 2)
    item = checked(upload(FAMILIES))
    start(item, State.TAKING, TAKE, item.created_by)
    real = writing.refresh_persons

    def ask_for_stop(persons):
        real(persons)
        queue.request_stop(item.job)

    monkeypatch.setattr(writing, "refresh_persons", ask_for_stop)
    work()
    item.refresh_from_db()
    assert (item.state, item.taken_rows) == (State.STOPPED, 2)
    monkeypatch.setattr(writing, "refresh_persons", real)
    undone(item)
    assert item.state == State.UNDONE
    assert not current(PersonFacts).exists()


def test_what_the_register_learns_between_check_and_take_is_not_taken_twice(
    upload, office, monkeypatch
):
    monkeypatch.setattr(steps, "BATCH_ROWS", 1)
    item = checked(upload())
    book = people.Book(office)
    household = book.household("90", unit_code="41704210830010")
    book.person(household, "Асанов Үсөн", "head", date(1987, 3, 5), "20503198700123")
    start(item, State.TAKING, TAKE, item.created_by)
    work()
    item.refresh_from_db()
    assert findings(item) == [(2, "known.pin")]
    assert (item.taken_rows, item.bad_count) == (3, 1)
    assert current(PersonPin).filter(pin="20503198700123").count() == 1


def test_two_workers_do_not_take_one_import(upload):
    item = checked(upload())
    other = Import.objects.get(pk=item.pk)
    start(item, State.TAKING, TAKE, item.created_by)
    with pytest.raises(StateError):
        start(other, State.TAKING, TAKE, item.created_by)
    work()
    assert current(PersonFacts).count() == 4
