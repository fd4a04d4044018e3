"""Areas gconf-query, gconf-directory and gconf-readiness."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from kerege.exchange.configuration import (
    Readiness,
    configuration_files,
    load_directory,
    readiness,
)
from kerege.xroad.certificates import LEGACY, member_of
from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import GlobalConf, OCSPPriority
from kerege.xroad.globalconf.values import CostType
from kerege.xroad.identifiers import ClientId, GlobalGroupId, SecurityServerId
from kerege.xroad.x509 import name_keys, verify_issued
from tests.conformance.stores import identity
from tests.vectors import Row, needs_vectors, rows, xroad_path

pytestmark = needs_vectors

NOW = datetime(2024, 5, 20, tzinfo=UTC)
EXAMPLE = "http://www.example.net/"
LOCAL = "http://127.0.0.1:8082/ocsp"


@cache
def load(tree: str) -> GlobalConf:
    return load_directory(xroad_path(f"globalconf/{tree}"), at=NOW)


def tree_of(row: Row) -> str:
    return row.inputs[0].split("/")[1]


def client(code: str, subsystem: str | None = None) -> ClientId:
    return ClientId("EE", "BUSINESS", code, subsystem)


def server(owner: str, code: str) -> SecurityServerId:
    return SecurityServerId("EE", "BUSINESS", owner, code)


def certificate(name: str) -> x509.Certificate:
    if name.endswith(".p12"):
        return identity(name).certificate
    trusted = "".join(xroad_path(name).read_text().splitlines()[1:-1])
    data = base64.b64decode(trusted)
    length = 4 + int.from_bytes(data[2:4], "big")
    return x509.load_der_x509_certificate(data[:length])


PRODUCER = server("producer", "producerServerCode")
CONSUMER = server("consumer", "consumerServerCode")
FOO = server("foo", "fooServerCode")
FOO_BAR = server("foo", "FooBarServerCode")


def is_valid(conf: GlobalConf, row: Row) -> None:
    conf.require_current(NOW)
    assert conf.expires == datetime(2124, 5, 20, 17, 42, 55, tzinfo=UTC)
    with pytest.raises(XRoadError) as refused:
        conf.require_current(datetime(2124, 5, 21, tzinfo=UTC))
    assert refused.value.code == "global_conf_outdated"


def instances(conf: GlobalConf, row: Row) -> None:
    assert set(conf.instances) == {"EE", "bar", "foo"}


def global_group(conf: GlobalConf, row: Row) -> None:
    group = GlobalGroupId("EE", "Test group")
    assert conf.is_in_global_group(client("member1", "subsys"), group)
    assert conf.is_in_global_group(client("member2"), group)
    assert not conf.is_in_global_group(client("member2", "subsys"), group)
    assert not conf.is_in_global_group(client("member2"), GlobalGroupId("EE", "no"))
    other = GlobalGroupId("XX", "Test group")
    assert not conf.is_in_global_group(client("member2"), other)
    outsider = ClientId("XX", "BUSINESS", "member2")
    assert not conf.is_in_global_group(outsider, group)


def group_description(conf: GlobalConf, row: Row) -> None:
    group = GlobalGroupId("EE", "Test group")
    assert conf.global_group_description(group) == "Description"
    assert conf.global_group_description(GlobalGroupId("EE", "unknown")) is None


def members(conf: GlobalConf, row: Row) -> None:
    assert [info.id for info in conf.members("EE")] == [
        client("producer"),
        client("consumer"),
        client("foo"),
        client("foo", "foosubsystem"),
    ]


def provider_address(conf: GlobalConf, row: Row) -> None:
    def addresses(provider: ClientId) -> set[str]:
        return {a.address for a in conf.addresses_of(provider)}

    assert addresses(client("consumer")) == {"https://www.foo.com/bar", "127.0.0.1"}
    assert addresses(client("producer")) == {"127.0.0.1"}
    with pytest.raises(XRoadError) as refused:
        addresses(client("nobody"))
    assert refused.value.code == "unknown_member"


def ca_certificate(conf: GlobalConf, row: Row) -> None:
    leaf = certificate(row.inputs[1])
    issuer = conf.issuer_of(leaf, "EE")
    assert name_keys(leaf)[1] == name_keys(issuer)[0]
    verify_issued(leaf, issuer, policy=LEGACY)


def chain(conf: GlobalConf, row: Row) -> None:
    found = conf.chain_of(certificate(row.inputs[1]), "EE")
    units = [
        c.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
        for c in found
    ]
    assert len(found) == 5
    assert units[:4] == ["User 3", "CA 3", "CA 2", "CA 1"]
    assert found[4].subject == found[4].issuer


def responder_certificates(conf: GlobalConf, row: Row) -> None:
    count = sum(len(conf.trust(name).responder_certificates) for name in conf.instances)
    assert count == int(row.notes)


def responder_addresses(conf: GlobalConf, row: Row) -> None:
    urls = conf.ocsp_urls_for(certificate(row.inputs[1]))
    assert {LOCAL, EXAMPLE + "ocsp"} <= set(urls)


def auth_certificates(conf: GlobalConf, row: Row) -> None:
    producer, consumer = (certificate(name) for name in row.inputs[1:])
    assert conf.auth_certificate_matches(producer, client("producer"))
    assert not conf.auth_certificate_matches(producer, client("consumer"))
    assert conf.auth_certificate_matches(consumer, client("consumer"))
    assert not conf.auth_certificate_matches(consumer, client("producer"))


def server_id(conf: GlobalConf, row: Row) -> None:
    found = conf.server_of_auth_certificate(certificate(row.inputs[1]))
    assert found is not None
    assert row.notes.endswith(found.short)
    assert conf.server_of_auth_certificate(certificate("certs/client.p12")) is None


def server_owner(conf: GlobalConf, row: Row) -> None:
    assert conf.server_owner(PRODUCER) == client("producer")
    assert conf.server_owner(server("producer", "unknown")) is None
    assert conf.server_exists(PRODUCER)


def responder_certificate(conf: GlobalConf, row: Row) -> None:
    ca, responder = (certificate(name) for name in row.inputs[1:])
    responders = conf.trust("EE").responders_of(ca)
    assert responder in responders
    assert ca not in responders


def subject_name(conf: GlobalConf, row: Row) -> None:
    def test_profile(subject: x509.Name, instance: str) -> ClientId:
        name = subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return ClientId(instance, "BUSINESS", str(name))

    trust = replace(
        conf.trust("EE"),
        algorithms=LEGACY,
        profiles={"TestCertificateProfileInfoProvider": test_profile},
    )
    found = member_of(certificate(row.inputs[1]), trust, instance="EE")
    assert found == client("producer")


def verification_cas(conf: GlobalConf, row: Row) -> None:
    assert len(conf.verification_ca_certificates()) == int(row.notes)


def known_addresses(conf: GlobalConf, row: Row) -> None:
    assert conf.known_addresses() == set(row.notes.split(", "))


def tsp_certificates(conf: GlobalConf, row: Row) -> None:
    assert len(conf.tsa_certificates()) == int(row.notes)
    assert len(conf.tsa_urls("EE")) == len(conf.tsa_certificates("EE"))


def settings(conf: GlobalConf, row: Row) -> None:
    assert conf.management_service.address == "http://mgmt.com:1234"
    assert conf.management_service.provider == client("servicemember2")
    assert conf.ocsp_freshness_seconds == 42
    assert conf.trust("EE").ocsp_freshness_seconds == 42
    assert conf.timestamping_interval_seconds == 123


def server_clients(conf: GlobalConf, row: Row) -> None:
    for known in ("consumer", "producer"):
        assert conf.server_has_client(PRODUCER, client(known))
    assert conf.server_has_client(PRODUCER, client("foo", "foosubsystem"))
    other_class = ClientId("EE", "xx", "producer")
    assert not conf.server_has_client(PRODUCER, other_class)
    for other in (server("producer", "x"), server("x", "producerServerCode")):
        assert not conf.server_has_client(other, client("producer"))


def security_servers(conf: GlobalConf, row: Row) -> None:
    assert conf.security_servers("EE") == (PRODUCER, CONSUMER, FOO, FOO_BAR)


def approved_cas(conf: GlobalConf, row: Row) -> None:
    if row.case.endswith("(v2)"):
        assert len(conf.certification_services("EE")) == int(row.notes)
        return
    acme = conf.certification_services("EE")[0].acme_server
    assert conf.certification_services("EE")[0].name == "pki1"
    assert acme is not None
    assert acme.directory_url == "http://ca:8887/acme/directory"
    assert (acme.authentication_profile_id, acme.signing_profile_id) == ("5", "6")
    older = conf.certification_services("baz_v3")[0].acme_server
    assert older is not None
    assert (older.authentication_profile_id, older.signing_profile_id) == (None, None)


def client_servers(conf: GlobalConf, row: Row) -> None:
    assert set(conf.servers_of_client(client("foo"))) == {PRODUCER, FOO, FOO_BAR}


def ordered_responders(conf: GlobalConf, row: Row) -> None:
    priority = OCSPPriority(row.setup.partition("=")[2])
    names = re.sub(r"\(.*?\)", "", row.notes.split(";")[0]).split(", ")
    expected = [
        f"http://{name.strip()}" if ":" in name else EXAMPLE + name.strip()
        for name in names
    ]
    assert list(conf.ocsp_urls_for(certificate(row.inputs[1]), priority)) == expected


def responder_costs(conf: GlobalConf, row: Row) -> None:
    costs = conf.ocsp_costs("EE", certificate("certs/root-ca.pem"))
    assert len(costs) == 5
    assert costs[LOCAL] is CostType.FREE
    assert costs[EXAMPLE + "ocsp"] is CostType.PAID
    assert costs[EXAMPLE + "ocsp3"] is None
    assert costs[EXAMPLE + "ocsp4"] is CostType.FREE


QUERIES: dict[str, Callable[[GlobalConf, Row], None]] = {
    "isValidConfiguration": is_valid,
    "getInstanceIdentifiers": instances,
    "isSubjectInGlobalGroup": global_group,
    "getGlobalGroupDescription": group_description,
    "getMembers": members,
    "getProviderAddress": provider_address,
    "getCaCert": ca_certificate,
    "getCertChain": chain,
    "getOcspResponderCertificates": responder_certificates,
    "getOcspResponderAddresses": responder_addresses,
    "authCertMatchesMember": auth_certificates,
    "getServerId": server_id,
    "getServerOwner": server_owner,
    "isOcspResponderCert": responder_certificate,
    "getSubjectName": subject_name,
    "getVerificationCaCerts": verification_cas,
    "getKnownAddresses": known_addresses,
    "getTspCerts": tsp_certificates,
    "getGlobalSettings": settings,
    "isSecurityServerClient": server_clients,
    "getSecurityServers": security_servers,
    "getApprovedCAs": approved_cas,
    "getClientSecurityServers": client_servers,
    "getOrderedOcspResponderAddresses": ordered_responders,
    "getOcspResponderAddressesAndCostTypes": responder_costs,
    "getOcspResponderCostType": responder_costs,
}


@pytest.mark.parametrize("row", rows("gconf-query"))
def test_the_servers_questions_are_answered(row: Row) -> None:
    assert row.expected == "pass"
    QUERIES[row.case.split()[0]](load(tree_of(row)), row)


@pytest.mark.parametrize("row", rows("gconf-directory"))
def test_a_configuration_directory_is_read(row: Row) -> None:
    tree = tree_of(row)
    if row.case.startswith("file list"):
        found = configuration_files(xroad_path(f"globalconf/{tree}"))
        shared = [name.split("/", 2)[2] for name in row.inputs]
        assert [n for n in found if n.endswith("shared-params.xml")] == sorted(shared)
        assert not any(n.endswith((".metadata", "instance-identifier")) for n in found)
        assert "bar/private-params.xml" not in found
        return
    conf = load(tree)
    assert conf.instance == "EE"
    if row.case in ("readEmptyDirectory", "readMalformedDirectory"):
        assert conf.instances == ()
        with pytest.raises(XRoadError) as refused:
            conf.shared_parameters("foo")
        assert refused.value.code == "internal_error"
        assert bool(conf.problems) == (row.case == "readMalformedDirectory")
        return
    for name in row.inputs[:-1]:
        instance = name.split("/")[2]
        assert conf.shared_parameters(instance).instance == instance
    with_private = re.search(r"private parameters of ([^;(]*)", row.notes)
    assert with_private is not None
    for instance in with_private.group(1).split():
        assert conf.private_parameters(instance).instance
    for instance in ("bar", "xxx"):
        with pytest.raises(XRoadError) as refused:
            conf.private_parameters(instance)
        assert refused.value.code == "internal_error"
    assert "xxx" not in conf.instances
    assert conf.problems == ()


@pytest.mark.parametrize("row", rows("gconf-readiness"))
def test_a_directory_says_whether_it_can_be_loaded(row: Row) -> None:
    places = {
        "path of the good_v4 tree": xroad_path("globalconf/globalconf_good_v4"),
        'path "-"': Path("-"),
        "path that does not exist": xroad_path("globalconf/no-such-tree"),
        "path is a file": xroad_path(
            "globalconf/globalconf_good_v4/instance-identifier"
        ),
        "tree without instance-identifier": xroad_path(
            "globalconf/globalconf_missing_identifier"
        ),
        "empty tree": xroad_path("globalconf/globalconf_empty"),
    }
    found = readiness(places[row.setup])
    assert found is Readiness(row.notes)
    assert (found is Readiness.READY_TO_INIT) == (row.expected == "pass")
