"""Small files are replaced whole and durably, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerege.exchange.files import (
    make_folder,
    remove_temporaries,
    replace_file,
)
from kerege.exchange.processes import this_process

KILLED_HALFWAY = """
import os, signal, sys
from pathlib import Path
from kerege.exchange import files
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
files.replace_file(Path(sys.argv[1]), b"half of it")
"""


def test_a_file_is_replaced_with_its_rights(tmp_path):
    file = tmp_path / "key"
    replace_file(file, b"old")
    assert file.stat().st_mode & 0o777 == 0o600
    replace_file(file, b"new", mode=0o644)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_bytes_are_synced_before_they_get_their_name_and_the_folder_after(
    tmp_path, monkeypatch
):
    """What a power cut may not reorder. Its whole effect: tests/crash."""
    seen = []
    sync, file = os.fsync, tmp_path / "key"

    def watch(handle):
        seen.append((str(Path(f"/proc/self/fd/{handle}").readlink()), file.exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    replace_file(file, b"new")
    (first, named_before), second = seen
    assert first.startswith(f"{tmp_path}/.key.")
    assert not named_before
    assert second == (str(tmp_path), True)


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch
):
    file = tmp_path / "key"
    replace_file(file, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_left_is_removed_and_what_others_write_is_not(tmp_path):
    file = tmp_path / "key"
    replace_file(file, b"old")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_HALFWAY, str(file)], check=False
    )
    assert killed.returncode == -9
    [left] = set(tmp_path.iterdir()) - {file}
    theirs = left.name.split(".")[2].rpartition("-")[0]
    ours = tmp_path / left.name.replace(theirs, this_process())
    ours.write_bytes(b"being written")
    assert remove_temporaries(tmp_path) == 1
    assert set(tmp_path.iterdir()) == {file, ours}
    assert file.read_bytes() == b"old"


def test_a_folder_is_made_with_those_above_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("kerege.exchange.files.sync_path", synced.append)
    make_folder(tmp_path / "a" / "b", mode=0o700)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
