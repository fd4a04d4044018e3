"""What two Java servers of 7.8.0 sent each other in SOAP, with ours in either place.

As in `test_recorded_exchanges`, for the ``soap-*`` cases. Where ours differs on purpose
there is a table; headers of parts have no order in the reference, so they are compared
as sets.
"""

import re

import pytest

from kerege.exchange.tls import peer_server_context
from kerege.xroad.transport import Fault, Message, media_type
from tests.conformance.recordings import (
    CLIENT,
    CLOCKS,
    PROVIDER,
    SS2_ADDRESS,
    Multipart,
    Recording,
    consumer,
    digest,
    live_identity,
    live_ocsp,
    producer,
    recordings,
)
from tests.vectors import needs_recordings
from tests.wire import Http, RawServer

pytestmark = needs_recordings

TRANSPORT_HEADERS = {
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "transfer-encoding",
    "user-agent",
}
"""What an HTTP connection to a service adds, and its framing."""

REFUSED_BY_PRODUCER = {
    "soap-calls-rest",
    "soap-denied",
    "soap-disabled",
    "soap-mutated-legacy-fault",
    "soap-unknown-service",
}
"""Neither called nor logged."""
RELAY_CHANGED_FAULT = {"soap-mutated-legacy-fault": "server.serverproxy.access_denied"}
RELAY_CHANGED_BODY = {"soap-mutated-body"}
REENCODED = {"soap-latin1"}
"""The reference labels an ISO-8859-1 answer UTF-8 and then cannot read it; ours writes
it in UTF-8."""


def cases(having: str) -> list:
    return recordings(having=having, prefix="soap-")


# --- As the producer's server ---


@pytest.mark.parametrize("recording", cases("proxy-request"))
async def test_as_the_producers_server(recording: Recording, tmp_path):
    has_answer = recording.has("provider-response")
    answer = recording.raw("provider-response") if has_answer else None
    async with RawServer(answer or None) as service:
        server = producer(tmp_path, recording, service.url)
        async with server:
            ours = await server.peer_call(
                recording.raw("proxy-request"), live_identity("ss1-auth")
            )
            logged = server.log.records
    require_same_call(recording, service.requests)
    require_same_message(recording, ours)
    answered = Multipart.of(ours).block is not None
    refused = recording.name in REFUSED_BY_PRODUCER
    assert len(logged) == (2 if answered else int(not refused))


def require_same_call(recording: Recording, calls: list[Http]) -> None:
    if not recording.has("provider-request"):
        assert calls == []
        return
    (ours,) = calls
    theirs = recording.http("provider-request")
    assert ours.start == theirs.start
    assert without_transport(ours) == without_transport(theirs)
    assert ours.all("accept-encoding") == theirs.all("accept-encoding") == [""]
    assert comparable(ours.body) == comparable(theirs.body)


def without_transport(http: Http) -> list[tuple[str, str]]:
    return [h for h in http.headers if h[0].lower() not in TRANSPORT_HEADERS]


def comparable(body: bytes) -> list:
    """Return a body with the headers of each part sorted."""
    if not body.startswith(b"--"):
        return [body]
    boundary = body[: body.index(b"\r\n")]
    parts = body.split(boundary)
    compared: list = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        compared.append((sorted(head.split(b"\r\n")), content))
    return compared


def require_same_message(recording: Recording, ours: Http) -> None:
    theirs = recording.http("proxy-response")
    if is_lone_fault(theirs):
        code = RELAY_CHANGED_FAULT.get(recording.name) or lone_fault(theirs)
        assert lone_fault(ours) == code
        return
    for name in ("x-hash-algorithm", "x-original-content-type"):
        assert ours.all(name) == theirs.all(name)
    made = Multipart.of(ours)
    if recording.name in REENCODED:
        require_utf8(recording, made)
        return
    recorded = Multipart.of(theirs)
    assert types(made) == types(recorded)
    if recorded.one(Fault) is not None:
        assert made.one(Fault).content == recorded.one(Fault).content
        return
    made.require_signed_by(PROVIDER, CLOCKS[recording.set])
    if recording.name not in RELAY_CHANGED_BODY:
        assert made.block == recorded.block
    assert made.attachments == recorded.attachments
    assert made.attachment_headers == recorded.attachment_headers
    assert dict(made.one(Message).headers) == dict(recorded.one(Message).headers)


def require_utf8(recording: Recording, made: Multipart) -> None:
    """Check an answer that the reference cannot make."""
    made.require_signed_by(PROVIDER, CLOCKS[recording.set])
    message = made.one(Message)
    assert dict(message.headers)["content-type"] == "text/xml; charset=UTF-8"
    assert b'encoding="UTF-8"' in message.content
    assert "<data>J\N{LATIN SMALL LETTER U WITH DIAERESIS}rgen</data>".encode() in (
        message.content
    )
    recorded = recording.expected["proxy-response"]["request_hash"]
    assert message.soap.request_hash == recorded


