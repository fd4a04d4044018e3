"""What `tests.servers` hands a server: clock, ids, log, OCSP responses, rights."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kerege.exchange.messagelog import LogRecord
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    Client,
    ClientStatus,
    ConnectionType,
    Endpoint,
    LocalGroup,
    ServerConfiguration,
    Service,
    TimestampingService,
)
from kerege.exchange.storage.server_configuration.load import _grants
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Ids:
    """Gives the ids that a test wants first, then fresh ones."""

    def __init__(self, *first: str) -> None:
        self.first = list(first)
        self.given: list[str] = []
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        fresh = f"00000000-0000-4000-8000-{next(self._numbers):012x}"
        self.given.append(self.first.pop(0) if self.first else fresh)
        return self.given[-1]


@dataclass
class Logged:
    """One record of `MemoryLog`, its body read (spools are gone afterwards)."""

    record: LogRecord
    body: bytes | None
    """None also if it is too large to be logged: then its digest is."""


@dataclass
class MemoryLog:
    """A message log that keeps records in a list, or refuses them."""

    records: list[Logged] = field(default_factory=list)
    error: XRoadError | None = None
    """Set it, and every record fails with it."""

    async def write(self, record: LogRecord) -> None:
        """Keep the record."""
        if self.error is not None:
            raise self.error
        body = None
        spool = record.body
        if spool is not None and (spool.data is not None or spool.path is not None):
            body = b"".join([chunk async for chunk in spool.chunks()])
        self.records.append(Logged(record, body))


class Responses:
    """A server's own OCSP responses, as its fetcher would have them.

    ``by_certificate`` is asked for each certificate; a test may replace it, or put a
    response (None: there is none) for one certificate into ``instead``.
    """

    def __init__(
        self,
        by_certificate: Callable[[x509.Certificate], bytes | None],
        certificates: Iterable[x509.Certificate],
    ) -> None:
        self.by_certificate = by_certificate
        self.certificates = tuple(certificates)
        self.instead: dict[x509.Certificate, bytes | None] = {}

    def response_by_hash(self, digest: bytes) -> bytes | None:
        """Return the response for one of the server's own certificates and CAs."""
        for certificate in self.certificates:
            if digest in fingerprints(certificate):
                if certificate in self.instead:
                    return self.instead[certificate]
                return self.by_certificate(certificate)
        return None


def fingerprints(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    """Return SHA-1 and SHA-256 of a certificate."""
    return (
        certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - the protocol's
        certificate.fingerprint(hashes.SHA256()),
    )


def rights(
    clients: Iterable[Client | ClientId],
    services: Iterable[Service] = (),
    access: Iterable[AccessRight] = (),
    *,
    local_groups: Iterable[LocalGroup] = (),
) -> ServerConfiguration:
    """Make a server configuration of values; an id is a registered client over HTTP."""
    made = [
        c if isinstance(c, Client) else registered(c) for c in dict.fromkeys(clients)
    ]
    groups = {(g.owner, g.code): g for g in local_groups}
    access = tuple(access)
    endpoints: dict[tuple[ClientId, str], tuple[Endpoint, ...]] = {}
    for right in access:
        key = (right.provider, right.service_code)
        known = (*endpoints.get(key, (WHOLE_SERVICE,)), right.endpoint)
        endpoints[key] = tuple(dict.fromkeys(known))
    return ServerConfiguration(
        clients={c.client_id: c for c in made},
        services={s.service_id: s for s in services},
        endpoints=endpoints,
        access_rights=access,
        local_groups=groups,
        timestamping_services=(),
        settings={},
        grants=_grants(access, groups),
    )


def with_timestamping(chosen: ServerConfiguration) -> ServerConfiguration:
    """Add a time-stamping service that does not answer: the real log wants one."""
    service = TimestampingService("TSA", "http://127.0.0.1:1/")
    return replace(chosen, timestamping_services=(service,))


def registered(
    client_id: ClientId,
    connection: ConnectionType = ConnectionType.HTTP,
    *certificates: bytes,
) -> Client:
    """Return a registered client; ``certificates`` are DER."""
    return Client(client_id, connection, ClientStatus.REGISTERED, certificates)


@dataclass(frozen=True)
class Ports:
    """Where a running server listens."""

    client: int
    client_https: int
    peer: int
    ocsp: int
