"""SOAP calls: what is sent, and what an answer is taken for."""

import io
import threading
from collections.abc import Iterator

import pytest

from kerege.exchange.client import (
    AnswerTooLarge,
    AsyncClient,
    Attachment,
    Client,
    ClientRequestFault,
    NotAnXRoadAnswer,
    ProviderServerFault,
    SecurityServerUnreachable,
    ServiceSoapFault,
)
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty
from tests.exchange.client.soap_servers import ANSWER, SoapServer, soap_server

PORTAL = "KG/GOV/70000001/portal"
FACT = "KG/GOV/70000050/registers/villageFact"
BODY = '<v:villageFact xmlns:v="urn:villages"><v:code>41704</v:code></v:villageFact>'


@pytest.fixture
def server() -> Iterator[SoapServer]:
    with soap_server() as running:
        yield running


async def test_the_header_says_who_asks_whom_for_what_and_why(server):
    async with AsyncClient(server.url, PORTAL) as xroad:
        answer = await xroad.soap(
            f"{FACT}/v1",
            BODY,
            user_id="clerk-17",
            issue="case 2026/118",
            represented_party=("COM", "60000001"),
            security_server="KG/GOV/70000050/SS2",
            query_id="q-1",
            soap_action="urn:fact",
        )
    (asked,) = server.asked
    service = ServiceId("KG", "GOV", "70000050", "registers", "villageFact", "v1")
    assert asked.message == soap.SoapMessage(
        xroad.client,
        service,
        "q-1",
        "4.0",
        "villageFact",
        "clerk-17",
        "case 2026/118",
        RepresentedParty("60000001", "COM"),
        SecurityServerId("KG", "GOV", "70000050", "SS2"),
    )
    assert (asked.content_type, asked.soap_action) == (
        "text/xml; charset=UTF-8",
        '"urn:fact"',
    )
    assert b"<v:code>41704</v:code>" in asked.envelope
    assert (answer.status, answer.query_id, answer.is_success) == (200, "q-1", True)
    assert ANSWER in answer.envelope
    assert answer.message is not None
    assert answer.message.body_element == "villageFactResponse"
    answer.raise_for_status()


def test_without_asyncio_it_is_the_same(server):
    with Client(server.url, PORTAL, user_id="KG1") as xroad:
        answer = xroad.soap(FACT, BODY.encode())
    assert ANSWER in answer.envelope
    assert server.asked[0].message.user_id == "KG1"
    assert server.asked[0].message.service_id.service_version is None


def test_attachments_go_with_the_envelope(server):
    with Client(server.url, PORTAL) as xroad:
        xroad.soap(
            FACT,
            BODY,
            attachments=[
                Attachment(b"%PDF\r\n--", "application/pdf", "scan"),
                Attachment("Ж"),
            ],
        )
    (asked,) = server.asked
    (scan, first), (made_up, second) = asked.attachments
    assert dict(scan)["Content-Type"] == "application/pdf"
    assert dict(scan)["Content-ID"] == "<scan>"
    assert dict(made_up)["Content-ID"] == "<attachment-2>"
    assert (first, second) == (b"%PDF\r\n--", "Ж".encode())


def test_attachments_may_be_files_and_iterators_of_any_length():
    pieces = iter([b"a" * 70_000, b"b"])
    call = soap_call(Attachment(io.BytesIO(b"c" * 70_000)), Attachment(pieces))
    chunks = list(call.body("edge"))
    assert max(map(len, chunks)) <= 70_000
    whole = b"".join(chunks)
    assert b"\r\n\r\n" + b"c" * 70_000 + b"\r\n--edge" in whole
    assert b"\r\n\r\n" + b"a" * 70_000 + b"b\r\n--edge--" in whole


def soap_call(*attachments: Attachment):
    from kerege.exchange.client import SoapCall

    return SoapCall(b"<envelope/>", "q-1", attachments)


@pytest.mark.parametrize(
    ("attachment", "error"),
    [
        (Attachment(b"", "text/plain\r\nX: y"), ValueError),
        (Attachment(b"", content_id="a\nb"), ValueError),
    ],
)
def test_an_attachment_cannot_bring_headers(attachment, error):
    with pytest.raises(error, match="characters that no header may have"):
        soap_call(attachment).body("edge")


