"""Two archivers at once, which nobody should start, lose nothing and double nothing."""

from pathlib import Path

import pytest

from kerege.exchange.messagelog.archive_chains import ArchiveChains
from kerege.exchange.messagelog.groups import Group
from kerege.exchange.storage import Database
from tests.exchange.messagelog.test_archiver import (
    archive_names,
    archiver_of,
    stamped,
    verify_chain,
)
from tests.exchange.messagelog.world import World, make_world, raises


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


@pytest.mark.parametrize("step", ["announce", "mark"])
async def test_a_second_archiver_that_takes_an_archive_for_a_leftover_loses_no_record(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
):
    await stamped(world, "q1", "q2")
    first, second = archiver_of(world), archiver_of(world)
    real = getattr(ArchiveChains, step)

    def disturbed(self: ArchiveChains, *arguments: object) -> None:
        if step == "announce":
            real(self, *arguments)
        second._clear_leftovers()
        if step == "mark":
            real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveChains, step, disturbed)
        # Its temporary file may be gone, or its finished one.
        with raises("io_error" if step == "announce" else "action_not_possible"):
            first.archive()
    assert archive_names(world) == []
    assert not any(stored.archived for stored in world.stored())

    assert second.archive() == 2
    assert len(verify_chain(world)) == 2


async def test_a_withdrawn_archive_that_is_put_in_place_late_does_not_stay(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await stamped(world, "q1")
    first, second = archiver_of(world), archiver_of(world)
    real_rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        second._chains.withdraw("", target.name)
        return real_rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", late)
        with raises("action_not_possible"):
            first.archive()
    assert archive_names(world) == []
    assert second.archive() == 1
    assert len(verify_chain(world)) == 1


async def test_two_archivers_put_no_record_in_two_archives(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    await stamped(world, "q1", "q2")
    first, second = archiver_of(world), archiver_of(world)
    real = ArchiveChains.announce

    def overtaken(self: ArchiveChains, *arguments: object) -> None:
        if self is first._chains:
            assert second._archive_one(Group(None), second._newest()) == 2
        real(self, *arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(ArchiveChains, "announce", overtaken)
    with raises("action_not_possible"):
        first.archive()

    assert len(verify_chain(world)) == 2
    assert first.archive() == 0
