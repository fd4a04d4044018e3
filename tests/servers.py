"""Real Security Servers in the test's own process, on loopback.

Sockets, TLS, HTTP, signatures, verification, spools: all real. Handed in: keys, the
global configuration, clients and services, OCSP responses, the clock, the ids and the
message log (in memory unless asked for the real one).

One server, of whatever the test chooses::

    server = TestServer(folder, identifier, identity, signers, global_conf, rights, ocsp)
    async with server:
        answer = await call(server.host, server.ports.client, b"GET /r1/... ")

Two servers of a sandbox instance and a service, which is what most tests want::

    async with Pair(tmp_path) as pair:
        pair.offer("echo")                      # at pair.service, open to pair.client
        answer = await pair.send("GET", "echo/path")
        assert pair.service.requests[0].target == "/path"

Everything on a `TestServer` may be changed while it runs: ``server.global_conf``,
``server.rights``, ``server.clock.now``, ``server.ids``, ``server.ocsp``,
``server.log.error``. What happened: ``server.log.records``, ``server.exchanges``.
Other members, maintenance, expiry: `Instance.shared_parameters` and `global_conf`.
Clients, groups, HTTPS: ``rights`` and ``registered`` of `tests.server_parts`.

A stranger on port 5500: ``await server.peer_call(raw, identity)``. A stranger in the
place of the provider's server: ``RawServer(..., ssl=peer_server_context(identity))``
of `tests.wire`, with ``pair.consumer.peer_port`` set before the pair starts.
Certificates for strangers: ``pair.instance.identity(...)``; values are cached for the
whole run, as making RSA keys is slow.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from kerege.exchange.http import ClientLimits, ClientPool, Limits, Server, serve
from kerege.exchange.messagelog import LogCipher, LogKey, LogRecord
from kerege.exchange.security_server.chains import Chains
from kerege.exchange.security_server.client_port import ClientPort
from kerege.exchange.security_server.logging_setup import open_log
from kerege.exchange.security_server.metaservices import SoapMetaservices
from kerege.exchange.security_server.ocsp_port import OCSPPort
from kerege.exchange.security_server.operational import OperationalRecorder
from kerege.exchange.security_server.own_ocsp import OwnOCSP
from kerege.exchange.security_server.peer_ocsp import PeerOCSP
from kerege.exchange.security_server.peer_port import PeerPort
from kerege.exchange.security_server.peers import Verifiers
from kerege.exchange.security_server.runtime import (
    PROXY_VERSION,
    Exchange,
    Runtime,
    ServerKeys,
)
from kerege.exchange.security_server.settings import Peers, Settings
from kerege.exchange.security_server.signing import SigningContexts
from kerege.exchange.storage import open_database
from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    Endpoint,
    ServerConfiguration,
    Service,
    ServiceType,
)
from kerege.exchange.tls import (
    Identity,
    client_side_context,
    peer_client_context,
    peer_server_context,
    service_context,
)
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.opmonitoring import OperationalRecord
from kerege.xroad.signature import Signer
from tests.instances import Instance, Signing, sandbox_instance
from tests.server_parts import (
    Clock,
    Ids,
    MemoryLog,
    Ports,
    Responses,
    rights,
    with_timestamping,
)
from tests.wire import Http, RawServer, answer, call, request

OK = answer(body=b"ok")
LOG_CIPHER = LogCipher([LogKey.new()])
"""Of every test server's message log."""
GRACE_SECONDS = 1.0
"""How long a stopping server waits for answers under way."""


