"""The auditors' page: found by person, day and subject; closed to everybody else."""

import pytest
from django.test import Client

from kerege.apps.common.audit.models import Entry
from kerege.apps.common.audit.record import Outcome, record
from kerege.apps.common.staff.models import User
from kerege.apps.common.staff.rights import Role
from tests.apps.common.people import browser_of, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    clerk = staff("aigul", Role.CLERK)
    record(clerk, "view person", "p1")
    record(clerk, "view household", "h1", outcome=Outcome.REFUSED)
    record(staff("bakyt", Role.CLERK), "view person", "p2", details={"reason": "<b>"})
    return clerk


@pytest.fixture
def auditor() -> Client:
    return browser_of(staff("cholpon", Role.AUDITOR))


def test_an_auditor_finds_what_somebody_did(clerk: User, auditor: Client):
    page = auditor.get("/audit/", {"actor": "aigul", "look": "1"}).content.decode()
    assert "view person" in page
    assert "view household" in page
    assert "bakyt" not in page


def test_an_auditor_finds_who_looked_at_somebody(clerk: User, auditor: Client):
    page = auditor.get("/audit/", {"subject": "p2"}).content.decode()
    assert "bakyt" in page
    assert "aigul" not in page
    assert "reason: &lt;b&gt;" in page


def test_an_auditor_finds_attempts_and_days(clerk: User, auditor: Client):
    page = auditor.get("/audit/", {"refused": "on"}).content.decode()
    assert ("h1" in page, "p1" in page) == (True, False)
    other = {"day_day": "1", "day_month": "2", "day_year": "2003"}
    page = auditor.get("/audit/", other).content.decode()
    assert "Nothing was recorded that fits." in page


def test_that_an_auditor_looked_is_recorded(clerk: User, auditor: Client):
    auditor.get("/audit/", {"subject": "p1"})
    last = Entry.objects.order_by("-pk")[0]
    assert (last.action, last.subject, str(last.actor)) == (
        "read audit log",
        "p1",
        "Cholpon",
    )


@pytest.mark.parametrize("role", [role for role in Role if role != Role.AUDITOR])
def test_nobody_else_sees_it_and_the_attempt_is_recorded(role: Role):
    user = staff("dinara", role)
    assert browser_of(user).get("/audit/").status_code == 403
    assert [(e.action, e.outcome) for e in Entry.objects.all()] == [
        ("view entries", "refused")
    ]
