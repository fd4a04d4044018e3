"""A running Security Server: opens what it needs, listens, keeps things fresh, stops.

The order of starting is the order of needing: database, message log, configuration,
OCSP responses, then the ports. It stops the other way round, what it accepted first.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Self

import structlog
from cryptography import x509

from kerege.exchange.clock import utc_now
from kerege.exchange.http import ClientPool
from kerege.exchange.messagelog import LogCipher, MessageLog
from kerege.exchange.messagelog.archive_job import ArchiveJob
from kerege.exchange.messagelog.archiver import Archiver
from kerege.exchange.ocsp import OcspFetcher
from kerege.exchange.processes import only_process
from kerege.exchange.security_server.chains import Chains
from kerege.exchange.security_server.client_port import ClientPort
from kerege.exchange.security_server.downloads import Downloads
from kerege.exchange.security_server.listening import Ports
from kerege.exchange.security_server.logging_setup import open_log
from kerege.exchange.security_server.metaservices import SoapMetaservices
from kerege.exchange.security_server.metrics import Metrics
from kerege.exchange.security_server.metrics_files import METRICS_FOLDER, clear
from kerege.exchange.security_server.metrics_state import Sources, keep_measuring
from kerege.exchange.security_server.monitoring import Monitoring
from kerege.exchange.security_server.ocsp_port import OCSPPort
from kerege.exchange.security_server.own_certificates import (
    intermediates,
    own_certificates,
)
from kerege.exchange.security_server.own_ocsp import OwnOCSP
from kerege.exchange.security_server.peer_ocsp import PeerOCSP
from kerege.exchange.security_server.peer_port import PeerPort
from kerege.exchange.security_server.peers import Verifiers
from kerege.exchange.security_server.readiness import Problem, Readiness
from kerege.exchange.security_server.replays import make_replays
from kerege.exchange.security_server.runtime import Exchange, Runtime, ServerKeys
from kerege.exchange.security_server.settings import Settings
from kerege.exchange.security_server.signing import SigningContexts
from kerege.exchange.security_server.turns import Turns
from kerege.exchange.security_server.upkeep import (
    CurrentConfiguration,
    Upkeep,
    clear_leftovers,
)
from kerege.exchange.storage import Database, open_database
from kerege.exchange.storage.server_configuration import (
    ServerConfiguration,
    load_server_configuration,
)

RELOAD_SECONDS = 3.0
"""How soon a change of clients, services and rights is noticed."""
JOBS_LOCK = "jobs.lock"
"""In the spool folder; who holds it does the jobs that one process of a server does."""

_log = structlog.get_logger(__name__)

MakeKeys = Callable[[Callable[[], list[x509.Certificate]]], ServerKeys]
"""Builds the keys, given where intermediate CA certificates come from."""


class SecurityServer:
    """One server. Use it as an async context manager, or `start` and `stop` it."""

    def __init__(
        self,
        settings: Settings,
        make_keys: MakeKeys,
        *,
        sockets: Mapping[str, socket.socket] | None = None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Do nothing yet.

        Args:
            settings: Read with `load_settings`.
            make_keys: From the rooms that may touch keys: the command line, the
                sandbox.
            sockets: What to listen with, by name of the setting, from a supervisor
                that also holds the lock of the spool folder. Without them the server
                is the only process of its folder, and opens its ports itself.
            on_exchange: Hears of every message that passed.
            clock: Tells the time.
        """
        self._settings = settings
        self._make_keys = make_keys
        self._is_alone = sockets is None
        self._on_exchange = on_exchange
        self._clock = clock
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: Turns | None = None
        self._ports = Ports(settings, sockets)
        self._readiness: Readiness | None = None
        self.monitoring: Monitoring | None = None
        self._rights: ServerConfiguration | None = None
        self._database: Database | None = None

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
        spool = self._take_folder()
        metrics = self._open_metrics(spool / METRICS_FOLDER)
        database = await self._open_database()
        fetching = self._open_pool()
        turns = self._start_turns(spool)
        upkeep = Upkeep(settings, turns, self._stack, self._clock)
        configuration = await upkeep.configuration(self._run)
        keys = self._make_keys(lambda: intermediates(configuration))
        own = tuple(own_certificates(keys))
        ocsp = await upkeep.ocsp(configuration, own, fetching)
        log = await self._start_log(database, configuration, turns, keys.log_cipher)
        monitoring = self._monitoring(database, configuration, keys)
        monitoring.start(self._run, turns, metrics.count)
        own_ocsp, chains = OwnOCSP(ocsp.response_by_hash), Chains(configuration)
        runtime = Runtime(
            settings=settings,
            keys=keys,
            configuration=configuration,
            server_configuration=self._current_rights,
            log=log,
            own_ocsp=own_ocsp,
            chains=chains,
            peer_ocsp=self._peer_ocsp(fetching),
            pool=self._open_pool(),
            verifiers=Verifiers(configuration),
            signing=SigningContexts(keys.signers, chains.of_own, own_ocsp, settings),
            spool_directory=spool,
            on_exchange=metrics.before(self._on_exchange),
            operational=monitoring.recorder,
            built_in_services=[monitoring.service],
            replays=make_replays(settings.security, database, metrics.count_replay),
            count_over_limit=metrics.count_over_limit,
            clock=self._clock,
        )
        self._readiness = Readiness(runtime, database, log, own, ocsp.responses_for)
        await self._listen(runtime, log, ocsp, metrics)
        self._measure(metrics, runtime, log, ocsp, upkeep)
        self._run(turns.run())

    async def stop(
        self,
        *,
        finish_seconds: float | None = None,
        patience_seconds: float = 0.0,
    ) -> None:
        """Finish what was accepted, then close everything.

        Args:
            finish_seconds: Longest time for that; by default the setting's.
            patience_seconds: How long connections without a request are left open,
                when another process goes on listening in this one's place.
        """
        if finish_seconds is None:
            finish_seconds = self._settings.limits.finish_seconds
        if self._turns is not None:
            self._turns.resign()
        await self._ports.close(finish_seconds, patience_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._stack.aclose()

    def hurry(self, finish_seconds: float) -> None:
        """Have a `stop` under way take no longer than this, without patience."""
        self._ports.hurry(finish_seconds)

    async def listen_also(self, name: str, sock: socket.socket) -> Callable[[], None]:
        """Accept on another socket for a port; see `Ports.listen_also`."""
        return await self._ports.listen_also(name, sock)

    async def problems(self) -> list[Problem]:
        """Return what keeps messages from passing; empty if nothing does."""
        if self._readiness is None:
            return [Problem("The server is starting", "Wait a moment.")]
        return await self._readiness.problems()

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are listened on, in the order of `Listen`."""
        return self._ports.numbers

    def _take_folder(self) -> Path:
        """Be the spool folder's only process, and remove what others have left."""
        if self._is_alone:
            self._stack.enter_context(only_process(self._settings.lock_file))
        clear_leftovers(self._settings)
        return self._settings.path(self._settings.spool)

    def _monitoring(
        self, database: Database, configuration: CurrentConfiguration, keys: ServerKeys
    ) -> Monitoring:
        settings, rights, clock = self._settings, self._current_rights, self._clock
        made = Monitoring(settings, database, configuration, rights, clock, keys)
        self.monitoring = made
        return made

    def _start_turns(self, spool: Path) -> Turns:
        self._turns = turns = Turns(spool / JOBS_LOCK)
        self._stack.callback(turns.release)
        turns.take()
        return turns

    def _peer_ocsp(self, fetching: ClientPool) -> PeerOCSP:
        peers = self._settings.peers
        return PeerOCSP(fetching, peers.ocsp_port, peers.ocsp_timeout_seconds)

    def _open_pool(self) -> ClientPool:
        pool = ClientPool()
        self._stack.push_async_callback(pool.close)
        return pool

    def _open_metrics(self, folder: Path) -> Metrics:
        if self._is_alone:
            clear(folder)
        metrics = Metrics(folder)
        self._stack.callback(metrics.close)
        return metrics

    async def _open_database(self) -> Database:
        database = await asyncio.to_thread(open_database, self._settings.database_url)
        self._stack.callback(database.close)
        self._database = database
        await self.reload_rights()
        self._run(self._keep_rights())
        return database

    async def _start_log(
        self,
        database: Database,
        configuration: CurrentConfiguration,
        turns: Turns,
        cipher: LogCipher | None,
    ) -> MessageLog:
        log = await self._stack.enter_async_context(
            open_log(
                self._settings,
                database,
                configuration,
                self._current_rights,
                self._clock,
                cipher=cipher,
            )
        )
        turns.add(lead=log.job.run)
        archiver = Archiver(database, log.policy, clock=self._clock)
        turns.add(lead=ArchiveJob(archiver, log.policy).run)
        return log

    def _current_rights(self) -> ServerConfiguration:
        if self._rights is None:
            raise RuntimeError("The server has not been started")
        return self._rights

    def _run(self, work: Coroutine[object, object, None]) -> None:
        """Keep a task for as long as the server runs."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(_note_failure)

    async def reload_rights(self) -> None:
        """Notice a change of clients, services and rights now."""
        if self._database is None:
            raise RuntimeError("The server has not been started")
        self._rights = await asyncio.to_thread(
            load_server_configuration, self._database
        )

    async def _keep_rights(self) -> None:
        """Notice changes of the server configuration."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                await self.reload_rights()
            except Exception as error:  # noqa: BLE001 - keep the last good one
                _log.warning("server configuration not reloaded", reason=str(error))

    async def _listen(
        self, runtime: Runtime, log: MessageLog, ocsp: OcspFetcher, metrics: Metrics
    ) -> None:
        keys = runtime.keys
        files = self._settings.path(self._settings.configuration.directory)
        downloads = Downloads(runtime, log, files)
        metaservices = SoapMetaservices(runtime)
        runtime.built_in_services = (*runtime.built_in_services, metaservices)
        client = ClientPort(runtime, downloads.by_path())
        unknown = client.unknown_method
        await self._ports.open("client_http", client.handle, None, unknown)
        if keys.client_side is not None:
            await self._ports.open(
                "client_https", client.handle, keys.client_side, unknown
            )
        await self._ports.open("peer", PeerPort(runtime).handle, keys.peer_server)
        await self._ports.open("ocsp", OCSPPort(ocsp.response_by_hash).handle, None)
        self._ports.on_refusal(metrics.count_refusal)

    def _measure(
        self,
        metrics: Metrics,
        runtime: Runtime,
        log: MessageLog,
        ocsp: OcspFetcher,
        upkeep: Upkeep,
    ) -> None:
        sources = Sources(
            server=self._settings.identifier,
            keys=lambda: runtime.keys,
            configuration=runtime.configuration,
            ocsp=ocsp.states,
            log=log,
            folders={"spool": runtime.spool_directory, "archive": log.policy.archive},
            connections=self._ports.connections,
            clock=self._clock,
            configuration_success=upkeep.last_download,
            failed_handshakes=self._ports.failed_handshakes,
        )
        self._run(keep_measuring(metrics, sources))


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("unexpected failure", exc_info=error)
