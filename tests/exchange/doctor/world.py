"""A sandbox's register server for the doctor, with everything around it for real.

The instance is built once for all tests. Each test gets a copy of the server's folder,
and the services around it (configuration source, OCSP responder, TSA, register, the
message and OCSP ports of the two other servers) on their real addresses::

    async with World(built, tmp_path) as world:
        world.token_file("...").unlink()        # break one thing
        found = await world.examine()
    only(found, "D-KEY-MISSING", "authentication key", "There is no file")

What is to be different from the start is set before the world starts: fields of
`World`, or ``without`` for what is away. Nothing here is slow: no answer waits.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import Connection

from kerege.cli.doctor import TokenReader
from kerege.exchange.doctor import Finding, Limits, Severity, examine
from kerege.exchange.http import Request, serve
from kerege.exchange.keys import CertificateStatus, KeyUsage, Pin, SoftwareToken
from kerege.exchange.keys.signer import SoftwareSigner
from kerege.exchange.processes import only_process
from kerege.exchange.security_server.ocsp_port import OCSPPort
from kerege.exchange.storage import open_database
from kerege.exchange.supervisor.operators import address_in
from kerege.exchange.tls import Identity, load_identity, peer_server_context
from kerege.sandbox.builder import Instance
from kerege.sandbox.central import (
    ConfigurationPublisher,
    save_anchor,
    shared_parameters,
)
from kerege.sandbox.layout import (
    BANK,
    PORTAL,
    REGISTER,
    TRUST_ADDRESS,
    Files,
    MemberPlan,
)
from kerege.sandbox.people import register
from kerege.sandbox.provider import provider_application
from kerege.trust.key_kinds import PrivateKey
from kerege.trust.ocsp_responder import (
    ocsp_application,
    ocsp_authorities,
    ocsp_response,
)
from kerege.trust.tsa import time_stamping_unit, tsa_application
from kerege.xroad.globalconf import SharedParameters
from kerege.xroad.ocsp import ocsp_request

PATIENT = Limits(check_seconds=120.0, request_seconds=60.0, slow_seconds=60.0)
"""The machine of a test may be busy: nothing is slow unless a test says so."""
DAY = timedelta(days=1)
READY: dict[str, object] = {"ready": True, "logged_in": True, "workers": []}
"""What a server that can pass messages says of itself."""


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Built:
    """An instance on disk, and what the other servers need."""

    files: Files
    pin: str
    instance: Instance
    """Loaded once: reading RSA keys takes a tenth of a second each."""
    identities: dict[str, Identity]
    """Of the other servers, by server code."""


def identity_of(files: Files, member: MemberPlan, instance: Instance) -> Identity:
    """Open a server's token and return what it shows in TLS."""
    token = SoftwareToken.open(files.server(member) / "token")
    token.login(files.pin.read_text())
    key = token.authentication_key(intermediates=instance.ca.chain)
    return load_identity(key.chain, key.private_key)


def own_copy(instance: Instance) -> Instance:
    """Return the instance with registers of issued certificates of its own."""
    ca = instance.ca
    authorities = {
        name: replace(
            authority,
            register={
                serial: replace(issued) for serial, issued in authority.register.items()
            },
        )
        for name, authority in (("root", ca.root), ("intermediate", ca.intermediate))
    }
    ca = replace(ca, **authorities)
    return replace(instance, ca=ca, central=replace(instance.central, ca=ca))


