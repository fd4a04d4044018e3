"""Asking each OCSP responder about each certificate in use, as the server does."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from kerege.exchange.doctor.asking import Asker, NotAnsweredError
from kerege.exchange.doctor.token import CertificateSeen, short_id
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.ocsp import (
    OcspStatus,
    ocsp_request,
    read_ocsp_response,
    verify_ocsp_response,
)
from kerege.xroad.x509 import name_keys, subject_text

MAX_CHAIN = 8
"""Certificates from a leaf upwards, as the server's own bound."""
_HEADERS = {
    "Content-Type": "application/ocsp-request",
    "Accept": "application/ocsp-response",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A certificate whose status is asked for."""

    certificate: x509.Certificate
    issuer: x509.Certificate | None
    """None: no approved CA has issued it."""
    name: str


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """What one responder said about one certificate."""

    about: Asked
    url: str
    seconds: float | None = None
    """None: it did not answer."""
    unreachable: str = ""
    """Why it did not answer."""
    says: str = ""
    """``GOOD``, ``REVOKED`` or ``UNKNOWN``; empty if it cannot be read."""
    this_update: datetime | None = None
    next_update: datetime | None = None
    status: OcspStatus | None = None
    """If it was verified and good."""
    refused: XRoadError | None = None
    """Why it does not count."""


async def ask_responders(
    used: Iterable[CertificateSeen],
    configuration: GlobalConf,
    asker: Asker,
    clock: Callable[[], datetime],
) -> tuple[OcspAnswer, ...]:
    """Ask all responders about the certificates in use and the CAs above them."""
    questions = [
        (about, url)
        for about in certificates_asked(used, configuration)
        for url in configuration.ocsp_urls_for(about.certificate)
    ]
    return tuple(
        await asyncio.gather(
            *(_ask(a, url, configuration, asker, clock) for a, url in questions)
        )
    )


def certificates_asked(
    used: Iterable[CertificateSeen], configuration: GlobalConf
) -> tuple[Asked, ...]:
    """Return the certificates in use, and the CAs above them without the root."""
    found: dict[x509.Certificate, Asked] = {}
    for seen in used:
        for certificate in _without_root(seen.certificate, configuration):
            is_own = certificate == seen.certificate
            name = (
                seen.name
                if is_own
                else f"CA {subject_text(certificate)} ({short_id(certificate)})"
            )
            issuer = _issuer(certificate, configuration)
            found.setdefault(certificate, Asked(certificate, issuer, name))
    return tuple(found.values())


async def _ask(
    about: Asked,
    url: str,
    configuration: GlobalConf,
    asker: Asker,
    clock: Callable[[], datetime],
) -> OcspAnswer:
    if about.issuer is None:
        return OcspAnswer(about, url, unreachable="the issuer is not known")
    request = ocsp_request(about.certificate, about.issuer)
    try:
        reply = await asker.ask(url, body=request, headers=_HEADERS)
    except NotAnsweredError as error:
        return OcspAnswer(about, url, unreachable=str(error))
    if reply.status != 200:
        status = f"it answers with HTTP status {reply.status}"
        return OcspAnswer(about, url, unreachable=status)
    answer = OcspAnswer(about, url, reply.seconds)
    return _judged(answer, about.issuer, reply.body, configuration, clock())


def _judged(
    answer: OcspAnswer,
    issuer: x509.Certificate,
    response: bytes,
    configuration: GlobalConf,
    at: datetime,
) -> OcspAnswer:
    """Add what a response says, and whether it counts."""
    try:
        read = read_ocsp_response(response)
    except XRoadError as error:
        return replace(answer, refused=error)
    answer = replace(
        answer,
        says=read.status,
        this_update=read.this_update,
        next_update=read.next_update,
    )
    try:
        status = verify_ocsp_response(
            read,
            certificate=answer.about.certificate,
            issuer=issuer,
            trust=configuration.trust(configuration.instance),
            at=at,
        )
    except XRoadError as error:
        return replace(answer, refused=error)
    return replace(answer, status=status)


def _without_root(
    leaf: x509.Certificate, configuration: GlobalConf
) -> Iterator[x509.Certificate]:
    current = leaf
    for _ in range(MAX_CHAIN):
        subject, issuer = name_keys(current)
        if subject == issuer:
            return
        yield current
        above = _issuer(current, configuration)
        if above is None:
            return
        current = above


def _issuer(
    certificate: x509.Certificate, configuration: GlobalConf
) -> x509.Certificate | None:
    try:
        return configuration.issuer_of(certificate)
    except XRoadError:
        return None
