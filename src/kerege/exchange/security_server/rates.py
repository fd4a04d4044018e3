"""How many messages a second a client may send: a token bucket, as one number.

A bucket of ``burst`` tokens fills with ``per_second`` tokens a second, and each message
takes one. Instead of the tokens we keep the moment at which the bucket will be full
again (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371):
one number that needs no upkeep, and that says nothing once it has passed. So a client
that has been quiet needs no memory.

Pure: the clock is handed in, in seconds that never go back.
"""

from typing import NamedTuple, Protocol

TOLERANCE_SECONDS = 1e-6
"""What rounding may take from a client that waited as long as it was told."""


class Rate(NamedTuple):
    """A bound on messages."""

    per_second: float
    """More than 0."""
    burst: int
    """Messages that may come at once, at least 1."""


class Taken(NamedTuple):
    """What became of one message."""

    full_at: float
    """When the bucket will be full again, to be kept."""
    wait_seconds: float
    """0 if the message may pass; else after how long one may."""


def take(rate: Rate, full_at: float, now: float) -> Taken:
    """Take a token, or say when there will be one.

    Args:
        rate: The bound; it may have changed since the last message.
        full_at: What the last call returned; anything that has passed at first.
        now: Seconds.
    """
    between = 1 / rate.per_second
    whole = rate.burst * between
    # What no bucket can be is from a clock that ran before the machine did, of a bound
    # that was lowered, or damaged (nan): that bucket begins full.
    can_be = now < full_at <= now + whole + TOLERANCE_SECONDS
    begins = full_at if can_be else now
    wait = begins + between - whole - now
    if wait <= TOLERANCE_SECONDS:
        return Taken(begins + between, 0.0)
    return Taken(begins, wait)


class Rates(Protocol):
    """Where buckets are kept."""

    def take(self, key: bytes, rate: Rate) -> float:
        """Take a token of the bucket ``key``; return the seconds to wait, or 0."""
        ...
