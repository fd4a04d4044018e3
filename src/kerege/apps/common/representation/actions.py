"""Entering, confirming and revoking authorities, and asking for them."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from kerege.apps.common.audit.record import record
from kerege.apps.common.documents.models import Document
from kerege.apps.common.representation.models import Authority, Ground
from kerege.apps.common.staff.models import Office, User


class RepresentationError(Exception):
    """An authority cannot be entered, confirmed or revoked so; the text says why."""


class NoAuthorityError(Exception):
    """Nobody has confirmed that this person may act for that one on that day."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both included."""

    first: date
    last: date


def enter(
    principal: str,
    representative: str,
    ground: Ground,
    period: Period,
    *,
    document: Document,
    actor: User,
) -> Authority:
    """Enter an authority; it gives nothing before another person confirms it.

    Raises:
        RepresentationError: It is for oneself, or ends before it begins.
    """
    if principal == representative:
        raise RepresentationError("Nobody represents themselves")
    if period.last < period.first:
        raise RepresentationError("It ends before it begins")
    office: Office = document.office
    with transaction.atomic():
        authority = Authority.objects.create(
            office=office,
            principal=principal,
            representative=representative,
            ground=ground,
            document=document,
            valid_from=period.first,
            valid_to=period.last,
            entered_by=actor,
            entered_at=timezone.now(),
        )
        record(actor, "enter authority", authority.public_id)
    return authority


def confirm(authority: Authority, actor: User) -> None:
    """Confirm what another person entered.

    Raises:
        RepresentationError: It is one's own, was confirmed already, or is revoked.
    """
    with transaction.atomic():
        now = Authority.objects.select_for_update().get(pk=authority.pk)
        if now.entered_by_id == actor.pk:
            raise RepresentationError("Whoever entered it cannot confirm it")
        if now.confirmed_at is not None or now.revoked_at is not None:
            raise RepresentationError("It was confirmed or revoked already")
        now.confirmed_by, now.confirmed_at = actor, timezone.now()
        now.save(update_fields=["confirmed_by", "confirmed_at"])
        record(actor, "confirm authority", now.public_id)


def revoke(authority: Authority, actor: User, reason: str) -> None:
    """End an authority at once.

    Raises:
        RepresentationError: There is no reason, or it was revoked already.
    """
    if not reason.strip() or len(reason) > 300:
        raise RepresentationError("Say why, in at most 300 characters")
    with transaction.atomic():
        now = Authority.objects.select_for_update().get(pk=authority.pk)
        if now.revoked_at is not None:
            raise RepresentationError("It was revoked already")
        now.revoked_by, now.revoked_at, now.reason = actor, timezone.now(), reason
        now.save(update_fields=["revoked_by", "revoked_at", "reason"])
        record(actor, "revoke authority", now.public_id)


def require_authority(representative: str, principal: str, day: date) -> Authority:
    """Return the authority by which somebody acts for another on a day.

    Raises:
        NoAuthorityError: There is none that is confirmed, valid and not revoked.
    """
    found = Authority.objects.filter(
        representative=representative,
        principal=principal,
        confirmed_at__isnull=False,
        revoked_at__isnull=True,
        valid_from__lte=day,
        valid_to__gte=day,
    ).first()
    if found is None:
        raise NoAuthorityError
    return found
