"""Keys of the message log, and archives, by commands of a server's operator."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import Result

from kerege.exchange.keys import SoftwareToken
from kerege.exchange.processes import only_process
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


def key_ids(ss) -> list[str]:
    return [key["id"] for key in json.loads(done(ss("message-log", "keys", "--json")))]


def test_an_old_key_is_forgotten_when_nothing_needs_it(ss, server: Path):
    (old,) = key_ids(ss)
    refused = ss("message-log", "forget-key", old, "--yes", pin=True)
    assert refused.exit_code == 1
    assert f"The key {old} encrypts what is logged now" in refused.output
    done(ss("message-log", "new-key", pin=True))
    declined = ss("message-log", "forget-key", old, pin=True)
    assert declined.exit_code == 1
    assert f"Key {old} opens no record and no file" in declined.output
    assert old in key_ids(ss)
    assert "is forgotten" in done(
        ss("message-log", "forget-key", old, "--yes", pin=True)
    )
    assert old not in key_ids(ss)
    again = ss("message-log", "forget-key", old, "--yes", pin=True)
    assert (again.exit_code, "key_not_found" in again.output) == (1, True)


def test_a_key_that_a_record_needs_is_kept(ss, server: Path):
    log_something(server, "q1", "q2")
    (old,) = key_ids(ss)
    done(ss("message-log", "new-key", pin=True))
    log_something(server, "q3")
    done(ss("archive", "run", pin=True))
    refused = ss("message-log", "forget-key", old, "--yes", pin=True)
    assert refused.exit_code == 1
    assert f"Key {old} still opens 2 records and 0 files" in refused.output
    assert "keep_records_days" in refused.output
    assert old in key_ids(ss)


def test_a_key_that_a_file_of_a_body_needs_is_kept(ss, server: Path):
    settings = load_settings(server / "server.toml")
    token = SoftwareToken.open(settings.path(settings.token))
    token.login(PIN)
    cipher = token.log_cipher()
    folder = log_policy(settings, cipher).bodies
    log_something(server)
    with (folder / "large").open("wb") as file:
        cipher.seal_file("large", [b"a body"], file)
    (old,) = key_ids(ss)
    done(ss("message-log", "new-key", pin=True))
    refused = ss("message-log", "forget-key", old, "--yes", pin=True)
    assert refused.exit_code == 1
    assert "0 records and 1 files" in refused.output
    (folder / "large").unlink()
    assert "is forgotten" in done(
        ss("message-log", "forget-key", old, "--yes", pin=True)
    )


def test_no_key_is_forgotten_without_the_pin(ss, pin_file):
    done(ss("message-log", "new-key", pin=True))
    _, old = key_ids(ss)
    wrong = ("--pin-from", pin_file("Wrong-pin-1"))
    refused = ss("message-log", "forget-key", old, "--yes", *wrong)
    assert (refused.exit_code, "pin_incorrect" in refused.output) == (1, True)
    assert old in key_ids(ss)


def test_a_server_that_runs_and_cannot_be_reloaded_keeps_the_key(ss, server: Path):
    """It may be at work with the old key: as another user's, perhaps."""
    done(ss("message-log", "new-key", pin=True))
    _, old = key_ids(ss)
    with only_process(load_settings(server / "server.toml").lock_file):
        refused = ss("message-log", "forget-key", old, "--yes", pin=True)
    assert refused.exit_code == 1
    assert "No server that can be reached runs" in refused.output
    assert old in key_ids(ss)
