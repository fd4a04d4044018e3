"""A clerk sends a book, chooses the columns, looks, takes, undoes."""

import importlib
import io
from datetime import date

import openpyxl
import pytest
from django.test import Client

from kerege.apps.aimak.imports.models import Import, SavedMapping, State
from kerege.apps.aimak.models import PersonFacts
from kerege.apps.aimak.models.versioned import CURRENT
from kerege.apps.common.audit.models import Entry
from kerege.apps.common.staff.rights import Role
from tests.apps.aimak import people
from tests.apps.aimak.imports.conftest import (
    FAMILY,
    HEADER,
    checked,
    row,
    sign_in,
    taken,
    work,
)
from tests.apps.aimak.workbooks.books import xlsx

pytestmark = pytest.mark.django_db
BAD = row("2", "=1+1 Гүл", "1", "30.02.1975", "аялы", "а")


@pytest.fixture
def browser(clerk) -> Client:
    return sign_in(clerk)


def send(browser, path):
    with path.open("rb") as file:
        return browser.post(
            "/aimak/imports/new/", {"file": file, "office": office_of()}
        )


def office_of():
    from kerege.apps.common.staff.models import Office

    return str(Office.objects.get(code="karool").pk)


def chosen(browser, address):
    """Return the values of the form as a browser would send them."""
    form = browser.get(address).context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_a_book_from_the_file_to_the_register_and_back(browser, tmp_path):
    path = xlsx(tmp_path / "китеп.xlsx", [HEADER, *FAMILY, BAD])
    columns = send(browser, path)["Location"]
    page = browser.get(columns)
    assert "B: Фамилиясы" in page.content.decode()
    answer = browser.post(columns, chosen(browser, columns))
    show = answer["Location"]
    assert "data-progress" in browser.get(show).content.decode()
    work()
    page = browser.get(show).content.decode()
    assert "data-progress" not in page
    assert "Take the good rows" in page
    report = browser.get(show + "report/").content.decode()
    assert "“1” has 1 digits; a PIN has 14. Look at the passport." in report
    browser.post(show + "take/")
    work()
    assert PersonFacts.objects.filter(CURRENT).count() == 4
    assert "Undo the whole import" in browser.get(show).content.decode()
    browser.post(show + "undo/")
    work()
    assert not PersonFacts.objects.filter(CURRENT).exists()
    actions = list(Entry.objects.order_by("pk").values_list("action", flat=True))
    for action in (
        "import uploaded",
        "aimak.import.take",
        "import taken",
        "import undone",
    ):
        assert action in actions
    assert "Асанов" not in str(list(Entry.objects.values()))


