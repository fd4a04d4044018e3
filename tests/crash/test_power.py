"""The power cut that other tests rely on: does it take back what it should, and no more?

A process works in a folder with the library of `bench.crash.power` preloaded, is killed,
and its power is cut.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys

import pytest

from bench.crash.power import Power, build_shim, compiler

pytestmark = pytest.mark.skipif(compiler() is None, reason="There is no C compiler")

OLD, NEW = b"o" * 10_000, b"n" * 10_000
PRELUDE = """
import os, signal, sqlite3, sys
from pathlib import Path
os.chdir(sys.argv[1])
def sync(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
"""
DIE = "\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def power(tmp_path, folder, shim):
    made = Power(shim, [folder], tmp_path / "graves")
    yield made
    made.close()


def work(power, folder, script):
    """Run a script in the folder until it kills itself, then cut its power."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script + DIE, str(folder)],
        env=os.environ | power.environment,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    power.cut()


def test_what_was_written_and_not_synced_is_lost(power, folder):
    (folder / "log").write_bytes(OLD)
    work(power, folder, "f = open('log', 'r+b', 0); f.write(b'new'); f.truncate(5000)")
    assert (folder / "log").read_bytes() == b"new" + OLD[3:5000]
    power.take_back()
    assert (folder / "log").read_bytes() == OLD


def test_what_was_synced_stays_and_what_was_written_later_does_not(power, folder):
    script = """
f = open('log', 'wb', 0)
f.write(b'first ')
os.fsync(f.fileno())
f.write(b'second')
sync('.')
"""
    work(power, folder, script)
    power.take_back()
    assert (folder / "log").read_bytes() == b"first "


def test_a_new_file_needs_its_folder_synced_too(power, folder):
    """The journalled file systems of Linux keep the name with the file."""
    script = "Path('log').write_bytes(b'bytes'); sync('log')"
    work(power, folder, script)
    power.take_back()
    assert not (folder / "log").exists()
    work(power, folder, script)
    power.take_back(journalled=True)
    assert (folder / "log").read_bytes() == b"bytes"


@pytest.mark.parametrize("synced", [True, False])
def test_names_change_when_the_folder_is_synced(power, folder, synced):
    for name in ("moved", "replaced", "by", "removed"):
        (folder / name).write_text(name)
    script = """
os.rename('moved', 'to')
os.replace('by', 'replaced')
os.unlink('removed')
os.mkdir('folder')
"""
    work(power, folder, script + ("sync('.')" if synced else ""))
    power.take_back()
    left = {p.name: p.is_file() and p.read_text() for p in folder.iterdir()}
    if synced:
        assert left == {"to": "moved", "replaced": "by", "folder": False}
    else:
        assert left == {n: n for n in ("moved", "replaced", "by", "removed")}


def test_a_file_renamed_before_it_was_synced_may_be_empty(power, folder):
    """What `replace_file` guards against: its name is there, its bytes are not."""
    (folder / "key").write_bytes(OLD)
    script = """
Path('key.new').write_bytes(b'n' * 10_000)
os.replace('key.new', 'key')
sync('.')
"""
    work(power, folder, script)
    power.take_back()
    assert (folder / "key").read_bytes() == b""


def test_a_file_replaced_as_we_do_is_the_old_one_or_the_new_one(power, folder):
    script = """
from kerege.exchange.files import replace_file
replace_file(Path('key'), b'n' * 10_000)
Path('done').touch()
"""
    (folder / "key").write_bytes(OLD)
    work(power, folder, script)
    power.take_back()
    assert (folder / "key").read_bytes() == NEW
    assert not (folder / "done").exists()


def test_some_of_it_may_stay_torn_by_pages(power, folder):
    """Sixteen pages written twice: each keeps none, one or both of its writes."""
    (folder / "log").write_bytes(b"0" * 65536)
    script = """
f = open('log', 'r+b', 0)
for letter in (b'1', b'2'):
    f.seek(0)
    f.write(letter * 65536)
"""
    work(power, folder, script)
    power.take_back(random.Random(7))  # noqa: S311 - no secret
    data = (folder / "log").read_bytes()
    pages = [data[at : at + 4096] for at in range(0, 65536, 4096)]
    assert all(page == page[:1] * 4096 for page in pages)
    assert {page[:1] for page in pages} == {b"0", b"1", b"2"}


def test_sqlite_keeps_what_it_committed(power, folder):
    script = """
db = sqlite3.connect('log.db', isolation_level=None)
db.execute('pragma journal_mode=wal')
db.execute('pragma synchronous=full')
db.execute('create table log (id integer)')
for number in range(100):
    db.execute('insert into log values (?)', (number,))
    if number == 60:
        db.execute('pragma synchronous=off')
"""
    work(power, folder, script)
    power.take_back()
    [(count, newest)] = sqlite3.connect(folder / "log.db").execute(
        "select count(*), max(id) from log"
    )
    assert (count, newest) == (61, 60)


def test_a_watched_process_keeps_its_locks(power, folder):
    """SQLite relies on them; to close a file drops all of a process's locks on it."""
    (folder / "log").write_bytes(OLD)
    script = """
import fcntl, subprocess
f = open('log', 'r+b', 0)
fcntl.lockf(f, fcntl.LOCK_EX)
f.write(b'new')
f.truncate(5000)
other = "import fcntl; fcntl.lockf(open('log', 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
done = subprocess.run([sys.executable, '-c', other], capture_output=True, text=True)
Path('seen').write_text(done.stderr)
"""
    work(power, folder, script)
    assert "BlockingIOError" in (folder / "seen").read_text()


def test_a_disk_that_lies_loses_what_was_committed(tmp_path, folder, shim):
    """The proof that a loss is seen: with fsync made a no-op there is one."""
    power = Power(shim, [folder], tmp_path / "graves", lies=True)
    work(power, folder, "Path('log').write_bytes(b'bytes'); sync('log'); sync('.')")
    power.take_back()
    assert not (folder / "log").exists()
    power.close()


def test_a_program_that_writes_over_its_environment_is_watched_on(
    power, folder, tmp_path
):
    """As PostgreSQL does, to say in `ps` what each of its processes is at."""
    program = tmp_path / "overwrites.c"
    program.write_text("""
        #include <fcntl.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        extern char **environ;
        int main(int count, char **arguments) {
            (void)count;
            chdir(arguments[1]);
            for (char **each = environ; *each; each++) memset(*each, 'x', strlen(*each));
            int handle = open("log", O_WRONLY | O_CREAT, 0600);
            write(handle, "bytes", 5);
            return 0;
        }
    """)
    binary = tmp_path / "overwrites"
    subprocess.run(
        [compiler() or "cc", "-w", "-o", str(binary), str(program)], check=True
    )
    subprocess.run([str(binary), str(folder)], env=power.environment, check=True)
    power.cut()
    assert (folder / "log").read_bytes() == b"bytes"
    power.take_back()
    assert not (folder / "log").exists()
