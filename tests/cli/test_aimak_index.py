"""An administrator loads a synthetic village, and makes its search anew."""

import sqlite3
import subprocess
import sys
from pathlib import Path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kerege.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def entries(folder: Path) -> int:
    connection = sqlite3.connect(folder / "portal.sqlite")
    (count,) = connection.execute("SELECT count(*) FROM aimak_search_personentry")
    connection.close()
    return int(count[0])


def test_who_is_loaded_can_be_searched_for_and_the_index_can_be_made_anew(
    tmp_path: Path,
):
    folder = tmp_path / "portal"
    assert run("portal", "--folder", str(folder), "init").returncode == 0
    place = ["--portal", str(folder)]
    loaded = run("aimak", "synth", "--persons", "500", "--to", "database", *place)
    assert loaded.returncode == 0, loaded.stderr
    people = entries(folder)
    assert people >= 500
    assert f"{people}  can be searched for" in loaded.stdout
    again = run("aimak", "index", *place)
    assert f"{people}  can be searched for" in again.stdout, again.stderr
    assert entries(folder) == people
