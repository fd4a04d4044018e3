"""Keys of the message log, and archives, by commands of a server's operator."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result

from kerege.exchange.keys import SoftwareToken
from kerege.exchange.security_server.logging_setup import log_policy
from kerege.exchange.security_server.settings import load_settings
from kerege.exchange.storage import open_database
from kerege.xroad.archive import read_archive
from kerege.xroad.asic import read_container
from tests.exchange.messagelog.world import BLOCK, Clock, World

PIN = "Secret-pin-1"


@pytest.fixture
def ss(kerege, server, pin_file):
    def run(*words: object, pin: bool = False) -> Result:
        source = ("--pin-from", pin_file(PIN)) if pin else ()
        config = ("--config", server / "server.toml")
        return kerege("security-server", *words, *config, *source)

    return run


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def log_something(server: Path, *query_ids: str) -> None:
    """Log messages as the server does: with the newest key of its token."""
    settings = load_settings(server / "server.toml")
    token = SoftwareToken.open(settings.path(settings.token))
    token.login(PIN)
    policy = log_policy(settings, token.log_cipher())
    for folder in (policy.bodies, policy.archive):
        folder.mkdir(exist_ok=True)
    database = open_database(settings.database_url)
    world = World(database, policy, Clock())

    async def write() -> None:
        async with world.log() as log:
            for query_id in query_ids:
                await log.write(world.record(query_id))
            await log.job.run_once()

    asyncio.run(write())
    assert all(stored.seal for stored in world.stored())
    database.close()


def test_a_new_server_has_a_key_and_gets_another(ss):
    (first,) = json.loads(done(ss("message-log", "keys", "--json")))
    assert first["encrypts"] is True
    said = done(ss("message-log", "new-key", pin=True))
    assert "kerege security-server reload" in said
    new, old = json.loads(done(ss("message-log", "keys", "--json")))
    assert new["id"] in said
    assert (new["encrypts"], old) == (True, first | {"encrypts": False})
    assert new["id"] in done(ss("message-log", "keys")).splitlines()[1]


def test_a_new_key_needs_the_pin(ss, pin_file):
    refused = ss("message-log", "new-key", "--pin-from", pin_file("Wrong-pin-1"))
    assert refused.exit_code == 1
    assert "pin_incorrect" in refused.output
    assert len(json.loads(done(ss("message-log", "keys", "--json")))) == 1


def test_messages_of_all_keys_are_archived_and_the_archives_move(
    ss, server: Path, tmp_path: Path
):
    log_something(server, "q1")
    done(ss("message-log", "new-key", pin=True))
    log_something(server, "q2")

    assert "2 records archived" in done(ss("archive", "run", pin=True))
    (found,) = json.loads(done(ss("archive", "list", "--json")))
    archive = read_archive(Path(found["file"]).read_bytes())
    for member in archive.members:
        container = read_container(b"".join(archive.chunks(member)))
        assert container.message == BLOCK

    (chain,) = json.loads(done(ss("archive", "chains", "--json")))
    assert chain["last_archive"] == Path(found["file"]).name
    assert chain["last_digest"] == archive.info.last_digest
    assert chain["last_digest"] in done(ss("archive", "chains"))

    target = tmp_path / "safe"
    target.mkdir()
    copied = done(ss("archive", "transfer", "--keep", "--to", target))
    assert f"1 archives copied to {target}" in copied
    assert "0 archives moved" in done(ss("archive", "transfer", "--to", target))
    assert "No archives" in done(ss("archive", "list"))
    assert [path.name for path in target.iterdir()] == [chain["last_archive"]]


def test_without_the_pin_nothing_that_is_encrypted_is_archived(
    ss, server: Path, pin_file
):
    log_something(server, "q1")
    refused = ss("archive", "run", "--pin-from", pin_file("Wrong-pin-1"))
    assert refused.exit_code == 1
    assert "pin_incorrect" in refused.output
    assert "No archives" in done(ss("archive", "list"))


def test_a_transfer_needs_a_place_to_go(ss, tmp_path: Path):
    refused = ss("archive", "transfer")
    assert refused.exit_code == 1
    assert "Give --to FOLDER" in refused.output
    assert "Nothing has been archived yet" in done(ss("archive", "chains"))
