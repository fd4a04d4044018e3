"""What two Java servers of 7.8.0 sent each other, replayed through our messages.

Each case of xroad-live is a folder with the bytes at every hop. From what the client
and the service sent we make the blocks; they must be the recorded ones.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from kerege.xroad import rest
from kerege.xroad.faults import XRoadError
from kerege.xroad.rest import RestRequest, RestResponse
from kerege.xroad.transport import (
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Fault,
    HashChain,
    HashChainResult,
    Message,
    MessageKind,
    MessageReader,
    OcspResponse,
    Signature,
    find_header,
    media_type,
)
from tests.vectors import LIVE, needs_recordings

pytestmark = needs_recordings

CONTENT_TYPE_RESPELLED = {"rest-post-json"}
"""Jetty respells one Content-Type; everything else in the block agrees."""

OUR_BLOCK_KEEPS_CONTENT_ENCODING = {"rest-gzip", "rest-gzip-asked"}
"""The reference unzips the answer and drops the header; we leave it alone."""

REFUSED_EARLIER = {
    "rest-empty-id": "client.missing_header_field",
    "rest-double-slash": "client.bad_request",
    "rest-raw-utf8-path": "client.bad_request",
}
"""Ours refuses at once what the reference answers later, or its HTTP server does."""


@dataclass(frozen=True)
class Http:
    """One recorded HTTP message, its body without chunk framing."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def load(cls, path: Path) -> "Http":
        head, _, body = path.read_bytes().partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple(tuple(line.split(":", 1)) for line in lines)
        message = cls(start, tuple((n, v.strip()) for n, v in headers), body)
        if message.get("transfer-encoding") == "chunked":
            return cls(start, message.headers, dechunk(body))
        return message

    def get(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name), None)


def dechunk(data: bytes) -> bytes:
    out = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        out.append(data[:length])
        data = data[length + 2 :]
    return b"".join(out)


def cases(file: str, prefix: str, without: str = "") -> list:
    folders = [
        folder
        for folder in sorted(LIVE.glob("recordings*/*")) + batch()
        if folder.name.startswith(prefix) or folder.parent.name == "rest-batch"
        if (folder / file).is_file() and folder.name != without
    ]
    return [
        pytest.param(folder, id=str(folder.relative_to(LIVE))) for folder in folders
    ]


def batch() -> list[Path]:
    return sorted(LIVE.glob("recordings/rest-batch/*"))


def read_parts(http: Http, *, step: int | None = None):
    """Return the events, body data joined per attachment."""
    reader = MessageReader(http.get("content-type") or "")
    events = []
    size = step or max(1, len(http.body))
    for start in range(0, len(http.body), size):
        events += reader.receive_data(http.body[start : start + size])
    events += reader.receive_eof()
    return joined(events)


def joined(events):
    out = []
    for event in events:
        if isinstance(event, BodyData) and isinstance(out[-1], BodyData):
            out[-1] = BodyData(out[-1].data + event.data)
        else:
            out.append(event)
    return out


def message_of(http: Http) -> Message:
    return next(e for e in read_parts(http) if isinstance(e, Message))


def body_of(http: Http) -> bytes | None:
    events = read_parts(http)
    if not any(isinstance(e, AttachmentBegan) for e in events):
        return None
    return b"".join(e.data for e in events if isinstance(e, BodyData))


def client_request(folder: Path, *, request_id: str, query_id: str) -> RestRequest:
    http = Http.load(folder / "client-request.http")
    method, target, _ = http.start.split(" ", 2)
    path, mark, query = target.encode("latin-1").partition(b"?")
    return RestRequest.from_client(
        method,
        path,
        query if mark else None,
        http.headers,
        request_id=request_id,
        query_id=query_id,
    )


@pytest.mark.parametrize("folder", cases("proxy-request.http", "rest-"))
def test_our_request_block_is_the_recorded_one(folder):
    proxy = Http.load(folder / "proxy-request.http")
    recorded = message_of(proxy).content
    request_id = proxy.get("x-road-request-id")
    ids = dict(
        line.split(":", 1) for line in recorded.decode().split("\r\n")[2:] if line
    )
    if folder.name in REFUSED_EARLIER:
        with pytest.raises(XRoadError) as refused:
            client_request(folder, request_id=request_id, query_id="unused")
        assert refused.value.code == REFUSED_EARLIER[folder.name]
        return
    query_id = ids.get("x-road-id", "the client sent one")
    ours = client_request(folder, request_id=request_id, query_id=query_id)
    if folder.name in CONTENT_TYPE_RESPELLED:
        respelled = ours.block.replace(b"charset=utf-8", b"charset=UTF-8")
        assert respelled != ours.block
        assert respelled == recorded
    else:
        assert ours.block == recorded
    parsed = RestRequest.parse(recorded)
    assert parsed.block == recorded
    assert parsed.request_id == request_id
    if folder.name not in CONTENT_TYPE_RESPELLED:
        assert parsed == ours


@pytest.mark.parametrize(
    "folder", cases("client-request.http", "rest-", without="rest-folded-header")
)
def test_requests_the_consumer_server_refused_are_refused_or_made(folder):
    """Where no message left the consumer because of its form, ours raises as well.

    A folded header (`rest-folded-header`) is for the HTTP layer to refuse.
    """
    refused = {
        "rest-bad-client": "internal_error",
        "rest-bad-path": "internal_error",
        "rest-lowercase-verb": "internal_error",
        "rest-unknown-verb": "internal_error",
        "rest-connect": "internal_error",
        "rest-no-client": "invalid_client_identifier",
        "rest-bad-version": "internal_error",
        **REFUSED_EARLIER,
    }
    if folder.name in refused:
        with pytest.raises(XRoadError) as error:
            client_request(folder, request_id="r", query_id="q")
        assert error.value.code == refused[folder.name]
    else:
        request = client_request(folder, request_id="r", query_id="q")
        assert RestRequest.parse(request.block) == request


