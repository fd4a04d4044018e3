"""What cases of the proxy test suite arrange beyond message and answer.

`BEFORE` happens before the servers start, `ARRANGE` when they are there.
"""

import asyncio
import socket
import ssl
import struct
from contextlib import AsyncExitStack
from dataclasses import replace

from kerege.exchange.storage.server_configuration import (
    ConnectionType,
    ServerConfiguration,
)
from kerege.exchange.tls import peer_server_context
from kerege.xroad.globalconf.values import CertHash, Maintenance
from kerege.xroad.x509 import certificate_der
from tests.conformance.proxy_suite import (
    BOUNDARY,
    BYTE_ORDER_MARK,
    CLIENTS,
    CONSUMER,
    PRODUCER,
    PROVIDERS,
    TEXT_XML,
    Case,
    Message,
    envelope_of,
    store_identity,
    suite_file,
)
from tests.instances import spare_key
from tests.server_parts import registered, rights
from tests.wire import RawServer, answer

CLOSED_PORT = 2
"""On loopback nobody listens there."""


async def nothing(_case: Case, _stack: AsyncExitStack) -> None:
    """As the table says."""


# --- What cases arrange before the servers start ---


async def refused(case: Case, _: AsyncExitStack) -> None:
    case.pair.consumer.peer_port = CLOSED_PORT


async def reset(case: Case, stack: AsyncExitStack) -> None:
    """Let a server read something and reset the connection."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _.read(1024)
        plain = writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    context = peer_server_context(case.pair.provider.identity)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    await stack.enter_async_context(server)
    case.pair.consumer.peer_port = server.sockets[0].getsockname()[1]


def emulates(
    status: str = "200 OK", length: int | None = None, **headers: str
) -> object:
    """Let the emulator answer with these headers and no body."""

    async def arrange(case: Case, _: AsyncExitStack) -> None:
        pairs = {n.replace("_", "-"): v for n, v in headers.items()}
        pairs |= {"x-hash-algorithm": "SHA-512", "Connection": "close"}
        made = answer(status, pairs)
        if length is not None:
            made = made.replace(b"Content-Length: 0", b"Content-Length: %d" % length)
        case.emulate(made)

    return arrange


BEFORE = {
    "serverProxyConnectionRefused": refused,
    "ServerProxyConnectionAborted": reset,
    "ServerProxyConnectionAborted2": emulates(length=1000, Content_Type="text/xml"),
    "ServerProxyConnectionAborted3": emulates(
        length=1000, Content_Type="multipart/mixed; boundary=foobar"
    ),
    "ServerProxyHttpError": emulates("502 Bad Gateway"),
    "ServerProxyNoBoundary": emulates(Content_Type="multipart/mixed"),
}


# --- What cases arrange when the servers are there ---


async def no_address(case: Case, _: AsyncExitStack) -> None:
    shared = case.pair.instance.shared_parameters()
    kept = tuple(s for s in shared.security_servers if s.owner != PRODUCER)
    shared = replace(shared, security_servers=kept)
    case.pair.consumer.global_conf = case.pair.instance.global_conf(shared)


async def unknown_host(case: Case, _: AsyncExitStack) -> None:
    case.offer(url="http://non.existing.site.com.pom")


async def not_allowed(case: Case, _: AsyncExitStack) -> None:
    case.offer(to=())


async def disabled(case: Case, _: AsyncExitStack) -> None:
    case.offer(disabled_notice="Service is disabled")


async def no_services(case: Case, _: AsyncExitStack) -> None:
    case.pair.provider.rights = rights(PROVIDERS)


async def maintenance(case: Case, _: AsyncExitStack) -> None:
    shared = case.pair.instance.shared_parameters(
        maintenance=Maintenance("Maintenance mode is on")
    )
    case.pair.consumer.global_conf = case.pair.instance.global_conf(shared)


def service_answers(made: bytes) -> object:
    async def arrange(case: Case, _: AsyncExitStack) -> None:
        case.pair.service.answer = made

    return arrange


async def fault_with_500(case: Case, _: AsyncExitStack) -> None:
    assert case.answer is not None
    headers = {"Content-Type": "text/xml"}
    case.pair.service.answer = answer("500 Error", headers, case.answer.content)


async def unsigned_by_consumer(case: Case, _: AsyncExitStack) -> None:
    signing = case.pair.instance.consumer.signer.certificate
    case.pair.consumer.ocsp.instead[signing] = None


async def unsigned_by_provider(case: Case, _: AsyncExitStack) -> None:
    signing = case.pair.instance.provider.signer.certificate
    case.pair.provider.ocsp.instead[signing] = None


def soap_action(value: str) -> object:
    async def arrange(case: Case, _: AsyncExitStack) -> None:
        case.headers["SOAPAction"] = value

    return arrange


async def with_get(case: Case, _: AsyncExitStack) -> None:
    case.method = "GET"


async def with_byte_order_marks(case: Case, _: AsyncExitStack) -> None:
    assert case.answer is not None
    case.sent.content = BYTE_ORDER_MARK + case.sent.content
    case.pair.service.answer = answer(
        headers={"Content-Type": TEXT_XML}, body=BYTE_ORDER_MARK + case.answer.content
    )


async def small_mantis(case: Case, _: AsyncExitStack) -> None:
    """Rebuild the request, whose file is lost: one small and one big attachment."""
    boundary = ":gkMa5KAvuHP7ahe9IQHONLgnncvv:"
    envelope = envelope_of(
        Message(suite_file("attachm2.query"), "multipart/related; " + BOUNDARY)
    )
    attachments = (b"small", bytes(range(256)) * 8192)
    parts = [(b"text/xml; charset=UTF-8", envelope)]
    parts += [(b"application/octet-stream", one) for one in attachments]
    written = [
        b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary.encode(), kind, data)
        for kind, data in parts
    ]
    case.sent = Message(
        b"".join(written) + b"--%b--\r\n" % boundary.encode(),
        "multipart/related; start-info=text/xml; type='application/xop+xml'; "
        f"boundary={boundary}",
    )


# --- Over TLS ---


def over_tls(shown: str = "client", *, listed: tuple[str, ...] = ()) -> object:
    """Let the client connect by HTTPS and show a certificate; some are listed."""

    async def arrange(case: Case, _: AsyncExitStack) -> None:
        case.client_tls = store_identity(shown)
        ders = [certificate_der(store_identity(n).certificates[0]) for n in listed]
        demanded = registered(CONSUMER, ConnectionType.HTTPS_AUTH, *ders)
        case.pair.consumer.rights = rights([demanded, *CLIENTS[1:]])

    return arrange


async def plain_tls(case: Case, _: AsyncExitStack) -> None:
    case.client_tls = store_identity("client")


async def other_certificate(case: Case, stack: AsyncExitStack) -> None:
    """Register the provider's server with another certificate, and its own elsewhere."""
    await plain_tls(case, stack)
    shared = case.pair.instance.shared_parameters()
    other = case.pair.instance.identity(key=spare_key(8)).certificates[0]
    hashes = (CertHash.of_certificate(certificate_der(other)),)
    consumer, provider = shared.security_servers
    real = replace(consumer, auth_certificate_hashes=provider.auth_certificate_hashes)
    wrong = replace(provider, auth_certificate_hashes=hashes)
    shared = replace(shared, security_servers=(real, wrong))
    case.pair.consumer.global_conf = case.pair.instance.global_conf(shared)


