"""An administrator takes the official file of units."""

import subprocess
import sys
from pathlib import Path

FILE = """\
code,parent,level,name_ru
41704000000000,,region,Нарынская область
41704210000000,41704000000000,district,Ак-Талинский район
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kerege.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_is_compared_and_then_taken(tmp_path: Path):
    folder, file = tmp_path / "portal", tmp_path / "units.csv"
    file.write_text(FILE, encoding="utf-8")
    assert run("portal", "--folder", str(folder), "init").returncode == 0
    units = ["aimak", "units", str(file), "--portal", str(folder)]
    compared = run(*units)
    assert "     2  new" in compared.stdout
    assert "Nothing was written; add --take." in compared.stdout
    taken = run(*units, "--take")
    assert taken.stdout.endswith("Taken.\n"), taken.stderr
    again = run(*units)
    assert "     0  new" in again.stdout
    file.write_text(FILE.replace("41704210", "41705210", 1), encoding="utf-8")
    wrong = run(*units, "--take")
    assert wrong.returncode == 1
    assert "line 3: 41705210000000: it cannot lie in 41704000000000" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_a_merger_has_a_day(tmp_path: Path):
    file = tmp_path / "units.csv"
    file.write_text(FILE, encoding="utf-8")
    words = ["aimak", "units", str(file), "--merged", "1=2"]
    assert "--merged needs --on" in run(*words).stderr