@dataclass
class World:
    """One server's folder, and everything around it."""

    built: Built
    root: Path
    without: set[str] = field(default_factory=set)
    """Of: configuration, ocsp, tsa, register, SS1, SS1-ocsp, SS3, SS3-ocsp."""
    change_shared: Callable[[SharedParameters], SharedParameters] = lambda s: s
    clocks: dict[str, Callable[[], datetime]] = field(default_factory=dict)
    """Of configuration, ocsp, tsa."""
    applications: dict[str, web.Application] = field(default_factory=dict)
    """In the place of those of configuration, ocsp, tsa."""
    central_key: PrivateKey | None = None
    """Signs the configuration instead of the right one."""
    ocsp_validity: timedelta | None = timedelta(hours=12)

    def __post_init__(self) -> None:
        """Copy the folder; the world may be changed before it starts."""
        self.instance = own_copy(self.built.instance)
        self.ca = self.instance.ca
        self.ports = self.instance.ports
        self.folder = self.root / "ss2"
        shutil.copytree(self.built.files.server(REGISTER), self.folder)
        self.config = self.folder / "server.toml"
        self.anchor = self.folder / "configuration-anchor.xml"
        save_anchor(self.anchor, self.instance.central, now())
        self.settings: dict[str, object] = {}
        self.write_settings()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def examine(
        self,
        *,
        limits: Limits = PATIENT,
        clock: Callable[[], datetime] = now,
        pin: str | None = None,
    ) -> list[Finding]:
        """Let the doctor look; return what is not good."""
        keys = TokenReader(None if pin is None else Pin(pin))
        found = await examine(self.config, keys, limits=limits, clock=clock)
        return [f for f in found if f.severity.is_wrong]

    def write_settings(self, **changes: object) -> None:
        """Write the settings file; names are `section__option` or `option`."""
        host = REGISTER.address
        ports = self.ports
        self.settings = {
            "identifier": REGISTER.server_id.path,
            "listen__client_http": f"{host}:{ports.client_http}",
            "listen__client_https": f"{host}:{ports.client_https}",
            "listen__peer": f"{host}:{ports.peer}",
            "listen__ocsp": f"{host}:{ports.ocsp}",
            "listen__admin": "",
            "peers__port": ports.peer,
            "peers__ocsp_port": ports.ocsp,
        } | changes
        self.config.write_text(_toml(self.settings), encoding="utf-8")

    # The server's own things.

    def token(self) -> SoftwareToken:
        """Open the server's token, logged in."""
        token = SoftwareToken.open(self.folder / "token")
        token.login(self.built.pin)
        return token

    def certificate(self, usage: KeyUsage) -> x509.Certificate:
        """Return the server's certificate for a use."""
        (key,) = (k for k in self.token().metadata.keys if k.usage is usage)
        return key.certificates[0].certificate

    def key_file(self, usage: KeyUsage) -> Path:
        """Return the file of the server's key for a use."""
        (key,) = (k for k in self.token().metadata.keys if k.usage is usage)
        return self.folder / "token" / f"{key.key_id}.pem"

    def renew(
        self,
        usage: KeyUsage,
        make: Callable[[object], x509.Certificate],
        *,
        keep_old: bool = False,
        registered: bool = True,
    ) -> x509.Certificate:
        """Give a key another certificate, made from its public key."""
        token = self.token()
        (key,) = (k for k in token.metadata.keys if k.usage is usage)
        old = key.certificates[0]
        made = make(load_der_public_key(key.public_key))
        if not keep_old:
            token.delete_certificate(old.certificate)
        status = CertificateStatus.REGISTERED if registered else None
        token.import_certificate(made, member=old.member, status=status)
        if usage is KeyUsage.AUTHENTICATION and registered:
            self.register(made)
        return made

    def register(self, certificate: x509.Certificate) -> None:
        """Register an authentication certificate for the server."""
        registered = dict(self.instance.central.authentication)
        registered[REGISTER.server_code] = certificate
        self.instance = replace(
            self.instance,
            central=replace(self.instance.central, authentication=registered),
        )

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """Open the server's database for a change."""
        database = open_database(f"sqlite:///{self.folder / 'security-server.db'}")
        try:
            with database.write() as connection:
                yield connection
        finally:
            database.close()

    @asynccontextmanager
    async def running(
        self,
        *,
        without: tuple[str, ...] = (),
        state: dict[str, object] | None = None,
    ) -> AsyncIterator[None]:
        """Hold the server's lock and listen on its ports, as one that runs.

        It has the certificate that is in the token now.

        Args:
            without: Ports that nobody serves, or ``operators``.
            state: What it says of itself; that it is ready unless told otherwise.
        """
        token = self.token()
        key = token.authentication_key(intermediates=self.ca.chain)
        identity = load_identity(key.chain, key.private_key)
        with only_process(self.folder / "spool" / "server.lock"):
            async with AsyncExitStack() as stack:
                for name in ("client_http", "client_https", "peer", "ocsp"):
                    address = str(self.settings[f"listen__{name}"])
                    if name in without or not address:
                        continue
                    host, _, port = address.rpartition(":")
                    context = peer_server_context(identity) if name == "peer" else None
                    server = await serve(_nothing_is_sent, host, int(port), ssl=context)
                    stack.push_async_callback(server.close)
                if "operators" not in without:
                    await self._serve_operators(stack, state or READY)
                yield

    async def _serve_operators(
        self, stack: AsyncExitStack, state: dict[str, object]
    ) -> None:
        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            assert json.loads(await reader.readline()) == {"do": "state"}
            writer.write(json.dumps(state).encode() + b"\n")
            writer.close()

        folder = os.open(self.folder / "spool", os.O_RDONLY)
        stack.callback(os.close, folder)
        server = await asyncio.start_unix_server(answer, address_in(folder))
        await stack.enter_async_context(server)

    # Everything around it.

    async def _start(self) -> None:
        shared = self.change_shared(shared_parameters(self.instance.central))
        publisher = self._publisher_now = self._publisher(shared)
        applications = {
            "configuration": (self.ports.configuration, publisher.application),
            "ocsp": (self.ports.ca_ocsp, self._ocsp),
            "tsa": (self.ports.tsa, self._tsa),
            "register": (
                self.ports.provider,
                lambda: provider_application(register()),
            ),
        }
        for name, (port, make) in applications.items():
            if name not in self.without:
                application = self.applications.get(name) or make()
                await self._serve(application, port)
        for member in (PORTAL, BANK):
            await self._start_peer(member)

    def publish(self) -> None:
        """Publish what the instance is by now, as its operator does."""
        shared = self.change_shared(shared_parameters(self.instance.central))
        newer = self._publisher(shared)
        self._publisher_now._files.update(newer._files)
        self._publisher_now._directories.update(newer._directories)

    def _publisher(self, shared: SharedParameters) -> ConfigurationPublisher:
        central = self.instance.central
        key = self.central_key or self.instance.central_key
        signer = SoftwareSigner(central.signing_certificate, "key", {"key": key})
        clock = self.clocks.get("configuration", now)
        return ConfigurationPublisher(central, signer, clock=clock, shared=shared)

    def _ocsp(self) -> web.Application:
        return ocsp_application(
            ocsp_authorities(self.ca),
            clock=self.clocks.get("ocsp", now),
            validity=self.ocsp_validity,
        )

    def _tsa(self) -> web.Application:
        clock = self.clocks.get("tsa", now)
        return tsa_application(time_stamping_unit(self.ca), clock=clock)

    async def _start_peer(self, member: MemberPlan) -> None:
        identity = self.built.identities[member.server_code]
        if member.server_code not in self.without:
            server = await serve(
                _nothing_is_sent,
                member.address,
                self.ports.peer,
                ssl=peer_server_context(identity),
            )
            self._stack.push_async_callback(server.close)
        if f"{member.server_code}-ocsp" not in self.without:
            port = OCSPPort(self._responses(identity).get)
            server = await serve(port.handle, member.address, self.ports.ocsp)
            self._stack.push_async_callback(server.close)

    def _responses(self, identity: Identity) -> dict[bytes, bytes]:
        ca = self.ca
        issuers = (ca.intermediate.certificate, ca.root.certificate)
        found: dict[bytes, bytes] = {}
        for certificate, issuer in zip(identity.certificates, issuers, strict=True):
            request = ocsp_request(certificate, issuer)
            response = ocsp_response(request, ocsp_authorities(ca), at=now())
            for digest in (hashes.SHA1(), hashes.SHA256()):  # noqa: S303 - the protocol's
                found[certificate.fingerprint(digest)] = response
        return found

    async def _serve(self, application: web.Application, port: int) -> None:
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, TRUST_ADDRESS, port).start()


