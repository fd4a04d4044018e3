"""How much one client may ask of this server: size, rate, messages under way.

On the client's side the bounds keep one information system from crowding out the
others of this server; on the server's side they protect the services here from one
client of another server. A client of this server that asks a service of this server
passes both.

Rules:

* A bound is looked for at the client itself, then at its member, then in the settings.
  What is set for a member counts for it and all its subsystems together; what the
  settings say, for each client by itself.
* A client is admitted when it is known who it is (its certificate, or its server's),
  and before its body is read: what is refused costs no disk.
* A client without bounds costs one look-up.
* Each message is counted, whatever becomes of it: refusals cost, too.

Codes: ``invalid_message`` for what is too large, ``action_not_possible`` for what comes
too fast. X-Road has no code of its own for either.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from kerege.exchange.security_server.effective_limits import (
    EffectiveLimits,
    PerSecond,
    Whole,
    are_any,
    defaults_of,
    effective,
)
from kerege.exchange.security_server.rates import Rate, Rates
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.server_configuration import ServerConfiguration, Side
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId

MAX_REMEMBERED = 4096
"""Clients whose bounds are remembered; those of a busy server."""
_ADVICE = (
    "A limit of this server for this client: kerege security-server limits show. If the "
    "client has reason to ask for so much: kerege security-server limits set"
)


class Bound(Enum):
    """What a client can exceed, as metrics and logs call it."""

    REQUEST = "request_size"
    ANSWER = "answer_size"
    RATE = "rate"
    AT_ONCE = "at_once"


class LimitError(XRoadError):
    """A client has asked for more than it may."""

    def __init__(
        self, code: str, message: str, *, advice: str, wait_seconds: float = 0.0
    ) -> None:
        super().__init__(code, message, advice=advice)
        self.wait_seconds = wait_seconds
        """After how long it may try again; 0 if that would not help."""


class Exceeded(NamedTuple):
    """Who exceeded what, for metrics and logs."""

    side: Side
    client: ClientId
    bound: Bound


OnExceeded = Callable[[Exceeded], None]


class BodySource(Protocol):
    """A body while it arrives."""

    async def read(self) -> bytes:
        """Return the next chunk, or nothing at the end."""
        ...


@dataclass(slots=True)
class SizeBound:
    """The bound of one message's request or answer."""

    exceeded: Exceeded
    most: int
    on_exceeded: OnExceeded
    taken: int = 0

    def require(self, announced: int | None) -> None:
        """Refuse by what a Content-Length says. Raises ``invalid_message``."""
        if announced is not None and announced > self.most:
            raise self._refusal()

    def took(self, count: int) -> None:
        """Count bytes that have come. Raises ``invalid_message``."""
        self.taken += count
        if self.taken > self.most:
            raise self._refusal()

    def around(self, body: BodySource) -> BodySource:
        """Return the body, counted."""
        return _Counted(body, self)

    def _refusal(self) -> LimitError:
        self.on_exceeded(self.exceeded)
        is_request = self.exceeded.bound is Bound.REQUEST
        what, does = ("request", "send") if is_request else ("answer", "get")
        return LimitError(
            "invalid_message",
            f"The {what} is larger than the {self.most} bytes that client "
            f"{self.exceeded.client} may {does} through this server",
            advice=_ADVICE,
        )


class _Counted:
    def __init__(self, body: BodySource, bound: SizeBound) -> None:
        self._body = body
        self._bound = bound

    async def read(self) -> bytes:
        chunk = await self._body.read()
        self._bound.took(len(chunk))
        return chunk

    async def aclose(self) -> None:
        close = getattr(self._body, "aclose", None)
        if close is not None:
            await close()


@dataclass(slots=True)
class Admission:
    """One message of a client that has bounds."""

    request: SizeBound | None
    answer: SizeBound | None
    _end: Callable[[], None] | None = None

    def release(self) -> None:
        """Note that the message is no longer under way. May be called again."""
        end, self._end = self._end, None
        if end is not None:
            end()


