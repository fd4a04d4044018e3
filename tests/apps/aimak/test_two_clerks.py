"""Two clerks save at the same moment, each in a transaction of their own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from django.db import connection, connections

from kerege.apps.aimak.actions import OutdatedError
from kerege.apps.aimak.events import Amendment, Work, perform
from kerege.apps.aimak.models import Change, Livestock, Touch
from tests.apps.aimak.people import TODAY, Book, make_office

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLERKS = 8


def test_of_all_who_saved_at_once_one_is_written_and_the_others_are_told():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite in memory has one connection, which threads cannot share")
    office = make_office("karool")
    home = Book(office).household("17")
    together = threading.Barrier(CLERKS)

    def save(count: int) -> str:
        event = Amendment(
            on=date(2026, 2, 1),
            about=home,
            model=Livestock,
            key=(home.pk, 3, "", ""),
            values={"count": count},
            versions={home.public_id: 1},
        )
        try:
            together.wait(60)
            perform(event, Work(None, office, NOON, TODAY))
        except OutdatedError as told:
            return f"told of {len(told.since)}"
        finally:
            connections.close_all()
        return f"wrote {count}"

    with ThreadPoolExecutor(CLERKS) as clerks:
        ends = list(clerks.map(save, range(1, CLERKS + 1)))
    wrote = [end for end in ends if end.startswith("wrote")]
    assert len(wrote) == 1
    assert [end for end in ends if end not in wrote] == ["told of 1"] * (CLERKS - 1)
    row = Livestock.objects.get()
    assert wrote == [f"wrote {row.count}"]
    assert Touch.objects.filter(household=home).count() == 1
    assert Change.objects.filter(event="amendment").count() == 1
