"""Replays: a signed request that is delivered a second time.

The protocol has no defence against whoever can speak as the sender's server and keeps
one of its requests; the reference accepts them. So do we, unless told otherwise, but
every one is counted and logged.

* A message is its block: the bytes that the sender signed. They have the request id
  that the sending server makes for every message. What is around them (the signature's
  unsigned properties, OCSP responses, boundaries, HTTP headers) can be changed without
  the sender's key, so it cannot tell messages apart.
* An envelope has no such id, and some applications send the same one again and again.
  So a SOAP message is its envelope, its attachments and the signing time, all of which
  are signed. Messages that are signed together have one time: where everything else
  is equal too, they are one message.
* Counting asks the memory of this process alone: its last messages, bounded by number
  and by time.
* Refusing (``security.refuse_replays``) asks the database as well, so it holds for all
  workers and after a restart. A message is remembered for two windows, and its
  signature must not claim a time that is more than one window away: what is too old to
  be remembered is too old to be accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from kerege.exchange.security_server.asked import Asked
from kerege.exchange.security_server.known_names import told_id
from kerege.exchange.security_server.received import ReceivedMessage
from kerege.exchange.security_server.seen_messages import SeenMessages
from kerege.exchange.security_server.settings import Security
from kerege.exchange.storage import Database
from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError

GENERATION_MESSAGES = 32_768
"""Messages in one of two generations: about 4 MB, half a minute of a very busy server."""
GENERATION_TIME = timedelta(hours=1)
"""How long a generation grows on a server that is not busy."""
IDENTITY_BYTES = 32
"""Of the block's SHA-512: as good as SHA-256."""

_log = structlog.get_logger(__name__)


class Seen(Protocol):
    """Where claims outlive the process."""

    async def claim(self, identity: bytes, until: datetime, now: datetime) -> bool:
        """Return whether nobody has claimed this before. Raises ``database_error``."""
        ...


@dataclass(slots=True)
class Replays:
    """Notices replays on port 5500; refuses them where ``store`` is given."""

    store: Seen | None = None
    """Where messages are claimed; without it replays are accepted."""
    window: timedelta = timedelta(hours=1)
    """How far a message's signing time may be away."""
    count: int = 0
    """Replays since the start."""
    on_replay: Callable[[str], None] = lambda _: None
    """Hears what became of each, ``accepted`` or ``refused``, for the metrics."""
    _young: set[bytes] = field(default_factory=set)
    _old: set[bytes] = field(default_factory=set)
    _since: datetime | None = None

    async def check(
        self,
        message: ReceivedMessage,
        request: Asked,
        signed_at: datetime,
        now: datetime,
    ) -> None:
        """Note a message whose signature has been verified.

        Args:
            message: What arrived.
            request: Its block.
            signed_at: The time that its signature claims.
            now: The time.

        Raises:
            XRoadError: ``invalid_message`` for a replay, or a message too old or too
                new to know, if they are refused; ``database_error``.
        """
        identity = _identity(message, signed_at)
        is_new = not self._is_remembered(identity, now)
        if self.store is None:
            if not is_new:
                self._tell(request, refused=False)
            return
        if abs(now - signed_at) > self.window:
            raise _out_of_window(signed_at, self.window)
        until = now + 2 * self.window
        if not (is_new and await self.store.claim(identity, until, now)):
            self._tell(request, refused=True)
            raise XRoadError(
                "invalid_message",
                "This message has been received before; replays are refused",
                advice="Either somebody sends a copy of a signed message, or the "
                "client's server repeats itself: compare both servers' logs by the "
                "request id.",
            )

    def _is_remembered(self, identity: bytes, now: datetime) -> bool:
        """Whether this process knows the message; now it does."""
        if identity in self._young or identity in self._old:
            return True
        if (
            self._since is None
            or now - self._since > GENERATION_TIME
            or len(self._young) >= GENERATION_MESSAGES
        ):
            self._turn(now)
        self._young.add(identity)
        return False

    def _turn(self, now: datetime) -> None:
        self._young, self._old, self._since = set(), self._young, now

    def _tell(self, request: Asked, *, refused: bool) -> None:
        self.count += 1
        self.on_replay("refused" if refused else "accepted")
        _log.warning(
            "message replayed",
            client=str(request.client_id),
            service=str(request.service_id),
            request_id=told_id(request.request_id or ""),
            refused=refused,
        )


def make_replays(
    settings: Security,
    database: Database,
    on_replay: Callable[[str], None] = lambda _: None,
) -> Replays:
    """Return what the settings ask for."""
    return Replays(
        SeenMessages(database) if settings.refuse_replays else None,
        timedelta(seconds=settings.replay_window_seconds),
        on_replay=on_replay,
    )


def _identity(message: ReceivedMessage, signed_at: datetime) -> bytes:
    known = message.content_digest
    digest = known if message.digest is SHA512 else SHA512.of(message.content)
    if message.soap is not None:
        attachments = b"".join([one.content.digest for one in message.attachments])
        digest = SHA512.of(digest + attachments + signed_at.isoformat().encode())
    return digest[:IDENTITY_BYTES]


def _out_of_window(signed_at: datetime, window: timedelta) -> XRoadError:
    return XRoadError(
        "invalid_message",
        f"This message was signed at {signed_at:%Y-%m-%d %H:%M:%S} UTC by its sender's "
        f"clock, more than {window.total_seconds():g} seconds from now",
        advice="This server refuses replays and remembers messages only so long. Look "
        "at both servers' clocks.",
    )
