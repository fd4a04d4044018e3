"""Identifiers as XML elements."""

import pytest
from hypothesis import given, strategies as st
from lxml import etree

from kerege.xroad.faults import XRoadError
from kerege.xroad.identifier_xml import (
    IDENTIFIERS_NAMESPACE,
    read_client_id,
    read_identifier,
    read_server_id,
    read_service_id,
    write_identifier,
)
from kerege.xroad.identifiers import (
    ClientId,
    GlobalGroupId,
    LocalGroupId,
    SecurityServerId,
    ServiceId,
    XRoadId,
)

CODES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")),
    min_size=1,
    max_size=20,
).filter(str.strip)
MEMBER_CODES = (CODES, CODES, CODES)
IDENTIFIERS = st.one_of(
    st.builds(ClientId, *MEMBER_CODES, st.none() | CODES),
    st.builds(ServiceId, *MEMBER_CODES, st.none() | CODES, CODES, st.none() | CODES),
    st.builds(SecurityServerId, *MEMBER_CODES, CODES),
    st.builds(GlobalGroupId, CODES, CODES),
    st.builds(LocalGroupId, CODES),
)


def element(object_type: str | None, *codes: tuple[str, str]) -> etree._Element:
    made = etree.Element("client")
    if object_type is not None:
        made.set(f"{{{IDENTIFIERS_NAMESPACE}}}objectType", object_type)
    for name, value in codes:
        etree.SubElement(made, f"{{{IDENTIFIERS_NAMESPACE}}}{name}").text = value
    return made


def code_of(read: etree._Element) -> str:
    """The code with which an element is refused, or nothing."""
    try:
        read_identifier(read)
    except XRoadError as refused:
        return refused.code
    return ""


INSTANCE, CLASS, CODE = (
    ("xRoadInstance", "KG"),
    ("memberClass", "GOV"),
    ("memberCode", "1"),
)
SUBSYSTEM = ("subsystemCode", "system")


@given(IDENTIFIERS)
def test_an_identifier_survives_xml(identifier: XRoadId) -> None:
    made = etree.Element("any")
    write_identifier(made, identifier)
    assert read_identifier(etree.fromstring(etree.tostring(made))) == identifier


@given(
    st.sampled_from(["MEMBER", "SUBSYSTEM", "SERVICE", "SERVER", "x", "", None]),
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "xRoadInstance",
                    "memberClass",
                    "memberCode",
                    "subsystemCode",
                    "serviceCode",
                    "serverCode",
                    "groupCode",
                    "other",
                ]
            ),
            st.sampled_from(["KG", "1", "", " "]),
        ),
        max_size=6,
    ),
)
def test_any_element_is_an_identifier_or_a_fault(
    object_type: str | None, codes: list[tuple[str, str]]
) -> None:
    assert code_of(element(object_type, *codes)) in {
        "",
        "invalid_xml",
        "invalid_client_identifier",
    }


def test_the_order_of_the_codes_and_comments_do_not_matter() -> None:
    made = element("MEMBER", CODE, CLASS, INSTANCE)
    made.insert(1, etree.Comment("why not"))
    made[0].append(etree.Comment("in a code"))
    made[0][0].tail = "23"
    assert read_identifier(made) == ClientId("KG", "GOV", "123")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (element(None, INSTANCE, CLASS, CODE), "invalid_xml"),
        (element("NOBODY", INSTANCE, CLASS, CODE), "invalid_xml"),
        (element("MEMBER", INSTANCE, CLASS), "invalid_xml"),
        (element("MEMBER", INSTANCE, CLASS, CODE, CODE), "invalid_xml"),
        (element("MEMBER", INSTANCE, CLASS, ("memberCode", " ")), "invalid_xml"),
        (element("MEMBER", INSTANCE, CLASS, CODE, ("x", "y")), "invalid_xml"),
        (element("SERVER", INSTANCE, CLASS, CODE, SUBSYSTEM), "invalid_xml"),
        (element("SERVICE", INSTANCE, CLASS, CODE, SUBSYSTEM), "invalid_xml"),
        (
            element("MEMBER", INSTANCE, CLASS, CODE, SUBSYSTEM),
            "invalid_client_identifier",
        ),
        (element("SUBSYSTEM", INSTANCE, CLASS, CODE), "invalid_client_identifier"),
    ],
)
def test_a_wrong_identifier_is_refused(wrong: etree._Element, code: str) -> None:
    with pytest.raises(XRoadError) as refused:
        read_identifier(wrong)
    assert refused.value.code == code


def test_who_asks_for_a_kind_gets_that_kind_or_the_fault_of_its_choice() -> None:
    member = element("MEMBER", INSTANCE, CLASS, CODE)
    service = element("SERVICE", INSTANCE, CLASS, CODE, ("serviceCode", "get"))
    server = element("SERVER", INSTANCE, CLASS, CODE, ("serverCode", "ss"))
    assert read_client_id(member) == ClientId("KG", "GOV", "1")
    assert read_service_id(service) == ServiceId("KG", "GOV", "1", None, "get")
    assert read_server_id(server) == SecurityServerId("KG", "GOV", "1", "ss")
    for read, wrong in (
        (read_client_id, service),
        (read_service_id, server),
        (read_server_id, member),
    ):
        with pytest.raises(XRoadError) as refused:
            read(wrong, code="malformed_global_conf")
        assert refused.value.code == "malformed_global_conf"
