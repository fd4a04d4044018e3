"""The audit log: what was removed, cut, changed or written anew is found and named."""

import json
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from hypothesis import given, strategies as st

from kerege.apps.common.audit.chain import GENESIS, BrokenChainError, Link
from kerege.apps.common.audit.models import AppendOnlyError, Entry
from kerege.apps.common.audit.record import Outcome, record, settle
from kerege.apps.common.audit.verifying import (
    Head,
    HeadError,
    current_head,
    stamped,
    stamped_at,
    verify,
)
from kerege.apps.common.staff.models import User
from kerege.trust.tsa import time_stamping_unit, timestamp_response
from tests.trust.authorities import new_ca

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STAMPED = datetime(2027, 3, 2, 12, tzinfo=UTC)
"""While the certificate of the tests' authority is valid."""


@pytest.fixture
def log(db: None) -> list[Entry]:
    """Five things that a clerk did."""
    clerk = User.objects.create_user("aigul", "x", full_name="Айгүл")
    for number in range(5):
        record(clerk, "view person", f"p{number}", details={"reason": "кезек"})
    return list(Entry.objects.order_by("sequence"))


def test_a_log_that_nobody_touched_holds(log: list[Entry]):
    assert verify() == 5
    assert [entry.sequence for entry in log] == [1, 2, 3, 4, 5]
    assert log[0].previous == GENESIS
    assert [entry.previous for entry in log[1:]] == [entry.hash for entry in log[:-1]]


def test_the_bytes_that_are_hashed_are_those_of_the_documents():
    link = Link(1, 2, "ab", NOON, 7, "view person", "p1", "done", {"b": "ү", "a": "1"})
    assert link.canonical() == (
        b'{"action":"view person","actor":7,"details":{"a":"1","b":"\\u04af"},'
        b'"lane":1,"outcome":"done","previous":"ab",'
        b'"recorded_at":"2026-03-02T12:00:00.000000Z","sequence":2,"subject":"p1",'
        b'"version":1}'
    )


def test_a_removed_entry_is_named(log: list[Entry]):
    sql("DELETE FROM audit_entry WHERE sequence = 3")
    with pytest.raises(BrokenChainError, match="entry 3: it is missing"):
        verify()


def test_a_changed_entry_is_named(log: list[Entry]):
    sql("UPDATE audit_entry SET subject = 'somebody' WHERE sequence = 2")
    with pytest.raises(BrokenChainError, match="entry 2: it was changed"):
        verify()


def test_a_cut_tail_is_found(log: list[Entry]):
    sql("DELETE FROM audit_entry WHERE sequence > 3")
    with pytest.raises(
        BrokenChainError, match="entry 4: it is missing, and all up to 5"
    ):
        verify()


def test_a_tail_cut_together_with_the_end_is_found_by_an_exported_head(log):
    head = Head.from_json(current_head().to_json())
    sql("DELETE FROM audit_entry WHERE sequence > 3")
    sql("UPDATE audit_lane SET sequence = 3, hash = %s", log[2].hash)
    assert verify() == 3
    with pytest.raises(
        BrokenChainError, match="entry 4: it is missing, and all up to 5"
    ):
        verify([head])


def test_a_chain_written_anew_is_found_by_an_exported_head(log: list[Entry]):
    head = current_head()
    rewrite_from(log, 1)
    assert verify() == 5
    with pytest.raises(BrokenChainError, match="entry 5: it is another than when"):
        verify([head])


def test_a_removed_lane_is_found_by_an_exported_head(log: list[Entry]):
    head = current_head()
    sql("DELETE FROM audit_entry")
    sql("DELETE FROM audit_lane")
    with pytest.raises(BrokenChainError, match="entry 1: its whole lane is missing"):
        verify([head])


def test_an_entry_behind_the_end_is_found(log: list[Entry]):
    sql("UPDATE audit_lane SET sequence = 4, hash = %s", log[3].hash)
    with pytest.raises(BrokenChainError, match="entry 5: it was added behind"):
        verify()


def test_an_entry_outside_of_any_chain_is_found(log: list[Entry]):
    sql("UPDATE audit_entry SET lane_id = NULL WHERE sequence = 5")
    sql("UPDATE audit_lane SET sequence = 4, hash = %s", log[3].hash)
    with pytest.raises(BrokenChainError, match="it stands in no chain"):
        verify()


def test_the_program_changes_and_removes_nothing(log: list[Entry]):
    for attempt in (
        log[0].save,
        log[0].delete,
        Entry.objects.all().delete,
        lambda: Entry.objects.update(subject=""),
    ):
        with pytest.raises(AppendOnlyError, match="not changed and not removed"):
            attempt()


@pytest.mark.django_db(transaction=True)
def test_a_refused_attempt_outlives_its_transaction():
    with transaction.atomic():
        record(None, "register birth", "h1", outcome=Outcome.DONE)
        record(None, "read person", "p1", outcome=Outcome.REFUSED)
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
    settle()
    assert [(e.action, e.outcome) for e in Entry.objects.all()] == [
        ("read person", "refused")
    ]
    assert verify() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refused_attempt_of_a_kept_transaction_is_there_once():
    with transaction.atomic():
        record(None, "read person", "p1", outcome=Outcome.REFUSED)
    settle()
    record(None, "sign out")
    assert Entry.objects.count() == 2
    assert verify() == 2


def test_a_head_has_the_time_of_somebody_else(log: list[Entry]):
    ca = new_ca()
    unit = time_stamping_unit(ca)
    head = stamped(
        current_head(),
        lambda request: timestamp_response(request, unit, at=STAMPED, serial=1),
        [ca.tsa.certificate],
    )
    read = Head.from_json(head.to_json())
    assert stamped_at(read, [ca.tsa.certificate]) == STAMPED
    forged = Head(read.ends[:-1], read.token)
    with pytest.raises(HeadError, match="other data were stamped"):
        stamped_at(forged, [ca.tsa.certificate])
    with pytest.raises(HeadError, match="does not hold"):
        stamped_at(read, [new_ca().tsa.certificate])
    with pytest.raises(HeadError, match="has no time-stamp"):
        stamped_at(current_head(), [ca.tsa.certificate])


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_head_or_refused(content: bytes):
    try:
        Head.from_json(content)
    except HeadError:
        return


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["lane", "lanes", "sequence", "hash", "timestamp"]),
                inner,
            )
        ),
    )
)
def test_any_json_is_a_head_or_refused(values: object):
    try:
        Head.from_json(json.dumps({"version": 1, "lanes": values}).encode())
    except HeadError:
        return


def rewrite_from(log: list[Entry], first: int) -> None:
    """Change an entry and make all hashes fit again, as who has the database could."""
    previous = log[first - 1].hash
    for entry in log[first:]:
        link = Link(
            entry.lane_id, entry.sequence, previous, entry.recorded_at, None,
            entry.action, "nobody", entry.outcome, entry.details,
        )  # fmt: skip
        sql(
            "UPDATE audit_entry SET subject = 'nobody', actor_id = NULL,"
            " previous = %s, hash = %s WHERE sequence = %s",
            previous, link.hash(), entry.sequence,
        )  # fmt: skip
        previous = link.hash()
    sql("UPDATE audit_lane SET hash = %s", previous)


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
