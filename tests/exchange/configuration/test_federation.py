"""The configuration client and the instances that ours is federated with."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kerege.exchange.configuration import Answer, client as client_module, download
from kerege.exchange.configuration.directory import save
from kerege.xroad.globalconf import Anchor
from kerege.xroad.identifiers import ClientId
from tests.exchange.configuration.world import KZ_URL, World, federated, neighbour
from tests.xroad.globalconf.central import (
    NOW,
    CentralServer,
    private_parameters,
    shared_parameters,
)


async def test_allowed_federations_are_followed(tmp_path: Path) -> None:
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="kz"
    )
    world.serve(central, partner)
    await world.client.update()
    conf = world.client.current()
    assert conf.instances == ("KG", "KZ")
    assert conf.is_member(ClientId("KZ", "GOV", "1"))
    assert "KZ/shared-params.xml" in world.files


async def test_a_partner_cannot_give_more_than_its_shared_parameters(
    tmp_path: Path,
) -> None:
    partner = CentralServer("KZ", KZ_URL)
    central = federated(CentralServer(), partner)
    world = World(tmp_path, central.anchor, allowed_federations="all")
    world.serve(central, partner)
    await world.client.update()
    assert "KZ/private-params.xml" not in world.files


async def test_a_partner_cannot_replace_our_own_parameters(tmp_path: Path) -> None:
    partner = neighbour()
    central = federated(CentralServer(), partner)
    world = World(tmp_path, central.anchor, allowed_federations="all")
    world.serve(central, partner)
    evil = CentralServer("KG", KZ_URL, key=partner.key)
    evil.shared = replace(shared_parameters(), members=(), security_servers=())
    evil.shared = replace(evil.shared, global_groups=())
    world.network.answers |= evil.publish()
    await world.client.update()
    assert world.client.current().instances == ("KG",)
    assert world.client.current().is_member(ClientId("KG", "GOV", "1"))
    codes = {error.code for _, error in world.client.status.failures}
    assert "global_conf_part_invalid_instance_identifier" in codes


async def test_the_key_of_one_instance_signs_for_no_other(tmp_path: Path) -> None:
    partner, central = neighbour(), CentralServer()
    impostor = neighbour(key=central.key)
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="all"
    )
    world.serve(central, impostor)
    await world.client.update()
    assert world.client.current().instances == ("KG",)
    codes = {error.code for _, error in world.client.status.failures}
    assert "global_conf_missing_verification_cert" in codes


@pytest.mark.parametrize("allowed", ["none", "", "uz", "all,none"])
async def test_other_federations_are_not(allowed: str, tmp_path: Path) -> None:
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations=allowed
    )
    world.serve(central, partner)
    await world.client.update()
    assert world.client.current().instances == ("KG",)
    assert not any("cs.kz" in url for url in world.network.asked)


async def test_a_partner_that_is_down_does_not_stop_us_until_it_expires(
    tmp_path: Path,
) -> None:
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="all"
    )
    world.serve(central, partner)
    await world.client.update()
    world.now = NOW + timedelta(seconds=300)
    central.generated_at = world.now
    world.serve(central)
    await world.client.update()
    assert world.client.current().instances == ("KG", "KZ")
    assert "http://cs.kz/externalconf" in dict(world.client.status.failures)
    world.now = NOW + timedelta(seconds=601)
    central.generated_at = world.now
    world.serve(central)
    await world.client.update()
    assert world.client.current().instances == ("KG",)


async def test_a_partner_that_never_answers_keeps_us_neither_from_others_nor_from_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PARTNER_SECONDS", 0.05)
    silent, partner = neighbour(), CentralServer("UZ", "http://cs.uz/externalconf")
    partner.private = None
    central = federated(CentralServer(), silent, partner)
    world = World(tmp_path, central.anchor, allowed_federations="all")
    world.serve(central, partner)
    get = world.network.get

    async def hang(url: str, *, limit: int) -> Answer:
        if "cs.kz" in url:
            await asyncio.Event().wait()
        return await get(url, limit=limit)

    monkeypatch.setattr(world.network, "get", hang)
    async with asyncio.timeout(60):
        await world.client.update()
    assert world.client.current().instances == ("KG", "UZ")

    monkeypatch.setattr(client_module, "PARTNER_SECONDS", 3600)
    monkeypatch.setattr(client_module, "PARTNERS_SECONDS", 0.05)
    async with asyncio.timeout(60):
        await world.client.update()
    assert world.client.current().instances == ("KG", "UZ")


async def test_a_partner_expires_even_where_our_anchor_is_gone(tmp_path: Path) -> None:
    partner, central = neighbour(), CentralServer()
    anchor = tmp_path / "anchor.xml"
    anchor.write_bytes(federated(central, partner).anchor.to_xml())
    world = World(tmp_path / "kept", anchor, allowed_federations="all")
    world.serve(central, partner)
    await world.client.update()
    anchor.unlink()
    world.now = NOW + timedelta(seconds=601)
    assert (await world.refused()).code == "anchor_file_not_found"
    assert world.client.current().instances == ("KG",)


async def test_a_partner_that_was_half_written_when_we_were_killed_does_not_live_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="all"
    )
    world.serve(central, partner)

    def killed(file: Path, content: bytes) -> None:
        if file.name.startswith("shared") and file.parent.name == "KZ":
            raise RuntimeError("killed")
        save(file, content)

    with monkeypatch.context() as patch:
        patch.setattr(download, "save", killed)
        with pytest.raises(RuntimeError):
            await world.client.update()
    names = {path.name for path in (world.folder / "KZ").iterdir()}
    assert names == {"shared-params.xml.metadata"}

    # However such a file may come about:
    shared = partner.publish()
    (content,) = (data for url, data in shared.items() if url.endswith(".xml"))
    (world.folder / "KZ" / "shared-params.xml").write_bytes(content)
    (world.folder / "KZ" / "shared-params.xml.metadata").unlink()
    world.serve(central)
    await world.client.update()
    assert world.client.current().instances == ("KG",)


async def test_a_partner_that_left_is_deleted(tmp_path: Path) -> None:
    partner, central = neighbour(), CentralServer()
    world = World(
        tmp_path, federated(central, partner).anchor, allowed_federations="all"
    )
    world.serve(central, partner)
    await world.client.update()
    central.private = private_parameters()
    world.serve(central, partner)
    await world.client.update()
    assert world.client.current().instances == ("KG",)
    assert not (world.folder / "KZ").exists()


async def test_shared_parameters_may_come_from_another_place_than_private_ones(
    tmp_path: Path,
) -> None:
    """A detached configuration; the anchor's certificate vouches for both."""
    central = CentralServer(url="http://shared.example/externalconf")
    detached = CentralServer(key=central.key)
    there = central.anchor.sources[0]
    unsigned = replace(there, verification_certificates=(b"placeholder",))
    detached.private = private_parameters("KG", (Anchor("KG", (unsigned,)),))
    world = World(tmp_path, detached.anchor)
    world.serve(detached, central)
    only_private = tuple(p for p in detached.parts() if "PRIVATE" in str(p))
    directory = detached.directory(only_private)
    world.network.answers["http://cs.example/internalconf?version=6"] = directory
    await world.client.update()
    assert world.files == ("KG/private-params.xml", "KG/shared-params.xml")
    world.client.current().require_current(NOW)
