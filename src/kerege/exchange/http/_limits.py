"""Bounds on everything that comes from outside, with their reasons."""

from collections.abc import Callable
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

CHUNK_COST = 64
"""What a buffered chunk costs beside its bytes. Counting it keeps a peer that sends
its body byte by byte from making us hold a thousand times what we allow."""

JOIN_BYTES = 64 * KIB
"""Up to this size head and body are joined and written at once: copying it costs less
than one more TLS record or system call."""

WRITE_HIGH_BYTES = 256 * KIB
"""Written and not yet taken by the kernel: above this a writer waits."""
WRITE_LOW_BYTES = 64 * KIB
"""Below this the writer goes on."""

MIN_TICK_SECONDS = 0.01
MAX_TICK_SECONDS = 1.0
"""Time-outs are checked in steps of a quarter of the shortest one, within these."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a listening server. Times are in seconds, sizes in bytes."""

    head_bytes: int = 64 * KIB
    """Request line and headers. Jetty, under the reference, takes 8 KiB; services put
    long tokens in headers. 431 above."""
    header_count: int = 200
    """Headers of a request, and trailers. Tomcat and Go allow 100, uvicorn no end."""
    head_seconds: float = 20.0
    """From the first byte of a head (or a new connection) to its end; stops slow drips.
    408 after."""
    idle_seconds: float = 60.0
    """A kept-alive connection without a request. The reference's clients assume 30."""
    body_stall_seconds: float = 60.0
    """Window in which `body_minimum_bytes` must come while a handler waits for them."""
    body_minimum_bytes: int = 512
    """9 bytes a second: below any modem, above a drip that only holds a place."""
    body_buffer_bytes: int = 256 * KIB
    """Received and not yet read: above this the connection is not read from."""
    write_stall_seconds: float = 60.0
    """The peer takes not one byte of our answer for so long: closed."""
    abandoned_seconds: float = 60.0
    """A handler may go on for so long after its client has left, to finish what it
    has begun; then it is cancelled, else clients that retry fill the server."""
    linger_seconds: float = 3.0
    """After an answer that came before the request was complete, what is still under
    way is read and dropped, so that a reset does not destroy the answer."""
    linger_bytes: int = 16 * MIB
    """How much is dropped at most."""
    pipelined: int = 16
    """Complete requests waiting behind the one at work: above this nothing is read;
    what one read brings beyond four times as many closes the connection."""
    connections: int = 10_000
    """Open connections; a process of the message path has memory for these."""
    handshake_seconds: float = 15.0
    """A TLS handshake, from accepting the connection."""

    @property
    def tick_seconds(self) -> float:
        """How often time-outs are checked."""
        shortest = min(
            self.head_seconds,
            self.idle_seconds,
            self.body_stall_seconds,
            self.write_stall_seconds,
            self.linger_seconds,
        )
        return min(max(shortest / 4, MIN_TICK_SECONDS), MAX_TICK_SECONDS)


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Bounds of a client's pool. Times are in seconds, sizes in bytes."""

    head_bytes: int = 64 * KIB
    """Status line and headers of an answer."""
    header_count: int = 200
    """Headers of an answer, and trailers."""
    interim_answers: int = 16
    """Answers with status 1xx before the real one."""
    body_buffer_bytes: int = 256 * KIB
    """Received and not yet read: above this the connection is not read from."""
    write_stall_seconds: float = 60.0
    """The peer takes not one byte of our request for so long."""
    idle_seconds: float = 15.0
    """How long a connection is kept unused: half of what the reference keeps it."""
    idle_per_address: int = 256
    """Connections kept per address; as many as messages under way to one provider."""
    idle_total: int = 2048
    """Connections kept in all."""
    connections: int = 10_000
    """Open connections in all, as in the reference's pools."""
    addresses: int = 16
    """Addresses of one provider that are tried at once."""
    fastest_seconds: float = 3600.0
    """How long the fastest address of a provider is remembered
    (`client-fastest-connecting-ssl-uri-cache-period` of the reference)."""
    resolve_seconds: float = 30.0
    """How long the addresses of a host name are remembered, as in Java."""
    remembered: int = 1024
    """Names, fastest addresses and TLS sessions remembered, each."""
    may_connect: Callable[[str], bool] | None = None
    """Judges every IP address before it is connected to; None: all will do."""
    tick_seconds: float = 0.5
    """How often time-outs are checked."""
