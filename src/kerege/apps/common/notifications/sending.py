"""Asking for a notification, and the job that sends it.

At least once: a worker that dies after the server has taken the text and before that is
written sends it again.
"""

import json
import re
import smtplib
from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from kerege.apps.common.jobs.handlers import MayPassError, Work, handler
from kerege.apps.common.jobs.queue import MOST_ATTEMPTS, enqueue
from kerege.apps.common.notifications.models import Channel, Notification, State
from kerege.apps.common.notifications.texts import TEXTS
from kerege.apps.common.outgoing import OutgoingError, post

SEND = "notifications.send"
PHONE = re.compile(r"\+[0-9]{9,15}")


class AddressError(ValueError):
    """An address is none of that channel."""


class _BouncedError(Exception):
    """The address takes nothing, and will not later."""


class _NotSetUpError(Exception):
    """The installation has no way to send this."""


def notify(
    channel: Channel,
    address: str,
    template: str,
    values: Mapping[str, str],
    *,
    language: str,
) -> Notification:
    """Have a text sent; within a transaction, when that commits.

    Args:
        channel: E-mail or SMS.
        address: An e-mail address, or a phone number as ``+996700123456``.
        template: Name of the text in `TEXTS`.
        values: What stands in it; no personal data.
        language: ``ky``, ``ru`` or ``en``.

    Raises:
        AddressError: The address is none.
        KeyError: There is no such text.
    """
    TEXTS[template].render(language, values)
    _require_address(channel, address)
    with transaction.atomic():
        notification = Notification.objects.create(
            channel=channel,
            address=address,
            template=template,
            values=dict(values),
            language=language,
            created_at=timezone.now(),
        )
        enqueue(SEND, {"notification": notification.pk})
    return notification


@handler(SEND)
def send(work: Work) -> None:
    """Send one notification, unless that was done."""
    pk = int(str(work.payload["notification"]))
    item = Notification.objects.filter(pk=pk, state=State.WAITING).first()
    if item is None:
        return
    try:
        _send_email(item) if item.channel == Channel.EMAIL else _send_sms(item)
    except _BouncedError as error:
        _end(item, State.BOUNCED, str(error))
    except _NotSetUpError as error:
        _end(item, State.FAILED, str(error))
    except (OSError, smtplib.SMTPException, OutgoingError) as error:
        if work.job.attempts >= MOST_ATTEMPTS:
            _end(item, State.FAILED, _reason(error))
            return
        raise MayPassError(_reason(error)) from error
    else:
        _end(item, State.SENT)


def _send_email(item: Notification) -> None:
    if not settings.EMAIL_HOST:
        raise _NotSetUpError("no mail server is set: [mail] host")
    text = TEXTS[item.template].render(item.language, item.values)
    mail = EmailMessage(str(text.subject), str(text.body), to=[item.address])
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        if code >= 500:
            message = f"the mail server refused the address with {code}"
            raise _BouncedError(message) from error
        raise


def _send_sms(item: Notification) -> None:
    gateway: str = settings.CONFIGURATION.sms_gateway
    if not gateway:
        raise _NotSetUpError("no SMS gateway is set: sms_gateway")
    text = TEXTS[item.template].render(item.language, item.values)
    body = json.dumps({"to": item.address, "text": str(text.sms)}).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": f"notification-{item.pk}",
    }
    try:
        post(gateway, body, headers)
    except OutgoingError as error:
        if error.status in (400, 404, 422):
            message = f"the gateway refused the number with {error.status}"
            raise _BouncedError(message) from error
        raise


def _end(item: Notification, state: State, error: str = "") -> None:
    item.state, item.error = state, error[:200]
    item.sent_at = timezone.now() if state == State.SENT else None
    item.save(update_fields=["state", "error", "sent_at"])


def _reason(error: Exception) -> str:
    """Return what happened without addresses, which servers like to quote."""
    if isinstance(error, OutgoingError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _require_address(channel: Channel, address: str) -> None:
    if channel == Channel.EMAIL:
        try:
            validate_email(address)
        except ValidationError as error:
            raise AddressError("This is no e-mail address") from error
    elif not PHONE.fullmatch(address):
        raise AddressError("This is no phone number of the form +996700123456")
