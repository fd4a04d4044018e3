"""The X-Road headers as one value, and what is not taken for them."""

import pytest

from kerege.exchange.provider import NotBelievedError, XRoadHeaders
from kerege.exchange.provider.headers import (
    MAX_VALUE_CHARACTERS,
    readable,
    single_fields,
)
from kerege.xroad import soap
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import ClientId, SecurityServerId, ServiceId
from kerege.xroad.rest import RepresentedParty

LEAST = {"x-road-client": "KG/GOV/1/portal", "x-road-id": "q-1"}


def test_everything_that_a_security_server_says_is_there():
    found = XRoadHeaders.read(
        LEAST
        | {
            "x-road-request-id": "r-1",
            "x-road-userid": "clerk-17",
            "x-road-issue": "case 2026/118",
            "x-road-represented-party": "COM/60000001",
            "x-road-security-server": "KG/GOV/2/SS2",
        }
    )
    assert found == XRoadHeaders(
        ClientId("KG", "GOV", "1", "portal"),
        "q-1",
        "r-1",
        "clerk-17",
        "case 2026/118",
        RepresentedParty("60000001", "COM"),
        SecurityServerId("KG", "GOV", "2", "SS2"),
    )
    for personal in ("clerk-17", "2026/118", "60000001"):
        assert personal not in repr(found)


def test_what_may_be_absent_is():
    found = XRoadHeaders.read(LEAST)
    assert (found.user_id, found.issue, found.represented_party) == (None, None, None)
    assert found.request_id == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"x-road-client": None}, "has no X-Road-Client header"),
        ({"x-road-id": None}, "has no X-Road-Id header"),
        ({"x-road-id": ""}, "has no X-Road-Id header"),
        ({"x-road-client": "KG/GOV"}, "X-Road-Client"),
        ({"x-road-client": "KG/GOV/1/a,KG/GOV/2/b"}, "X-Road-Client"),
        ({"x-road-client": "KG/GOV/1/a b"}, "X-Road-Client"),
        ({"x-road-security-server": "KG"}, "X-Road-Security-Server"),
        ({"x-road-represented-party": "a/b/c"}, "X-Road-Represented-Party"),
        ({"x-road-userid": "x" * (MAX_VALUE_CHARACTERS + 1)}, "x-road-userid is too"),
    ],
)
def test_what_no_security_server_sends_is_refused(changed, why):
    fields = {name: v for name, v in (LEAST | changed).items() if v is not None}
    with pytest.raises(NotBelievedError, match=why):
        XRoadHeaders.read(fields)


def test_a_header_that_is_there_twice_is_refused_unless_it_says_the_same():
    twice = [("X-Road-Client", "a"), ("x-road-client", "a"), ("Accept", "b")]
    assert single_fields(twice) == {"x-road-client": "a"}
    with pytest.raises(NotBelievedError, match="x-road-client is there twice"):
        single_fields([*twice, ("x-road-client", "b")])


def test_values_are_utf_8_and_old_ones_latin_1():
    assert readable("Айгүл".encode()) == "Айгүл"
    assert readable("é".encode("latin-1")) == "é"


def test_the_same_value_is_read_from_the_envelope_of_a_soap_request():
    asked = soap.SoapMessage(
        ClientId("KG", "GOV", "1", "portal"),
        ServiceId("KG", "GOV", "2", "registers", "fact"),
        "q-1",
        "4.0",
        "fact",
        "clerk-17",
        "case 2026/118",
        RepresentedParty("60000001", "COM"),
        SecurityServerId("KG", "GOV", "2", "SS2"),
    )
    assert XRoadHeaders.of_envelope(soap.write(asked)) == XRoadHeaders(
        asked.client_id,
        "q-1",
        "",
        "clerk-17",
        "case 2026/118",
        RepresentedParty("60000001", "COM"),
        SecurityServerId("KG", "GOV", "2", "SS2"),
    )


@pytest.mark.parametrize(
    ("envelope", "why"),
    [(b"<a/>", "SOAP 1.1 envelope"), (soap.write_fault("Server", "Gone"), "Gone")],
)
def test_what_is_no_request_of_soap_has_no_headers(envelope, why):
    with pytest.raises(XRoadError, match=why):
        XRoadHeaders.of_envelope(envelope)