async def nobody_registered(case: Case, _: AsyncExitStack) -> None:
    """Let no certificate belong to any server, on either side."""
    shared = case.pair.instance.shared_parameters()
    unregistered = [
        replace(s, auth_certificate_hashes=()) for s in shared.security_servers
    ]
    shared = replace(shared, security_servers=tuple(unregistered))
    configuration = case.pair.instance.global_conf(shared)
    case.pair.consumer.global_conf = configuration
    case.pair.provider.global_conf = configuration


async def another_cipher(case: Case, stack: AsyncExitStack) -> None:
    await plain_tls(case, stack)
    assert case.pair.consumer.runtime is not None
    context = case.pair.consumer.runtime.keys.peer_client
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA256")


def addresses(*found: str) -> object:
    async def arrange(case: Case, stack: AsyncExitStack) -> None:
        await plain_tls(case, stack)
        shared = case.pair.instance.shared_parameters(addresses=found)
        case.pair.consumer.global_conf = case.pair.instance.global_conf(shared)

    return arrange


def service_tls(*listed: str, verify: bool = True) -> object:
    """Put the service behind TLS; some certificates are listed for the provider."""

    async def arrange(case: Case, stack: AsyncExitStack) -> None:
        await plain_tls(case, stack)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # the suite's keys are old
        store_identity("consumer").install(context)
        service = RawServer(case.answered(), ssl=context)
        case.other_service = await stack.enter_async_context(service)
        case.offer(url=service.url, verify_tls=verify)
        ders = [certificate_der(store_identity(n).certificates[0]) for n in listed]
        owner = registered(PRODUCER, ConnectionType.HTTP, *ders)
        case.pair.provider.rights = with_client(case.pair.provider.rights, owner)

    return arrange


def with_client(found: ServerConfiguration, client) -> ServerConfiguration:
    return replace(found, clients={**found.clients, client.client_id: client})


ARRANGE = {
    "AttachmentSmallMantis": small_mantis,
    "InvalidProviderAddress3": no_address,
    "InvalidServiceAddress": unknown_host,
    "InvalidServiceAddress2": unknown_host,
    "NotAllowed": not_allowed,
    "ServerProxyMaintenanceMode": maintenance,
    "ServiceConnectionAborted": service_answers(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n"
    ),
    "ServiceDisabled": disabled,
    "ServiceHttpError": service_answers(answer("502 Bad Gateway")),
    "ServiceReturnsFault": fault_with_500,
    "SigningFailsInClientProxy": unsigned_by_consumer,
    "SigningFailsInServerProxy": unsigned_by_provider,
    "SoapActionEmptyHeader": soap_action(""),
    "SoapActionHeader": soap_action('""'),
    "SoapActionMalformedHeader": soap_action("http://example.org/action"),
    "SslAuthCertNotMatchesOrg": other_certificate,
    "SslAuthTrustManagerError": nobody_registered,
    "SslClientAuth": over_tls(listed=("client",)),
    "SslClientAuthExpiredISCert": over_tls("expiredClient", listed=("expiredClient",)),
    "SslClientAuthNoISCert": over_tls(),
    "SslClientAuthWrongISCert": over_tls(listed=("producer",)),
    "SslClientCertVerificationError": other_certificate,
    "SslClientCipherSuiteSetupError": another_cipher,
    "SslNormalMessage": plain_tls,
    "SslSelectFastestProxy": addresses("server.invalid.", "localhost", "127.0.0,1"),
    "SslSelectFastestProxyNoConnections": addresses(
        "foo.invalid.", "bar.invalid.", "127.0.0,1"
    ),
    "SslToServiceAuth": service_tls("consumer"),
    "SslToServiceNoAuth": service_tls(verify=False),
    "SslToServiceNoISCerts": service_tls(),
    "SslToServiceWrongISCert": service_tls("producer"),
    "UnknownService": no_services,
    "Utf8BomNormalSubsystem": with_byte_order_marks,
    "WrongHttpMethod": with_get,
    "WrongHttpMethodServerProxy": with_get,
}
