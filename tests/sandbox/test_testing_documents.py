"""The programs of "Test your service against a whole exchange" do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/how-to/test-your-service.md"
SECONDS = 300
"""Much more than it takes, on a machine that does much else."""


def files_of(page: Path) -> dict[str, str]:
    """The programs of a page that say which file they are."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    assert all(re.match(r"# \w+\.py\n", block) for block in blocks)
    return {block.split("\n")[0].removeprefix("# "): block for block in blocks}


def run(folder: Path, *words: str) -> str:
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_the_tests_of_the_page_pass(tmp_path):
    files = files_of(PAGE)
    for name, text in files.items():
        # Without `conftest.py` the first program's identifiers are the plugin's own.
        folder = tmp_path / ("plain" if name == "test_service.py" else "own")
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    options = ("-m", "pytest", "-q", "-p", "kerege.sandbox.testing")
    assert "1 passed" in run(tmp_path / "plain", *options)
    assert "3 passed" in run(tmp_path / "own", *options)
    assert "salam through http://127.0.0.11:" in run(tmp_path / "own", "check.py")
