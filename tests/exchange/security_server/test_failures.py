"""From exceptions to fault codes, as the reference translates them."""

import ssl

import pytest

from kerege.exchange.http import BadMessage, ConnectFailed, PeerClosed, TimedOut
from kerege.exchange.security_server.failures import (
    as_fault,
    as_peer_fault,
    identified,
)
from kerege.xroad.faults import RelayedFaultError, XRoadError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectFailed("no such host", why="unknown_host"), "unknown_host"),
        (ConnectFailed("refused"), "network_error"),
        (ConnectFailed("slow", why="timeout"), "network_error"),
        (ConnectFailed("handshake", why="tls"), "io_error"),
        (PeerClosed("gone"), "io_error"),
        (TimedOut("silent"), "io_error"),
        (BadMessage("garbage"), "io_error"),
        (OSError(28, "No space left on device"), "io_error"),
        (XRoadError("access_denied", "no"), "access_denied"),
        (ValueError("a bug with a PIN 20101190000000"), "internal_error"),
    ],
)
def test_each_failure_has_its_code(error, code):
    assert as_fault(error).code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectFailed("no such host", why="unknown_host"), "network_error"),
        (ConnectFailed("refused"), "network_error"),
        (ConnectFailed("handshake", why="tls"), "ssl_authentication_failed"),
        (PeerClosed("gone"), "io_error"),
        (XRoadError("ssl_authentication_failed", "no"), "ssl_authentication_failed"),
    ],
)
def test_on_the_way_to_another_server_some_codes_differ(error, code):
    assert as_peer_fault(error).code == code


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        (ConnectionResetError(), "Nothing says that a certificate is wrong"),
        (ssl.SSLError(1, "wrong version number"), "speaks another TLS"),
    ],
)
def test_a_handshake_that_was_cut_is_not_advised_like_one_that_was_refused(
    cause, advice
):
    failed = ConnectFailed("No connection.", why="tls")
    failed.__cause__ = cause
    fault = as_peer_fault(failed)
    assert fault.code == "ssl_authentication_failed", "as the reference has it"
    assert fault.message == "TLS handshake failed. No connection."
    assert advice in fault.advice


def test_a_connection_that_is_reset_is_the_networks_fault():
    closed = PeerClosed("reset")
    closed.__cause__ = ConnectionResetError()
    assert as_fault(closed).code == "network_error"


def test_a_bug_tells_strangers_nothing():
    fault = as_fault(ValueError("20101190000000"))
    assert "20101190000000" not in fault.message


def test_a_fault_gets_an_id_once():
    fault = identified(XRoadError("io_error", "x"), "id-1")
    assert fault.detail == "id-1"
    assert identified(fault, "id-2").detail == "id-1"


def test_a_relayed_fault_keeps_what_its_sender_wrote():
    fault = RelayedFaultError("Server.ServerProxy.AccessDenied", "no")
    assert identified(fault, "id-1") is fault
