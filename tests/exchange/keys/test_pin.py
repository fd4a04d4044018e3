"""PINs come from a descriptor, a credential or a prompt, and from nowhere else."""

import getpass
import os
import warnings

import pytest
from hypothesis import given, strategies as st

from kerege.exchange.keys import (
    Pin,
    PinPolicy,
    pin_from_credential,
    pin_from_descriptor,
    pin_from_prompt,
    read_pin,
)
from kerege.xroad.faults import XRoadError


def code_of(call, *arguments, **named) -> str:
    with pytest.raises(XRoadError) as refused:
        call(*arguments, **named)
    return refused.value.code


def descriptor_with(data: bytes) -> int:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return reading


@pytest.mark.parametrize(
    ("sent", "pin"),
    [
        (b"1234", "1234"),
        (b"1234\n", "1234"),
        (b"1234\r\n", "1234"),
        (b" 1 \n\n", " 1 \n"),
    ],
)
def test_a_descriptor_is_read_without_its_line_end(sent, pin):
    assert read_pin(f"fd:{descriptor_with(sent)}") == Pin(pin)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\n", b"\xff\xfe", b"x" * 1025],
    ids=["empty", "line", "bytes", "long"],
)
def test_a_descriptor_without_a_pin_is_told(sent):
    assert code_of(pin_from_descriptor, descriptor_with(sent)) == "pin_incorrect"


def test_a_descriptor_that_is_not_open_is_told():
    descriptor = descriptor_with(b"x")
    os.close(descriptor)
    assert code_of(pin_from_descriptor, descriptor) == "pin_incorrect"


def test_a_systemd_credential_is_read(tmp_path):
    (tmp_path / "token-pin").write_bytes("Тоо-1234\n".encode())
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_pin("credential:token-pin", environ=environ) == Pin("Тоо-1234")


def test_a_credential_that_is_not_there_is_told(tmp_path):
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "folder").mkdir()
    assert code_of(pin_from_credential, "pin", environ={}) == "pin_incorrect"
    assert code_of(pin_from_credential, "pin", environ=environ) == "pin_incorrect"
    assert code_of(pin_from_credential, "folder", environ=environ) == "pin_incorrect"
    for name in ("../pin", "..", "."):
        code = code_of(pin_from_credential, name, environ=environ)
        assert code == "invalid_parameters"


def test_a_prompt_does_not_echo(monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda text: "typed" if text else "")
    assert read_pin("prompt") == Pin("typed")


def test_a_prompt_that_is_left_is_told(monkeypatch):
    def leave(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", leave)
    assert code_of(pin_from_prompt, "PIN: ") == "pin_incorrect"


def test_a_prompt_without_a_terminal_says_how_else(monkeypatch):
    def unseen_is_impossible(_: str) -> str:
        warnings.warn("echo", getpass.GetPassWarning, stacklevel=2)
        return "typed for all to see"

    monkeypatch.setattr("getpass.getpass", unseen_is_impossible)
    with pytest.raises(XRoadError, match="no terminal") as refused:
        pin_from_prompt("PIN: ")
    assert "--pin-from fd:3" in refused.value.advice


@pytest.mark.parametrize(
    "source",
    ["", "1234", "env:PIN", "pass:1234", "fd:", "fd:x", "fd:-1", "credential:"],
)
def test_no_other_source_is_known(source):
    assert code_of(read_pin, source) == "invalid_parameters"


def test_a_refusal_does_not_repeat_what_may_be_a_pin():
    with pytest.raises(XRoadError) as refused:
        read_pin("S3cret-PIN-here")
    assert "S3cret" not in f"{refused.value} {refused.value.advice}"


@pytest.mark.parametrize(
    ("pin", "is_fine"),
    [
        ("Abcdefgh12", True),
        ("abcdefgh-1", True),
        ("abcdefghi1", False),
        ("Abcdefg12", False),
        ("Abcdefgh1é", False),
        ("ABC 123 (x", True),
    ],
)
def test_the_strict_policy_is_the_references(pin, is_fine):
    if is_fine:
        PinPolicy.STRICT.require(Pin(pin))
    else:
        code = code_of(PinPolicy.STRICT.require, Pin(pin))
        assert code == "token_pin_policy_failure"
    PinPolicy.ANY.require(Pin(pin))


@given(st.text(min_size=1, max_size=40))
def test_no_pin_shows_itself(text):
    pin = Pin.of(text)
    assert pin.value == text
    assert f"{pin} {pin!r} {[pin]}" == "Pin(***) Pin() [Pin()]"
