"""Faults of X-Road: recognised, read in both forms, and said who has to act."""

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.client import (
    ClientRequestFault,
    OwnServerFault,
    ProviderServerFault,
    ServiceFault,
    TransportFault,
    XRoadFault,
)
from kerege.exchange.client.advice import ADVICE, advice_for, modern_parts
from kerege.exchange.client.errors import fault_of
from kerege.exchange.client.faults import is_fault, read_fault
from kerege.xroad.faults import XRoadError, legacy_code, rest_fault_body


def made(code: str) -> XRoadFault:
    return fault_of(code, "text", detail="d", query_id="q")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("client.missing_header_field", ClientRequestFault),
        ("Client.InvalidSoap", ClientRequestFault),
        ("server.clientproxy.unknown_member", OwnServerFault),
        ("server.clientproxy.ssl_authentication_failed", OwnServerFault),
        ("server.clientproxy.network_error", TransportFault),
        ("Server.ClientProxy.NetworkError", TransportFault),
        ("server.clientproxy.unknown_host", TransportFault),
        (
            "server.clientproxy.service_failed.inconsistent_response",
            ProviderServerFault,
        ),
        ("server.clientproxy.service_failed.io_error", TransportFault),
        ("server.serverproxy.access_denied", ProviderServerFault),
        ("Server.ServerProxy.AccessDenied", ProviderServerFault),
        ("server.serverproxy.service_failed.internal_error", ServiceFault),
        ("Server.ServerProxy.ServiceFailed.HttpError", ServiceFault),
        ("server.serverproxy.network_error", ServiceFault),
        ("server.somewhere.else", XRoadFault),
        ("soap-env.server", XRoadFault),
        ("", XRoadFault),
        ("client", ClientRequestFault),
    ],
)
def test_the_class_says_who_has_to_act(code, kind):
    assert type(made(code)) is kind


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_old_and_new_spelling_get_the_same_advice(code):
    new = f"server.serverproxy.{code}"
    assert advice_for(new) == ADVICE[code]
    assert advice_for(legacy_code(new)) == ADVICE[code]


def test_the_last_known_part_of_a_long_code_decides():
    code = "server.clientproxy.signature_verification.malformed_signature.invalid_x"
    assert advice_for(code) == ADVICE["malformed_signature"]


def test_a_code_of_two_parts_is_found_whole():
    code = "server.clientproxy.mlog.no_timestamping_provider_found"
    assert "time-stamping service" in advice_for(code)


def test_an_unknown_code_has_no_advice_and_says_its_text():
    fault = made("server.serverproxy.something_new")
    assert fault.advice == ""
    assert str(fault) == "server.serverproxy.something_new: text"


def test_a_cause_can_be_compared_whatever_the_spelling():
    assert made("Server.ServerProxy.AccessDenied").cause == "access_denied"
    assert made("server.serverproxy.access_denied").cause == "access_denied"


def test_the_text_of_a_fault_says_what_to_do():
    fault = made("server.serverproxy.access_denied")
    assert "Ask the provider to grant" in str(fault)


@pytest.mark.parametrize("media_type", ["application/json", "text/xml;charset=utf-8"])
def test_a_fault_is_read_as_json_and_as_xml(media_type):
    sent = XRoadError("server.serverproxy.access_denied", "Жок & <no>", detail="d-1")
    headers = {"X-Road-Error": sent.code, "Content-Type": media_type}
    fault = read_fault(headers, rest_fault_body(sent, media_type), "q-1")
    assert (fault.code, fault.text, fault.detail, fault.query_id) == (
        sent.code,
        "Жок & <no>",
        "d-1",
        "q-1",
    )


@given(
    st.binary(max_size=300) | st.text(max_size=100).map(str.encode),
    st.sampled_from(["", "application/json", "text/xml", "text/html"]),
)
def test_a_fault_with_any_body_is_still_a_fault(body, media_type):
    headers = {"X-Road-Error": "server.x", "Content-Type": media_type}
    assert read_fault(headers, body, "q").code == "server.x"


@given(st.text(max_size=400))
def test_any_code_gives_a_fault(code):
    fault = made(code)
    assert isinstance(fault.cause, str)
    assert modern_parts(code)


def test_a_fault_that_expands_entities_is_not_read():
    body = b'<!DOCTYPE e [<!ENTITY x "y">]><error><message>&x;</message></error>'
    headers = {"X-Road-Error": "server.x", "Content-Type": "text/xml"}
    assert read_fault(headers, body, "q").text == ""


def test_a_service_cannot_fake_a_fault():
    # Answers that passed the servers have the request's hash, faults never do.
    faked = {"X-Road-Error": "server.x", "X-Road-Request-Hash": "aGFzaA=="}
    assert not is_fault(faked)
    assert is_fault({"X-Road-Error": "server.x"})
    assert not is_fault({"X-Road-Request-Hash": "aGFzaA=="})
