"""SOAP with attachments: taken apart and put together as the reference's servers did."""

import re

import pytest

from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.transport import (
    PART_ENDED,
    AttachmentBegan,
    AttachmentEnded,
    BodyData,
    Fault,
    Message,
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


def read_all(http, **options) -> list:
    reader = SoapReader(http.get("content-type"), **options)
    return [*reader.receive_data(http.body), *reader.receive_eof()]


def written(events: list, original: str) -> bytes:
    """Return what the other end gets, as a shell would write it."""
    message, *attachments = events
    has_attachments = bool(attachments)
    pieces = [
        soap_for_service(
            original,
            message.content,
            message.headers,
            has_attachments=has_attachments,
        )
    ]
    for event in attachments:
        match event:
            case AttachmentBegan(_, headers):
                pieces.append(attachment_for_service_began(original, headers))
            case BodyData(data):
                pieces.append(data)
            case AttachmentEnded():
                pieces.append(PART_ENDED)
    if has_attachments:
        pieces.append(attachments_for_service_ended(original))
    return b"".join(pieces)


def unordered(content: bytes) -> list[bytes]:
    """Return the lines; the reference keeps a part's headers in a hash map."""
    return sorted(content.splitlines(keepends=True))


def signed_parts(events: list) -> list[bytes]:
    """Return the envelope and the attachments."""
    parts = []
    for event in events:
        if isinstance(event, Message):
            parts.append(event.content)
        elif isinstance(event, AttachmentBegan):
            parts.append(b"")
        elif isinstance(event, BodyData):
            parts[-1] += event.data
    return parts


ASKED = [
    p
    for p in recordings(having="proxy-request", prefix="soap-")
    if p.values[0].has("provider-request")
]


@needs_recordings
@pytest.mark.parametrize("recording", ASKED)
def test_a_request_is_taken_apart_and_put_together_as_the_reference_does(recording):
    events = read_all(recording.http("client-request"))
    sent = Multipart.of(recording.http("proxy-request")).events
    assert signed_parts(events) == signed_parts(sent)
    service = recording.http("provider-request")
    original = recording.http("proxy-request").get("x-original-content-type")
    assert unordered(written(events, original)) == unordered(service.body)
    attached = any(isinstance(e, AttachmentBegan) for e in events)
    content_type = service_content_type(original, has_attachments=attached)
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
    events = read_all(http, request_hash=soap.request_hash(request))
    sent = Multipart.of(recording.http("proxy-response")).events
    assert signed_parts(events) == signed_parts(sent)
    client = recording.http("client-response")
    assert unordered(written(events, http.get("content-type"))) == unordered(
        client.body
    )


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
        options = {} if kind == "request" else {"request_hash": "aGk="}
        content = xroad_path(f"soap/{name}").read_bytes()
        reader = SoapReader(content_type or XML, **options)
        try:
            events = [*reader.receive_data(content), *reader.receive_eof()]
        except XRoadError as error:
            prefix = "client" if kind == "request" else SERVICE_FAILED
            fault = f"{prefix}.{error.code}"
            break
        if isinstance(events[0], Fault):
            assert row.expected == "fault"
            return
        assert isinstance(events[0], Message)
    assert fault == row.error_code
