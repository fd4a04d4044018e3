"""Shared parameters, private parameters, anchors and extension parts as XML."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from lxml import etree

from kerege.xroad import xml
from kerege.xroad.algorithms import SHA1, SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import (
    Anchor,
    Extensions,
    PrivateParameters,
    SharedParameters,
    anchor_fingerprint,
)
from kerege.xroad.globalconf.extensions import (
    read_fetch_interval,
    read_monitoring_client,
    read_verify_next_update,
)
from kerege.xroad.globalconf.values import GlobalGroup, MemberClass, SecurityServer
from kerege.xroad.identifiers import ClientId
from tests.vectors import needs_vectors, xroad_path
from tests.xroad.globalconf import central, strategies
from tests.xroad.globalconf.strategies import code_of, damaged

VERSIONS = range(2, 7)
SHARED = central.shared_parameters().to_xml()
PRIVATE = central.private_parameters(anchors=(central.CentralServer().anchor,)).to_xml()
ANCHOR = central.CentralServer().anchor.to_xml()
MALFORMED = "malformed_global_conf"


@given(strategies.shared_parameters())
def test_shared_parameters_survive_xml(shared: SharedParameters) -> None:
    assert SharedParameters.from_xml(shared.to_xml()) == shared


@given(strategies.PRIVATE_PARAMETERS)
def test_private_parameters_survive_xml(private: PrivateParameters) -> None:
    assert PrivateParameters.from_xml(private.to_xml()) == private


@given(strategies.ANCHORS)
def test_an_anchor_survives_xml(anchor: Anchor) -> None:
    again = Anchor.from_xml(anchor.to_xml())
    assert again == anchor
    assert again.generated_at == anchor.generated_at


@given(damaged(SHARED), st.integers(0, 9))
def test_damaged_shared_parameters_are_read_or_refused(
    data: bytes, version: int
) -> None:
    code = code_of(lambda: SharedParameters.from_xml(data, version=version))
    assert code in {"", MALFORMED}


@given(damaged(PRIVATE))
def test_damaged_private_parameters_are_read_or_refused(data: bytes) -> None:
    code = code_of(lambda: PrivateParameters.from_xml(data))
    assert code in {"", MALFORMED, "invalid_client_identifier"}


@given(damaged(ANCHOR))
def test_a_damaged_anchor_is_read_or_refused(data: bytes) -> None:
    assert code_of(lambda: Anchor.from_xml(data)) in {"", "malformed_anchor"}


@needs_vectors
@pytest.mark.parametrize("version", VERSIONS)
def test_everything_that_is_written_is_valid_in_its_version(version: int) -> None:
    shared = central.in_maintenance(central.shared_parameters(), "back at noon")
    document = shared.to_xml(version=version)
    schema = xroad_path(f"xsd/globalconf/v{version}/shared-parameters.xsd")
    etree.XMLSchema(etree.parse(schema)).assertValid(
        xml.parse(document, code="x", what="x")
    )
    again = SharedParameters.from_xml(document, version=version)
    assert again.members[0].id("KG") == ClientId("KG", "GOV", "1")


@needs_vectors
@pytest.mark.parametrize("version", [2, 3])
def test_private_parameters_are_valid_in_their_versions(version: int) -> None:
    schema = xroad_path(f"xsd/globalconf/v{version}/private-parameters.xsd")
    etree.XMLSchema(etree.parse(schema)).assertValid(
        xml.parse(PRIVATE, code="x", what="x")
    )
    assert PrivateParameters.from_xml(PRIVATE, version=version).instance == "KG"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_hash_of_an_authentication_certificate_follows_the_version(
    version: int,
) -> None:
    document = central.shared_parameters().to_xml(version=version)
    server = SharedParameters.from_xml(document, version=version).security_servers[0]
    digest = SHA1 if version == 2 else SHA256
    (found,) = server.auth_certificate_hashes
    assert found.digest == digest
    assert found.value == central.hash_of(central.SS1_AUTH).by(digest)


@pytest.mark.parametrize("version", VERSIONS)
def test_old_clients_do_not_see_the_subsystems_of_a_server_in_maintenance(
    version: int,
) -> None:
    system, member = ClientId("KG", "GOV", "1", "system"), ClientId("KG", "COM", "2")
    shared = central.in_maintenance(central.shared_parameters(), "back at noon")
    (server, *others) = shared.security_servers
    server = replace(server, clients=(system, member))
    shared = replace(shared, security_servers=(server, *others))
    again = SharedParameters.from_xml(shared.to_xml(version=version), version=version)
    (found, *_) = again.security_servers
    if version < 5:
        assert found.clients == (member,)
        assert found.maintenance is None
    else:
        assert found.clients == (system, member)
        assert found.maintenance is not None
        assert found.maintenance.message == "back at noon"


def test_what_a_newer_version_added_is_read_in_an_older_document() -> None:
    document = central.shared_parameters().to_xml(version=6)
    assert SharedParameters.from_xml(document, version=3).members[0].subsystems[0].name


def spoiled(old: bytes, new: bytes) -> bytes:
    assert old in SHARED
    return SHARED.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<instanceIdentifier>KG</instanceIdentifier>", b""),
        (b"<owner>id0</owner>", b"<owner>id1</owner>"),
        (b"<owner>id0</owner>", b"<owner>nobody</owner>"),
        (b"<client>id1</client>", b"<client>nobody</client>"),
        (b'id="id1"', b'id="id0"'),
        (b"<memberCode>1</memberCode>", b"<memberCode> </memberCode>"),
        (b"<ocspFreshnessSeconds>3600", b"<ocspFreshnessSeconds>soon"),
        (b"<ocspFreshnessSeconds>3600", b"<ocspFreshnessSeconds>99999999999"),
        (b"<costType>FREE", b"<costType>CHEAP"),
        (b"<authenticationOnly>false", b"<authenticationOnly>maybe"),
        (b"<authCertHash>", b"<authCertHash>*"),
        (b"<serverCode>SS1</serverCode>", b"<serverCode><b/></serverCode>"),
        (b"<address>cs.example</address>", b""),
        (b"ns3:conf", b"ns2:conf"),
    ],
)
def test_shared_parameters_that_the_schema_refuses_are_refused(
    old: bytes, new: bytes
) -> None:
    with pytest.raises(XRoadError) as refused:
        SharedParameters.from_xml(spoiled(old, new))
    assert refused.value.code == MALFORMED


@pytest.mark.parametrize("version", [0, 1, 7])
def test_a_version_that_nobody_knows_is_refused(version: int) -> None:
    for act in (
        lambda: SharedParameters.from_xml(SHARED, version=version),
        lambda: central.shared_parameters().to_xml(version=version),
    ):
        with pytest.raises(XRoadError) as refused:
            act()
        assert refused.value.code == MALFORMED


def test_anything_may_follow_from_the_third_version_on_but_not_in_the_second() -> None:
    more = spoiled(b"</ns3:conf>", b"<future/></ns3:conf>")
    assert SharedParameters.from_xml(more, version=3)
    second = central.shared_parameters().to_xml(version=2)
    second = second.replace(b"</ns3:conf>", b"<future/></ns3:conf>")
    assert code_of(lambda: SharedParameters.from_xml(second, version=2)) == MALFORMED
    private = PRIVATE.replace(b"</ns3:conf>", b"<future/></ns3:conf>")
    assert PrivateParameters.from_xml(private, version=3)
    assert code_of(lambda: PrivateParameters.from_xml(private, version=2)) == MALFORMED


def test_a_group_member_that_is_no_identifier_gets_no_rights() -> None:
    wrong = spoiled(b'ns2:objectType="MEMBER"', b'ns2:objectType="SUBSYSTEM"')
    (group,) = SharedParameters.from_xml(wrong).global_groups
    assert group.members == (ClientId("KG", "GOV", "1", "system"),)


def test_comments_in_a_document_do_not_matter() -> None:
    commented = spoiled(b"<memberCode>1<", b"<!-- a --><memberCode><!-- b -->1<")
    assert SharedParameters.from_xml(commented) == SharedParameters.from_xml(SHARED)


def test_what_does_not_fit_together_is_not_written() -> None:
    shared = central.shared_parameters()
    stranger = ClientId("KG", "COM", "999")
    for wrong in (
        replace(shared, members=shared.members * 2),
        replace(shared, security_servers=(SecurityServer(stranger, "SS"),)),
        replace(shared, member_classes=(MemberClass("a\x00b"),)),
        replace(shared, global_groups=(GlobalGroup("\ud800"),)),
        replace(shared, ocsp_freshness_seconds=-1),
    ):
        with pytest.raises(XRoadError) as refused:
            wrong.to_xml()
        assert refused.value.code == MALFORMED


def test_a_hash_that_was_read_cannot_be_written_in_another_algorithm() -> None:
    second = SharedParameters.from_xml(
        central.shared_parameters().to_xml(version=2), version=2
    )
    with pytest.raises(XRoadError) as refused:
        second.to_xml(version=3)
    assert refused.value.code == MALFORMED  # V2 has no source either
    with_source = replace(second, sources=central.shared_parameters().sources)
    with pytest.raises(XRoadError) as refused:
        with_source.to_xml(version=3)
    assert refused.value.code == "internal_error"


def test_incomplete_private_parameters_are_not_written() -> None:
    private = central.private_parameters()
    for wrong in (
        replace(private, instance=""),
        replace(private, timestamping_interval_seconds=-1),
    ):
        with pytest.raises(XRoadError) as refused:
            wrong.to_xml()
        assert refused.value.code == MALFORMED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<source>", b"<sauce>"),
        (b"<timeStampingIntervalSeconds>60", b"<timeStampingIntervalSeconds>-60"),
        (b"<timeStampingIntervalSeconds>60", b"<timeStampingIntervalSeconds>1.5"),
        (b"<generatedAt>", b"<generatedAt>x"),
        (b"managementService>", b"management>"),
    ],
)
def test_wrong_private_parameters_are_refused(old: bytes, new: bytes) -> None:
    assert old in PRIVATE
    with pytest.raises(XRoadError) as refused:
        PrivateParameters.from_xml(PRIVATE.replace(old, new))
    assert refused.value.code == MALFORMED


def test_an_anchor_without_source_or_certificate_is_refused() -> None:
    root = b'<a:configurationAnchor xmlns:a="http://x-road.eu/xsd/xroad.xsd">%s</a:configurationAnchor>'
    instance = b"<instanceIdentifier>KG</instanceIdentifier>"
    for content in (
        instance,
        instance + b"<source><downloadURL>http://cs/</downloadURL></source>",
    ):
        with pytest.raises(XRoadError) as refused:
            Anchor.from_xml(root % content)
        assert refused.value.code == "malformed_anchor"


def test_operators_compare_an_anchor_by_its_hash() -> None:
    assert anchor_fingerprint(b"").startswith("D1:4A:02:8C:2A:3A:2B:C9")
    assert len(anchor_fingerprint(ANCHOR).split(":")) == 28


CONF = b'<c:conf xmlns:c="http://x-road.eu/xsd/xroad.xsd">%s</c:conf>'


@given(damaged(CONF % b"<ocspFetchInterval>500</ocspFetchInterval>"))
def test_a_damaged_extension_part_is_read_or_refused(data: bytes) -> None:
    for read in (read_fetch_interval, read_verify_next_update, read_monitoring_client):
        code = code_of(lambda read=read: read(data))
        assert code in {"", MALFORMED, "invalid_client_identifier"}


def test_extensions_have_defaults() -> None:
    assert Extensions.from_files({}) == Extensions(None, 1200, True)
    files = {
        "fetchinterval-params.xml": CONF % b"<ocspFetchInterval>90</ocspFetchInterval>",
        "nextupdate-params.xml": CONF % b"<verifyNextUpdate>0</verifyNextUpdate>",
        "monitoring-params.xml": CONF % b"<monitoringClient/>",
    }
    assert Extensions.from_files(files) == Extensions(None, 90, False)


def test_a_configuration_without_source_is_refused_from_the_third_version_on() -> None:
    second = central.shared_parameters().to_xml(version=2)
    assert SharedParameters.from_xml(second, version=2).sources == ()
    assert code_of(lambda: SharedParameters.from_xml(second, version=3)) == MALFORMED


def test_a_member_to_whom_nobody_refers_needs_no_id() -> None:
    document = spoiled(b"<client>id3</client>", b"").replace(b' id="id3"', b"")
    members = SharedParameters.from_xml(document).members
    assert members == SharedParameters.from_xml(SHARED).members