def test_the_report_can_be_taken_home_and_has_no_formula(browser, upload):
    item = checked(upload([BAD]))
    answer = browser.get(f"/aimak/imports/{item.public_id}/report.xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="report.xlsx"'
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    csv = browser.get(f"/aimak/imports/{item.public_id}/report.csv").content.decode()
    assert ";'=1+1" in csv
    missing = browser.get(f"/aimak/imports/{item.public_id}/report.exe")
    assert missing.status_code == 404


def test_the_columns_that_were_chosen_are_remembered(browser, tmp_path):
    header = ("№", "Кто", "Имя", "Родился", "Кем")
    rows = [header, ("1", "Асанов", "Үсөн", "05.03.1987", "глава")]
    path = xlsx(tmp_path / "b.xlsx", [("Книга",), *rows])
    columns = send(browser, path)["Location"]
    data = chosen(browser, columns) | {
        "header_row": "2",
        "column_0": "household_number",
        "column_1": "surname",
        "column_2": "given_name",
        "column_3": "birth_date",
        "column_4": "relation",
    }
    assert browser.post(columns, data).status_code == 302
    work()
    item = Import.objects.get()
    assert (item.state, item.row_count, item.bad_count) == (State.CHECKED, 1, 0)


def test_a_known_header_brings_its_columns_along(browser, tmp_path, upload, office):
    item = upload()
    columns = {**item.mapping["columns"], "3": ""}
    del columns["3"]
    fingerprint = item.mapping["fingerprint"]
    SavedMapping.objects.create(office=office, fingerprint=fingerprint, columns=columns)
    assert upload().mapping["columns"] == columns


def test_a_missing_column_is_asked_for_by_its_name(browser, upload):
    item = upload()
    address = f"/aimak/imports/{item.public_id}/columns/"
    answer = browser.post(address, chosen(browser, address) | {"column_4": "-"})
    assert answer.status_code == 422
    assert "No column is chosen for “Date of birth”." in answer.content.decode()
    item.refresh_from_db()
    assert item.state == State.UPLOADED


def test_a_file_that_cannot_be_read_is_told_beside_the_field(browser, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK\3\4 broken")
    answer = send(browser, path)
    assert answer.status_code == 422
    assert "The file is damaged" in answer.content.decode()
    assert not Import.objects.exists()


def test_markup_in_headers_cells_and_file_names_is_shown_as_text(browser, tmp_path):
    evil = "<script>alert(1)</script>"
    path = xlsx(tmp_path / "b.xlsx", [(*HEADER, evil), (*FAMILY[0], evil)])
    columns = send(browser, path)["Location"]
    page = browser.get(columns).content.decode()
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_another_offices_import_does_not_exist(upload, tmp_path):
    item = taken(upload())
    other = people.make_office("toluk", "41704210840000")
    stranger = sign_in(people.make_clerk("Чынара", other))
    address = f"/aimak/imports/{item.public_id}/"
    for name in ("", "columns/", "report/", "report.csv"):
        assert stranger.get(address + name).status_code == 404
    for name in ("take/", "undo/", "stop/"):
        assert stranger.post(address + name).status_code == 404
    assert "book.xlsx" not in stranger.get("/aimak/imports/").content.decode()
    refused = Entry.objects.filter(outcome="refused")
    assert {entry.action for entry in refused} == {"open import of another office"}
    item.refresh_from_db()
    assert item.state == State.TAKEN


@pytest.mark.parametrize("role", [Role.DISTRICT, Role.ANALYST, Role.AUDITOR])
def test_who_has_no_right_sees_nothing(office, role):
    somebody = sign_in(people.make_clerk("Нурлан", office, role))
    assert somebody.get("/aimak/imports/").status_code == 403
    assert somebody.get("/aimak/imports/new/").status_code == 403


def test_an_import_cannot_be_taken_before_it_is_checked(browser, upload):
    item = upload()
    browser.post(f"/aimak/imports/{item.public_id}/take/")
    work()
    item.refresh_from_db()
    assert item.state == State.UPLOADED
    assert not PersonFacts.objects.exists()


def test_what_stands_against_an_undo_is_named(browser, upload, office):
    from django.db import transaction

    from kerege.apps.aimak import history

    item = taken(upload())
    usen = PersonFacts.objects.get(given_name="Үсөн")
    with transaction.atomic():
        by = people.begin(office)
        key = (usen.person_id,)
        history.change(
            PersonFacts, key, {"occupation": "мугалим"}, date(2026, 1, 1), by
        )
    browser.post(f"/aimak/imports/{item.public_id}/undo/")
    work()
    page = browser.get(f"/aimak/imports/{item.public_id}/").content.decode()
    assert "The import cannot be undone: 1 things" in page
    assert "<li>Асанов Үсөн</li>" in page


@pytest.mark.parametrize("language", ["ky", "ru"])
def test_every_page_speaks_the_clerks_language(clerk, upload, language):
    item = checked(upload([*FAMILY, BAD]))
    browser = sign_in(clerk, language)
    for name in ("", "columns/", "report/"):
        page = browser.get(f"/aimak/imports/{item.public_id}/{name}").content.decode()
        assert f'lang="{language}"' in page
        for english in ("Rows", "Household", "Imports", "Choose", "Take", "Check"):
            assert english not in page


def test_a_full_disk_is_told_and_changes_nothing(browser, tmp_path):
    """/dev/full takes no byte, as a disk without room."""
    path = xlsx(tmp_path / "b.xlsx", [HEADER, *FAMILY])
    with pytest.MonkeyPatch.context() as patch:
        views = importlib.import_module("kerege.apps.aimak.imports.views.upload")
        patch.setattr(views.tempfile, "NamedTemporaryFile", full_disk)
        answer = send(browser, path)
    assert answer.status_code == 422
    assert "no room on its disk" in answer.content.decode()
    assert not Import.objects.exists()


def full_disk(**_):
    return open("/dev/full", "wb")  # noqa: PTH123  the view closes it
