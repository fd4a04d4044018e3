"""What servers ask the global configuration, and what they are told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import (
    NEVER,
    Extensions,
    GlobalConf,
    InstanceConfiguration,
    OCSPPriority,
    SharedParameters,
    available,
)
from kerege.xroad.globalconf.values import (
    CAInfo,
    CostType,
    OCSPResponder,
    SecurityServer,
)
from kerege.xroad.identifiers import ClientId, GlobalGroupId, SecurityServerId
from kerege.xroad.x509 import certificate_der
from tests.xroad.certificates.pki import Template, a_ca, issue
from tests.xroad.globalconf import central
from tests.xroad.globalconf.central import NOW

SYSTEM = ClientId("KG", "GOV", "1", "system")
SHOP = ClientId("KG", "COM", "2", "shop")
SS1 = SecurityServerId("KG", "GOV", "1", "SS1")
SS2 = SecurityServerId("KG", "COM", "2", "SS2")


def read_back(shared: SharedParameters, version: int = 6) -> SharedParameters:
    return SharedParameters.from_xml(shared.to_xml(version=version), version=version)


def view(
    shared: SharedParameters | None = None, *others: SharedParameters, **more: object
) -> GlobalConf:
    own = InstanceConfiguration(
        read_back(shared or central.shared_parameters()),
        central.private_parameters(),
        NOW + timedelta(minutes=10),
    )
    federated = [InstanceConfiguration(other) for other in others]
    return GlobalConf("KG", [own, *federated], **more)


def refused_with(call) -> str:
    with pytest.raises(XRoadError) as refused:
        call()
    return refused.value.code


def test_a_provider_is_found_at_its_servers() -> None:
    (found,) = view().addresses_of(SYSTEM)
    assert (found.server_id, found.address) == (SS1, "127.0.0.11")
    assert not found.in_maintenance
    assert view().addresses_of(SYSTEM, SS1) == (found,)


def test_a_server_without_an_address_provides_nothing() -> None:
    shared = central.shared_parameters()
    first, second = shared.security_servers
    conf = view(
        replace(shared, security_servers=(replace(first, address=None), second))
    )
    assert refused_with(lambda: conf.addresses_of(SYSTEM)) == "unknown_member"
    assert conf.server_address(SS1) is None
    assert conf.servers_of_client(SYSTEM) == (SS1,)


def test_an_unknown_provider_and_a_wrong_server_have_their_own_codes() -> None:
    conf = view()
    nobody = ClientId("KG", "GOV", "404", "none")
    unknown = SecurityServerId("KG", "GOV", "1", "SS9")
    assert refused_with(lambda: conf.addresses_of(nobody)) == "unknown_member"
    for server in (SS2, unknown):
        code = refused_with(lambda server=server: conf.addresses_of(SYSTEM, server))
        assert code == "invalid_security_server"


def test_a_provider_of_an_instance_that_is_not_federated_gives_advice() -> None:
    stranger = ClientId("KZ", "GOV", "1", "system")
    with pytest.raises(XRoadError) as refused:
        view().addresses_of(stranger)
    assert refused.value.code == "unknown_member"
    assert "federat" in refused.value.advice


def test_servers_in_maintenance_are_left_out_unless_no_other_is_there() -> None:
    shared = central.shared_parameters()
    spare = SecurityServer(
        ClientId("KG", "COM", "2"), "SS3", "127.0.0.13", (), (SYSTEM,)
    )
    paused = central.in_maintenance(shared, "back at noon")
    conf = view(replace(paused, security_servers=(*paused.security_servers, spare)))
    assert [a.address for a in available(conf.addresses_of(SYSTEM))] == ["127.0.0.13"]
    assert conf.maintenance_of(SS1) is not None
    with pytest.raises(XRoadError) as refused:
        available(conf.addresses_of(SHOP))
    assert refused.value.code == "maintenance_mode"
    assert "127.0.0.12" in refused.value.message
    assert refused.value.message.endswith("administrator: back at noon")
    silent = view(central.in_maintenance(shared, None))
    with pytest.raises(XRoadError) as refused:
        available(silent.addresses_of(SHOP))
    assert refused.value.message.endswith("is in maintenance mode")
    assert available([]) == ()


def test_members_subsystems_and_names_are_known() -> None:
    conf = view()
    assert conf.is_member(SYSTEM)
    assert conf.is_member(SYSTEM.member)
    assert conf.subsystem_exists(SYSTEM)
    assert not conf.subsystem_exists(SYSTEM.member)
    assert not conf.is_member(ClientId("KG", "GOV", "1", "none"))
    assert not conf.is_member(ClientId("KZ", "GOV", "1"))
    assert conf.member_name(SYSTEM) == conf.member_name(SYSTEM.member) == "Ministry"
    assert conf.subsystem_name(SYSTEM) == "System"
    assert conf.subsystem_name(SHOP) is None
    assert conf.member_name(ClientId("KZ", "GOV", "1")) is None
    assert [info.id for info in conf.members()] == [
        SYSTEM.member,
        SYSTEM,
        SHOP.member,
        SHOP,
    ]
    assert [c.code for c in conf.member_classes("KG")] == ["GOV", "COM"]


def test_a_group_has_exactly_its_members() -> None:
    conf = view()
    group = GlobalGroupId("KG", "all")
    assert conf.global_group_members(group) == {SYSTEM, SHOP.member}
    assert conf.is_in_global_group(SYSTEM, group)
    assert not conf.is_in_global_group(SHOP, group)
    assert conf.global_group_members(GlobalGroupId("KZ", "all")) == frozenset()
    assert [g[0] for g in conf.global_groups("KG")] == [group]


@pytest.mark.parametrize("version", range(2, 7))
def test_a_server_is_known_by_its_authentication_certificate(version: int) -> None:
    shared = read_back(central.shared_parameters(), version)
    conf = GlobalConf("KG", [InstanceConfiguration(shared)])
    certificate = central.SS1_AUTH.certificate
    assert conf.server_of_auth_certificate(certificate) == SS1
    assert conf.auth_certificate_matches(certificate, SYSTEM)
    assert conf.auth_certificate_matches(certificate, SYSTEM.member)
    assert not conf.auth_certificate_matches(certificate, SHOP)
    stranger = issue("CN=stranger", central.CA).certificate
    assert conf.server_of_auth_certificate(stranger) is None
    assert conf.version == version


def test_a_federated_instance_may_have_an_older_version() -> None:
    neighbour = read_back(central.shared_parameters("KZ"), 2)
    shared = central.shared_parameters()
    own = view(replace(shared, security_servers=()), neighbour)
    found = own.server_of_auth_certificate(central.SS2_AUTH.certificate)
    assert found == SecurityServerId("KZ", "COM", "2", "SS2")
    assert own.instances == ("KG", "KZ")


def test_clients_and_owners_belong_to_their_servers_only() -> None:
    conf = view()
    assert conf.server_has_client(SS1, SYSTEM)
    assert conf.server_has_client(SS1, SYSTEM.member)
    assert not conf.server_has_client(SS1, SHOP)
    foreign = SecurityServerId("KZ", "GOV", "1", "SS1")
    assert not conf.server_has_client(foreign, SYSTEM)
    assert not conf.server_exists(foreign)
    assert conf.server_owner(foreign) is None
    assert conf.maintenance_of(foreign) is None
    assert conf.server_address(foreign) is None
    assert conf.servers_of_client(ClientId("KZ", "GOV", "1")) == ()
    assert conf.security_servers() == (SS1, SS2)
    assert conf.known_addresses() == {"127.0.0.11", "127.0.0.12"}


def test_trust_says_what_the_parameters_say() -> None:
    trust = view().trust("KG")
    (authority,) = trust.authorities
    assert authority.top == central.CA.certificate
    assert trust.responders_of(central.CA.certificate) == (
        central.RESPONDER.certificate,
    )
    assert trust.ocsp_freshness_seconds == 3600
    assert trust.verify_ocsp_next_update
    relaxed = view(extensions=Extensions(verify_ocsp_next_update=False))
    assert not relaxed.trust("KG").verify_ocsp_next_update
    assert refused_with(lambda: view().trust("KZ")) == "internal_error"


def test_time_stamping_services_are_those_of_the_instance() -> None:
    conf = view(None, central.shared_parameters("KZ"))
    assert conf.tsa_urls("KG") == ("http://tsa.example/",)
    assert conf.tsa_certificates("KG") == (central.TSA.certificate,)
    assert len(conf.tsa_certificates()) == 2
    assert refused_with(lambda: conf.tsa_urls("UZ")) == "internal_error"
    assert conf.timestamping_interval_seconds == 60


def test_the_issuer_of_a_certificate_is_the_ca_whose_key_fits() -> None:
    new_ca = issue("CN=CA", template=a_ca())
    shared = central.shared_parameters()
    (service,) = shared.certification_services
    renewed = replace(service, top_ca=CAInfo(certificate_der(new_ca.certificate)))
    for services in ((service, renewed), (renewed, service)):
        conf = view(replace(shared, certification_services=services))
        old_leaf, new_leaf = (
            issue("CN=leaf", central.CA).certificate,
            issue("CN=leaf", new_ca).certificate,
        )
        assert conf.issuer_of(old_leaf) == central.CA.certificate
        assert conf.issuer_of(new_leaf, "KG") == new_ca.certificate
        assert conf.chain_of(new_leaf, "KG") == (new_leaf, new_ca.certificate)
    forged = issue("CN=leaf", issue("CN=CA", template=a_ca())).certificate
    assert conf.issuer_of(forged) in (central.CA.certificate, new_ca.certificate)
    stranger = issue("CN=leaf", issue("CN=other", template=a_ca())).certificate
    assert refused_with(lambda: conf.issuer_of(stranger)) == "internal_error"
    assert conf.chain_of(stranger, "KG") == (stranger,)
    assert conf.ocsp_urls_for(stranger) == ()


def test_a_chain_of_cas_that_issue_each_other_ends() -> None:
    one = issue("CN=one", template=a_ca())
    two = issue("CN=two", one, a_ca())
    loop = issue("CN=one", two, a_ca(), key=one.key)
    shared = central.shared_parameters()
    (service,) = shared.certification_services
    top, middle = (CAInfo(certificate_der(c.certificate)) for c in (loop, two))
    looping = replace(service, top_ca=top, intermediate_cas=(middle,))
    conf = view(replace(shared, certification_services=(looping,)))
    assert len(conf.chain_of(issue("CN=leaf", two).certificate, "KG")) == 10


def test_ocsp_is_asked_where_the_configuration_and_then_the_certificate_say() -> None:
    conf = view()
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
                x509.UniformResourceIdentifier("http://ca.example/"),
            ),
            x509.AccessDescription(
                x509.oid.AuthorityInformationAccessOID.OCSP,
                x509.UniformResourceIdentifier("http://own.example/ "),
            ),
        ]
    )
    leaf = issue("CN=leaf", central.CA, Template(extensions=[(access, False)]))
    urls = conf.ocsp_urls_for(leaf.certificate)
    assert urls == ("http://ocsp.example/", "http://own.example/")
    only_paid = conf.ocsp_urls_for(leaf.certificate, OCSPPriority.ONLY_PAID)
    assert only_paid == ("http://own.example/",)
    assert conf.ocsp_responder_urls(central.CA.certificate) == ("http://ocsp.example/",)
    assert conf.ocsp_costs("KG", central.CA.certificate) == {
        "http://ocsp.example/": CostType.FREE
    }
    assert conf.ocsp_costs("KG", leaf.certificate) == {}


def test_responders_without_an_address_are_not_asked() -> None:
    shared = central.shared_parameters()
    (service,) = shared.certification_services
    top = replace(service.top_ca, ocsp_responders=(OCSPResponder(""),))
    conf = view(replace(shared, certification_services=(replace(service, top_ca=top),)))
    assert conf.ocsp_responder_urls(central.CA.certificate) == ()


def test_cas_for_authentication_only_may_not_issue_signing_certificates() -> None:
    shared = central.shared_parameters()
    (service,) = shared.certification_services
    only = replace(service, authentication_only=True)
    assert view().verification_ca_certificates() == (central.CA.certificate,)
    conf = view(replace(shared, certification_services=(only,)))
    assert conf.verification_ca_certificates() == ()
    assert conf.certification_services("KG")[0].authentication_only


def test_a_configuration_is_current_until_it_expires() -> None:
    conf = view()
    conf.require_current(NOW)
    conf.require_current(conf.expires)
    with pytest.raises(XRoadError) as refused:
        conf.require_current(conf.expires + timedelta(seconds=1))
    assert refused.value.code == "global_conf_outdated"
    assert refused.value.advice


def test_without_private_parameters_a_configuration_is_never_current() -> None:
    conf = GlobalConf("KG", [InstanceConfiguration(central.shared_parameters())])
    with pytest.raises(XRoadError) as refused:
        conf.require_current(NOW)
    assert refused.value.code == "global_conf_outdated"
    assert "not complete" in refused.value.message
    assert refused_with(lambda: conf.management_service) == "internal_error"
    assert InstanceConfiguration(central.shared_parameters()).expires == NEVER


def test_management_and_monitoring_are_known() -> None:
    client = ClientId("KG", "GOV", "1", "monitor")
    conf = view(extensions=Extensions(monitoring_client=client))
    assert conf.management_service.provider == SYSTEM.member
    assert conf.monitoring_client == client
    assert conf.ocsp_freshness_seconds == 3600
    assert conf.private_parameters("KG").instance == "KG"


def test_responders_are_ordered_by_what_they_cost() -> None:
    shared = central.shared_parameters()
    (service,) = shared.certification_services
    costs = (None, CostType.PAID, CostType.UNDEFINED, CostType.FREE, CostType.PAID)
    responders = tuple(
        OCSPResponder(f"http://{number}/", cost_type=cost)
        for number, cost in enumerate(costs)
    )
    top = replace(service.top_ca, ocsp_responders=responders)
    conf = view(replace(shared, certification_services=(replace(service, top_ca=top),)))
    leaf = issue("CN=leaf", central.CA).certificate
    for priority, expected in (
        (OCSPPriority.NONE, "01234"),
        (OCSPPriority.ONLY_FREE, "3"),
        (OCSPPriority.ONLY_PAID, "14"),
        (OCSPPriority.FREE_FIRST, "31402"),
        (OCSPPriority.PAID_FIRST, "14302"),
    ):
        urls = conf.ocsp_urls_for(leaf, priority)
        assert urls == tuple(f"http://{number}/" for number in expected)


def test_a_group_has_its_description() -> None:
    assert view().global_group_description(GlobalGroupId("KG", "all")) == "everybody"
    assert view().global_group_description(GlobalGroupId("KG", "none")) is None
    assert view().global_group_description(GlobalGroupId("KZ", "all")) is None
