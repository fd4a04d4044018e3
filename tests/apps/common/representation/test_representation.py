"""Who acts for whom: proven, confirmed by a second person, for a time, revocable."""

from datetime import date

import pytest
from django.utils import timezone

from kerege.apps.common.documents.models import Document
from kerege.apps.common.representation.actions import (
    NoAuthorityError,
    Period,
    RepresentationError,
    confirm,
    enter,
    require_authority,
    revoke,
)
from kerege.apps.common.representation.models import Authority, Ground
from kerege.apps.common.staff.models import User
from kerege.apps.common.staff.rights import Role
from tests.apps.common.people import office, staff

pytestmark = pytest.mark.django_db

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
MAY = date(2026, 5, 5)


@pytest.fixture
def clerks() -> tuple[User, User]:
    return staff("aigul", Role.CLERK), staff("bakyt", Role.CLERK)


@pytest.fixture
def deed(clerks) -> Document:
    return Document.objects.create(
        office=office(), name="deed.pdf", media_type="application/pdf", size=1,
        sha256="0" * 64, scanned=True, created_by=clerks[0], created_at=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def entered(clerks, deed: Document) -> Authority:
    return enter("child", "mother", Ground.PARENT, YEAR, document=deed, actor=clerks[0])


def test_it_gives_nothing_before_a_second_person_has_looked(entered, clerks):
    with pytest.raises(NoAuthorityError):
        require_authority("mother", "child", MAY)
    with pytest.raises(RepresentationError, match="entered it cannot confirm"):
        confirm(entered, clerks[0])
    confirm(entered, clerks[1])
    assert require_authority("mother", "child", MAY) == entered
    with pytest.raises(RepresentationError, match="confirmed or revoked already"):
        confirm(entered, clerks[1])


@pytest.mark.parametrize(
    ("who", "whom", "day"),
    [
        ("mother", "child", date(2025, 12, 31)),
        ("mother", "child", date(2027, 1, 1)),
        ("child", "mother", MAY),
        ("mother", "neighbour", MAY),
    ],
)
def test_it_holds_for_them_and_its_days_only(entered, clerks, who, whom, day):
    confirm(entered, clerks[1])
    with pytest.raises(NoAuthorityError):
        require_authority(who, whom, day)


def test_it_is_revoked_at_once_and_stays_in_the_book(entered, clerks):
    confirm(entered, clerks[1])
    with pytest.raises(RepresentationError, match="Say why"):
        revoke(entered, clerks[0], " ")
    revoke(entered, clerks[0], "withdrawn at the notary")
    with pytest.raises(NoAuthorityError):
        require_authority("mother", "child", MAY)
    assert Authority.objects.get().confirmed_by == clerks[1]


def test_what_cannot_be_is_not_entered(clerks, deed: Document):
    back = Period(YEAR.last, YEAR.first)
    for whom, period in (("mother", YEAR), ("child", back)):
        with pytest.raises(RepresentationError):
            enter(
                whom, "mother", Ground.ATTORNEY, period, document=deed, actor=clerks[0]
            )
    assert not Authority.objects.exists()
