"""SOAP messages for tests: envelopes, multiparts, a service that answers, a client.

`ask` sends a message to the consumer's server of a `Pair`; `offer` makes its service a
SOAP service that answers with `answering`.
"""

import re
from collections.abc import Iterable

from kerege.exchange.storage.server_configuration import ServiceType
from kerege.xroad import soap
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.soap import SoapMessage
from tests.servers import Pair
from tests.wire import Http, answer, request

TEXT_XML = "text/xml; charset=UTF-8"
BOUNDARY = "MIMEB1"
RELATED = f'multipart/related; type="text/xml"; boundary={BOUNDARY}'
BODY = b'<p:%b xmlns:p="http://producer.test"><data>1</data></p:%b>'

Attachment = tuple[dict[str, str], bytes]


def envelope(
    client: ClientId,
    service: ServiceId,
    query_id: str = "q-1",
    *,
    is_answer: bool = False,
    user_id: str | None = "KG1",
    server: SecurityServerId | None = None,
) -> bytes:
    """Return a request, or the service's answer to it."""
    name = service.service_code + ("Response" if is_answer else "")
    message = SoapMessage(
        client_id=client,
        service_id=service,
        query_id=query_id,
        protocol_version="4.0",
        body_element=name,
        user_id=user_id,
        security_server=server,
    )
    return soap.write(message, BODY % (name.encode(), name.encode()))


def multipart(content: bytes, attachments: Iterable[Attachment] = ()) -> bytes:
    """Return a message with attachments, as information systems write it."""
    parts: list[Attachment] = [({"Content-Type": TEXT_XML}, content), *attachments]
    written = [
        b"--%b\r\n%b\r\n%b\r\n" % (BOUNDARY.encode(), _head(headers), data)
        for headers, data in parts
    ]
    return b"".join(written) + b"--%b--\r\n" % BOUNDARY.encode()


def _head(headers: dict[str, str]) -> bytes:
    return "".join([f"{n}: {v}\r\n" for n, v in headers.items()]).encode("latin-1")


def binary(data: bytes, name: str = "a") -> Attachment:
    """Return an attachment of octets."""
    return (
        {"Content-Type": "application/octet-stream", "Content-ID": f"<{name}>"},
        data,
    )


def parts_of(http: Http) -> list[tuple[dict[str, str], bytes]]:
    """Take a multipart apart by hand: the headers, in lower case, and the content."""
    found = re.search(r'boundary="?([^";]+)', http.get("content-type") or "")
    assert found is not None
    mark = b"--" + found[1].encode()
    pieces = (b"\r\n" + http.body).split(b"\r\n" + mark)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    parts = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        pairs = [line.split(":", 1) for line in head.decode("latin-1").split("\r\n")]
        parts.append(({n.lower(): v.strip() for n, v in pairs}, content))
    return parts


def answering(
    pair: Pair, service: ServiceId, attachments: Iterable[Attachment] = ()
) -> bytes:
    """Return what a service answers to `pair.client`."""
    content = envelope(pair.client, service, is_answer=True)
    attached = list(attachments)
    if not attached:
        return answer(headers={"Content-Type": TEXT_XML}, body=content)
    return answer(headers={"Content-Type": RELATED}, body=multipart(content, attached))


def offer(
    pair: Pair,
    code: str = "getState",
    attachments: Iterable[Attachment] = (),
    **changes: object,
) -> ServiceId:
    """Add a SOAP service that answers with these attachments."""
    service = pair.offer(code, type=ServiceType.WSDL, **changes)
    pair.service.answer = answering(pair, service, attachments)
    return service


def posted(
    content: bytes,
    content_type: str = TEXT_XML,
    action: str | None = '""',
    target: str = "/",
) -> bytes:
    """Return the HTTP request that carries a message."""
    headers = {"Content-Type": content_type}
    if action is not None:
        headers["SOAPAction"] = action
    return request("POST", target, headers, content)


async def ask(
    pair: Pair,
    service: ServiceId,
    attachments: Iterable[Attachment] | None = None,
    **changes: object,
) -> Http:
    """Send a request of `pair.client`; with attachments, even none, as a multipart."""
    content = envelope(pair.client, service, **changes)
    if attachments is None:
        return await pair.consumer.client_call(posted(content))
    message = multipart(content, attachments)
    return await pair.consumer.client_call(posted(message, RELATED))


def fault_code(http: Http) -> str:
    """Return the code of the fault that this answer is."""
    assert http.status == 200
    assert http.get("content-type") == "text/xml;charset=utf-8"
    assert http.all("soapaction") == [""]
    return soap.read_fault(http.body).code


def spooled(pair: Pair) -> list:
    """Return the files of bodies that lie around on either side."""
    folders = (pair.consumer.folder / "spool", pair.provider.folder / "spool")
    return [file for folder in folders for file in folder.iterdir()]
