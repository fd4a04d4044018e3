"""What is logged, and how the log is set up.

Source: X-Road 7.8, `MessageLogProperties.java`, `LogManager.java`; ug-syspar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

from kerege.exchange.messagelog.encryption_keys import ArchiveEncryption
from kerege.exchange.messagelog.sealing import LogCipher
from kerege.exchange.spool import Spool
from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.asic import Direction
from kerege.xroad.identifiers import ClientId, ServiceId


class LargeBodies(Enum):
    """What to do with a body above `LogPolicy.max_body_bytes`."""

    DIGEST_ONLY = "digest-only"
    """Log its digest and size; the signature proves the rest. Our default."""
    TRUNCATE = "truncate"
    """Log its beginning; the container then does not verify."""
    REFUSE = "refuse"
    """Fail the message with ``logging_failed``, as the reference does by default."""


class Grouping(Enum):
    """What of the archives has a chain of its own."""

    NONE = "none"
    """All messages together."""
    MEMBER = "member"
    """Those of each member of this server."""
    SUBSYSTEM = "subsystem"
    """Those of each subsystem, and those of each member itself."""


class LogRecord(NamedTuple):
    """A signed message on its way into the log."""

    direction: Direction
    client_side: bool
    """Whether this server is the client's; else it is the provider's."""
    query_id: str
    x_request_id: str
    client_id: ClientId
    """The client that the message names."""
    service_id: ServiceId
    """The service that the message names."""
    message: bytes
    """The SOAP envelope, or the REST block."""
    signature: bytes
    """The signature document."""
    time: datetime
    """When it was logged, aware."""
    hash_chain_result: bytes | None = None
    hash_chain: bytes | None = None
    body: Spool | None = None
    """The REST body, finished; an empty one is not logged."""
    attachments: Sequence[Spool] = ()
    """SOAP attachments, finished; logged only where there is no hash chain."""

    @property
    def owner(self) -> ClientId:
        """The party on this server's side: downloads and archives go by it."""
        return self.client_id if self.client_side else self.service_id.client_id

    @property
    def loggable(self) -> tuple[Spool, ...]:
        """What is logged beside the message, as /attachment1, /attachment2, ..."""
        if self.body is not None:
            return (self.body,) if self.body.size else ()
        return tuple(self.attachments) if self.hash_chain is None else ()


@dataclass(frozen=True, slots=True)
class BodyLogging:
    """Whose bodies are logged: everybody's or nobody's, but for listed subsystems.

    A message goes by the subsystem whose service it names.
    """

    enabled: bool = True
    """Of everybody who is in no list."""
    local: frozenset[ClientId] = frozenset()
    """Subsystems of this server whose services are the exception."""
    remote: frozenset[ClientId] = frozenset()
    """Subsystems of others whose services are the exception."""

    def logs(self, record: LogRecord) -> bool:
        """Whether a message's body is logged."""
        exceptions = self.remote if record.client_side else self.local
        is_exception = record.service_id.client_id in exceptions
        return self.enabled is not is_exception


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """How the log works; the defaults are the reference's, except for large bodies."""

    bodies: Path
    """Folder of the files of large bodies. Spools must be in the same file system."""
    archive: Path
    """Folder of the archives."""
    digest: Digest = SHA512
    """Of signatures, time-stamps and archives."""
    max_body_bytes: int = 10 * 1024 * 1024
    """Bodies up to this size are logged whole."""
    large_bodies: LargeBodies = LargeBodies.DIGEST_ONLY
    body_logging: BodyLogging | None = None
    """Whose bodies are not logged at all; None: everybody's are logged."""
    timestamp_immediately: bool = False
    """Whether a message waits for its own time-stamp."""
    timestamp_records_limit: int = 10_000
    """Most records that one time-stamp covers."""
    acceptable_failure_seconds: float = 14_400
    """How long time-stamping may fail before messages are refused; 0 is for ever."""
    retry_delay_seconds: float = 60
    """How long to wait after a failed time-stamp; 0 is the usual interval."""
    archive_max_bytes: int = 32 * 1024 * 1024
    """Size of its containers above which an archive ends."""
    archive_interval_seconds: float = 6 * 3600
    """0 switches archiving off."""
    grouping: Grouping = Grouping.NONE
    archive_encryption: ArchiveEncryption | None = None
    """Of archives and downloads, with OpenPGP; None: they are in clear."""
    transfer_to: Path | None = None
    """Folder that finished archives are moved to; None: they stay."""
    transfer_command: str = ""
    """What is run beside the archives when there are some; empty: nothing."""
    keep_seconds: float = 30 * 86_400
    """How long archived records stay in the database."""
    cipher: LogCipher | None = None
    """Opens what is sealed; without it only records in clear can be read."""
    encrypt: bool = True
    """Whether new records are sealed, if there is a cipher."""

    def recipients(self, client: ClientId | None) -> tuple[str, ...]:
        """Return whom a client's archives and downloads are encrypted for.

        Raises ``validation_error``.
        """
        if self.archive_encryption is None:
            return ()
        if self.grouping is Grouping.NONE:
            client = None
        return self.archive_encryption.recipients(client)

    @property
    def sealing(self) -> LogCipher | None:
        """What new records are sealed with; None: nothing."""
        return self.cipher if self.encrypt else None


class Timestamper(Protocol):
    """Something that can have data time-stamped."""

    @property
    def is_configured(self) -> bool:
        """Whether there is any time-stamping service to ask."""
        ...

    async def stamp(self, data: bytes) -> bytes:
        """Return a time-stamp token over ``data``, DER, with its TSA certificate.

        Raises:
            XRoadError: ``timestamping_failed`` if no service gave one,
                ``mlog.no_timestamping_provider_found`` if there is none.
        """
        ...
