"""The demo's folder: one demo at a time, and nothing of anybody else is removed."""

import os
import subprocess
import sys

import pytest

from kerege.sandbox import builder, folder
from kerege.sandbox.demo import Demo
from kerege.sandbox.layout import Files, Ports


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(folder.FolderError, match="holds something else"):
        folder.emptied(tmp_path)
    with pytest.raises(folder.FolderError), folder.held(tmp_path):
        pass
    with pytest.raises(folder.FolderError):
        builder.build(Files(tmp_path), Ports())
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(folder.FolderError, match="is a file"):
        folder.require_ours(tmp_path / "file")


def test_a_demos_own_folder_is_emptied_but_for_the_lock(tmp_path):
    root = tmp_path / "demo"
    with folder.held(root):
        (root / "servers/ss1").mkdir(parents=True)
        (root / folder.PLAN).write_text("{}")
        (root / "elsewhere").symlink_to(tmp_path)
        folder.emptied(root)
        assert [path.name for path in root.iterdir()] == [folder.LOCK]
    assert tmp_path.exists()


def test_a_folder_of_an_older_demo_has_no_lock_yet(tmp_path):
    (tmp_path / folder.PLAN).write_text("{}")
    with folder.held(tmp_path):
        assert (tmp_path / folder.LOCK).exists()


async def test_a_second_demo_in_the_same_folder_is_refused(tmp_path):
    said = []
    with (
        folder.held(tmp_path / "demo"),
        pytest.raises(folder.FolderError) as refused,
    ):
        async with Demo(tmp_path / "demo", said.append, reset=True):
            pass
    assert f"(processes {os.getpid()})" in str(refused.value)
    assert f"kill {os.getpid()}" in str(refused.value)
    assert "kerege demo --folder" in str(refused.value)
    with folder.held(tmp_path / "demo"):
        pass


def test_a_server_that_outlived_its_demo_holds_the_folder(tmp_path):
    with folder.held(tmp_path) as lock:
        server = subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            pass_fds=(lock.fileno(),),
        )
        folder.note_processes(lock, [server.pid])
    with (
        pytest.raises(folder.FolderError, match=f"kill {server.pid}"),
        folder.held(tmp_path),
    ):
        pass
    server.communicate(b"\n")
    with folder.held(tmp_path):
        pass
