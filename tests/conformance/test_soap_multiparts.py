"""SOAP with attachments: taken apart and put together as the reference's servers did."""

import re

import pytest

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import (
    PART_ENDED,
    AttachmentBegan,
    BodyData,
    Envelope,
    Message,
    PartBegan,
    PartData,
    PartEnded,
    SoapReader,
    attachment_for_service_began,
    attachments_for_service_ended,
    service_content_type,
    soap_for_service,
)
from tests.conformance.recordings import Multipart, recordings
from tests.vectors import needs_recordings, needs_vectors, rows, xroad_path

XML = "text/xml; charset=UTF-8"
SERVICE_FAILED = "server.serverproxy.service_failed"


def read_all(http) -> tuple[Envelope, list]:
    reader = SoapReader(http.get("content-type"))
    events = [*reader.receive_data(http.body), *reader.receive_eof()]
    return events[0], events[1:]


def written(content: bytes, envelope: Envelope, rest: list, original: str) -> bytes:
    """Return what the other end gets, as a shell would write it."""
    has_attachments = bool(rest)
    pieces = [
        soap_for_service(
            original, content, envelope.headers, has_attachments=has_attachments
        )
    ]
    for event in rest:
        match event:
            case PartBegan(headers):
                pieces.append(attachment_for_service_began(original, headers))
            case PartData(data):
                pieces.append(data)
            case PartEnded():
                pieces.append(PART_ENDED)
    if has_attachments:
        pieces.append(attachments_for_service_ended(original))
    return b"".join(pieces)


def unordered(content: bytes) -> list[bytes]:
    """Return the lines; the reference keeps a part's headers in a hash map."""
    return sorted(content.splitlines(keepends=True))


def attachments_of(events: list) -> list[bytes]:
    """Return the attachments, of this reader and of that between servers."""
    found = []
    for event in events:
        if isinstance(event, PartBegan | AttachmentBegan):
            found.append(b"")
        elif isinstance(event, PartData | BodyData):
            found[-1] += event.data
    return found


ASKED = [
    p
    for p in recordings(having="proxy-request", prefix="soap-")
    if p.values[0].has("provider-request")
]


@needs_recordings
@pytest.mark.parametrize("recording", ASKED)
def test_a_request_is_taken_apart_and_put_together_as_the_reference_does(recording):
    envelope, rest = read_all(recording.http("client-request"))
    sent = Multipart.of(recording.http("proxy-request"))
    assert envelope.content == sent.one(Message).content
    assert attachments_of(rest) == attachments_of(list(sent.events))
    service = recording.http("provider-request")
    original = recording.http("proxy-request").get("x-original-content-type")
    ours = written(envelope.content, envelope, rest, original)
    assert unordered(ours) == unordered(service.body)
    content_type = service_content_type(original, has_attachments=bool(rest))
    assert content_type == service.get("content-type")


NOT_AS_SENT = ("soap-latin1", "soap-mutated-body")
"""See test_soap_messages.py: these are not what should have been sent."""
ANSWERS = [
    p
    for p in recordings(having="provider-response", prefix="soap-")
    if "fault" not in p.id and "404" not in p.id and p.values[0].name not in NOT_AS_SENT
]


@needs_recordings
@pytest.mark.parametrize("recording", ANSWERS)
def test_an_answer_is_taken_apart_as_the_reference_does(recording):
    request = Multipart.of(recording.http("proxy-request")).one(Message).content
    http = recording.http("provider-response")
    envelope, rest = read_all(http)
    answer = soap.add_request_hash(
        envelope.content, envelope.content_type, soap.request_hash(request)
    )
    sent = Multipart.of(recording.http("proxy-response"))
    assert answer.content == sent.one(Message).content
    assert attachments_of(rest) == attachments_of(list(sent.events))
    client = recording.http("client-response")
    ours = written(answer.content, envelope, rest, http.get("content-type"))
    assert unordered(ours) == unordered(client.body)


IN_PARTS = [
    p
    for p in rows("proxy-testsuite")
    if re.search(r"[Aa]ttach|Multipart|Mime|MTOM", p.values[0].case)
    and p.values[0].setup.startswith("plain; request ")
    and "sent straight" not in p.values[0].setup
    and "not available" not in p.values[0].notes
    and "built in code" not in p.values[0].setup
]
CONTENT_TYPE = re.compile(
    r"(request|answer) ([\w\-]+\.(?:query|answer))(?: \[(.*?)\](?=[;,]|$))?"
)


@needs_vectors
@pytest.mark.parametrize("row", IN_PARTS)
def test_multiparts_of_the_references_proxies(row):
    """The half of these cases that needs no server: what both ends read."""
    found = {kind: (name, of) for kind, name, of in CONTENT_TYPE.findall(row.setup)}
    fault = ""
    for kind, (name, content_type) in found.items():
        prefix = "client" if kind == "request" else SERVICE_FAILED
        content = xroad_path(f"soap/{name}").read_bytes()
        try:
            envelope, *_ = read_events(content_type or XML, content)
            message = soap.read(envelope.content, envelope.content_type)
        except XRoadError as error:
            code = error.code
            if kind == "answer" and code == "missing_soap":
                code = "invalid_message"  # as the provider's server calls it
            fault = f"{prefix}.{code}"
            break
        if isinstance(message, XRoadError):
            assert row.expected == "fault"
            return
    assert fault == row.error_code


def read_events(content_type: str, content: bytes) -> list:
    reader = SoapReader(content_type)
    return [*reader.receive_data(content), *reader.receive_eof()]
