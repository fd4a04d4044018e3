"""zeep through our client: its envelopes, with X-Road's header and faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zeep

from kerege.exchange.client import Client, NotAnXRoadAnswer, ProviderServerFault
from kerege.exchange.client.zeep import XRoadTransport
from kerege.xroad import soap
from kerege.xroad.identifiers import ServiceId
from tests.exchange.client.soap_servers import SoapServer, soap_server

PORTAL = "KG/GOV/70000001/portal"
REGISTERS = "KG/GOV/70000050/registers"
WSDL = str(Path(__file__).parents[2] / "interop/villages.wsdl")


@pytest.fixture
def server() -> Iterator[SoapServer]:
    with soap_server() as running:
        yield running


@pytest.fixture
def xroad(server) -> Iterator[Client]:
    with Client(server.url, PORTAL, user_id="KG1") as client:
        yield client


def test_zeep_asks_and_reads_and_the_header_is_x_road_s(server, xroad):
    transport = XRoadTransport(xroad, REGISTERS, version="v1", issue="case 1")
    answer = zeep.Client(WSDL, transport=transport).service.villageFact(code="41704")
    assert (answer.name, answer.households) == ("Kek-Djar", 24)
    (asked,) = server.asked
    service = ServiceId(*REGISTERS.split("/"), "villageFact", "v1")
    message = asked.message
    assert (message.client_id, message.service_id) == (xroad.client, service)
    assert (message.user_id, message.issue) == ("KG1", "case 1")
    assert asked.soap_action == '""'
    assert b"41704" in asked.envelope


def test_who_asks_and_why_may_differ_from_call_to_call(server, xroad):
    transport = XRoadTransport(xroad, REGISTERS, issue="case 1")
    registers = zeep.Client(WSDL, transport=transport).service
    with transport.asking(user_id="clerk-17", issue="case 2", query_id="q-2"):
        registers.villageFact(code="1")
    registers.villageFact(code="1")
    first, second = (asked.message for asked in server.asked)
    assert (first.user_id, first.issue, first.query_id) == ("clerk-17", "case 2", "q-2")
    assert (second.user_id, second.issue) == ("KG1", "case 1")
    assert second.query_id != "q-2"


def test_a_fault_of_x_road_is_ours_and_one_of_the_service_is_zeep_s(server, xroad):
    transport = XRoadTransport(xroad, REGISTERS)
    registers = zeep.Client(WSDL, transport=transport).service
    denied = soap.write_fault("server.serverproxy.access_denied", "No")
    server.reply = lambda _: ("500 Server Error", "text/xml", denied)
    with pytest.raises(ProviderServerFault, match="access_denied"):
        registers.villageFact(code="1")
    own = soap.write_fault("Server", "There is no such village")
    server.reply = lambda _: ("500 Server Error", "text/xml", own)
    with pytest.raises(zeep.exceptions.Fault, match="no such village"):
        registers.villageFact(code="1")


def test_an_answer_that_nobody_checked_does_not_reach_zeep(server, xroad):
    server.reply = lambda envelope: (
        "200 OK",
        "text/xml",
        soap.answer_to(envelope, server.body),
    )
    registers = zeep.Client(WSDL, transport=XRoadTransport(xroad, REGISTERS)).service
    with pytest.raises(NotAnXRoadAnswer, match="no requestHash"):
        registers.villageFact(code="1")


def test_a_service_code_may_differ_from_the_element_s_name(server, xroad):
    transport = XRoadTransport(xroad, REGISTERS, codes={"villageFact": "village"})
    zeep.Client(WSDL, transport=transport).service.villageFact(code="1")
    assert server.asked[0].message.service_id.service_code == "village"


def test_an_envelope_with_a_header_of_the_caller_s_keeps_it(server, xroad):
    transport = XRoadTransport(xroad, REGISTERS)
    message = soap.SoapMessage(
        xroad.client,
        ServiceId(*REGISTERS.split("/"), "villageFact"),
        "q-own",
        "4.0",
        "villageFact",
        user_id="own",
    )
    transport.post("", soap.write(message), {})
    assert server.asked[0].message == message


@pytest.mark.parametrize(
    "envelope", ["<e:Envelope {}/>", "<e:Envelope {}><e:Body/></e:Envelope>"]
)
def test_an_envelope_without_a_body_is_not_sent(server, xroad, envelope):
    namespace = 'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    with pytest.raises(ValueError, match="no Body"):
        XRoadTransport(xroad, REGISTERS).post(
            "", envelope.format(namespace).encode(), {}
        )
    assert not server.asked