def test_attachments_of_an_answer_are_given(server):
    def reply(envelope: bytes) -> tuple[str, str, bytes]:
        parts = b"".join(
            b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"
            for head, content in (
                (b"Content-Type: text/xml", server.hashed(envelope)),
                (b"Content-Type: image/png\r\nContent-ID: <map>", b"\x89PNG\r\n"),
            )
        )
        return "200 OK", "multipart/related; boundary=b", parts + b"--b--\r\n"

    server.reply = reply
    with Client(server.url, PORTAL) as xroad:
        answer = xroad.soap(FACT, BODY)
    assert answer.attachments == (Attachment(b"\x89PNG\r\n", "image/png", "map"),)
    assert ANSWER in answer.envelope


def test_attachments_of_an_answer_go_into_files_as_they_come(server):
    picture = b"\x89PNG" * 100_000

    def reply(envelope: bytes) -> tuple[str, str, bytes]:
        parts = b"--b\r\nContent-Type: text/xml\r\n\r\n" + server.hashed(envelope)
        for name in (b"map", b"photo"):
            parts += b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <" + name
            parts += b">\r\n\r\n" + name + picture
        return "200 OK", "multipart/related; boundary=b", parts + b"\r\n--b--\r\n"

    server.reply = reply
    files: dict[tuple[str, str], io.BytesIO] = {}

    def file_for(content_id: str, content_type: str) -> io.BytesIO:
        return files.setdefault((content_id, content_type), io.BytesIO())

    with Client(server.url, PORTAL) as xroad:
        answer = xroad.soap(FACT, BODY, attachment_file=file_for)
    assert [part.content for part in answer.attachments] == [b"", b""]
    assert [part.content_id for part in answer.attachments] == ["map", "photo"]
    assert files["map", "image/png"].getvalue() == b"map" + picture
    assert files["photo", "image/png"].getvalue() == b"photo" + picture


def test_nothing_of_an_attachment_is_kept_before_the_envelope_is_judged(server):
    def reply(envelope: bytes) -> tuple[str, str, bytes]:
        parts = b"--b\r\nContent-Type: text/xml\r\n\r\n"
        parts += soap.answer_to(envelope, ANSWER)
        parts += b"\r\n--b\r\nContent-Type: a/b\r\n\r\nforged\r\n--b--\r\n"
        return "200 OK", "multipart/related; boundary=b", parts

    def no_file(content_id: str, content_type: str) -> io.BytesIO:
        pytest.fail("an attachment of nobody knows whom")

    server.reply = reply
    with (
        Client(server.url, PORTAL) as xroad,
        pytest.raises(NotAnXRoadAnswer, match="no requestHash"),
    ):
        xroad.soap(FACT, BODY, attachment_file=no_file)


def test_without_asyncio_an_attachment_is_made_in_the_caller_s_thread(server):
    asked: set[int] = set()

    def rows() -> Iterator[bytes]:
        for number in range(3):
            asked.add(threading.get_ident())
            yield b"%d\n" % number

    with Client(server.url, PORTAL) as xroad:
        xroad.soap(FACT, BODY, attachments=[Attachment(rows(), "text/csv")])
    assert server.asked[0].attachments[0][1] == b"0\n1\n2\n"
    assert asked == {threading.get_ident()}


def faulting(code: str):
    fault = soap.write_fault(code, "No", detail="d-1")
    return lambda _: ("500 Server Error", "text/xml", fault)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server.serverproxy.access_denied", ProviderServerFault),
        ("Server.ServerProxy.AccessDenied", ProviderServerFault),
        ("client.inconsistent_headers", ClientRequestFault),
        ("Client.MissingHeaderField", ClientRequestFault),
    ],
)
def test_a_fault_of_x_road_is_raised_and_says_who_has_to_act(server, code, kind):
    server.reply = faulting(code)
    with Client(server.url, PORTAL) as xroad, pytest.raises(kind) as caught:
        xroad.soap(FACT, BODY, query_id="q-1")
    fault = caught.value
    assert (fault.code, fault.text, fault.detail) == (code, "No", "d-1")
    assert fault.advice
    assert fault.query_id == "q-1"


