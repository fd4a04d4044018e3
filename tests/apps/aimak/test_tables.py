"""What the database itself refuses, whoever writes to it."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction

from kerege.apps.aimak.models import (
    VERSIONED,
    Change,
    ChangeKind,
    Person,
    PersonFacts,
    Touch,
)
from kerege.apps.common.staff.models import Office

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def aigul() -> Person:
    office = Office.objects.create(code="karool", unit_code="41704210830000")
    return Person.objects.create(office=office)


@pytest.fixture
def change() -> Change:
    return Change.objects.create(kind=ChangeKind.CHANGE, recorded_at=NOON)


def facts(person: Person, change: Change, **values: object) -> PersonFacts:
    row = {"surname": "Асанова", "recorded_at": NOON} | values
    return PersonFacts.objects.create(person=person, change=change, **row)


def refuses(name: str):
    """SQLite names a unique index by its columns, so only checks are named."""
    return pytest.raises(IntegrityError, match=name)


def test_a_person_has_one_open_row_of_facts(aigul: Person, change: Change):
    facts(aigul, change)
    with refuses("(?i)unique"), transaction.atomic():
        facts(aigul, change, surname="Асанкызы")
    facts(aigul, change, surname="Бекова", valid_to=date(2020, 1, 1))
    assert PersonFacts.objects.count() == 2


def test_days_run_forward(aigul: Person, change: Change):
    day = date(2020, 1, 1)
    with refuses("aimak_pf_days"), transaction.atomic():
        facts(aigul, change, valid_from=day, valid_to=day)


def test_a_row_is_superseded_by_somebody_and_not_before_it_was_recorded(
    aigul: Person, change: Change
):
    with refuses("aimak_pf_times"), transaction.atomic():
        facts(aigul, change, superseded_at=NOON)
    with refuses("aimak_pf_times"), transaction.atomic():
        early = NOON.replace(hour=11)
        facts(aigul, change, superseded_at=early, superseded_by=change)


def test_a_touch_is_of_a_person_or_of_a_household(aigul: Person, change: Change):
    with refuses("aimak_touch_one"), transaction.atomic():
        Touch.objects.create(change=change, version=1)
    Touch.objects.create(change=change, person=aigul, version=1)


@pytest.mark.parametrize("model", VERSIONED)
def test_every_version_table_names_its_key(model):
    columns = {field.attname for field in model._meta.concrete_fields}
    assert model.KEY
    assert set(model.KEY) <= columns