@dataclass
class TestServer:
    """One Security Server. Fields may be changed before it starts and while it runs."""

    __test__ = False  # not a class of tests

    folder: Path
    """An empty folder for spools and, with ``real_log``, the database."""
    server_id: SecurityServerId
    identity: Identity
    """Authentication certificate, intermediates, key: for port 5500 and as a client."""
    signers: Mapping[ClientId, Signer]
    """By member."""
    global_conf: GlobalConf
    rights: ServerConfiguration
    ocsp: Responses
    clock: Clock
    ids: Ids = field(default_factory=Ids)
    log: MemoryLog = field(default_factory=MemoryLog)
    host: str = "127.0.0.1"
    peer_port: int = 1
    """Port 5500 of the other servers; set it before this one starts."""
    peer_ocsp_port: int = 1
    """Port 5577 of the other servers; likewise."""
    internal: Identity | None = None
    """For port 8443 and towards services; the authentication identity if None."""
    settings: Settings | None = None
    """Set before the start; identifier, folder and peers' ports are filled in."""
    limits: Limits = field(default_factory=lambda: Limits(idle_seconds=5.0))
    """Of every port."""
    pool_limits: ClientLimits = field(default_factory=ClientLimits)
    """Towards peers and services."""
    real_log: bool = False
    """Log into SQLite (without time-stamping) instead of into `log`."""
    exchanges: list[Exchange] = field(default_factory=list)
    """What the server told of each message."""
    operational: list[OperationalRecord] = field(default_factory=list)
    """Its records of operational monitoring."""
    runtime: Runtime = field(init=False)
    ports: Ports = field(init=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def peer_call(self, data: bytes, identity: Identity) -> Http:
        """Send bytes to port 5500 with a client certificate; return the answer."""
        context = peer_client_context(identity)
        return await call(self.host, self.ports.peer, data, ssl=context)

    async def client_call(self, data: bytes) -> Http:
        """Send bytes to port 8080; return the answer."""
        return await call(self.host, self.ports.client, data)

    async def _start(self) -> None:
        runtime = self.runtime = await self._make_runtime()
        runtime.built_in_services = (SoapMetaservices(runtime),)
        client_port = ClientPort(runtime, {})
        client = client_port.handle
        hook = client_port.unknown_method
        ocsp = OCSPPort(self._response_by_hash).handle
        keys = runtime.keys
        listening = [
            await self._listen(client, on_unknown_method=hook),
            await self._listen(client, on_unknown_method=hook, ssl=keys.client_side),
            await self._listen(PeerPort(runtime).handle, ssl=keys.peer_server),
            await self._listen(ocsp),
        ]
        self.ports = Ports(*(server.port for server in listening))

    async def _listen(self, handler, **options) -> Server:
        server = await serve(
            handler, self.host, 0, limits=self.limits, add_date=True, **options
        )
        self._stack.push_async_callback(server.close, GRACE_SECONDS)
        return server

    async def _make_runtime(self) -> Runtime:
        pool = ClientPool(self.pool_limits)
        fetching = ClientPool()
        for each in (pool, fetching):
            self._stack.push_async_callback(each.close)
        settings = self.settings = self._settings()
        spool = self.folder / "spool"
        spool.mkdir(parents=True, exist_ok=True)
        keys = self._keys()
        own_ocsp = OwnOCSP(self._response_by_hash)
        chains = Chains(lambda: self.global_conf)
        return Runtime(
            settings=settings,
            keys=keys,
            configuration=lambda: self.global_conf,
            server_configuration=lambda: self.rights,
            log=await self._open_log(settings),
            own_ocsp=own_ocsp,
            chains=chains,
            peer_ocsp=PeerOCSP(fetching, settings.peers.ocsp_port, 5.0),
            pool=pool,
            verifiers=Verifiers(lambda: self.global_conf),
            signing=SigningContexts(
                keys.signers,
                lambda certificate: chains.without_root(
                    certificate, self.global_conf.instance
                ),
                own_ocsp,
                settings,
            ),
            spool_directory=spool,
            on_exchange=self.exchanges.append,
            operational=OperationalRecorder(
                lambda note: self.operational.append(note.record()),
                self.server_id,
                lambda: self.global_conf,
                lambda: self.rights,
                PROXY_VERSION,
                self.host,
            ),
            clock=self._time,
            new_id=self._new_id,
        )

    # Asked each time, so that a test may replace what stands behind them.

    def _time(self) -> datetime:
        return self.clock()

    def _new_id(self) -> str:
        return self.ids()

    def _response_by_hash(self, digest: bytes) -> bytes | None:
        return self.ocsp.response_by_hash(digest)

    def _settings(self) -> Settings:
        chosen = self.settings or Settings()
        peers = replace(
            chosen.peers if self.settings else Peers(connect_timeout_seconds=5.0),
            port=self.peer_port,
            ocsp_port=self.peer_ocsp_port,
        )
        return replace(
            chosen,
            identifier=self.server_id.path,
            peers=peers,
            directory=self.folder,
        )

    def _keys(self) -> ServerKeys:
        internal = self.internal or self.identity
        return ServerKeys(
            authentication_chain=self.identity.certificates,
            signers=self.signers,
            peer_server=peer_server_context(self.identity),
            peer_client=peer_client_context(self.identity),
            client_side=client_side_context(internal),
            service=service_context(internal, verify=False),
            internal_certificate=internal.certificates[0],
            log_cipher=LOG_CIPHER,
        )

    async def _open_log(self, settings: Settings):
        if not self.real_log:
            return _Delegate(self)
        database = open_database(settings.database_url)
        self._stack.callback(database.close)
        made = open_log(
            settings,
            database,
            lambda: self.global_conf,
            lambda: with_timestamping(self.rights),
            self._time,
            cipher=LOG_CIPHER,
        )
        return await self._stack.enter_async_context(made)


@dataclass(frozen=True)
class _Delegate:
    """Writes to whatever log the server has now."""

    server: TestServer

    async def write(self, record: LogRecord) -> None:
        await self.server.log.write(record)


class Pair:
    """A consumer's and a provider's server of one sandbox instance, and a service.

    Args:
        folder: An empty folder.
        instance: Who is in the instance; see `tests.instances`.
        service_answer: What the service answers; see `RawServer`.

    ``consumer`` and ``provider`` are `TestServer`s and exist before the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        instance: Instance | None = None,
        service_answer: bytes | Callable[[Http], bytes] | None = OK,
    ) -> None:
        self.instance = instance or sandbox_instance()
        self.service = RawServer(service_answer)
        self.clock = Clock(self.instance.at)
        self.client = self.instance.consumer.clients[0]
        """Who `send` speaks for unless told otherwise."""
        self.provider_client = self.instance.provider.clients[0]
        """Whose services `offer` adds unless told otherwise."""
        self.consumer = self._server(folder / "consumer", self.instance.consumer)
        self.provider = self._server(folder / "provider", self.instance.provider)
        self._offered: dict[ServiceId, tuple[Service, tuple[AccessRight, ...]]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.service)
            await self._stack.enter_async_context(self.provider)
            if self.consumer.peer_port == 1:
                self.consumer.peer_port = self.provider.ports.peer
            if self.consumer.peer_ocsp_port == 1:
                self.consumer.peer_ocsp_port = self.provider.ports.ocsp
            await self._stack.enter_async_context(self.consumer)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def offer(
        self,
        code: str,
        *,
        url: str | None = None,
        provider: ClientId | None = None,
        to: Iterable[ClientId] | None = None,
        endpoint: Endpoint = WHOLE_SERVICE,
        **changes: object,
    ) -> ServiceId:
        """Add a service of the provider, or replace it.

        Args:
            code: Its code.
            url: Where it is; `service` unless told otherwise.
            provider: Whose it is.
            to: Who may call it; all clients of the consumer's server by default.
            endpoint: What of it they may call.
            changes: Other fields of `Service`, e.g. ``type=ServiceType.WSDL``.
        """
        owner = provider or self.provider_client
        service_id = ServiceId(
            owner.instance,
            owner.member_class,
            owner.member_code,
            owner.subsystem_code,
            code,
        )
        service = Service(
            service_id,
            ServiceType.REST,
            self.service.url if url is None else url,
            timeout_seconds=10,
            verify_tls=False,
        )
        subjects = self.instance.consumer.clients if to is None else to
        access = tuple(AccessRight(owner, code, endpoint, one) for one in subjects)
        self._offered[service_id] = (replace(service, **changes), access)
        self.provider.rights = rights(
            self.instance.provider.clients,
            (offered for offered, _ in self._offered.values()),
            (one for _, granted in self._offered.values() for one in granted),
        )
        return service_id

    async def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Http:
        """Send a REST message to the consumer's server.

        Args:
            method: The HTTP method.
            path: Service code, path, query; with a leading slash the whole target.
            headers: X-Road-Client is `client` unless given; None leaves it out.
            body: Sent with Content-Length.
        """
        if not path.startswith("/"):
            path = f"/r1/{self.provider_client.path}/{path}"
        chosen = {"X-Road-Client": self.client.path, **(headers or {})}
        given = {n: v for n, v in chosen.items() if v is not None}
        return await self.consumer.client_call(request(method, path, given, body))

    def _server(self, folder: Path, signing: Signing) -> TestServer:
        instance = self.instance
        folder.mkdir()
        own = (*signing.identity.certificates, signing.signer.certificate)
        return TestServer(
            folder=folder,
            server_id=signing.server_id,
            identity=signing.identity,
            signers={signing.server_id.owner: signing.signer},
            global_conf=instance.global_conf(),
            rights=rights(signing.clients),
            ocsp=Responses(lambda c: instance.ocsp_response(c, self.clock()), own),
            clock=self.clock,
        )
