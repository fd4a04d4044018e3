"""What both sides of a Security Server work with, handed in once at start.

Nothing here is global: clocks, ids, keys, databases and networks come from whoever
composes the server, so that tests can give their own.
"""

import os
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography import x509

from kerege.exchange.clock import utc_now
from kerege.exchange.described import Described
from kerege.exchange.http import ClientPool
from kerege.exchange.messagelog import LargeBodies, LogCipher, LogRecord
from kerege.exchange.security_server.built_in import BuiltInService
from kerege.exchange.security_server.chains import Chains
from kerege.exchange.security_server.known_names import KnownNames
from kerege.exchange.security_server.limiting import ClientLimiter
from kerege.exchange.security_server.operational import OperationalRecorder
from kerege.exchange.security_server.over_limits import OverLimits
from kerege.exchange.security_server.own_ocsp import OwnOCSP
from kerege.exchange.security_server.peers import Verifiers
from kerege.exchange.security_server.replays import Replays
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.security_server.shared_rates import RATES_FILE, SharedRates
from kerege.exchange.security_server.signing import SigningContexts
from kerege.exchange.spool import MEMORY_LIMIT, Hashing, Spool
from kerege.exchange.storage.server_configuration import ServerConfiguration
from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId
from kerege.xroad.signature import Signer

PROXY_VERSION = "7.8.0"
"""The version of the protocol that we speak, as ``x-proxy-version`` says it."""


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """Keys, already loaded: the message path never sees a private one."""

    authentication_chain: tuple[x509.Certificate, ...]
    """This server's own certificate, then intermediates, without the root."""
    signers: Mapping[ClientId, Signer]
    """By member."""
    peer_server: ssl.SSLContext
    """For port 5500."""
    peer_client: ssl.SSLContext
    """Towards other security servers."""
    client_side: ssl.SSLContext | None
    """For port 8443."""
    service: ssl.SSLContext
    """Towards services behind HTTPS."""
    internal_certificate: x509.Certificate | None = None
    """What port 8443 shows; a local client that shows the same is let in."""
    log_cipher: LogCipher | None = None
    """Encrypts the message log; None: its key is not to be had."""


class MessageLogPort(Protocol):
    """What the message path asks of the message log."""

    def write(self, record: LogRecord) -> Awaitable[object]:
        """Begin at once; done when the record is durable. Raises ``logging_failed``."""
        ...


class PeerOCSPSource(Protocol):
    """Where a provider's server is asked for its OCSP responses."""

    async def responses(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> tuple[bytes, ...]:
        """Return one response for each certificate. Raises ``internal_error``."""
        ...

    def known(
        self, host: str, certificates: tuple[x509.Certificate, ...], at: datetime
    ) -> tuple[bytes, ...]:
        """Return what is remembered; may be incomplete."""
        ...

    def forget(self, certificates: tuple[x509.Certificate, ...]) -> None:
        """Ask again next time."""
        ...


class Exchange(NamedTuple):
    """One message that passed, for logs, metrics and the live view.

    No personal data: no path after the service code, no query, no body, no user id, and
    of identifiers only what is known (`known_names`).
    """

    side: str
    """``client`` or ``server``."""
    client: str
    service: str
    verdict: str
    """The answer's status, or the fault's code."""
    milliseconds: float
    request_id: str = ""
    fault_detail: str = ""
    request_bytes: int = 0
    """Of the body, as far as it came."""
    response_bytes: int = 0


def new_uuid() -> str:
    """Return a fresh random UUID (RFC 9562, version 4)."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}"
        f"-{digits[20:]}"
    )


@dataclass(slots=True)
class Runtime:
    """The parts of one running server."""

    settings: Settings
    keys: ServerKeys
    configuration: Callable[[], GlobalConf]
    """The current global configuration; raises ``global_conf_outdated``."""
    server_configuration: Callable[[], ServerConfiguration]
    log: MessageLogPort
    own_ocsp: OwnOCSP
    chains: Chains
    peer_ocsp: PeerOCSPSource
    pool: ClientPool
    verifiers: Verifiers
    signing: SigningContexts
    spool_directory: Path
    on_exchange: Callable[[Exchange], None] = field(default=lambda _: None)
    replays: Replays = field(default_factory=Replays)
    built_in_services: Sequence[BuiltInService] = ()
    """SOAP services that this server answers itself."""
    operational: OperationalRecorder | None = None
    """Makes the records of operational monitoring; None if that is switched off."""
    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[], str] = new_uuid
    described: Described = field(default_factory=Described)
    """Services' descriptions that are under way, or have been read."""
    count_over_limit: Callable[[str, str, str], None] = field(
        default=lambda _side, _client, _bound: None
    )
    names: KnownNames = field(init=False)
    """What of a message's identifiers may be told to logs and metrics."""
    limiter: ClientLimiter = field(init=False)
    """Lets clients ask as much as they may."""

    def __post_init__(self) -> None:
        self.names = KnownNames(self.configuration, self.server_configuration)
        self.limiter = ClientLimiter(
            self.settings,
            self.server_configuration,
            SharedRates(self.spool_directory / RATES_FILE),
            OverLimits(self.names.client, self.count_over_limit),
        )

    def new_spool(
        self,
        digest: Digest = SHA512,
        memory_limit: int = MEMORY_LIMIT,
        *watching: Hashing,
    ) -> Spool:
        """Return an empty spool for a body, hashed with ``digest``, and watched."""
        return Spool(
            self.spool_directory,
            digest.new(),
            *watching,
            memory_limit=memory_limit,
            hides=self.settings.message_log.encrypt_bodies,
        )

    def new_log_spool(self) -> Spool:
        """Return an empty spool for a body that is sent on while it arrives.

        It is of use to the message log only, and there up to a size.
        """
        chosen = self.settings.message_log
        most: int | None = chosen.largest_logged_body_bytes
        if chosen.larger_bodies == LargeBodies.TRUNCATE.value:
            most = None  # their beginning is logged
        return Spool(
            self.spool_directory,
            SHA512.new(),
            useful_bytes=most,
            hides=chosen.encrypt_bodies,
        )

    def require_current_configuration(self) -> GlobalConf:
        """Return the global configuration. Raises ``global_conf_outdated``."""
        configuration = self.configuration()
        configuration.require_current(self.clock())
        return configuration
