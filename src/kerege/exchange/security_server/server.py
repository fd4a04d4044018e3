"""A running Security Server: opens what it needs, listens, keeps things fresh, stops.

The order of starting is the order of needing: database, message log, global
configuration, OCSP responses, then the ports. It stops the other way round, after
finishing what it has accepted.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Self

import aiohttp
import structlog
from cryptography import x509

from kerege.exchange.clock import utc_now
from kerege.exchange.configuration import (
    ConfigurationClient,
    ConfigurationSettings,
    LocalConfiguration,
)
from kerege.exchange.http import ClientPool, Handler, Limits, MethodHook, Server, serve
from kerege.exchange.messagelog import MessageLog
from kerege.exchange.messagelog.archive_job import ArchiveJob
from kerege.exchange.messagelog.archiver import Archiver
from kerege.exchange.ocsp import OcspFetcher, OcspStore, http_transport
from kerege.exchange.security_server.chains import Chains
from kerege.exchange.security_server.client_port import ClientPort
from kerege.exchange.security_server.downloads import Downloads
from kerege.exchange.security_server.logging_setup import open_log
from kerege.exchange.security_server.ocsp_port import OCSPPort
from kerege.exchange.security_server.own_ocsp import OwnOCSP
from kerege.exchange.security_server.peer_ocsp import PeerOCSP
from kerege.exchange.security_server.peer_port import PeerPort
from kerege.exchange.security_server.peers import Verifiers
from kerege.exchange.security_server.replays import make_replays
from kerege.exchange.security_server.runtime import (
    Exchange,
    Runtime,
    ServerKeys,
)
from kerege.exchange.security_server.settings import Settings, split_address
from kerege.exchange.security_server.signing import SigningContexts
from kerege.exchange.spool import only_process, remove_leftovers
from kerege.exchange.storage import Database, open_database
from kerege.exchange.storage.server_configuration import (
    ServerConfiguration,
    load_server_configuration,
)
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf

RELOAD_SECONDS = 3.0
"""How soon a change of clients, services and rights is noticed."""
START_TIMEOUT_SECONDS = 30.0
"""Longest wait for a first global configuration."""
OCSP_START_SECONDS = 10.0
"""Longest wait for first OCSP responses; without, messages fail and say why."""

_log = structlog.get_logger(__name__)

CurrentConfiguration = Callable[[], GlobalConf]
"""Gives the snapshot that a message begins with; raises ``global_conf_outdated``."""
MakeKeys = Callable[[Callable[[], "list[x509.Certificate]"]], ServerKeys]
"""Builds the keys, given where intermediate CA certificates come from."""


class SecurityServer:
    """One server. Use it as an async context manager, or `start` and `stop` it."""

    def __init__(
        self,
        settings: Settings,
        make_keys: MakeKeys,
        *,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Do nothing yet.

        Args:
            settings: Read with `load_settings`.
            make_keys: From the rooms that may touch keys: the command line, the
                sandbox.
            on_exchange: Hears of every message that passed.
            clock: Tells the time.
        """
        self._settings = settings
        self._make_keys = make_keys
        self._on_exchange = on_exchange
        self._clock = clock
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[Server] = []
        self._rights: ServerConfiguration | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open everything and listen.

        Raises:
            XRoadError: no global configuration can be had, the database cannot be
                opened, keys are missing, a server with these settings runs already.
            OSError: an address cannot be listened on.
        """
        settings = self._settings
        self._stack.enter_context(only_process(settings.lock_file))
        spool = settings.path(settings.spool)
        remove_leftovers(spool)
        database = await self._open_database()
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        )
        configuration = await self._start_configuration()
        keys = self._make_keys(lambda: _intermediates(configuration))
        ocsp = await self._start_ocsp(configuration, keys, session)
        log = await self._start_log(database, configuration)
        own_ocsp = OwnOCSP(ocsp.response_by_hash)
        chains = Chains(configuration)
        pool = ClientPool()
        self._stack.push_async_callback(pool.close)
        runtime = Runtime(
            settings=settings,
            keys=keys,
            configuration=configuration,
            server_configuration=self._current_rights,
            log=log,
            own_ocsp=own_ocsp,
            chains=chains,
            peer_ocsp=PeerOCSP(
                session, settings.peers.ocsp_port, settings.peers.ocsp_timeout_seconds
            ),
            pool=pool,
            verifiers=Verifiers(configuration),
            signing=SigningContexts(keys.signers, chains.of_own, own_ocsp),
            spool_directory=spool,
            on_exchange=self._on_exchange,
            replays=make_replays(settings.security, database),
            clock=self._clock,
        )
        await self._listen(runtime, log, ocsp)

    async def stop(self) -> None:
        """Finish what was accepted, then close everything."""
        for server in self._servers:
            await server.close()
        self._servers.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._stack.aclose()

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are listened on, in the order of `Listen`."""
        return tuple(server.port for server in self._servers)

    async def _open_database(self) -> Database:
        database = await asyncio.to_thread(open_database, self._settings.database_url)
        self._stack.callback(database.close)
        self._rights = await asyncio.to_thread(load_server_configuration, database)
        self._run(self._keep_rights(database))
        return database

    async def _start_log(
        self, database: Database, configuration: CurrentConfiguration
    ) -> MessageLog:
        log = await self._stack.enter_async_context(
            open_log(
                self._settings,
                database,
                configuration,
                self._current_rights,
                self._clock,
            )
        )
        self._run(log.job.run())
        archiver = Archiver(database, log.policy, clock=self._clock)
        self._run(ArchiveJob(archiver, log.policy).run())
        return log

    def _current_rights(self) -> ServerConfiguration:
        if self._rights is None:
            raise RuntimeError("The server has not been started")
        return self._rights

    async def _start_configuration(self) -> CurrentConfiguration:
        """Return where the current configuration comes from: a client, or a folder."""
        chosen = self._settings.configuration
        if not chosen.anchor:
            folder = self._settings.path(chosen.directory)
            local = LocalConfiguration(folder, clock=self._clock)
            await local.reload()
            self._run(local.run())
            return local.current
        client = ConfigurationClient(
            self._settings.path(chosen.anchor),
            ConfigurationSettings(
                directory=self._settings.path(chosen.directory),
                allowed_federations=chosen.allowed_federations,
                update_interval_seconds=chosen.update_interval_seconds,
            ),
            clock=self._clock,
        )
        self._stack.push_async_callback(client.aclose)
        try:
            client.load()
            client.current().require_current(self._clock())
        except XRoadError as not_current:
            await self._first_update(client, not_current)
        self._run(client.run())
        return client.current

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

    async def _start_ocsp(
        self,
        configuration: CurrentConfiguration,
        keys: ServerKeys,
        session: aiohttp.ClientSession,
    ) -> OcspFetcher:
        own = [
            keys.authentication_chain[:1],
            [s.certificate for s in keys.signers.values()],
        ]
        fetcher = OcspFetcher(
            sources=configuration,
            certificates=lambda: [c for group in own for c in group],
            transport=http_transport(session),
            store=OcspStore(self._settings.path("ocsp")),
            clock=self._clock,
        )
        try:
            async with asyncio.timeout(OCSP_START_SECONDS):
                await fetcher.refresh()
        except TimeoutError:
            _log.warning("starting without OCSP responses", waited=OCSP_START_SECONDS)
        self._run(fetcher.run())
        return fetcher

    def _run(self, work: Coroutine[object, object, None]) -> None:
        """Keep a task for as long as the server runs."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

    async def _keep_rights(self, database: Database) -> None:
        """Notice changes of the server configuration."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                self._rights = await asyncio.to_thread(
                    load_server_configuration, database
                )
            except Exception as error:  # noqa: BLE001 - keep the last good one
                _log.warning("server configuration not reloaded", reason=str(error))

    async def _listen(
        self, runtime: Runtime, log: MessageLog, ocsp: OcspFetcher
    ) -> None:
        listen, keys = self._settings.listen, runtime.keys
        files = self._settings.path(self._settings.configuration.directory)
        downloads = Downloads(runtime, log, files)
        client = ClientPort(runtime, downloads.by_path())
        unknown = client.unknown_method
        await self._serve(listen.client_http, client.handle, None, unknown)
        if keys.client_side is not None:
            await self._serve(
                listen.client_https, client.handle, keys.client_side, unknown
            )
        await self._serve(listen.peer, PeerPort(runtime).handle, keys.peer_server)
        await self._serve(listen.ocsp, OCSPPort(ocsp.response_by_hash).handle, None)

    async def _serve(
        self,
        address: str,
        handler: Handler,
        context: ssl.SSLContext | None,
        on_unknown_method: MethodHook | None = None,
    ) -> None:
        if not address:
            return
        host, port = split_address(address)
        chosen = self._settings.limits
        limits = Limits(
            head_bytes=chosen.header_bytes,
            head_seconds=chosen.header_seconds,
            idle_seconds=chosen.idle_seconds,
            body_stall_seconds=chosen.stall_seconds,
            connections=chosen.connections,
        )
        server = await serve(
            handler,
            host,
            port,
            ssl=context,
            limits=limits,
            on_unknown_method=on_unknown_method,
            add_date=True,
        )
        self._servers.append(server)


def _intermediates(configuration: CurrentConfiguration) -> list[x509.Certificate]:
    conf = configuration()
    return [
        certificate
        for authority in conf.trust(conf.instance).authorities
        for certificate in authority.intermediates
    ]