@pytest.mark.parametrize("code", ["Server", "Client", "Client.NoVillage", "v:Odd"])
def test_a_fault_of_the_service_is_an_answer(server, code):
    server.reply = faulting(code)
    with Client(server.url, PORTAL) as xroad:
        answer = xroad.soap(FACT, BODY)
    assert not answer.is_success
    assert (answer.message, answer.fault.message) == (None, "No")
    with pytest.raises(ServiceSoapFault, match=f"the fault {code}: No"):
        answer.raise_for_status()


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("text/html", b"<html/>", "Content-Type"),
        ("text/xml", b"<html/>", "Expected a SOAP 1.1 envelope"),
        ("text/xml", None, "no requestHash"),
        ("text/xml", b"hash of another", "not that of the request"),
    ],
)
def test_what_no_security_server_has_checked_is_not_taken(server, kind, content, why):
    def reply(envelope: bytes) -> tuple[str, str, bytes]:
        if content is None:
            return "200 OK", kind, soap.answer_to(envelope, ANSWER)
        if content == b"hash of another":
            answer = soap.answer_to(envelope, ANSWER)
            hashed = soap.add_request_hash(answer, kind, soap.request_hash(b"other"))
            return "200 OK", kind, hashed.content
        return "200 OK", kind, content

    server.reply = reply
    with Client(server.url, PORTAL) as xroad, pytest.raises(NotAnXRoadAnswer) as caught:
        xroad.soap(FACT, BODY)
    assert why in str(caught.value)


def test_an_answer_has_a_bound(server):
    with Client(server.url, PORTAL) as xroad, pytest.raises(AnswerTooLarge):
        xroad.soap(FACT, BODY, max_answer_bytes=100)


def test_a_server_that_is_not_there_is_named():
    with (
        Client("http://127.0.0.1:1", PORTAL) as xroad,
        pytest.raises(SecurityServerUnreachable, match=r"http://127\.0\.0\.1:1 cannot"),
    ):
        xroad.soap(FACT, BODY)


@pytest.mark.parametrize(
    ("service", "body", "error"),
    [
        ("KG/GOV/1/registers", BODY, ValueError),
        (f"{FACT}/v1/x", BODY, ValueError),
        (FACT, "no XML", XRoadError),
        (
            FACT,
            '<!DOCTYPE a [<!ENTITY b "c">]><villageFact>&b;</villageFact>',
            XRoadError,
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_here(server, service, body, error):
    with Client(server.url, PORTAL) as xroad, pytest.raises(error):
        xroad.soap(service, body)
    assert not server.asked


def test_a_represented_party_has_at_most_two_codes(server):
    with Client(server.url, PORTAL) as xroad, pytest.raises(ValueError, match="party"):
        xroad.soap(FACT, BODY, represented_party=("a", "b", "c"))


WSDL_ANSWER = b'<getWsdlResponse xmlns="http://x-road.eu/xsd/xroad.xsd"/>'


def test_the_wsdl_of_a_service_is_asked_of_its_provider_s_server(server):
    def reply(envelope: bytes) -> tuple[str, str, bytes]:
        parts = b"--b\r\nContent-Type: text/xml\r\n\r\n" + server.hashed(envelope)
        parts += b"\r\n--b\r\nContent-Type: text/xml\r\n\r\n<wsdl/>\r\n--b--\r\n"
        return "200 OK", "multipart/related; boundary=b", parts

    server.body, server.reply = WSDL_ANSWER, reply
    with Client(server.url, PORTAL) as xroad:
        assert xroad.wsdl(f"{FACT}/v1") == b"<wsdl/>"
        assert xroad.wsdl(ServiceId("KG", "GOV", "1", "s", "fact")) == b"<wsdl/>"
    first, second = server.asked
    assert first.message.service_id == ServiceId(
        "KG", "GOV", "70000050", "registers", "getWsdl"
    )
    assert b"<serviceCode>villageFact</serviceCode>" in first.envelope
    assert b"<serviceVersion>v1</serviceVersion>" in first.envelope
    assert b"<serviceCode>fact</serviceCode></getWsdl>" in second.envelope


def test_an_answer_without_a_wsdl_is_none(server):
    server.body = WSDL_ANSWER
    with (
        Client(server.url, PORTAL) as xroad,
        pytest.raises(NotAnXRoadAnswer, match="has no attachment"),
    ):
        xroad.wsdl(FACT)
