"""OpenPGP keyrings for tests: a server's, and those of members who read archives."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kerege.exchange.messagelog import Keyring

needs_gpg = pytest.mark.skipif(
    shutil.which("gpg") is None, reason="gpg is not installed: apt install gnupg"
)
SECONDS = 120
"""A key takes some milliseconds, and a busy machine its time."""


@dataclass(frozen=True)
class Pgp:
    """A GnuPG home folder. Its path is short: sockets are in it."""

    home: Path

    @property
    def keyring(self) -> Keyring:
        return Keyring(self.home)

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            ["gpg", "--homedir", str(self.home), "--batch", "--no-tty", *arguments],
            input=data,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make_key(self, name: str) -> str:
        """Make a key pair; return its fingerprint."""
        self.run(
            *("--passphrase", "", "--pinentry-mode", "loopback"),
            *("--quick-generate-key", name, "future-default", "default", "never"),
        )
        return self.fingerprint(name)

    def fingerprint(self, name: str) -> str:
        listed = self.run("--with-colons", "--list-keys", "--", f"={name}").decode()
        line = next(line for line in listed.splitlines() if line.startswith("fpr:"))
        return line.split(":")[9]

    def give(self, other: "Pgp", name: str) -> None:
        """Give another keyring the public key of this name."""
        other.run("--import", data=self.run("--export", f"={name}"))

    def read(self, data: bytes) -> bytes:
        """Decrypt, whoever signed it."""
        return self.run("--decrypt", data=data)


@contextmanager
def pgp_home() -> Iterator[Pgp]:
    """Make an empty keyring; it goes when the block ends, with its agent."""
    folder = Path(tempfile.mkdtemp(prefix="kerege-gpg-"))
    try:
        yield Pgp(folder)
    finally:
        subprocess.run(
            ["gpgconf", "--homedir", str(folder), "--kill", "all"],
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server_and_member() -> Iterator[tuple[Pgp, Pgp]]:
    """A server's keyring with the public key of a member, and the member's own.

    Each knows the other's public key: the member checks who signed.
    """
    with pgp_home() as server, pgp_home() as member:
        server.make_key("SERVER")
        member.make_key("MEMBER")
        member.give(server, "MEMBER")
        server.give(member, "SERVER")
        yield server, member