def types(message: Multipart) -> list[str]:
    """Return the parts' media types; all attachments are one part on the wire."""
    found = [media_type(t) for t in message.media_types]
    bodies = "application/x-road-rest-body"
    one = [t for n, t in enumerate(found) if t != bodies or found[n - 1] != bodies]
    return ["multipart/mixed" if t == bodies else t for t in one]


def is_lone_fault(http: Http) -> bool:
    return (http.get("content-type") or "").startswith("text/xml")


def lone_fault(http: Http) -> str:
    """Return the code of a fault that is the whole answer."""
    assert http.get("content-type") == "text/xml;charset=utf-8"
    assert http.get("soapaction") == ""
    return Multipart.of(http).one(Fault).error.code


# --- As the consumer's server ---

SIGNED_FOR_NOBODY = {"soap-server-unreachable"}
"""A request is logged when it is signed, before there is a connection."""


@pytest.mark.parametrize("recording", cases("client-request"))
async def test_as_the_consumers_server(recording: Recording, tmp_path):
    ours, sent, logged = await as_consumer(recording, tmp_path)
    if recording.has("proxy-request"):
        (message,) = sent
        require_same_request(recording, message)
        assert logged[0].record.message == Multipart.of(message).block
    else:
        assert sent == []
    require_same_answer(recording, ours)
    is_signed = recording.has("proxy-request") or recording.name in SIGNED_FOR_NOBODY
    succeeded = not is_fault(recording.http("client-response"))
    assert len(logged) == (2 if succeeded else int(is_signed))


async def as_consumer(recording: Recording, folder) -> tuple[Http, list[Http], list]:
    """Return what the client gets, what went to the producer's server, the log."""
    server = consumer(folder, recording)
    if recording.has("proxy-request"):
        made_up = recording.http("proxy-request").get("x-road-request-id")
        server.ids.first = [made_up or ""]
    context = peer_server_context(live_identity("ss2-auth"))
    answer = (
        recording.raw("proxy-response") if recording.has("proxy-response") else None
    )
    peer = RawServer(answer, host=SS2_ADDRESS, ssl=context)
    first = Recording(recording.folder.parent / "rest-get")
    assert live_ocsp(recording.set)
    ocsp = RawServer(first.raw("ocsp-response"), host=SS2_ADDRESS)
    async with peer, ocsp:
        server.peer_port, server.peer_ocsp_port = peer.port, ocsp.port
        async with server:
            raw = recording.raw("client-request")
            return await server.client_call(raw), peer.requests, server.log.records


def require_same_request(recording: Recording, ours: Http) -> None:
    theirs = recording.http("proxy-request")
    assert ours.start == theirs.start
    assert ours.get("transfer-encoding") == "chunked"
    for name in (
        "x-road-message-type",
        "x-hash-algorithm",
        "x-road-request-id",
        "x-original-content-type",
        "x-original-soapaction",
    ):
        assert ours.all(name) == theirs.all(name)
    assert (ours.get("x-proxy-version") or "").startswith("7.8.0")
    made, recorded = Multipart.of(ours), Multipart.of(theirs)
    made.require_signed_by(CLIENT, CLOCKS[recording.set])
    assert made.block == recorded.block
    assert made.attachments == recorded.attachments
    assert made.attachment_headers == recorded.attachment_headers
    assert dict(made.one(Message).headers) == dict(recorded.one(Message).headers)
    expected = recording.expected["proxy-request"]
    assert digest(made.block or b"") == expected["message_sha512_b64"]
    listed = [one["sha512_b64"] for one in expected.get("attachments", [])]
    assert [digest(one) for one in made.attachments] == listed
    assert types(made) == [media_type(t) for t in expected["parts"]]


def require_same_answer(recording: Recording, ours: Http) -> None:
    theirs = recording.http("client-response")
    assert ours.status == theirs.status == 200
    assert ours.get("content-type") == theirs.get("content-type")
    if not is_fault(theirs):
        assert comparable(ours.body) == comparable(theirs.body)
        return
    assert ours.get("soapaction") == theirs.get("soapaction") == ""
    assert fault_code(ours) == fault_code(theirs)
    if recording.name.startswith("soap-provider-fault"):
        assert ours.body == theirs.body == recording.http("provider-response").body


def is_fault(http: Http) -> bool:
    return b"<SOAP-ENV:Fault>" in http.body


def fault_code(http: Http) -> str:
    found = re.search(rb"<faultcode>(.*?)</faultcode>", http.body)
    assert found is not None
    return found[1].decode()
