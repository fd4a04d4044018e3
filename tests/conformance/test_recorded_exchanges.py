"""What two Java servers of 7.8.0 sent each other, with our server in either place.

* As the producer's server: it gets the recorded message over TLS, calls a service that
  answers the recorded answer, and must make the same message as the Java server.
* As the consumer's server: it gets the recorded request of the client; a stand-in for
  the producer's server answers the recorded message.

Where the reference is wrong (facts, section 23.2), ours does better: those cases are
tables below.
"""

import json

import pytest

from kerege.exchange.tls import peer_server_context
from kerege.xroad.transport import AttachmentBegan, Fault
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
from tests.wire import Http, RawServer, answer

pytestmark = needs_recordings

TRANSPORT_HEADERS = {
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "transfer-encoding",
    "user-agent",
}
"""What an HTTP connection to a service adds."""

REMEMBERED_COOKIE = ("Cookie", "sid=1234")
"""The reference remembers it from rest-zz-cookie-set, for everybody; ours does not."""
NO_PROVIDER_ANSWER = {"rest-get-query-pct": answer(body=b"{}")}
"""The reference failed before it called the service; ours calls it."""
OUR_BLOCK_KEEPS_CONTENT_ENCODING = {"rest-gzip", "rest-gzip-asked"}
"""The reference unzips the answer and drops the header; ours leaves both alone."""
CONTENT_TYPE_RESPELLED = {"rest-post-json"}
"""Jetty writes charset=UTF-8 where the client wrote utf-8; ours keeps the bytes."""
RELAY_CHANGED_FAULT = {"rest-mutated-legacy-fault": "server.serverproxy.access_denied"}
REFUSED_BY_PRODUCER = {
    "rest-empty-id": "server.serverproxy.service_failed.missing_header_field"
}
"""The reference calls the service and fails when the answer is read."""
BARE_400 = {
    "rest-connect",
    "rest-double-slash",
    "rest-folded-header",
    "rest-raw-utf8-path",
}
"""Answered by the HTTP server: the status is all that counts."""
REFUSED_BY_CONSUMER = {"rest-empty-id": (400, "client.missing_header_field")}
"""Found at once by ours, only in the answer by the reference."""


# --- As the producer's server ---


@pytest.mark.parametrize("recording", recordings(having="proxy-request"))
async def test_as_the_producers_server(recording: Recording, tmp_path):
    async with service_of(recording) as service:
        server = producer(tmp_path, recording, service.url)
        async with server:
            ours = await server.peer_call(
                recording.raw("proxy-request"), live_identity("ss1-auth")
            )
    assert ours.status == 200
    if recording.name in REFUSED_BY_PRODUCER:
        assert lone_fault(ours) == REFUSED_BY_PRODUCER[recording.name]
        assert not service.requests
        return
    require_same_call(recording, service.requests)
    if recording.name in NO_PROVIDER_ANSWER:
        Multipart.of(ours).require_signed_by(PROVIDER, CLOCKS[recording.set])
        return
    require_same_message(recording, ours)


def service_of(recording: Recording) -> RawServer:
    """Return a service that answers as recorded; None never answers."""
    made = NO_PROVIDER_ANSWER.get(recording.name)
    if recording.has("provider-response"):
        made = recording.raw("provider-response")
    return RawServer(made or None)


def require_same_call(recording: Recording, calls: list[Http]) -> None:
    if recording.name in NO_PROVIDER_ANSWER:
        (ours,) = calls
        path = recording.http("client-request").target.removeprefix(
            "/r1/TEST/GOV/5678/Service"
        )
        assert ours.target == path
        return
    if not recording.has("provider-request"):
        assert calls == []
        return
    (ours,) = calls
    theirs = recording.http("provider-request")
    assert ours.start == theirs.start
    kept = without_transport(ours)
    recorded = [h for h in without_transport(theirs) if h != REMEMBERED_COOKIE]
    if recording.name == "rest-nonascii-utf8":
        # Java's client writes U+0080 to U+009F as "?"; ours keeps the bytes.
        kept = [(n, v.replace("\x82", "?")) for n, v in kept]
    assert kept == recorded
    assert ours.body == theirs.body
    assert ours.get("content-length") == theirs.get("content-length")


