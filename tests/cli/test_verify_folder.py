"""`kerege verify` of a folder: whether the archives of a server are all there."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kerege.cli import main
from kerege.xroad.archive import NO_ARCHIVE, ArchiveLink, ArchiveWriter
from kerege.xroad.identifiers import ClientId
from tests.gpg import needs_gpg, server_and_member
from tests.xroad.asic.containers import with_entries, without

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MEMBER = ClientId("KG", "GOV", "1")
Verify = Callable[..., Result]


def write(
    folder: Path, previous: ArchiveLink, number: int, group: ClientId | None = None
) -> tuple[Path, ArchiveLink]:
    """Write one archive; what is in its containers does not matter here."""
    writer = ArchiveWriter(previous)
    time = START + timedelta(hours=number)
    name = f"q{number}-request-1.asice"
    of = f" of {group.short}" if group else ""
    content = f"container {number}{of}".encode()
    data = b"".join(writer.add(name, [content], time))
    data += b"".join(writer.finish())
    link = writer.link(group=group)
    path = folder / link.file_name
    path.write_bytes(data)
    return path, link


def chain(
    folder: Path, count: int, group: ClientId | None = None
) -> tuple[list[Path], ArchiveLink]:
    folder.mkdir(exist_ok=True)
    link, paths = NO_ARCHIVE, []
    for number in range(count):
        path, link = write(folder, link, number, group)
        paths.append(path)
    return paths, link


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def verify(folder: Path) -> Verify:
    def run(*options: str) -> Result:
        arguments = ["verify", "--chain-only", "-q", *options, str(folder)]
        return CliRunner().invoke(main, arguments)

    return run


def test_chains_are_whole_whatever_the_order_of_the_names(verify: Verify, folder: Path):
    paths, _ = chain(folder, 4)
    chain(folder, 3, MEMBER)
    paths[0].rename(folder / "mlog-zzz.zip")
    done = verify()
    assert (done.exit_code, done.output) == (0, "9 of 9 verified.\n")


def test_a_missing_archive_in_between_is_named(verify: Verify, folder: Path):
    paths, _ = chain(folder, 4)
    paths[1].unlink()
    done = verify()
    assert done.exit_code == 1
    said = f"{paths[2].name} follows {paths[1].name}, which is not there"
    assert f"{said} (invalid_reference)" in done.output
    assert "4 of 5 verified." in done.output


def test_older_archives_may_be_elsewhere_if_their_last_digest_is_given(
    verify: Verify, folder: Path, tmp_path: Path
):
    paths, _ = chain(folder, 4)
    moved = [path.rename(tmp_path / path.name) for path in paths[:2]]
    assert verify().exit_code == 1
    assert verify("--previous", "any").exit_code == 0
    done = CliRunner().invoke(
        main, ["verify", "--chain-only", "--first", "--json", *map(str, moved)]
    )
    digest = json.loads(done.output)["results"][-1]["last_digest"]
    assert verify("--previous", digest).exit_code == 0
    assert verify("--previous", "00" * 64).exit_code == 1


def test_missing_last_archives_are_seen_by_the_last_digest_only(
    verify: Verify, folder: Path
):
    paths, link = chain(folder, 3)
    assert verify("--last", link.digest).exit_code == 0
    paths[-1].unlink()
    assert verify().exit_code == 0
    done = verify("--last", link.digest.upper().lower())
    assert done.exit_code == 1
    assert f"No chain ends with {link.digest} (invalid_reference)" in done.output
    assert "archive chains" in done.output


def test_a_changed_container_and_a_changed_order_are_found(
    verify: Verify, folder: Path
):
    paths, _ = chain(folder, 3)
    data = paths[1].read_bytes()
    changed = with_entries(data, {"q1-request-1.asice": b"container X"})
    paths[1].write_bytes(changed)
    done = verify()
    assert done.exit_code == 1
    assert f"{paths[1].name}: NOT VERIFIED" in done.output
    assert "was changed (invalid_hash_chain)" in done.output

    paths[1].write_bytes(without(data, "linkinginfo"))
    done = verify()
    assert "(malformed_hash_chain)" in done.output
    assert f"follows {paths[1].name}, which is not there" in done.output


def test_an_archive_that_was_added_parts_the_chain(verify: Verify, folder: Path):
    paths, _ = chain(folder, 2)
    first = ArchiveWriter()
    list(first.add("q0-request-1.asice", [b"container 0"], START))
    write(folder, first.link(), 7)
    done = verify()
    assert done.exit_code == 1
    assert f"both follow {paths[0].name} (invalid_reference)" in done.output


def test_a_second_beginning_and_a_copy_are_told(verify: Verify, folder: Path):
    paths, _ = chain(folder, 2)
    write(folder, NO_ARCHIVE, 9)
    shutil.copy(paths[1], folder / "mlog-copy.zip")
    done = verify()
    assert done.exit_code == 1
    assert "are both the first of their chain" in done.output
    assert "has the same digests as" in done.output
    assert "Remove the copy." in done.output


def test_what_was_found_before_a_file_that_cannot_be_read_is_printed(
    verify: Verify, folder: Path, tmp_path: Path
):
    paths, _ = chain(folder, 2)
    arguments = ["verify", "--chain-only", "--first", "--json", str(paths[0])]
    done = CliRunner().invoke(main, [*arguments, str(tmp_path / "nowhere.zip")])
    assert done.exit_code == 2
    document = json.loads(done.stdout)
    assert document["verified"] is False
    assert [result["verified"] for result in document["results"]] == [True]
    assert "nowhere.zip cannot be read" in document["failure"]["what"]
    assert "nowhere.zip cannot be read" in done.stderr


def test_only_archives_are_in_chains(verify: Verify, tmp_path: Path, folder: Path):
    chain(folder, 1)
    other = tmp_path / "message.asice"
    other.write_bytes(b"PK")
    done = CliRunner().invoke(main, ["verify", "--chain-only", str(other)])
    assert done.exit_code == 2
    assert "in no chain" in done.output
    done = CliRunner().invoke(main, ["verify", str(folder)])
    assert "Missing option '--configuration'" in done.output
    done = verify("--last", "nonsense")
    assert "hexadecimal digits" in done.output


@needs_gpg
def test_encrypted_archives_are_opened_with_a_keyring(
    verify: Verify, folder: Path, tmp_path: Path
):
    paths, _ = chain(folder, 2, MEMBER)
    with server_and_member() as (server, member):
        for path in paths:
            with path.with_name(f"{path.name}.gpg").open("wb") as file:
                keys = [server.fingerprint("MEMBER")]
                with server.keyring.encrypting(keys, file) as write_to:
                    write_to(path.read_bytes())
            path.unlink()
        assert verify().exit_code == 2
        done = verify("--gpg-home", str(member.home))
        assert (done.exit_code, done.output) == (0, "3 of 3 verified.\n")
        paths[0].with_name(f"{paths[0].name}.gpg").write_bytes(b"no OpenPGP")
        done = verify("--gpg-home", str(member.home))
    assert done.exit_code == 1
    assert "(cryptography_error)" in done.output


def test_a_folder_without_archives_is_a_mistake(verify: Verify, folder: Path):
    folder.mkdir()
    (folder / "other.zip").write_bytes(b"")
    done = verify()
    assert done.exit_code == 2
    assert "has no archives" in done.output
