"""What is examined: one server's folder, and everything that checks share.

What several checks need (the token's list, the global configuration, the database, the
answers of responders) is read or asked once, by whoever needs it first. A check that
owns such a thing tells why it cannot be had; the others say nothing about what they
cannot know.

Nothing here writes: neither to disk, nor to the database, nor to another server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from kerege.exchange.clock import utc_now
from kerege.exchange.configuration import load_directory
from kerege.exchange.doctor.asking import Asker
from kerege.exchange.doctor.background import in_daemon
from kerege.exchange.doctor.downloading import Download, downloads
from kerege.exchange.doctor.ocsp_answers import OcspAnswer, ask_responders
from kerege.exchange.doctor.process import Running, running_server
from kerege.exchange.doctor.token import InternalSeen, TokenSeen
from kerege.exchange.doctor.tsa_answers import TsaAnswer, ask_authorities
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.storage.database import database_error
from kerege.exchange.storage.read_only import open_read_only
from kerege.exchange.storage.server_configuration import (
    ServerConfiguration,
    load_server_configuration,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf

T = TypeVar("T")


class KeyReader(Protocol):
    """Reads what may be known of keys. From the rooms that touch keys."""

    @property
    def has_pin(self) -> bool:
        """Whether `open` can be called."""
        ...

    def open(self, settings: Settings) -> Mapping[str, XRoadError]:
        """Open the token with the PIN, and forget what was in it.

        Returns why keys could not be opened, by id. Raises ``pin_incorrect``.
        """
        ...

    def token(self, settings: Settings, at: datetime) -> TokenSeen:
        """Return the token's keys and certificates.

        Raises ``token_not_found``, ``malformed_key_conf``, ``token_not_available``.
        """
        ...

    def internal(self, settings: Settings) -> InternalSeen | None:
        """Return the certificate of port 8443; None if there is no key yet.

        Raises ``malformed_key_conf`` if key and certificate cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the doctor waits, and from when on it warns."""

    check_seconds: float = 30.0
    """A whole check: some ask several servers one after the other."""
    request_seconds: float = 8.0
    """One question to one server; who needs longer is as good as away."""
    slow_seconds: float = 2.0
    """An OCSP responder or a TSA is slow from here on; usual are 0.1 seconds."""
    month_days: float = 30.0
    """A certificate's last month: a CA may take weeks."""
    clock_seconds: float = 10.0
    """Clocks are apart from here on; HTTP tells whole seconds."""
    clock_error_seconds: float = 60.0
    """From here on messages fail."""
    peers: int = 40
    """Other servers that are asked, at most."""


class Once(Generic[T]):
    """Something that is had once, for all who ask."""

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        """Do nothing yet."""
        self._make = make
        self._task: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """Return it. Raises what making it raised, each time."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._make())
        return await asyncio.shield(self._task)

    async def known(self) -> T | None:
        """Return it, or None if it cannot be had: its own check says why."""
        try:
            return await self.get()
        except (XRoadError, OSError):
            return None

    async def drop(self) -> None:
        """Stop what nobody waits for any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


@dataclass
class Examination:
    """One server, looked at from the outside."""

    config: Path
    """The settings file."""
    settings: Settings
    keys: KeyReader
    asker: Asker
    clock: Callable[[], datetime] = utc_now
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Prepare what is had once."""
        self.token = Once(lambda: in_daemon(self._token))
        self.on_disk = Once(lambda: in_daemon(self._on_disk))
        self.rights = Once(lambda: in_daemon(self._rights))
        self.running: Once[Running | None] = Once(
            lambda: in_daemon(running_server, self.settings)
        )
        self.downloads: Once[tuple[Download, ...]] = Once(
            lambda: downloads(self.settings, self.asker, self.clock)
        )
        self.configuration = Once(self._configuration)
        self.ocsp_answers = Once(self._ocsp_answers)
        self.tsa_answers = Once(self._tsa_answers)

    def path(self, name: str) -> Path:
        """Return a path of the settings file."""
        return self.settings.path(name)

    async def close(self) -> None:
        """Stop what is still under way."""
        for once in (
            *(self.token, self.on_disk, self.rights, self.running, self.downloads),
            *(self.configuration, self.ocsp_answers, self.tsa_answers),
        ):
            await once.drop()

    def _token(self) -> TokenSeen:
        return self.keys.token(self.settings, self.clock())

    def _on_disk(self) -> GlobalConf:
        return load_directory(self.path(self.settings.configuration.directory))

    def _rights(self) -> ServerConfiguration:
        database = open_read_only(self.settings.database_url)
        try:
            return load_server_configuration(database)
        except SQLAlchemyError as error:
            raise database_error("read the server configuration", error) from error
        finally:
            database.close()

    async def _configuration(self) -> GlobalConf:
        """Return what is on disk if it is current, else what was downloaded now.

        Raises what reading the disk raised if there is neither.
        """
        on_disk = await self.on_disk.known()
        if on_disk is not None and on_disk.expires >= self.clock():
            return on_disk
        for download in await self.downloads.get():
            if download.configuration is not None:
                return download.configuration
        return on_disk or await self.on_disk.get()

    async def _ocsp_answers(self) -> tuple[OcspAnswer, ...]:
        token = await self.token.get()
        configuration = await self.configuration.get()
        return await ask_responders(token.in_use, configuration, self.asker, self.clock)

    async def _tsa_answers(self) -> tuple[TsaAnswer, ...]:
        rights = await self.rights.get()
        configuration = await self.configuration.get()
        urls = [service.url for service in rights.timestamping_services]
        certificates = configuration.tsa_certificates(configuration.instance)
        return await ask_authorities(urls, certificates, self.asker)
