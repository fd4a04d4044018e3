"""Whether a server can exchange messages now, and what is missing if it cannot."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.messagelog import MessageLog
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.storage import Database
from kerege.exchange.storage.database import database_error
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.x509 import subject_text

DATABASE_SECONDS = 2.0
"""A database that takes longer for nothing cannot be worked with."""


NO_ROOM_BYTES = 32 * 1024 * 1024
"""With less than that left, the next large body or burst of records may be refused.
`kerege doctor` warns long before."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps messages from passing."""

    what: str
    """Names the thing."""
    advice: str
    """What to do."""

    def as_dict(self) -> dict[str, str]:
        """Return the form of JSON."""
        return asdict(self)


@dataclass(slots=True)
class Readiness:
    """Looks at what a message needs."""

    runtime: Runtime
    database: Database
    log: MessageLog
    certificates: tuple[x509.Certificate, ...]
    """The server's own: authentication, then signing."""
    ocsp: Callable[[x509.Certificate], bytes | None]
    """Gives the valid response for a certificate."""

    async def problems(self) -> list[Problem]:
        """Return everything that is missing; empty if messages can pass."""
        found = [*self._configuration(), *self._certificates(), *self._log()]
        return [*found, *await self._database(), *await asyncio.to_thread(self._disks)]

    def _configuration(self) -> Iterable[Problem]:
        try:
            configuration = self.runtime.require_current_configuration()
        except XRoadError as error:
            yield Problem(
                f"Global configuration: {error.message}",
                error.advice or "Can this machine reach the configuration source?",
            )
        else:
            yield from self._registration(configuration)

    def _registration(self, configuration: GlobalConf) -> Iterable[Problem]:
        own = self.runtime.settings.server_id
        for certificate in self.runtime.keys.authentication_chain[:1]:
            server = configuration.server_of_auth_certificate(certificate)
            if server != own:
                where = f"for {server.short}" if server else "for no server"
                yield Problem(
                    f"The authentication certificate {subject_text(certificate)} is "
                    f"registered {where} in the global configuration, not for this one",
                    "Other servers refuse this one until it is registered: ask the "
                    "operator of the instance. More: kerege doctor",
                )

    def _certificates(self) -> Iterable[Problem]:
        now = self.runtime.clock()
        if len(self.certificates) < 2:
            yield Problem(
                "No member has a usable signing certificate",
                "See: kerege security-server keys list",
            )
        for certificate in self.certificates:
            name = subject_text(certificate)
            if certificate.not_valid_after_utc < now:
                yield Problem(
                    f"The certificate of {name} has expired",
                    "Import a new one, then: kerege security-server reload",
                )
            elif certificate.not_valid_before_utc > now:
                yield Problem(
                    f"The certificate of {name} is not valid before "
                    f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
                    "Is this machine's clock right? See: kerege doctor",
                )
            elif self.ocsp(certificate) is None:
                yield Problem(
                    f"There is no valid OCSP response for the certificate of {name}",
                    "Does the CA's OCSP responder answer, and is the certificate not "
                    "revoked? The log says why: ocsp_not_renewed.",
                )

    def _log(self) -> Iterable[Problem]:
        try:
            self.log.require_stampable()
        except XRoadError as error:
            yield Problem(error.message, error.advice)

    async def _database(self) -> list[Problem]:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                await asyncio.to_thread(self._ask_database)
        except SQLAlchemyError as error:
            refused = database_error("ask the database", error)
            return [Problem(refused.message, refused.advice)]
        except TimeoutError:
            return [
                Problem(
                    f"The database gave no answer in {DATABASE_SECONDS:g} seconds",
                    "Is it running, and not locked by another program?",
                )
            ]
        return []

    def _ask_database(self) -> None:
        with self.database.read() as connection:
            connection.execute(text("SELECT 1"))

    def _disks(self) -> list[Problem]:
        """Look for room where bodies and the database are."""
        folders = {self.runtime.spool_directory}
        if self.database.is_sqlite and self.database.engine.url.database:
            folders.add(Path(self.database.engine.url.database).parent)
        return [
            Problem(
                f"The disk of {folder} is full",
                "Make room: messages cannot be logged. More: kerege doctor",
            )
            for folder in sorted(folders)
            if not _has_room(folder)
        ]


def _has_room(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True  # whoever writes there says more
    has_files = disk.f_files == 0 or disk.f_favail > 0
    return has_files and disk.f_bavail * disk.f_frsize >= NO_ROOM_BYTES