@pytest.mark.parametrize("folder", cases("provider-response.http", "rest-"))
def test_our_response_block_and_request_hash_are_the_recorded_ones(folder):
    answer = Http.load(folder / "proxy-response.http")
    if folder.name == "rest-empty-id":
        with pytest.raises(XRoadError) as error:
            RestRequest.parse(
                message_of(Http.load(folder / "proxy-request.http")).content
            )
        assert error.value.code == "missing_header_field"
        return
    if not any(
        isinstance(e, Message) for e in read_parts(answer)
    ):  # the service did not answer in HTTP
        assert folder.name in {"rest-provider-garbage", "rest-timeout"}
        return
    recorded = message_of(answer).content
    proxy = Http.load(folder / "proxy-request.http")
    request = RestRequest.parse(message_of(proxy).content)
    body = body_of(proxy)
    body_digest = None if body is None else hashlib.sha512(body).digest()
    request_hash = rest.request_hash(request.digest, body_digest)

    service = Http.load(folder / "provider-response.http")
    _, status, reason = service.start.split(" ", 2)
    ours = RestResponse.from_service(
        int(status),
        reason,
        service.headers,
        request=request,
        request_hash=request_hash,
    )
    theirs = RestResponse.parse(recorded)
    assert theirs.request_hash == request_hash
    if folder.name in OUR_BLOCK_KEEPS_CONTENT_ENCODING:
        without = [h for h in ours.headers if h[0].lower() != "content-encoding"]
        assert tuple(without) == theirs.headers
    else:
        assert ours.block == recorded
        assert theirs == ours
    rest.check_consistency(request, theirs, body_digest=body_digest)


@pytest.mark.parametrize("folder", cases("provider-request.http", "rest-"))
def test_the_service_is_called_as_recorded(folder):
    if folder.name == "rest-empty-id":
        return  # ours has refused it, see above
    block = message_of(Http.load(folder / "proxy-request.http")).content
    request = RestRequest.parse(block)
    called = Http.load(folder / "provider-request.http")
    method, target, _ = called.start.split(" ", 2)
    base = "http://127.0.0.21:9001/" + request.service_id.service_code
    assert request.method == method
    assert rest.service_url(base, request) == "http://127.0.0.21:9001" + target
    added = {
        "host",
        "connection",
        "user-agent",
        "accept-encoding",
        "content-length",
        "cookie",
        "transfer-encoding",
    }
    ours = [h for h in rest.headers_for_service(request) if keep(h, added)]
    if folder.name == "rest-nonascii-utf8":
        # Java's client writes U+0080 to U+009F as "?"; ours keeps the bytes.
        ours = [(name, value.replace("\x82", "?")) for name, value in ours]
    assert [h for h in called.headers if keep(h, added)] == ours


def keep(header, added):
    return header[0].lower() not in added


@pytest.mark.parametrize("name", ["proxy-request", "proxy-response"])
@pytest.mark.parametrize("folder", cases("expected.json", ""))
def test_every_multipart_has_the_parts_and_digests_listed(folder, name):
    expected = json.loads((folder / "expected.json").read_text())
    if name not in expected:
        return
    expected = expected[name]
    http = Http.load(folder / f"{name}.http")
    if folder.name == "soap-latin1" and name == "proxy-response":
        with pytest.raises(XRoadError, match="invalid_soap"):
            read_parts(http)  # as the consumer's server of the recording says
        return
    events = read_parts(http)
    if "fault_only" in expected:
        (fault,) = events
        assert isinstance(fault, Fault)
        assert fault.error.code == expected["fault_only"]
        return
    listed = [part.split(";")[0] for part in expected["parts"]]
    assert media_types(events) == listed
    if "message_sha512_b64" in expected:
        message = next(e for e in events if isinstance(e, Message | Fault))
        assert digest(message.content) == expected["message_sha512_b64"]
    assert attachments(events) == expected.get("attachments", [])
    if "hash_chain_result_sha512_b64" in expected:
        result = first(events, HashChainResult).content
        assert digest(result) == expected["hash_chain_result_sha512_b64"]
    if len(http.body) < 100_000:
        assert read_parts(http, step=1) == events


def first(events, kind):
    return next(e for e in events if isinstance(e, kind))


def digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha512(data).digest()).decode()


def attachments(events) -> list[dict]:
    found, data = [], b""
    for event in events:
        if isinstance(event, AttachmentBegan):
            data = b""
        elif isinstance(event, BodyData):
            data = event.data
        elif isinstance(event, AttachmentEnded):
            found.append({"bytes": len(data), "sha512_b64": digest(data)})
    return found


MEDIA_TYPES = {
    OcspResponse: "application/ocsp-response",
    HashChainResult: "application/hash-chain-result",
    HashChain: "application/hash-chain",
    Signature: "signature/bdoc-1.0/ts",
    Fault: "text/xml",
}


def media_types(events) -> list[str]:
    """Return the media types of the parts; all SOAP attachments are one part."""
    types = []
    for event in events:
        if isinstance(event, Message):
            types.append(media_type(find_header(event.headers, "content-type")))
        elif event == AttachmentBegan("/attachment1", getattr(event, "headers", ())):
            types.append(body_type(events))
        elif type(event) in MEDIA_TYPES:
            types.append(MEDIA_TYPES[type(event)])
    return types


def body_type(events) -> str:
    kind = first(events, Message).kind
    soap = kind is MessageKind.SOAP
    return "multipart/mixed" if soap else "application/x-road-rest-body"
