"""Certificates that are listed for clients: of information systems, and of services.

A listed certificate counts whatever its dates say, here as in the reference: somebody
listed it by hand. But who checks dates on the other side, or renews the certificate and
forgets the list, finds that messages fail on the day.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from kerege.exchange.doctor.checks import Check
from kerege.exchange.doctor.examination import Examination
from kerege.exchange.doctor.findings import Code, Finding, Severity, good, skipped
from kerege.exchange.doctor.words import moment
from kerege.exchange.storage.server_configuration import Client, ConnectionType
from kerege.xroad.x509 import certificate_sha256, load_certificate, subject_text

GUIDE = "docs/how-to/list-tls-certificates.md"
_SHOWN = 16
"""Hexadecimal digits of a digest that tell certificates apart."""

DATES = Code(
    "D-CLIENT-CERTIFICATE",
    Severity.WARNING,
    "A TLS certificate that is listed for a client has expired, ends within a month, or "
    "is not valid yet.",
    "It still counts, but whoever has it will show another one soon, or has done so: that "
    "is refused with `ssl_authentication_failed` until it is listed.",
    "Ask whoever runs the information system or the service for the new certificate and "
    "list it beside the old one (kerege security-server client certificate add); remove "
    f"the old one when it is no longer shown: {GUIDE}",
)
NONE = Code(
    "D-CLIENT-CERTIFICATE-NONE",
    Severity.WARNING,
    "A client must connect by HTTPS with a listed certificate, and none is listed.",
    "Its information system is refused with `ssl_authentication_failed`. A client that "
    "only provides services needs none.",
    "kerege security-server client certificate add; or another way to connect: "
    "kerege security-server client change --connection",
)


async def look_at_listed(examination: Examination) -> Iterable[Finding]:
    """Look at the dates of all listed certificates."""
    rights = await examination.rights.known()
    if rights is None:
        return [skipped("the database cannot be read")]
    now = examination.clock()
    month = timedelta(days=examination.limits.month_days)
    providers = {service.client_id for service in rights.services}
    found: list[Finding] = []
    for client in rights.clients.values():
        found += _dates(client, now, month)
        must_show = client.connection is ConnectionType.HTTPS_AUTH
        if must_show and not client.certificates and client.client_id not in providers:
            name = f"client {client.client_id.path}"
            found.append(NONE.at(name, "No certificate is listed for it."))
    count = sum(len(client.certificates) for client in rights.clients.values())
    return found or [good(f"{count} are listed for clients")]


def _dates(client: Client, now: datetime, month: timedelta) -> Iterator[Finding]:
    for der in client.certificates:
        value = load_certificate(der)
        begins, ends = value.not_valid_before_utc, value.not_valid_after_utc
        if begins > now:
            said = f"It is not valid before {moment(begins)}."
        elif ends < now:
            said = f"It expired on {moment(ends)}."
        elif ends - now <= month:
            said = f"It ends on {moment(ends)}."
        else:
            continue
        digest = certificate_sha256(value).hex()[:_SHOWN]
        yield DATES.at(
            f"certificate {subject_text(value)} of {client.client_id.path}",
            f"{said} Its SHA-256 begins with {digest}.",
        )


CHECKS = (Check("listed certificates", look_at_listed, (DATES, NONE)),)
