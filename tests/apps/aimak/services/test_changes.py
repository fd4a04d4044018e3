"""Whom the book has changed since a point in time: in pages, nothing twice, none lost."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import transaction

from kerege.apps.aimak import actions
from kerege.apps.aimak.models import Change, ChangeKind, ProtectionKind
from tests.apps.aimak.conftest import AIGUL_PIN, USEN_PIN, Family, protect
from tests.apps.aimak.services.asker import ask

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 3, 3, tzinfo=UTC)


def change(family: Family, at: datetime, event: str, *persons, household=False):
    action = actions.Action(
        ChangeKind.EVENT, None, family.office, event, date(2026, 3, 1)
    )
    with transaction.atomic():
        made = actions.begin(action, at)
        homes = [family.household.pk] if household else []
        actions.touch(made, homes, [one.pk for one in persons])
    return made


def pages(after: str, limit: int) -> list[dict]:
    found = []
    while True:
        answer = ask(f"/changes?after={quote(after)}&limit={limit}")
        assert answer.status == 200, answer.body
        found += answer.json["items"]
        after = answer.json["next"]
        if not answer.json["more"]:
            return found


def test_a_page_says_what_was_changed_when_and_of_whom(asanovs: Family):
    made = change(asanovs, BEGIN, "arrival", asanovs.usen, household=True)
    household, person = ask("/changes?after=2026-03-03T00:00:00Z").json["items"]
    assert person == {
        "change": made.public_id,
        "recordedAt": "2026-03-03T00:00:00Z",
        "kind": "event",
        "event": "arrival",
        "happenedOn": "2026-03-01",
        "pin": USEN_PIN,
        "household": None,
    }
    assert household["household"] == asanovs.household.public_id
    assert household["pin"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_pages_of_any_size_tell_the_same_in_one_order(limit, asanovs: Family):
    for number in range(4):
        at = BEGIN + timedelta(hours=number)
        change(asanovs, at, f"e{number}", asanovs.usen, asanovs.aigul, household=True)
    told = [(one["event"], one["pin"]) for one in pages("2026-03-03T00:00:00Z", limit)]
    assert told == [
        (f"e{number}", pin)
        for number in range(4)
        for pin in (None, USEN_PIN, AIGUL_PIN)
    ]


def test_the_last_cursor_goes_on_where_it_ended(asanovs: Family):
    change(asanovs, BEGIN, "first", asanovs.usen)
    cursor = ask("/changes?after=2026-03-03T00:00:00Z").json["next"]
    assert ask(f"/changes?after={quote(cursor)}").json["items"] == []
    change(asanovs, BEGIN + timedelta(hours=1), "second", asanovs.usen)
    (item,) = ask(f"/changes?after={quote(cursor)}").json["items"]
    assert item["event"] == "second"


def test_what_was_just_written_waits(asanovs: Family):
    change(asanovs, datetime.now(UTC), "just now", asanovs.usen)
    assert Change.objects.filter(event="just now").exists()
    answer = ask("/changes?after=2026-03-03T00:00:00Z").json
    assert answer["items"] == []
    assert answer["next"] == "2026-03-03T00:00:00Z"


def test_protected_people_and_those_without_a_pin_are_left_out(asanovs: Family):
    protect(asanovs.usen, ProtectionKind.ADDRESS)
    protect(asanovs.aigul, ProtectionKind.WITNESS)
    change(asanovs, BEGIN, "move", asanovs.usen, asanovs.aigul, asanovs.burul)
    assert ask("/changes?after=2026-03-03T00:00:00Z").json["items"] == []


@pytest.mark.parametrize(
    "after",
    ["yesterday", "2026-03-03", "2026-03-03T00:00:00", "2026-03-03T00:00:00Z_x"],
)
def test_a_wrong_time_is_told(after):
    answer = ask(f"/changes?after={after}")
    assert answer.status == 400
    assert answer.json["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", "after"),
        (f"after={'9' * 81}", "after"),
        ("after=2026-03-03T00:00:00Z&limit=501", "limit"),
        ("after=2026-03-03T00:00:00Z&limit=x", "limit"),
    ],
)
def test_what_is_asked_has_bounds(query, wrong):
    answer = ask(f"/changes?{query}")
    assert answer.status == 400
    assert answer.json == {
        "code": "invalid_parameter",
        "message": f"Wrong or missing: {wrong}; see the OpenAPI description",
    }
