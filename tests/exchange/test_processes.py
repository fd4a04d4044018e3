"""Locks and names of processes: the kernel keeps them, so a crash leaves none."""

import os
import subprocess
import sys
from pathlib import Path

from kerege.exchange.processes import FileLock, is_alive, this_process

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
    for name in ("", "-", "1", f"{os.getpid()}-", "x-1", "²-1", "99999999-5"):
        assert not is_alive(name)
