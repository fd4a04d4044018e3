"""Areas identifiers, identifier-validator and identifier-validator-admin."""

import itertools
from collections.abc import Callable

import pytest
from lxml import etree

from kerege.xroad import xml
from kerege.xroad.faults import XRoadError
from kerege.xroad.identifier_xml import read_identifier, write_identifier
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    ObjectType,
    SecurityServerId,
    ServiceId,
    XRoadId,
    code_is_strict,
    code_is_valid,
    invalid_codes,
)
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors


def refuses(read: Callable[[str], object], *texts: str) -> None:
    for text in texts:
        with pytest.raises(XRoadError) as refused:
            read(text)
        assert refused.value.code == "invalid_encoded_id"


def is_there_and_back(identifier: XRoadId) -> bool:
    element = etree.Element("id")
    write_identifier(element, identifier)
    again = read_identifier(xml.parse(etree.tostring(element), code="x", what="x"))
    return again == identifier


def member_ids(row: Row) -> None:
    subsystem = ClientId.from_path(row.setup)
    assert subsystem.member == ClientId("instance", "memberclass", "membercode")
    assert subsystem.member.member == subsystem.member


def encoded_ids(row: Row) -> None:
    subsystem = ClientId("instance", "memberclass", "membercode", "subsystemcode")
    member = subsystem.member
    assert member.encoded == "instance:memberclass:membercode"
    assert subsystem.encoded == member.encoded + ":subsystemcode"
    with_type = f"{member.object_type.value}:{member.encoded}"
    assert with_type == "MEMBER:instance:memberclass:membercode"


def object_types(row: Row) -> None:
    for name in row.setup.split():
        assert ObjectType(name).value == name
    assert "unknown" not in {kind.value for kind in ObjectType}


def equality(row: Row) -> None:
    makers: tuple[Callable[[], XRoadId], ...] = (
        lambda: ClientId("EE", "COM", "1"),
        lambda: ClientId("EE", "COM", "1", "sub"),
        lambda: ClientId("EE", "COM", "2", "sub"),
        lambda: ServiceId("EE", "COM", "1", "sub", "code"),
        lambda: ServiceId("EE", "COM", "1", "sub", "code", "v1"),
        lambda: ServiceId("EE", "COM", "1", None, "code"),
        lambda: SecurityServerId("EE", "COM", "1", "server"),
        lambda: GlobalGroupId("EE", "group"),
        lambda: GlobalGroupId("FI", "group"),
        lambda: LocalGroupId("group"),
    )
    for one, other in itertools.combinations(makers, 2):
        assert one() != other()
        assert one() == one()
        assert hash(one()) == hash(one())


def rest_client(row: Row) -> None:
    odd = '"FOO SS-;/?@=&-X<!-- o -->BAR"'
    assert ClientId.from_encoded("XRD2:GOV:M4:SS1") == ClientId(
        "XRD2", "GOV", "M4", "SS1"
    )
    assert ClientId.from_encoded("XRD2:GOV:M4") == ClientId("XRD2", "GOV", "M4")
    assert ClientId.from_encoded(f"XRD2:GOV:M4:{odd}").subsystem_code == odd
    refuses(
        ClientId.from_encoded, "XRD2", "XRD2:GOV:M4:SS1:aa", "XRD2:GOV:M4:SS1::::::"
    )


def rest_server(row: Row) -> None:
    odd = '"FOO SS-;/?@=&-X<!-- o -->BAR"'
    for code in ("security-server-foo", odd):
        server = SecurityServerId.from_encoded(f"XRD2:GOV:M4:{code}")
        assert server == SecurityServerId("XRD2", "GOV", "M4", code)
    refuses(
        SecurityServerId.from_encoded,
        "XRD2:GOV:M4:sub:server",
        "XRD2:GOV:M4",
        "XRD2:GOV:M4:server:::",
        "",
        "XRD2GOVM4server",
    )


def rest_service(row: Row) -> None:
    service = ServiceId("XRD2", "GOV", "M4", "TestService", "getData")
    assert ServiceId.from_encoded("XRD2:GOV:M4:TestService:getData") == service
    versioned = ServiceId.from_encoded("XRD2:GOV:M4:TestService:getData.v1")
    assert (versioned.service_code, versioned.service_version) == ("getData", "v1")
    refuses(
        ServiceId.from_encoded,
        "XRD2:GOV:M4:TestService:getData:more",
        "XRD2:GOV:M4:getData",
        "XRD2:GOV:M4:TestService:getData.v1.v2",
    )


STORIES: dict[str, Callable[[Row], None]] = {
    "getMemberId": member_ids,
    "asEncodedId": encoded_ids,
    "object types": object_types,
    "equality": equality,
    "REST converter client": rest_client,
    "REST converter security server": rest_server,
    "REST converter service": rest_service,
}


@pytest.mark.parametrize("row", rows("identifiers"))
def test_an_identifier_is_read_and_written_as_the_reference_does(row: Row) -> None:
    if row.case in STORIES:
        STORIES[row.case](row)
        return
    element = xml.parse(row.read(0), code="invalid_xml", what="identifier")
    if row.expected == "fail":
        with pytest.raises(XRoadError) as refused:
            read_identifier(element)
        assert refused.value.code == row.error_code
        return
    identifier = read_identifier(element)
    assert is_there_and_back(identifier)
    if row.case != "genericIdentifierAdapter":
        assert str(identifier) == row.notes.split(",")[0]
    if isinstance(identifier, ServiceId):
        assert (identifier.service_version is None) == ("no version" in row.notes)
    if isinstance(identifier, LocalGroupId):
        assert not hasattr(identifier, "instance")


CODES = {
    "valid": ServiceId("TEST", "CLASS", "CO DE", None, "SERVICE"),
    "invalid TEST/CLASS/CO<TAB>DE": ClientId("TEST", "CLASS", "CO\tDE"),
    "invalid server code SER:VER": SecurityServerId("TEST", "CLASS", "C", "SER:VER"),
    "invalid instance TE/ST": ClientId("TE/ST", "CLASS", "CODE"),
    "invalid class CLA;SS": ClientId("TEST", "CLA;SS", "CODE"),
    "invalid member MEM\\BER": ClientId("TEST", "CLASS", "MEM\\BER"),
    "invalid subsystem SYS%TEM": ClientId("TEST", "CLASS", "CODE", "SYS%TEM"),
    "invalid service SERVICE + U+200B": ServiceId(
        "TEST", "CLASS", "CODE", None, "SERVICE\u200b"
    ),
}


@pytest.mark.parametrize("row", rows("identifier-validator"))
def test_a_forbidden_character_is_noticed_and_nothing_raised(row: Row) -> None:
    found = invalid_codes(CODES[row.case])
    assert (len(found) == 0) == (row.expected == "pass")
    assert len(found) <= 1
    assert row.error_code == ""


@pytest.mark.parametrize("row", rows("identifier-validator-admin"))
def test_administration_refuses_what_messages_only_warn_about(row: Row) -> None:
    if row.case == "legacy":
        assert all(map(code_is_valid, ("adsdsa", "a.b.c", "a-b-c", "äöå", "列", " ")))
        for bad in ":;/\\%\t\n\r\x1b\x98":
            assert not code_is_valid(f"a{bad}b")
    else:
        assert row.case == "strict"
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert code_is_strict(letters + letters.lower() + "0123456789'()+,-.=?")
        assert not any(map(code_is_strict, (":", "/", "ä", "列")))
