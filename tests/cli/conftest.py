"""The command line in tests: run in this process, with its logs put back after."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

from kerege.cli import main
from kerege.xroad.globalconf import Anchor, AnchorSource

Kerege = Callable[..., click.testing.Result]


@pytest.fixture
def kerege(monkeypatch: pytest.MonkeyPatch) -> Kerege:
    """Run a command; its result has exit code and output."""
    for name in ("KEREGE_CONFIG", "KEREGE_SERVER", "KEREGE_CLIENT"):
        monkeypatch.delenv(name, raising=False)
    runner = click.testing.CliRunner()

    def run(*words: object, stdin: bytes | None = None) -> click.testing.Result:
        return runner.invoke(main, [str(word) for word in words], input=stdin)

    return run


@pytest.fixture
def pin_file(tmp_path: Path) -> Callable[[str], str]:
    """Give a PIN source for `--pin-from`: an open descriptor with the PIN."""

    def source(pin: str = "Secret-pin-1") -> str:
        file = tmp_path / "pin"
        file.write_text(pin)
        return f"fd:{_descriptor(file)}"

    return source


def _descriptor(file: Path) -> int:
    return os.open(file, os.O_RDONLY)


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    """An anchor of instance TEST whose source nobody serves."""
    file = tmp_path / "anchor.xml"
    source = AnchorSource("http://127.0.0.1:9/internalconf", (b"certificate",))
    file.write_bytes(Anchor("TEST", (source,)).to_xml())
    return file


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that wants a server makes it; others copy it."""
    return tmp_path_factory.mktemp("server") / "ss1"


@pytest.fixture
def server(
    kerege: Kerege,
    anchor: Path,
    pin_file: Callable[[str], str],
    made_once: Path,
    tmp_path: Path,
) -> Path:
    """A new server's folder; making one stretches a PIN and makes an RSA key."""
    if not made_once.exists():
        made = kerege(
            *("security-server", "init", made_once, "--identifier", "TEST/GOV/1/SS1"),
            *("--anchor", anchor, "--pin-from", pin_file()),
        )
        assert made.exit_code == 0, made.output
    return Path(shutil.copytree(made_once, tmp_path / "ss1"))


@pytest.fixture
def ss(kerege: Kerege, server: Path) -> Kerege:
    """Run a command of `kerege security-server` on the new server."""
    config = server / "server.toml"

    def run(*words: object) -> click.testing.Result:
        return kerege("security-server", *words, "--config", config)

    return run
