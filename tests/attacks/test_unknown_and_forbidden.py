"""Asking for what does not exist, and for what one may not have."""

from dataclasses import replace

import pytest

from kerege.exchange.storage.server_configuration import (
    WHOLE_SERVICE,
    AccessRight,
    ClientStatus,
    Endpoint,
    LocalGroup,
    ServiceType,
)
from kerege.xroad.globalconf.values import GlobalGroup
from kerege.xroad.identifiers import ClientId, GlobalGroupId, LocalGroupId
from tests.server_parts import registered, rights

STRANGER = ClientId.from_path("TEST/COM/9999/Nobody")
HEADERS = {"X-Road-Client": STRANGER.path}


async def test_a_client_that_this_server_does_not_know_is_an_unknown_member(stage):
    await stage.refuses("server.clientproxy.unknown_member", headers=HEADERS)
    assert stage.pair.provider.exchanges == []
    await stage.succeeds()


async def test_a_client_whose_registration_is_not_done_is_an_unknown_member(stage):
    saved = replace(registered(stage.pair.client), status=ClientStatus.SAVED)
    known = stage.pair.consumer.rights
    stage.pair.consumer.rights = rights([saved])
    await stage.refuses("server.clientproxy.unknown_member")
    stage.pair.consumer.rights = known
    await stage.succeeds()


@pytest.mark.parametrize(
    "provider",
    [
        "TEST/GOV/9999/Service",  # no such member
        "TEST/GOV/5678/Archive",  # the member has no such subsystem
        "TEST/COM/1234/Nowhere",  # our own member has none either
        "FAR/GOV/5678/Service",  # an instance that nobody has told us of
    ],
)
async def test_a_provider_that_nobody_serves_is_an_unknown_member(stage, provider):
    await stage.refuses("server.clientproxy.unknown_member", f"/r1/{provider}/echo")
    await stage.succeeds()


async def test_a_server_that_does_not_exist_is_an_invalid_security_server(stage):
    for server in ("TEST/GOV/5678/SS9", "TEST/COM/1234/SS1"):
        await stage.refuses(
            "server.clientproxy.invalid_security_server",
            headers={"X-Road-Security-Server": server},
        )
    server = stage.pair.provider.server_id.path
    await stage.succeeds(headers={"X-Road-Security-Server": server})


async def test_a_provider_whose_server_does_not_know_it_yet_is_an_unknown_member(stage):
    known = stage.pair.provider.rights
    stage.pair.provider.rights = rights([])
    await stage.refuses("server.serverproxy.service_failed.unknown_member")
    stage.pair.provider.rights = known
    await stage.succeeds()


async def test_a_provider_without_signing_key_is_an_unknown_member(stage):
    signing = stage.pair.provider.runtime.signing
    known, signing._signers = signing._signers, {}
    await stage.refuses("server.serverproxy.service_failed.unknown_member")
    signing._signers = known
    await stage.succeeds()


async def test_a_client_without_signing_key_is_an_unknown_member(stage):
    signing = stage.pair.consumer.runtime.signing
    known, signing._signers = signing._signers, {}
    await stage.refuses("server.clientproxy.unknown_member")
    signing._signers = known
    await stage.succeeds()


async def test_a_service_that_does_not_exist_is_unknown(stage):
    await stage.refuses("server.serverproxy.unknown_service", "nothing")
    assert stage.pair.service.requests == []
    await stage.succeeds()


async def test_a_soap_service_is_of_the_wrong_type_for_rest(stage):
    stage.pair.offer("soap", type=ServiceType.WSDL)
    await stage.refuses("server.serverproxy.service_type", "soap")
    await stage.succeeds()


async def test_a_disabled_service_says_so_to_those_who_may_call_it(stage):
    stage.pair.offer("closed", disabled_notice="Back on Monday")
    stage.pair.offer("secret", disabled_notice="Never mind", to=())
    refused = await stage.refuses("server.serverproxy.service_disabled", "closed")
    assert b"Back on Monday" in refused.body
    denied = await stage.refuses("server.serverproxy.access_denied", "secret")
    assert b"Never mind" not in denied.body
    await stage.succeeds()


