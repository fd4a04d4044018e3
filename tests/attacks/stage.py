"""Two servers under attack, and what must hold whatever the attack was.

* The one who asks gets the exact fault code, as REST or SOAP fault, with a detail.
* The server that noticed has logged it under the same code and detail.
* Afterwards a good request succeeds.
* In the end no task, no connection and no spool file is left (`conftest.py`).
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509

from kerege.exchange.tls import Identity, peer_server_context
from kerege.xroad.globalconf import GlobalConf
from kerege.xroad.globalconf.values import CertHash
from kerege.xroad.signature import Signer
from kerege.xroad.x509 import certificate_der
from tests.attacks.messages import Author, Letter
from tests.servers import Pair, TestServer
from tests.wire import Http, RawServer

CONSUMER, PROVIDER = "server.clientproxy", "server.serverproxy"
SOON_SECONDS = 60.0
"""What has not happened by then is a failure."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Stage:
    """A running pair and what its servers write into the system log."""

    pair: Pair
    logs: list[dict[str, Any]]

    @property
    def author(self) -> Author:
        """Writes requests as the consumer's server would."""
        return Author.of(self.pair.instance, self.pair.instance.consumer)

    @property
    def echo(self) -> str:
        """The path of a service that is offered to the client."""
        return f"/r1/{self.pair.provider_client.path}/echo"

    async def succeeds(
        self, path: str = "echo", *, method: str = "GET", **options: Any
    ) -> Http:
        """Send a good request through both servers."""
        answer = await self.pair.send(method, path, **options)
        assert (answer.status, answer.get("x-road-error")) == (200, None)
        return answer

    async def refuses(
        self, code: str, path: str = "echo", *, method: str = "GET", **options: Any
    ) -> Http:
        """Send a request that must get this fault; it is logged where it arose."""
        answer = await self.pair.send(method, path, **options)
        self.saw_fault(answer, code)
        return answer

    def saw_fault(self, answer: Http, code: str) -> None:
        """Check a REST fault, and that the server that noticed has logged it."""
        assert answer.get("x-road-error") == code
        assert answer.status == (500 if code.startswith("server.") else 400)
        fault = json.loads(answer.body)
        assert fault["type"] == code
        assert UUID.fullmatch(fault["detail"])
        assert fault["message"]
        self.logged(code, fault["detail"])
        assert self.pair.consumer.exchanges[-1].verdict == code

    async def peer_refuses(
        self, code: str, message: Letter | bytes, identity: Identity | None = None
    ) -> Http:
        """Send a message to the provider's port 5500; it must get this fault."""
        data = message if isinstance(message, bytes) else message.posted()
        who = identity or self.pair.instance.consumer.identity
        answer = await self.pair.provider.peer_call(data, who)
        assert answer.status == 200
        assert answer.get("content-type") == "text/xml;charset=utf-8"
        found, detail = soap_fault_of(answer.body)
        assert found == code
        self.logged(code, detail)
        return answer

    async def peer_accepts(
        self, message: Letter, identity: Identity | None = None
    ) -> Http:
        """Send a good message to the provider's port 5500."""
        who = identity or self.pair.instance.consumer.identity
        answer = await self.pair.provider.peer_call(message.posted(), who)
        assert answer.status == 200
        assert (answer.get("content-type") or "").startswith("multipart/mixed")
        assert b"<faultcode>" not in answer.body
        return answer

    def logged(self, code: str, detail: str) -> None:
        """Check that the fault is in the log and in the exchanges of its server."""
        side = "server" if code.startswith(PROVIDER) else "client"
        server = self.pair.provider if side == "server" else self.pair.consumer
        told = server.exchanges[-1]
        assert (told.verdict, told.fault_detail) == (code, detail)
        assert any(
            (line["event"], line.get("side"), line.get("code"), line.get("detail"))
            == ("message failed", side, code, detail)
            for line in self.logs
        )

    # Changing who the servers are.

    def use(self, configuration: GlobalConf) -> None:
        """Give both servers a configuration."""
        self.pair.consumer.global_conf = configuration
        self.pair.provider.global_conf = configuration


def dress(
    server: TestServer,
    *,
    identity: Identity | None = None,
    signer: Signer | None = None,
) -> None:
    """Give a server that has not started other certificates; it has their OCSP too."""
    if identity is not None:
        server.identity = identity
    if signer is not None:
        server.signers = dict.fromkeys(server.signers, signer)
    certificates = [*server.identity.certificates]
    certificates += [one.certificate for one in server.signers.values()]
    server.ocsp.certificates = (*certificates, *server.ocsp.certificates)


def configuration_with(
    pair: Pair,
    *,
    consumer: tuple[x509.Certificate, ...] | None = None,
    provider: tuple[x509.Certificate, ...] | None = None,
) -> GlobalConf:
    """Return the configuration with other authentication certificates registered."""
    shared = pair.instance.shared_parameters()
    chosen = {
        pair.instance.consumer.server_id: consumer,
        pair.instance.provider.server_id: provider,
    }
    servers = []
    for server in shared.security_servers:
        certificates = chosen.get(server.id)
        if certificates is None:
            servers.append(server)
            continue
        hashes = tuple(
            CertHash.of_certificate(certificate_der(c)) for c in certificates
        )
        servers.append(replace(server, auth_certificate_hashes=hashes))
    return pair.instance.global_conf(replace(shared, security_servers=tuple(servers)))


def impostor(pair: Pair, answering: Callable[[Http], Letter | bytes]) -> RawServer:
    """Return a stranger in the provider's place, with the provider's TLS key."""

    def answer(http: Http) -> bytes:
        made = answering(http)
        return made.answered() if isinstance(made, Letter) else made

    context = peer_server_context(pair.instance.provider.identity)
    return RawServer(answer, ssl=context)


def soap_fault_of(body: bytes) -> tuple[str, str]:
    """Return code and detail of a SOAP fault."""
    code = re.search(rb"<faultcode>(.*?)</faultcode>", body)
    detail = re.search(rb"<faultDetail[^>]*>(.*?)</faultDetail>", body)
    assert code
    assert detail
    return code[1].decode(), detail[1].decode()


async def soon(condition: Callable[[], object]) -> None:
    """Return when something holds; it must, before long."""
    async with asyncio.timeout(SOON_SECONDS):
        while not condition():  # noqa: ASYNC110 - conditions without an event
            await asyncio.sleep(0.002)


def spool_files(folder: Path) -> list[str]:
    """Return the names of spool files below a folder."""
    return [path.name for path in folder.rglob("body-*.spool")]