async def _nothing_is_sent(request: Request) -> object:
    msg = f"The doctor sent {request}"
    raise AssertionError(msg)


def only(  # noqa: PLR0913 - one for each part of the sentence
    found: list[Finding],
    code: str,
    subject: str,
    text: str,
    *,
    severity: Severity = Severity.ERROR,
    consequences: tuple[str, ...] = (),
    is_running: bool = False,
) -> Finding:
    """Assert that one fault was found and named, and nothing but what follows of it.

    Unless a test runs one, there is no server, and the doctor says so.
    """
    rest = ("D-SERVER-DOWN",) if not is_running else ()
    codes = sorted(finding.code for finding in found)
    assert codes == sorted((code, *consequences, *rest)), texts(found)
    (finding,) = (finding for finding in found if finding.code == code)
    assert subject in finding.subject, finding
    assert text in finding.what, finding
    assert finding.severity is severity, finding
    assert finding.follows
    assert finding.advice
    return finding


def texts(found: list[Finding]) -> str:
    """Return findings for the reader of a failed test."""
    return "\n".join(f"{f.code} {f.subject}: {f.what}" for f in found)


def sent_back(seconds: float) -> Callable[[], datetime]:
    """Return a clock that is behind."""
    return lambda: now() - timedelta(seconds=seconds)


def _toml(settings: dict[str, object]) -> str:
    lines: list[str] = []
    sections: dict[str, list[str]] = {}
    for name, value in settings.items():
        section, separator, option = name.partition("__")
        text = f'"{value}"' if isinstance(value, str) else str(value).lower()
        if separator:
            sections.setdefault(section, []).append(f"{option} = {text}")
        else:
            lines.append(f"{name} = {text}")
    for section, options in sections.items():
        lines += ["", f"[{section}]", *options]
    return "\n".join(lines) + "\n"