async def test_a_service_is_open_to_the_clients_that_were_given_it(stage):
    pair = stage.pair
    friend, other = pair.instance.consumer.clients
    pair.offer("mine", to=[friend])
    await stage.succeeds("mine", headers={"X-Road-Client": friend.path})
    await stage.refuses(
        "server.serverproxy.access_denied",
        "mine",
        headers={"X-Road-Client": other.path},
    )
    assert len(pair.service.requests) == 1


async def test_the_members_of_a_global_group_may_call_and_nobody_else(stage):
    pair = stage.pair
    inside, outside = pair.instance.consumer.clients
    group = GlobalGroup("clinics", "", members=(inside,))
    shared = pair.instance.shared_parameters(groups=(group,))
    pair.offer("patients", to=())
    give(pair, "patients", GlobalGroupId("TEST", "clinics"))
    await stage.refuses("server.serverproxy.access_denied", "patients")
    stage.use(pair.instance.global_conf(shared))
    await stage.succeeds("patients", headers={"X-Road-Client": inside.path})
    await stage.refuses(
        "server.serverproxy.access_denied",
        "patients",
        headers={"X-Road-Client": outside.path},
    )


async def test_the_members_of_a_local_group_may_call_and_nobody_else(stage):
    pair = stage.pair
    inside, outside = pair.instance.consumer.clients
    pair.offer("letters", to=())
    group = LocalGroup(pair.provider_client, "friends", "", frozenset({inside}))
    give(pair, "letters", LocalGroupId("friends"), groups=(group,))
    await stage.succeeds("letters", headers={"X-Road-Client": inside.path})
    await stage.refuses(
        "server.serverproxy.access_denied",
        "letters",
        headers={"X-Road-Client": outside.path},
    )


async def test_a_local_group_of_another_provider_opens_nothing(stage):
    pair = stage.pair
    _, neighbour = pair.instance.provider.clients
    pair.offer("letters", to=())
    group = LocalGroup(neighbour, "friends", "", frozenset({pair.client}))
    give(pair, "letters", LocalGroupId("friends"), groups=(group,))
    await stage.refuses("server.serverproxy.access_denied", "letters")


@pytest.mark.parametrize(
    ("given", "allowed", "refused"),
    [
        (Endpoint("GET", "/people"), "GET people", "POST people"),
        (Endpoint("*", "/people/*"), "PUT people/7", "GET people/7/photo"),
        (Endpoint("*", "/people/**"), "GET people/7/photo", "GET places"),
        (Endpoint("GET", "/people/*/photo"), "GET people/7/photo", "GET people/photo"),
    ],
)
async def test_a_right_covers_its_method_and_path_and_no_other(
    stage, given, allowed, refused
):
    stage.pair.offer("register", endpoint=given)
    method, path = allowed.split()
    await stage.succeeds(f"register/{path}", method=method)
    method, path = refused.split()
    await stage.refuses(
        "server.serverproxy.access_denied", f"register/{path}", method=method
    )
    assert len(stage.pair.service.requests) == 1


@pytest.mark.parametrize(
    "disguise",
    [
        "people/../secrets",
        "people/%2e%2e/secrets",
        "people/..%2Fsecrets",
        "people;/../secrets",
        "people%5C..%5Csecrets",
    ],
)
async def test_a_disguised_path_is_judged_by_the_bytes_that_go_on(stage, disguise):
    """Whatever is let through must be below the right for every way of reading it."""
    stage.pair.offer("register", endpoint=Endpoint("GET", "/people/*"))
    answer = await stage.pair.send("GET", f"register/{disguise}")
    for called in stage.pair.service.requests:
        assert called.target == f"/{disguise}"
    if ".." in disguise or "2e" in disguise:
        stage.saw_fault(answer, "server.serverproxy.access_denied")
    await stage.succeeds("register/people/7")


def give(pair, code, subject, groups=()):
    """Give a group the right to a service that is offered to nobody yet."""
    known = pair.provider.rights
    right = AccessRight(pair.provider_client, code, WHOLE_SERVICE, subject)
    pair.provider.rights = rights(
        known.clients.values(),
        known.services.values(),
        (*known.access_rights, right),
        local_groups=groups,
    )