def without_transport(http: Http) -> list[tuple[str, str]]:
    return [h for h in http.headers if h[0].lower() not in TRANSPORT_HEADERS]


def require_same_message(recording: Recording, ours: Http) -> None:
    theirs = recording.http("proxy-response")
    if is_lone_fault(theirs):
        code = RELAY_CHANGED_FAULT.get(recording.name) or lone_fault(theirs)
        assert lone_fault(ours) == code
        return
    assert not is_lone_fault(ours)
    assert ours.get("x-hash-algorithm") == theirs.get("x-hash-algorithm")
    made, recorded = Multipart.of(ours), Multipart.of(theirs)
    if recorded.one(Fault) is not None:
        assert made.media_types == recorded.media_types
        assert made.one(Fault).error.code == recorded.one(Fault).error.code
        return
    made.require_signed_by(PROVIDER, CLOCKS[recording.set])
    if recording.name in OUR_BLOCK_KEEPS_CONTENT_ENCODING:
        assert made.block is not None
        lines = made.block.split(b"\r\n")
        lines.remove(b"Content-Encoding:gzip")
        assert b"\r\n".join(lines) == recorded.block
        assert made.body == recording.http("provider-response").body
    else:
        assert made.block == recorded.block
        assert made.body == recording_body(recording, recorded)
        if "batch" not in recording.name:
            assert made.media_types == recorded.media_types


def recording_body(recording: Recording, recorded: Multipart) -> bytes | None:
    if recording.name == "rest-mutated-body":  # the relay did it
        return recording.http("provider-response").body
    return recorded.body


def is_lone_fault(http: Http) -> bool:
    return (http.get("content-type") or "").startswith("text/xml")


def lone_fault(http: Http) -> str:
    """Return the code of a fault that is the whole answer."""
    assert http.get("content-type") == "text/xml;charset=utf-8"
    assert http.get("soapaction") == ""
    return Multipart.of(http).one(Fault).error.code


# --- As the consumer's server ---


@pytest.mark.parametrize("recording", recordings(having="client-request"))
async def test_as_the_consumers_server(recording: Recording, tmp_path):
    raw = recording.raw("client-request")
    if recording.name in CONTENT_TYPE_RESPELLED:
        # The recorded answer has the hash of the other spelling.
        assert raw.count(b"charset=utf-8") == 1
        raw = raw.replace(b"charset=utf-8", b"charset=UTF-8")
    ours, sent = await as_consumer(recording, raw, tmp_path)
    if recording.name in REFUSED_BY_CONSUMER:
        status, code = REFUSED_BY_CONSUMER[recording.name]
        assert (ours.status, ours.get("x-road-error")) == (status, code)
        assert sent == []
        return
    if recording.has("proxy-request"):
        (message,) = sent
        require_same_request(recording, message)
    else:
        assert sent == []
    require_same_answer(recording, ours)


@pytest.mark.parametrize(
    "recording",
    [
        p
        for p in recordings(having="client-request")
        if p.values[0].name in CONTENT_TYPE_RESPELLED
    ],
)
async def test_our_block_keeps_the_clients_spelling(recording: Recording, tmp_path):
    raw = recording.raw("client-request")
    ours, (message,) = await as_consumer(recording, raw, tmp_path)
    recorded = Multipart.of(recording.http("proxy-request")).block
    block = Multipart.of(message).block
    assert block is not None
    assert b"charset=utf-8" in block
    assert block.replace(b"charset=utf-8", b"charset=UTF-8") == recorded
    # And so the answer to the other block is not ours:
    assert ours.get("x-road-error") == "server.clientproxy.inconsistent_response"


async def as_consumer(
    recording: Recording, raw: bytes, folder
) -> tuple[Http, list[Http]]:
    """Return what the client gets, and what went to the producer's server."""
    server = consumer(folder, recording)
    server.ids.first = recorded_ids(recording)
    context = peer_server_context(live_identity("ss2-auth"))
    made = recording.raw("proxy-response") if recording.has("proxy-response") else None
    peer = RawServer(made, host=SS2_ADDRESS, ssl=context)
    ocsp = RawServer(ocsp_answer(recording), host=SS2_ADDRESS)
    async with peer, ocsp:
        server.peer_port, server.peer_ocsp_port = peer.port, ocsp.port
        async with server:
            return await server.client_call(raw), peer.requests


