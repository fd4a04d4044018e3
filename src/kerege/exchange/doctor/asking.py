"""Asking others over HTTP: how long they take, and what their clock says."""

import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from kerege.exchange.clock import utc_now

MAX_ANSWER_BYTES = 256 * 1024
"""An OCSP response or a time-stamp with its certificates has 10 KB."""
MAX_REASON_CHARACTERS = 200


class NotAnsweredError(Exception):
    """Somebody did not answer; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody answered over HTTP."""

    status: int
    body: bytes
    seconds: float
    """From the question to the last byte."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What another clock said, compared with ours."""

    source: str
    """Whose clock."""
    ahead_seconds: float
    """How far it is ahead of this machine's, at least."""


@dataclass
class Asker:
    """Asks with one session; remembers what the clocks of others said."""

    session: aiohttp.ClientSession
    timeout_seconds: float
    clock: Callable[[], datetime] = utc_now
    readings: list[ClockReading] = field(default_factory=list)

    async def ask(
        self,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_ANSWER_BYTES,
        timeout_seconds: float | None = None,
    ) -> Reply:
        """GET, or POST if there is a body. Raises `NotAnsweredError`."""
        total = timeout_seconds or self.timeout_seconds
        started, asked_at = time.monotonic(), self.clock()
        try:
            async with self.session.request(
                "GET" if body is None else "POST",
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=total),
            ) as answer:
                self._note(url, answer.headers.get("Date"), asked_at)
                data = await _bounded(answer, limit)
                return Reply(answer.status, data, time.monotonic() - started)
        except TimeoutError:
            msg = f"no answer within {total:g} seconds"
            raise NotAnsweredError(msg) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotAnsweredError(why(error)) from error

    def note(self, source: str, theirs: datetime, asked_at: datetime) -> None:
        """Note what a clock said, in whole seconds, between the question and now.

        It counts as far apart as it must be at least: neither a slow answer nor a
        machine that was busy makes a clock wrong.
        """
        least = (theirs - self.clock()).total_seconds()
        most = (theirs - asked_at).total_seconds() + 1.0
        ahead = max(least, 0.0) or min(most, 0.0)
        self.readings.append(ClockReading(source, ahead))

    def _note(self, url: str, date: str | None, asked_at: datetime) -> None:
        """Note what the Date of an answer says, if it has a readable one."""
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date)
        except (ValueError, TypeError, IndexError):
            return
        if theirs.tzinfo is None:
            theirs = theirs.replace(tzinfo=UTC)
        self.note(origin(url), theirs, asked_at)


def origin(url: str) -> str:
    """Return whose address a URL is, for people."""
    return "/".join(url.split("/", 3)[:3])


def why(error: BaseException) -> str:
    """Return the reason of a failed connection, in a line."""
    cause = getattr(error, "os_error", None) or error
    number = cause.errno if isinstance(cause, OSError) else None
    is_system = number is not None and not isinstance(cause, ssl.SSLError)
    text = os.strerror(number) if is_system and number and number > 0 else str(cause)
    text = text or type(error).__name__
    return " ".join(str(text).split())[:MAX_REASON_CHARACTERS]


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > limit:
            msg = f"the answer is longer than {limit} bytes"
            raise ValueError(msg)
    return bytes(body)
