"""What a server needs from outside before it listens: configuration, OCSP responses.

One process of a server fetches (it leads, see `turns`), the others wait for what it
leaves on disk. A single process always leads.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from datetime import datetime

import structlog
from cryptography import x509

from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    LocalConfiguration,
)
from kerege.exchange.files import remove_temporaries
from kerege.exchange.http import ClientPool
from kerege.exchange.ocsp import (
    OcspFetcher,
    OcspStore,
    ResponderHistory,
    http_transport,
)
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.security_server.turns import Turns
from kerege.exchange.spool import remove_leftovers
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf

START_TIMEOUT_SECONDS = 30.0
"""Longest wait for a first global configuration."""
OCSP_START_SECONDS = 10.0
"""Longest wait for first OCSP responses; without, messages fail and say why."""
OCSP_FOLDER = "ocsp"
"""Of the OCSP responses, beside the settings file."""
OCSP_FROM_LEADER_SECONDS = 2.0
"""Longest wait for those that the leader fetches: responders answer in a tenth of it."""
LOOK_SECONDS = 0.2
"""How often a process that follows looks for what the leader fetches at a start."""

CurrentConfiguration = Callable[[], GlobalConf]
"""Gives the snapshot that a message begins with; raises ``global_conf_outdated``."""

_log = structlog.get_logger(__name__)


def clear_leftovers(settings: Settings) -> None:
    """Remove the temporary files of processes that were killed."""
    remove_leftovers(settings.path(settings.spool))
    folders = [settings.directory]
    folders += [settings.path(name) for name in (OCSP_FOLDER, settings.token)]
    if settings.configuration.anchor:  # else another process's
        downloaded = settings.path(settings.configuration.directory)
        folders += [downloaded, *(f for f in downloaded.glob("*") if f.is_dir())]
    for folder in folders:
        remove_temporaries(folder)


class Upkeep:
    """Starts what keeps a server's outside world fresh."""

    def __init__(
        self,
        settings: Settings,
        turns: Turns,
        stack: AsyncExitStack,
        clock: Callable[[], datetime],
    ) -> None:
        """Start nothing yet; what is opened is closed with ``stack``."""
        self._settings = settings
        self._turns = turns
        self._stack = stack
        self._clock = clock
        self._client: ConfigurationClient | None = None

    def last_download(self) -> datetime | None:
        """Return when this process last downloaded the configuration."""
        return self._client.status.last_success if self._client else None

    async def configuration(
        self, run: Callable[[Coroutine[object, object, None]], None]
    ) -> CurrentConfiguration:
        """Return where the current configuration comes from: a client, or a folder.

        Args:
            run: Keeps a task for as long as the server runs.

        Raises:
            XRoadError: none can be had.
            TimeoutError: none came in time.
        """
        chosen = self._settings.configuration
        if not chosen.anchor:
            folder = self._settings.path(chosen.directory)
            local = LocalConfiguration(folder, clock=self._clock)
            await local.reload()
            run(local.run())
            return local.current
        client = self._client = ConfigurationClient(
            self._settings.path(chosen.anchor),
            ConfigurationSettings(
                directory=self._settings.path(chosen.directory),
                allowed_federations=chosen.allowed_federations,
                update_interval_seconds=chosen.update_interval_seconds,
            ),
            clock=self._clock,
        )
        self._stack.push_async_callback(client.aclose)
        self._turns.add(lead=client.run, follow=client.run_following)
        await self._first_configuration(client)
        return client.current

    async def _first_configuration(self, client: ConfigurationClient) -> None:
        """Have a configuration: from the disk, from the leader, from the source."""
        reason = self._why_not_current(client)
        if reason is not None and not self._turns.take():
            reason = await self._from_leader(client, reason)
        if reason is not None:
            await self._first_update(client, reason)

    async def _from_leader(
        self, client: ConfigurationClient, reason: XRoadError
    ) -> XRoadError | None:
        """Wait for what the leader downloads; return why we must do it ourselves."""
        ends = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
        waiting: XRoadError | None = reason
        while waiting is not None and not self._turns.take():
            if asyncio.get_running_loop().time() > ends:
                client.current()  # an old one lets us start, none does not
                _log.warning("starting with an old configuration", reason=str(waiting))
                return None
            await asyncio.sleep(LOOK_SECONDS)
            waiting = self._why_not_current(client)
        return waiting

    def _why_not_current(self, client: ConfigurationClient) -> XRoadError | None:
        try:
            client.load()
            client.current().require_current(self._clock())
        except XRoadError as error:
            return error
        return None

    async def _first_update(
        self, client: ConfigurationClient, reason: XRoadError
    ) -> None:
        """Download, as what lies on disk is missing or old.

        An old one lets the server start: it refuses messages and says why. So does the
        own one alone, if federated instances are slow.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                await client.update()
        except (XRoadError, TimeoutError) as error:
            with contextlib.suppress(XRoadError):
                client.current().require_current(self._clock())
                return
            if reason.code != "global_conf_outdated":
                raise
            _log.warning("starting with an old configuration", reason=str(error))

    async def ocsp(
        self,
        configuration: CurrentConfiguration,
        certificates: Iterable[x509.Certificate],
        pool: ClientPool,
    ) -> OcspFetcher:
        """Return who has OCSP responses for ``certificates``, the server's own."""
        own = tuple(certificates)
        fetcher = OcspFetcher(
            sources=configuration,
            certificates=lambda: own,
            transport=http_transport(pool),
            store=OcspStore(self._settings.path(OCSP_FOLDER)),
            clock=self._clock,
            history=ResponderHistory(self._settings.path(OCSP_FOLDER), self._clock),
        )
        self._turns.add(lead=fetcher.run, follow=fetcher.run_following)
        try:
            async with asyncio.timeout(OCSP_START_SECONDS):
                await self._first_responses(fetcher, own)
        except TimeoutError:
            _log.warning("starting without OCSP responses", waited=OCSP_START_SECONDS)
        return fetcher

    async def _first_responses(
        self, fetcher: OcspFetcher, own: tuple[x509.Certificate, ...]
    ) -> None:
        """Have them from the leader, or ask for them ourselves.

        At a reload with a new certificate the leader is a worker that does not know
        it: who waited for it would begin without a response, and fail messages.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + OCSP_FROM_LEADER_SECONDS
        while not self._turns.take() and loop.time() < ends:
            await fetcher.adopt()
            if all(fetcher.responses_for(certificate) for certificate in own):
                return
            await asyncio.sleep(LOOK_SECONDS)
        await fetcher.refresh()
