"""Faults: codes in both spellings, and the forms on the wire."""

import pytest
from hypothesis import example, given, strategies as st
from lxml import etree

from kerege.xroad.faults import (
    RelayedFaultError,
    XRoadError,
    legacy_code,
    rest_fault_body,
    rest_fault_media_type,
    rest_status,
    soap_fault,
)


def test_prefix_is_put_before_a_bare_code():
    fault = XRoadError("access_denied", "no").with_prefix("server.serverproxy")
    assert fault.code == "server.serverproxy.access_denied"


def test_prefix_is_not_repeated():
    fault = XRoadError("server.serverproxy.access_denied", "no")
    assert fault.with_prefix("server.serverproxy").code == fault.code


def test_relayed_fault_keeps_its_spelling():
    fault = RelayedFaultError("Server.ServerProxy.AccessDenied", "no")
    assert fault.with_prefix("server.clientproxy") is fault


@pytest.mark.parametrize(
    ("code", "legacy"),
    [
        ("server.serverproxy.access_denied", "Server.ServerProxy.AccessDenied"),
        ("client.invalid_soap", "Client.InvalidSoap"),
        ("io_error", "IOError"),
        ("global_conf_outdated", "OutdatedGlobalConf"),
    ],
)
def test_legacy_spelling(code, legacy):
    assert legacy_code(code) == legacy


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("server.serverproxy.access_denied", 500),
        ("client.missing_header_field", 400),
        ("Server.ServerProxy.AccessDenied", 400),
    ],
)
def test_rest_status_follows_the_lower_case_prefix(code, status):
    assert rest_status(code) == status


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("foobarbaz", "application/json"),
        ("text/xml-patch+xml", "application/json"),
        ("application/xml; q=0.2", "application/xml;charset=utf-8"),
        ("text/*", "text/xml;charset=utf-8"),
        ("text/xml, application/xml", "text/xml;charset=utf-8"),
    ],
)
def test_accept_header_chooses_the_form(accept, media_type):
    assert rest_fault_media_type(accept) == media_type


def test_fault_bodies_escape_what_they_carry():
    fault = XRoadError("io_error", 'a <b> & "c"\x00', detail="d")
    assert b"&lt;b&gt; &amp;" in rest_fault_body(fault, "text/xml;charset=utf-8")
    assert b"<faultcode>io_error</faultcode>" in soap_fault(fault)
    assert b"\x00" not in soap_fault(fault)


@given(st.text())
@example("\x00\x08\x0b\x1f\ufffe\uffff\U0010ffff")
def test_whatever_a_fault_says_its_xml_can_be_read(text):
    fault = XRoadError("io_error", text, detail=text)
    for document in (soap_fault(fault), rest_fault_body(fault, "text/xml")):
        etree.fromstring(document)


def test_a_fault_that_is_its_own_cause_has_an_end():
    fault = XRoadError("invalid_soap", "There is a <word>", quotes="<word>")
    first = XRoadError("io_error", "It broke")
    first.__cause__ = fault
    for cause in (fault, first):
        fault.__cause__ = cause
        assert fault.with_prefix("client").unquoted == "There is a ?"
