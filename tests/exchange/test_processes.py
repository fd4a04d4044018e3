"""Locks and names of processes: the kernel keeps them, so a crash leaves none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerege.exchange.files import remove_temporaries
from kerege.exchange.processes import FileLock, is_alive, this_process
from kerege.exchange.spool import remove_leftovers

HOLD = """
import sys
from pathlib import Path
from kerege.exchange.processes import FileLock, this_process
assert FileLock(Path(sys.argv[1])).take()
print(this_process(), flush=True)
sys.stdin.read()
"""


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path):
    path = tmp_path / "new folder" / "jobs.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        name = other.stdout.readline().decode().strip()
        lock = FileLock(path)
        assert is_alive(name)
        assert not lock.take()
        other.kill()
        other.wait()
        assert lock.take()
        assert lock.take(), "it stays ours"
        assert not is_alive(name)
    lock.release()
    lock.release()
    again = FileLock(path)
    assert again.take()
    again.release()


def test_a_later_process_with_the_same_id_is_another_one():
    assert is_alive(this_process())
    assert not is_alive(f"{os.getpid()}-1")
    for name in (
        "",
        "-",
        "1",
        f"{os.getpid()}-",
        "x-1",
        "²-1",
        "99999999-5",
        f"{10**30}-5",
        "0-1",
    ):
        assert not is_alive(name)


def test_whom_the_kernel_hides_lives_as_long_as_it_has_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A worker hides its memory; then `hidepid` hides the worker from its siblings."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        name = other.stdout.readline().decode().strip()
        spooled = tmp_path / f"body-{name}-a.spool"
        written = tmp_path / f".key.{name}-a.new"
        spooled.touch()
        written.touch()
        read_text = Path.read_text

        def hidden(path: Path, **how: str) -> str:
            if path == Path(f"/proc/{other.pid}/stat"):
                raise FileNotFoundError(2, "No such file or directory")
            return read_text(path, **how)

        monkeypatch.setattr(Path, "read_text", hidden)
        assert is_alive(name)
        assert remove_leftovers(tmp_path) == remove_temporaries(tmp_path) == 0
        assert spooled.exists()
        assert written.exists()
        other.kill()
        other.wait()
        assert not is_alive(name)
        assert (remove_leftovers(tmp_path), remove_temporaries(tmp_path)) == (1, 1)
