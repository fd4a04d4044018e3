"""Identifiers as text: for people, in paths, in the management API."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifiers import (
    MAX_IDENTIFIER_CHARACTERS,
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    ObjectType,
    SecurityServerId,
    ServiceId,
    XRoadId,
    code_is_valid,
    decode_segment,
    encode_segment,
    invalid_codes,
)

CODES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=20
)
PLAIN_CODES = CODES.filter(lambda code: ":" not in code)


@given(st.lists(CODES, min_size=3, max_size=4))
def test_a_client_survives_its_path(codes: list[str]) -> None:
    client = ClientId(*codes)
    assert ClientId.from_path(client.path) == client


@given(st.lists(CODES, min_size=5, max_size=5))
def test_a_service_survives_its_path(codes: list[str]) -> None:
    service = ServiceId(*codes)
    assert ServiceId.from_path(service.path) == service


@given(st.lists(CODES, min_size=4, max_size=4))
def test_a_server_survives_its_path(codes: list[str]) -> None:
    server = SecurityServerId(*codes)
    assert SecurityServerId.from_path(server.path) == server


@given(st.lists(PLAIN_CODES, min_size=3, max_size=4))
def test_a_client_survives_its_encoded_form(codes: list[str]) -> None:
    client = ClientId(*codes)
    assert ClientId.from_encoded(client.encoded) == client


READERS: dict[str, Callable[[str], XRoadId]] = {
    "client path": ClientId.from_path,
    "service path": ServiceId.from_path,
    "server path": SecurityServerId.from_path,
    "encoded client": ClientId.from_encoded,
    "encoded service": ServiceId.from_encoded,
    "encoded server": SecurityServerId.from_encoded,
}


def code_of(read: Callable[[str], XRoadId], text: str) -> str:
    """The code with which a text is refused, or nothing."""
    try:
        read(text)
    except XRoadError as refused:
        return refused.code
    return ""


@given(st.text(max_size=40))
@pytest.mark.parametrize("reader", READERS)
def test_any_text_is_an_identifier_or_a_fault(reader: str, text: str) -> None:
    assert code_of(READERS[reader], text) in {
        "",
        "internal_error",
        "invalid_client_identifier",
        "invalid_security_server",
        "invalid_encoded_id",
    }


def test_a_path_keeps_what_a_segment_may_have() -> None:
    assert encode_segment("a b/ö!$&'()*+,;=:@~-._%") == (
        "a%20b%2F%C3%B6!$&'()*+,;=:@~-._%25"
    )
    assert decode_segment("%D0%B0") == "а"


def test_a_path_with_bytes_that_are_no_text_is_refused() -> None:
    with pytest.raises(XRoadError) as refused:
        ClientId.from_path("KG/GOV/%FF")
    assert refused.value.code == "internal_error"


def test_an_empty_code_and_an_endless_path_are_refused() -> None:
    for path in ("KG//1", "KG/GOV/" + "x" * MAX_IDENTIFIER_CHARACTERS):
        with pytest.raises(XRoadError) as refused:
            ClientId.from_path(path)
        assert refused.value.code == "internal_error"


def test_a_wrong_number_of_codes_is_refused_by_kind() -> None:
    for read, code in (
        (ClientId.from_path, "invalid_client_identifier"),
        (ServiceId.from_path, "internal_error"),
        (SecurityServerId.from_path, "invalid_security_server"),
    ):
        with pytest.raises(XRoadError) as refused:
            read("KG/GOV")
        assert refused.value.code == code


def test_people_see_codes_with_slashes_and_logs_see_the_kind() -> None:
    group = GlobalGroupId("KG", "all")
    assert (str(group), group.short) == ("GLOBALGROUP:KG/all", "KG/all")
    assert str(LocalGroupId("mine")) == "LOCALGROUP:mine"
    service = ServiceId("KG", "GOV", "1", None, "code", "v1")
    assert str(service) == "SERVICE:KG/GOV/1/code/v1"
    assert service.encoded == "KG:GOV:1:code.v1"
    assert service.client_id == ClientId("KG", "GOV", "1")
    server = SecurityServerId("KG", "GOV", "1", "ss")
    assert server.owner == ClientId("KG", "GOV", "1")
    assert server.object_type is ObjectType.SERVER


def test_the_codes_with_forbidden_characters_are_named() -> None:
    client = ClientId("KG", "G;V", "1", "a\ufeffb")
    assert invalid_codes(client) == ("G;V", "a\ufeffb")
    assert not any(map(code_is_valid, ("\x00", "\x1f", "\x7f", "\x9f", "\u200b")))
    assert all(map(code_is_valid, (" ", "\xa0", "Ү", "~")))
