"""An office with two villages, its clerk, and books to take."""

from datetime import date

import pytest
from django.db import transaction
from django.test import Client

from kerege.apps.aimak import history
from kerege.apps.aimak.imports.jobs import CHECK, TAKE, UNDO, start
from kerege.apps.aimak.imports.models import Import, State
from kerege.apps.aimak.imports.uploading import store
from kerege.apps.aimak.models import Level, Unit
from kerege.apps.common.jobs import queue, worker
from kerege.apps.common.jobs.handlers import HANDLERS
from tests.apps.aimak import people
from tests.apps.aimak.workbooks.books import xlsx

KAROOL = "41704210830010"
HEADER = (
    "Чарбанын номери", "Фамилиясы", "Аты", "ПИН", "Туулган күнү", "Жынысы",
    "Башчыга тууганчылыгы", "Айылы", "Көчөсү", "Үй", "Бодо мал", "Айдоо жер, га",
)  # fmt: skip


def row(number, name, pin, born, relation, sex="э", **more):
    """One row of the book; ``name`` is "surname given"."""
    surname, given = name.rsplit(" ", 1)
    return (
        number, surname, given, pin, born, sex, relation, more.get("village", "Кароол"),
        more.get("street", "Ленин"), more.get("house", "1"), more.get("cattle"),
        more.get("land"),
    )  # fmt: skip


FAMILY = (
    row(
        "1",
        "Асанов Үсөн",
        "20503198700123",
        "05.03.1987",
        "башчы",
        cattle=3,
        land="0,5",
    ),
    row("1", "Асанова Айгүл", "11207199000456", "12.07.1990", "аялы", "а"),
    row("1", "Асан уулу Бакыт", "20101201500789", "01.01.2015", "уулу"),
    row("2", "Токтогулов Марат", "20909197000111", "09.09.1970", "башчы"),
)


@pytest.fixture
def office(db):
    office = people.make_office("karool", "41704210830000")
    with transaction.atomic():
        by = people.begin(office)
        for code, name in ((KAROOL, "Кароол"), ("41704210830020", "Төлөк")):
            values = {
                "parent_code": "41704210830000",
                "level": Level.VILLAGE,
                "name_ky": name,
                "name_ru": name,
            }
            history.change(Unit, (code,), values, None, by)
    return office


@pytest.fixture
def clerk(office):
    return people.make_clerk("Бермет", office)


@pytest.fixture
def upload(office, clerk, tmp_path):
    """Store a book of rows, its columns guessed."""

    def upload(rows=FAMILY, header=HEADER, **options) -> Import:
        path = xlsx(tmp_path / "book.xlsx", [header, *rows], **options)
        return store(office, clerk, "book.xlsx", path)

    return upload


def sign_in(user, language="en") -> Client:
    type(user).objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, "kerege.portal.signin.backend.StaffBackend")
    return client


def work():
    """Do all jobs that wait, in the test's own transaction."""
    while job := queue.claim("worker", sorted(HANDLERS)):
        worker.perform(job)


def checked(item: Import) -> Import:
    start(item, State.CHECKING, CHECK, item.created_by)
    work()
    item.refresh_from_db()
    return item


def taken(item: Import) -> Import:
    checked(item)
    start(item, State.TAKING, TAKE, item.created_by)
    work()
    item.refresh_from_db()
    return item


def undone(item: Import) -> Import:
    start(item, State.UNDOING, UNDO, item.created_by)
    work()
    item.refresh_from_db()
    return item


def born(day: int) -> str:
    return date(1990, 1, day).strftime("%d.%m.%Y")