class ClientLimiter:
    """Admits the messages of clients. Used by one thread."""

    def __init__(
        self,
        settings: Settings,
        configuration: Callable[[], ServerConfiguration],
        rates: Rates,
        on_exceeded: OnExceeded = lambda _: None,
    ) -> None:
        """Ask ``configuration`` for each message what holds now."""
        self._defaults = defaults_of(settings)
        self._workers = settings.workers
        self._configuration = configuration
        self._rates = rates
        self._on_exceeded = on_exceeded
        self._chosen_in: object = None
        self._chosen: dict[tuple[Side, ClientId], EffectiveLimits | None] = {}
        self._sides = frozenset[Side]()
        """Where anybody has bounds."""
        self._under_way: Counter[tuple[Side, ClientId]] = Counter()

    def admit(self, side: Side, client_id: ClientId) -> Admission | None:
        """Let one message in; None if its client has no bounds.

        Raises ``action_not_possible`` if it comes too fast, or too many are under way.
        """
        configuration = self._configuration()
        if configuration is not self._chosen_in:
            self._look_again(configuration)
        if side not in self._sides:
            return None
        try:
            chosen = self._chosen[side, client_id]
        except KeyError:
            chosen = self._choose(configuration, side, client_id)
        return None if chosen is None else self._admitted(chosen, side, client_id)

    def _admitted(
        self, limits: EffectiveLimits, side: Side, client_id: ClientId
    ) -> Admission:
        at_once = limits.messages_at_once
        key = (side, at_once.given_to or client_id)
        most_here = -(-at_once.value // self._workers)
        self._take(limits.rate, side, client_id)
        if most_here and self._under_way[key] >= most_here:
            raise self._too_many(at_once.value, side, client_id)
        bound = self._size_bound
        return Admission(
            bound(limits.request_bytes, Exceeded(side, client_id, Bound.REQUEST)),
            bound(limits.answer_bytes, Exceeded(side, client_id, Bound.ANSWER)),
            self._begun(key) if most_here else None,
        )

    def _take(self, bound: PerSecond, side: Side, client_id: ClientId) -> None:
        if not bound.value:
            return
        rate = Rate(bound.value, bound.burst)
        key = f"{side.value} {bound.given_to or client_id}".encode()
        wait = self._rates.take(key, rate)
        if wait:
            raise self._too_fast(rate, wait, side, client_id)

    def _begun(self, key: tuple[Side, ClientId]) -> Callable[[], None]:
        """Count a message that is under way; return what ends that."""
        under_way = self._under_way
        under_way[key] += 1

        def end() -> None:
            under_way[key] -= 1
            if not under_way[key]:
                del under_way[key]

        return end

    def _size_bound(self, most: Whole, exceeded: Exceeded) -> SizeBound | None:
        if not most.value:
            return None
        return SizeBound(exceeded, most.value, self._on_exceeded)

    def _too_fast(
        self, rate: Rate, wait: float, side: Side, client_id: ClientId
    ) -> LimitError:
        self._on_exceeded(Exceeded(side, client_id, Bound.RATE))
        return LimitError(
            "action_not_possible",
            f"Client {client_id} may send {rate.per_second:g} messages per second "
            f"through this server, and has sent more: try again in "
            f"{seconds_to_wait(wait)} s",
            advice=_ADVICE,
            wait_seconds=wait,
        )

    def _too_many(self, most: int, side: Side, client_id: ClientId) -> LimitError:
        self._on_exceeded(Exceeded(side, client_id, Bound.AT_ONCE))
        return LimitError(
            "action_not_possible",
            f"Client {client_id} has as many messages under way as it may ({most}): "
            "wait for an answer before the next one is sent",
            advice=_ADVICE,
            wait_seconds=1.0,
        )

    def _look_again(self, configuration: ServerConfiguration) -> None:
        self._chosen_in = configuration
        self._chosen.clear()
        given = {side for side, _ in configuration.client_limits}
        self._sides = frozenset(
            side for side in Side if side in given or are_any(self._defaults[side])
        )

    def _choose(
        self, configuration: ServerConfiguration, side: Side, who: ClientId
    ) -> EffectiveLimits | None:
        if len(self._chosen) >= MAX_REMEMBERED:
            self._chosen.clear()
        given = configuration.client_limits
        limits = effective(given, side, who, self._defaults[side])
        found = self._chosen[side, who] = limits if limits.are_any else None
        return found


def wait_of(fault: XRoadError) -> float:
    """Return after how long a refused message may come again; 0 if that is unknown.

    The fault may have got prefixes since.
    """
    waits = [one.wait_seconds for one in fault.causes() if isinstance(one, LimitError)]
    return waits[0] if waits else 0.0


def seconds_to_wait(wait: float) -> int:
    """Return whole seconds, at least one, after which a message may pass."""
    return max(1, math.ceil(wait))
