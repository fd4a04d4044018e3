"""The configuration source: what it signs, our client believes, in every version."""

from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from kerege.exchange.keys import SoftwareSigner
from kerege.sandbox.builder import build
from kerege.sandbox.central import ConfigurationPublisher, anchor
from kerege.sandbox.layout import BANK, MEMBERS, PROVIDER, REGISTER, Files, Ports
from kerege.trust.key_kinds import KeyKind
from kerege.xroad.globalconf import (
    InstanceConfiguration,
    PrivateParameters,
    SharedParameters,
)
from kerege.xroad.globalconf.signed_directory import SignedDirectory
from kerege.xroad.globalconf.view import GlobalConf

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    folder = tmp_path_factory.mktemp("instance")
    return build(Files(folder / "demo"), Ports(), kind=KeyKind.EC_P256)


@pytest.fixture
def publisher(instance):
    signer = SoftwareSigner(
        instance.central.signing_certificate, "k", {"k": instance.central_key}
    )
    return ConfigurationPublisher(instance.central, signer, clock=lambda: NOW)


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6])
async def test_every_version_is_signed_and_says_the_same(publisher, instance, version):
    trusted = anchor(instance.central, NOW).sources[0].verification_certificates
    async with (
        TestServer(publisher.application()) as server,
        aiohttp.ClientSession(server.make_url("/")) as session,
    ):
        answer = await session.get(f"/internalconf?version={version}")
        directory = SignedDirectory.from_bytes(
            await answer.read(),
            instance="central-server",
            verification_certificates=trusted,
            at=NOW,
        )
        files = {}
        for item in directory.items:
            content = await (await session.get(item.content_location)).read()
            item.verify(content)
            files[item.content_identifier] = content
    shared = SharedParameters.from_xml(files["SHARED-PARAMETERS"], version=version)
    private = PrivateParameters.from_xml(files["PRIVATE-PARAMETERS"], version=version)
    configuration = GlobalConf(
        "central-server",
        [InstanceConfiguration(shared, private, directory.expires)],
    )
    for member in MEMBERS:
        certificate = instance.central.authentication[member.server_code]
        found = configuration.server_of_auth_certificate(certificate)
        assert found == member.server_id
    assert [a.address for a in configuration.addresses_of(PROVIDER)] == [
        REGISTER.address
    ]
    assert configuration.server_has_client(BANK.server_id, BANK.clients[0])


async def test_unknown_files_and_versions_are_not_found(publisher):
    async with (
        TestServer(publisher.application()) as server,
        aiohttp.ClientSession(server.make_url("/")) as session,
    ):
        assert (await session.get("/internalconf?version=7")).status == 404
        assert (await session.get("/V6/../instance.json")).status == 404
