"""Who asked for whom and why: into the audit log, before anything is answered."""

from collections.abc import Mapping

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from kerege.apps.common.audit.record import Outcome, record
from kerege.exchange.provider import NoXRoadHeadersError, XRoadHeaders, headers_of

MAX_DETAIL = 300
"""Characters of what a client says of itself; a purpose is a sentence."""


def pin_hash(pin: str) -> str:
    """Return what stands for a PIN in the audit log: the same one for the same PIN.

    It is keyed: without the installation's key nobody can try all PINs.
    """
    digest = salted_hmac("kerege.aimak.services.pin", pin, algorithm="sha256")
    return digest.hexdigest()[:40]


def note(
    request: HttpRequest,
    service: str,
    pin: str = "",
    *,
    outcome: Outcome = Outcome.DONE,
    **more: str,
) -> None:
    """Write down one call.

    Args:
        request: It came through `listener`.
        service: The service code.
        pin: Whose PIN was asked for; kept as a keyed hash.
        outcome: Whether it was answered.
        more: What else is to be kept: a count, a reason; nothing personal.

    Raises:
        NoXRoadHeadersError: The request has no X-Road headers that were checked.
    """
    details = {**_caller(headers_of(request)), **more}
    subject = pin_hash(pin) if pin else ""
    kept = {name: _kept(value) for name, value in details.items() if value}
    record(None, f"service {service}", subject, outcome=outcome, details=kept)


def note_stranger(reason: str) -> None:
    """Write down a call that was refused because nobody knows who made it."""
    details = {"reason": _kept(reason)}
    record(None, "service call", outcome=Outcome.REFUSED, details=details)


def require_headers(request: HttpRequest) -> None:
    """Let a request on if it says who asks.

    Raises:
        NoXRoadHeadersError: It does not; that is in the audit log then.
    """
    try:
        headers_of(request)
    except NoXRoadHeadersError:
        note_stranger("The request has no X-Road headers")
        raise


def _caller(headers: XRoadHeaders) -> Mapping[str, str]:
    party = headers.represented_party
    return {
        "client": headers.client.path,
        "user": headers.user_id or "",
        "represented": party.short if party else "",
        "purpose": headers.issue or "",
        "message": headers.query_id,
    }


def _kept(value: str) -> str:
    return "".join(one for one in value if one.isprintable())[:MAX_DETAIL]
