"""A clerk takes a book out of the register, and everybody else does not."""

import io
from datetime import date

import openpyxl
import pytest
from django.db import transaction
from django.test import Client
from pyarrow import parquet

from kerege.apps.aimak import history
from kerege.apps.aimak.codes import code_list
from kerege.apps.aimak.imports.uploading import store
from kerege.apps.aimak.models import (
    Dwelling,
    Household,
    Livestock,
    Protection,
    ProtectionKind,
)
from kerege.apps.aimak.workbooks.fields import plain_word, words_of
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.models import Office
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak import people
from tests.apps.aimak.imports.conftest import checked, sign_in

pytestmark = pytest.mark.django_db
BORN = date(1987, 3, 5)
EVIL = "=HYPERLINK(A1)"


@pytest.fixture
def office() -> Office:
    return people.make_office("karool")


@pytest.fixture
def household(office) -> Household:
    """Үсөн, Айгүл and a house number typed by somebody who means no good."""
    book = people.Book(office)
    household = book.household("12-а", house=EVIL)
    book.person(household, "Асанов Үсөн", "head", BORN, "20503198700123", sex="male")
    book.person(
        household, "Асанова Айгүл Марат", "spouse", date(1990, 7, 12), suffix="кызы",
        sex="female",
    )  # fmt: skip
    with transaction.atomic():
        by = people.begin(office)
        key = (household.pk, 3, "", "")
        history.change(Livestock, key, {"count": 7}, None, by)
        history.change(Dwelling, (household.pk, 1), {"area_m2": "64.5"}, None, by)
    return household


@pytest.fixture
def browser(office) -> Client:
    return sign_in(people.make_clerk("Бермет", office))


def export(browser, office, table="book", kind="xlsx"):
    data = {"office": str(office.pk), "table": table, "kind": kind}
    return browser.post("/aimak/exports/", data)


def lines(answer) -> list[list]:
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_a_book_has_a_row_for_each_member(browser, office, household):
    header, usen, aigul = lines(export(browser, office))
    usen, aigul = (
        dict(zip(header, usen, strict=True)),
        dict(zip(header, aigul, strict=True)),
    )
    assert (usen["Surname"], usen["PIN"]) == ("Асанов", "20503198700123")
    assert (usen["Date of birth"].date(), usen["Sheep and goats"]) == (BORN, 7)
    assert (usen["Dwelling, m²"], aigul["Dwelling, m²"]) == (64.5, None)
    assert (aigul["Patronymic"], aigul["Relation to the head"]) == (
        "Марат кызы",
        "wife",
    )


def test_an_exported_book_can_be_taken_by_another_office(
    browser, office, household, tmp_path
):
    path = tmp_path / "book.xlsx"
    path.write_bytes(export(browser, office).content)
    other = people.make_office("toluk", "41704210840000")
    clerk = people.make_clerk("Чынара", other)
    item = store(other, clerk, "book.xlsx", path)
    item = checked(item)
    found = {f.code for f in item.findings.filter(is_note=False)}
    assert (item.row_count, found) == (2, {"known.pin"})


@pytest.mark.parametrize("language", ["ky", "ru", "en"])
def test_every_relation_that_is_exported_is_known_to_imports(language):
    relations = code_list("relations")
    known = words_of("relation")
    for code in relations.codes:
        for sex in ("", "female", "male"):
            word = relations.text(code, language, sex)
            assert relations.canonical(known[plain_word(word)]) == code


@pytest.mark.parametrize("kind", [ProtectionKind.WITNESS, ProtectionKind.ADDRESS])
def test_of_a_protected_person_there_is_a_row_without_a_name(
    browser, office, household, kind
):
    person = household.memberships.get(is_head=True).person
    with transaction.atomic():
        by = people.begin(office)
        history.change(Protection, (person.pk, kind), {"reason": "court"}, None, by)
    for table in ("book", "households"):
        for file_kind in ("xlsx", "csv", "parquet"):
            answer = export(browser, office, table, file_kind)
            text = str(lines(answer)) if file_kind == "xlsx" else answer.content
            for secret in ("Үсөн", "20503198700123"):
                needle = secret if isinstance(text, str) else secret.encode()
                assert needle not in text
    assert "protected person" in str(lines(export(browser, office)))


def test_no_cell_is_a_formula(browser, office, household):
    sheet = openpyxl.load_workbook(io.BytesIO(export(browser, office).content)).active
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    text = export(browser, office, kind="csv").content.decode()
    assert "'=HYPERLINK(" in text
    assert ";=HYPERLINK(" not in text


def test_parquet_has_typed_columns(browser, office, household):
    answer = export(browser, office, kind="parquet")
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.column("birth_date").to_pylist() == [BORN, date(1990, 7, 12)]
    assert table.column("sheep_goats").to_pylist() == [7, None]


def test_the_list_of_households(browser, office, household):
    header, line = lines(export(browser, office, "households"))
    assert header[-2:] == ["Head", "Members"]
    assert (line[0], *line[-2:]) == ("12-а", "Асанов Үсөн", 2)


def test_who_took_which_list_is_written_down(browser, office, household):
    export(browser, office)
    entry = Entry.objects.get(action="export register")
    assert entry.subject == "karool"
    assert entry.details == {"table": "book", "kind": "xlsx", "rows": "2"}


def test_another_offices_book_cannot_be_chosen(browser, office, household):
    other = people.make_office("toluk", "41704210840000")
    answer = export(browser, other)
    assert answer.status_code == 422
    assert not Entry.objects.filter(action="export register").exists()


@pytest.mark.parametrize("role", [Role.DISTRICT, Role.ANALYST, Role.AUDITOR])
def test_who_has_no_right_gets_nothing(office, household, role):
    somebody = sign_in(people.make_clerk("Нурлан", office, role))
    assert export(somebody, office).status_code == 403


def test_a_stranger_gets_nothing(client, office, household):
    assert export(client, office).status_code in (302, 403)


@pytest.mark.parametrize("language", ["ky", "ru"])
def test_the_page_speaks_the_clerks_language(office, language):
    browser = sign_in(people.make_clerk("Бермет", office), language)
    page = browser.get("/aimak/exports/").content.decode()
    for english in ("Download", "Household", "Kind", "Excel and"):
        assert english not in page
