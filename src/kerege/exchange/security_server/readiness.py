"""Whether a server can exchange messages now, and what is missing if it cannot."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from cryptography import x509
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.messagelog import MessageLog
from kerege.exchange.security_server.runtime import Runtime
from kerege.exchange.storage import Database
from kerege.exchange.storage.database import database_error
from kerege.xroad.faults import XRoadError
from kerege.xroad.x509 import subject_text

DATABASE_SECONDS = 2.0
"""A database that takes longer for nothing cannot be worked with."""


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
        return [*found, *await self._database()]

    def _configuration(self) -> Iterable[Problem]:
        try:
            self.runtime.require_current_configuration()
        except XRoadError as error:
            yield Problem(
                f"Global configuration: {error.message}",
                error.advice or "Can this machine reach the configuration source?",
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
