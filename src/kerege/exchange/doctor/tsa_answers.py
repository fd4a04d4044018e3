"""Asking each time-stamping authority that the server uses for one time-stamp."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from kerege.exchange.doctor.asking import Asker, NotAnsweredError, origin
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.timestamp import (
    read_timestamp_response,
    timestamp_request,
    verify_timestamp,
)

STAMPED = b"kerege doctor"
"""What is stamped: nothing of anybody's."""
_HEADERS = {"Content-Type": "application/timestamp-query"}


@dataclass(frozen=True, slots=True)
class TsaAnswer:
    """What one authority answered."""

    url: str
    seconds: float | None = None
    """None: it did not answer."""
    unreachable: str = ""
    refused: XRoadError | None = None
    """Why its time-stamp does not count."""
    time: datetime | None = None
    """What its clock said."""


async def ask_authorities(
    urls: Sequence[str], certificates: Sequence[x509.Certificate], asker: Asker
) -> tuple[TsaAnswer, ...]:
    """Ask all of them at the same time."""
    answers = await asyncio.gather(*(_ask(url, certificates, asker) for url in urls))
    return tuple(answers)


async def _ask(
    url: str, certificates: Sequence[x509.Certificate], asker: Asker
) -> TsaAnswer:
    imprint = SHA512.of(STAMPED)
    request = timestamp_request(imprint, SHA512)
    asked_at = asker.clock()
    try:
        reply = await asker.ask(url, body=request, headers=_HEADERS)
    except NotAnsweredError as error:
        return TsaAnswer(url, unreachable=str(error))
    if reply.status != 200:
        return TsaAnswer(url, unreachable=f"it answers with HTTP status {reply.status}")
    try:
        token = read_timestamp_response(reply.body, certificates, imprint=imprint)
        stamp = verify_timestamp(token, STAMPED, certificates)
    except XRoadError as error:
        return TsaAnswer(url, reply.seconds, refused=error)
    asker.note(f"the time-stamps of {origin(url)}", stamp.time, asked_at)
    return TsaAnswer(url, reply.seconds, time=stamp.time)