def recorded_ids(recording: Recording) -> list[str]:
    """Return the ids that the Java server made up: of the request, of the query."""
    if not recording.has("proxy-request"):
        return []
    request = recording.http("proxy-request")
    lines = (Multipart.of(request).block or b"").decode().split("\r\n")
    query_ids = [v for v in lines if v.startswith("x-road-id:TEST-")]
    made = [v.removeprefix("x-road-id:TEST-") for v in query_ids]
    return [request.get("x-road-request-id") or "", *made]


def ocsp_answer(recording: Recording) -> bytes:
    """Return the recorded answer of port 5577; it came once in each set."""
    first = Recording(recording.folder.parents[0] / "rest-get")
    if not first.has("ocsp-response"):
        first = Recording(recording.folder.parents[1] / "rest-get")
    assert live_ocsp(recording.set)
    return first.raw("ocsp-response")


def require_same_request(recording: Recording, ours: Http) -> None:
    theirs = recording.http("proxy-request")
    assert ours.start == theirs.start
    assert ours.get("transfer-encoding") == "chunked"
    for name in ("x-road-message-type", "x-hash-algorithm", "x-road-request-id"):
        assert ours.get(name) == theirs.get(name)
    assert ours.all("x-original-content-type") == theirs.all("x-original-content-type")
    assert (ours.get("x-proxy-version") or "").startswith("7.8.0")
    made, recorded = Multipart.of(ours), Multipart.of(theirs)
    made.require_signed_by(CLIENT, CLOCKS[recording.set])
    assert made.block == recorded.block
    assert made.body == recorded.body
    expected = recording.expected["proxy-request"]
    assert digest(made.block or b"") == expected["message_sha512_b64"]
    if made.body is not None:
        (attachment,) = expected["attachments"]
        assert attachment["sha512_b64"] == digest(made.body)
    if "batch" not in recording.name:
        assert made.media_types == expected["parts"]


def require_same_answer(recording: Recording, ours: Http) -> None:
    theirs = recording.http("client-response")
    assert ours.status == theirs.status
    if recording.name in BARE_400:
        return
    assert ours.get("x-road-error") == theirs.get("x-road-error")
    if recording.name == "rest-bad-version":
        assert lone_fault(ours) == lone_fault(theirs)
    elif theirs.get("x-road-error") is not None:
        assert ours.get("content-type") == theirs.get("content-type")
        assert fault_type(ours) == fault_type(theirs)
    else:
        require_same_success(recording, ours, theirs)


def fault_type(http: Http) -> str:
    if http.get("content-type") == "application/json":
        return json.loads(http.body)["type"]
    return http.body.partition(b"<type>")[2].partition(b"</type>")[0].decode()


def require_same_success(recording: Recording, ours: Http, theirs: Http) -> None:
    signed = Multipart.of(recording.http("proxy-response")).block or b""
    names = {line.partition(b":")[0] for line in signed.split(b"\r\n")[2:]}

    def of_block(http: Http) -> list[tuple[str, str]]:
        return [h for h in http.headers if h[0].encode() in names and h[0] != "Date"]

    assert of_block(ours) == of_block(theirs)
    assert len(ours.all("date")) == 1
    if b"Date" in names:
        assert ours.get("date") == theirs.get("date")
    assert ours.body == theirs.body


# --- Batches ---


@pytest.mark.parametrize(
    "recording",
    [p for p in recordings(having="proxy-request") if "batch" in p.values[0].name],
)
@pytest.mark.parametrize("name", ["proxy-request", "proxy-response"])
def test_messages_of_a_batch_have_chains_and_verify(recording: Recording, name):
    message = Multipart.of(recording.http(name))
    signer = CLIENT if name == "proxy-request" else PROVIDER
    message.require_signed_by(signer, CLOCKS[recording.set])
    references = recording.expected[name]["signature_reference"]
    has_chain = message.signature.hash_chain is not None
    assert has_chain == ("/sig-hashchainresult.xml" in references)
    assert has_chain or message.one(AttachmentBegan) is None
