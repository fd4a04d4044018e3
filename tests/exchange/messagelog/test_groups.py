"""Archives of members or subsystems: each has its own files and its own chain."""

from pathlib import Path

import pytest
from sqlalchemy import select

from kerege.exchange.messagelog import Archiver, Grouping
from kerege.exchange.messagelog.groups import MAX_NAME_CHARACTERS, Group
from kerege.exchange.storage import Database
from kerege.exchange.storage.message_log_tables import archives
from kerege.xroad.archive import read_archive, verify_archive
from kerege.xroad.identifiers import ClientId
from tests.exchange.messagelog.world import World, make_world

HOSPITAL = ClientId("KG", "GOV", "700")
WARDS, LABORATORY = (ClientId("KG", "GOV", "700", code) for code in ("Wards", "Lab"))
SCHOOL = ClientId("KG", "GOV", "7", "00")
PARTIES = (HOSPITAL, WARDS, LABORATORY, SCHOOL)
Chains = dict[str, list[str]]


async def archived(
    database: Database, folder: Path, grouping: Grouping
) -> tuple[World, Chains]:
    """Log messages of several parties, twice; return the archives of each group."""
    world = make_world(database, folder, grouping=grouping)
    for turn in ("a", "b"):
        async with world.log() as log:
            for number, party in enumerate(PARTIES):
                record = world.record(f"{turn}{number}", client_id=party)
                await log.write(record)
                world.clock.forward(seconds=1)
            await log.job.run_once()
        assert Archiver(database, world.policy, clock=world.clock).archive() == 4
    return world, chains_of(world)


def chains_of(world: World) -> Chains:
    """Verify every chain; return the query ids in it by the group's name."""
    found = {}
    for path in world.policy.archive.iterdir():
        archive = read_archive(path.read_bytes())
        found[archive.info.previous.file_name, path.name] = archive
    with world.database.read() as connection:
        last = {row.group_name: row for row in connection.execute(select(archives))}
    chains: Chains = {}
    for group, state in last.items():
        links, name, digest = [], state.last_file, state.last_digest
        while name:
            ((before, _), archive) = next(
                pair for pair in found.items() if pair[0][1] == name
            )
            assert verify_archive(archive, previous=None) == digest
            links.append([entry.name[:2] for entry in archive.info.containers])
            name, digest = before, archive.info.previous.digest
        assert digest == ""
        chains[group] = [query for link in reversed(links) for query in link]
    assert sum(map(len, chains.values())) == 8
    return chains


async def test_without_groups_everything_is_one_chain(
    database: Database, tmp_path: Path
):
    _, chains = await archived(database, tmp_path, Grouping.NONE)
    assert chains == {"": ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]}


async def test_a_members_chain_has_what_all_its_subsystems_sent(
    database: Database, tmp_path: Path
):
    world, chains = await archived(database, tmp_path, Grouping.MEMBER)
    assert chains == {
        "KG/GOV/700": ["a0", "a1", "a2", "b0", "b1", "b2"],
        "KG/GOV/7": ["a3", "b3"],
    }
    names = sorted(path.name for path in world.policy.archive.iterdir())
    assert [name.partition("-2")[0] for name in names] == [
        *["mlog-KG_GOV_7"] * 2,
        *["mlog-KG_GOV_700"] * 2,
    ]


async def test_a_subsystems_chain_has_its_own_only_and_so_has_the_member_itself(
    database: Database, tmp_path: Path
):
    _, chains = await archived(database, tmp_path, Grouping.SUBSYSTEM)
    assert chains == {
        "KG/GOV/700": ["a0", "b0"],
        "KG/GOV/700/Wards": ["a1", "b1"],
        "KG/GOV/700/Lab": ["a2", "b2"],
        "KG/GOV/7/00": ["a3", "b3"],
    }


async def test_a_crash_in_one_group_is_cleared_for_that_group(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = make_world(database, tmp_path, grouping=Grouping.SUBSYSTEM)
    async with world.log() as log:
        for party in PARTIES:
            await log.write(world.record(client_id=party))
        await log.job.run_once()
    archiver = Archiver(database, world.policy, clock=world.clock)
    done = 0
    real = archiver._chains.mark

    def killed(*arguments: object) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        real(*arguments)  # type: ignore[arg-type]  # passed on as they came

    with monkeypatch.context() as patch:
        patch.setattr(archiver._chains, "mark", killed)
        with pytest.raises(KeyboardInterrupt):
            archiver.archive()
    assert sum(stored.archived for stored in world.stored()) == 2

    assert archiver.archive() == 2
    assert len(list(world.policy.archive.iterdir())) == 4
    assert all(stored.archived for stored in world.stored())


def test_the_longest_codes_have_a_name_that_the_database_takes():
    long = ClientId("K" * 255, "C" * 255, "M" * 255, "S" * 255)
    names = {Group(long).name, Group(ClientId("K" * 255, "C" * 255, "M" * 255)).name}
    assert len(names) == 2
    assert all(len(name) <= MAX_NAME_CHARACTERS for name in names)
