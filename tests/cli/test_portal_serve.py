"""`kerege portal serve` in a checkout where nothing has been built yet."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from django.contrib.staticfiles import finders

from kerege.cli.portal import portal
from kerege.portal.configuration import initialize


def test_a_missing_style_sheet_is_told_with_the_command_that_makes_it(
    tmp_path: Path, monkeypatch
):
    """The test's settings stand in for an installation's; no server is started."""
    monkeypatch.setattr(finders, "find", lambda _path: None)
    monkeypatch.setenv("KEREGE_PORTAL", str(tmp_path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "kerege.portal.settings_test")
    answer = CliRunner().invoke(
        portal, ["--folder", str(tmp_path), "serve"], catch_exceptions=False
    )
    assert answer.exit_code == 1
    assert "The site's style sheet is missing" in answer.output
    assert "make setup (or scripts/build-portal-css)" in answer.output
    assert not (tmp_path / "static").exists()


def test_a_database_of_an_older_version_is_told_with_what_to_do(tmp_path: Path):
    """A process of its own: settings are read once in each."""
    folder = tmp_path / "portal"
    initialize(folder)  # no tables yet
    done = subprocess.run(
        [
            *(sys.executable, "-m", "kerege.cli", "portal", "--folder", str(folder)),
            *("serve-services", "--listen", "127.0.0.1:1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "The database is of an older version" in done.stderr
    assert "kerege portal migrate" in done.stderr
