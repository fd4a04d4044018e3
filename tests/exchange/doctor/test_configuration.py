"""Global configuration: anchor, sources and copies that are wrong, each alone."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from kerege.exchange.configuration import ConfigurationClient, ConfigurationSettings
from kerege.exchange.doctor import Severity
from kerege.trust.key_kinds import generate_key
from kerege.xroad.globalconf import Anchor, AnchorSource
from tests.exchange.doctor.world import now, only, sent_back


async def downloaded(world, clock=now) -> None:
    """Have a configuration on disk, fetched as a server does."""
    settings = ConfigurationSettings(world.folder / "globalconf")
    client = ConfigurationClient(world.anchor, settings, clock=clock)
    await client.update()
    await client.aclose()


async def test_a_missing_anchor(world):
    async with world:
        await downloaded(world)
        world.anchor.unlink()
        found = await world.examine()
    wrong = only(found, "D-CONF-ANCHOR", str(world.anchor), "No such file")
    assert "operator of the instance" in wrong.advice


async def test_an_anchor_that_is_none(world):
    async with world:
        await downloaded(world)
        world.anchor.write_text("<anchor/>")
        found = await world.examine()
    only(found, "D-CONF-ANCHOR", str(world.anchor), "onfiguration anchor")


async def test_a_source_that_is_away(make_world):
    world = make_world()
    async with world:
        await downloaded(world)
    world.without = {"configuration"}
    async with world:
        found = await world.examine()
    only(found, "D-CONF-SOURCE", f":{world.ports.configuration}", "Connection refused")


async def test_one_of_two_sources_that_is_away_only_warns(world):
    good = Anchor.from_xml(world.anchor.read_bytes())
    away = replace(good.sources[0], download_url="http://127.0.0.99:4080/internalconf")
    world.anchor.write_bytes(replace(good, sources=(*good.sources, away)).to_xml())
    async with world:
        found = await world.examine()
    wrong = only(
        *(found, "D-CONF-SOURCE", "127.0.0.99", "Connection refused"),
        severity=Severity.WARNING,
    )
    assert "others still work" in wrong.follows


async def test_a_configuration_that_is_signed_by_somebody_else(make_world):
    world = make_world()
    async with world:
        await downloaded(world)
    world.central_key = generate_key()
    async with world:
        found = await world.examine()
    wrong = only(found, "D-CONF-SIGNATURE", "/internalconf", "ignature")
    assert "somebody is in between" in wrong.advice


async def test_an_anchor_that_does_not_know_the_new_signing_key(world):
    good = Anchor.from_xml(world.anchor.read_bytes())
    async with world:
        await downloaded(world)
        other = (world.ca.root.certificate.public_bytes(Encoding.DER),)
        source = AnchorSource(good.sources[0].download_url, other)
        world.anchor.write_bytes(replace(good, sources=(source,)).to_xml())
        found = await world.examine()
    only(found, "D-CONF-SIGNATURE", "/internalconf", "erification")


async def test_no_configuration_and_no_source(make_world):
    world = make_world(without={"configuration"})
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CONF-MISSING", "globalconf", "no global configuration"),
        consequences=("D-CONF-SOURCE",),
    )


async def test_a_configuration_on_disk_that_is_damaged(world):
    async with world:
        await downloaded(world)
        (file,) = (world.folder / "globalconf").rglob("shared-params.xml")
        file.write_bytes(file.read_bytes()[:-100])
        found = await world.examine()
    only(found, "D-CONF-DAMAGED", "globalconf", "cannot be used")


async def test_an_expired_configuration_and_no_source(make_world):
    world = make_world(clocks={"configuration": sent_back(9 * 60)})
    async with world:
        await downloaded(world)
    world.without = {"configuration"}
    async with world:
        later = timedelta(minutes=2)
        found = await world.examine(clock=lambda: now() + later)
    assert "D-CONF-EXPIRED" in [f.code for f in found]
    (wrong,) = (f for f in found if f.code == "D-CONF-EXPIRED")
    assert wrong.subject == "global configuration of central-server"
    assert "It expired on" in wrong.what


async def test_a_configuration_that_expires_soon_and_is_not_renewed(world):
    async with world, world.running():
        await downloaded(world)
        (metadata,) = (world.folder / "globalconf").rglob("shared-params.xml.metadata")
        ago = (now() - timedelta(minutes=7)).timestamp()
        os.utime(metadata, (ago, ago))
        found = await world.examine()
    wrong = only(
        *(found, "D-CONF-STALE", "global configuration of", "7 minutes ago"),
        severity=Severity.WARNING,
        is_running=True,
    )
    assert "configuration_not_updated" in wrong.advice


async def test_a_configuration_that_another_process_does_not_renew(world):
    async with world:
        await downloaded(world, clock=now)
        world.write_settings(configuration__anchor="")
        found = await world.examine(clock=lambda: now() + timedelta(minutes=11))
    assert "D-CONF-EXPIRED" in [f.code for f in found]


async def test_an_instance_that_publishes_version_2_only(make_world):
    world = make_world()
    world.applications["configuration"] = _only_version_2(world)
    async with world:
        found = await world.examine()
    only(
        *(found, "D-CONF-VERSION", "global configuration of", "version 2"),
        severity=Severity.WARNING,
    )


def _only_version_2(world) -> web.Application:
    """Serve a central server's answers, and 404 for what is newer than version 2."""
    publisher = world._publisher(None)
    newer = [key for key in publisher._directories if key[1] > 2]
    for key in newer:
        del publisher._directories[key]
    return publisher.application()


async def test_an_anchor_of_another_instance(world):
    async with world:
        await downloaded(world)
        world.write_settings(identifier="other-instance/GOV/70000050/SS2")
        found = await world.examine()
    assert "D-CONF-ANCHOR" in [f.code for f in found]
    (wrong,) = (f for f in found if f.code == "D-CONF-ANCHOR")
    assert "this server is in other-instance" in wrong.what


async def test_a_folder_that_the_next_download_fills_is_good(world):
    async with world:
        await downloaded(world)
        shutil.rmtree(world.folder / "globalconf")
        found = await world.examine()
    assert [f.code for f in found] == ["D-SERVER-DOWN"]
