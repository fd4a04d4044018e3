"""Ports: the usual ones if free, else the next set, said aloud."""

import socket

import pytest

from kerege.sandbox import ports
from kerege.sandbox.layout import TRUST_ADDRESS, Ports


def test_the_next_set_is_taken_when_one_port_is_busy():
    preferred = ports.find_ports(Ports().shifted(20_000))
    with socket.socket() as busy:
        busy.bind((TRUST_ADDRESS, preferred.tsa))
        busy.listen()
        assert ports.busy_addresses(preferred) == [f"{TRUST_ADDRESS}:{preferred.tsa}"]
        assert ports.find_ports(preferred).tsa > preferred.tsa


def test_no_free_set_is_explained(monkeypatch):
    monkeypatch.setattr(ports, "busy_addresses", lambda _: ["everything"])
    with pytest.raises(ports.NoPortsError, match="is another sandbox running"):
        ports.find_ports(Ports())


def test_a_machine_without_the_addresses_is_told_so(monkeypatch):
    monkeypatch.setattr(ports, "TRUST_ADDRESS", "192.0.2.1")
    monkeypatch.setattr(ports, "MEMBERS", ())
    with pytest.raises(ports.NoPortsError, match=r"no address 192\.0\.2\.1"):
        ports.find_ports(Ports())
