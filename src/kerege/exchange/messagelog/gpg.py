"""Encrypting archives with OpenPGP: the program ``gpg`` as a process of its own.

Rules (X-Road 7.8 source, `GPGOutputStream.java`; ug-ss 11.1.7):

* An archive is signed with the first secret key of the keyring and encrypted for keys
  of that keyring, or for the signer itself. Keys in the keyring are trusted; expired
  and revoked ones are refused by ``gpg``.
* Nothing is compressed: containers are. Ciphers are fixed, whatever keys prefer.

Our additions: the clear archive never is in a file; the process is killed if it takes
too long; what it said is in the fault.
"""

import contextlib
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO

from kerege.xroad.faults import XRoadError

PROGRAM = "gpg"
PACKAGE = "gnupg"
"""Where Debian has it."""
MAX_SECONDS = 1800.0
"""Longest time for one archive; a gigabyte takes some seconds."""
MAX_SAID_BYTES = 4096
"""Of what it says, the end is told."""
OPTIONS = (
    *("--batch", "--no-tty", "--no-auto-key-locate", "--trust-model", "always"),
    *("--status-fd", "2"),
)
ENCRYPT = (
    *("--encrypt", "--sign", "--compress-algo", "none"),
    *("--cipher-algo", "AES256", "--digest-algo", "SHA256"),
)
_INVALID_RECIPIENT = re.compile(r"INV_RECP \d+ (\S[^\n]*)")
_GOOD = re.compile(r"^\[GNUPG:\] (DECRYPTION_OKAY|GOODSIG)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Keyring:
    """A folder with OpenPGP keys, as ``gpg`` keeps them."""

    home: Path
    """The GnuPG home folder."""
    program: str = PROGRAM

    @property
    def is_installed(self) -> bool:
        """Whether the program is there."""
        return which(self.program) is not None

    def has(self, key: str, *, secret: bool = False) -> bool:
        """Whether the keyring has a key; an empty name is any key. Blocks.

        Raises ``action_not_possible`` if ``gpg`` is not installed.
        """
        listing = "--list-secret-keys" if secret else "--list-keys"
        wanted = ["--", key] if key else []
        arguments = self._command("--with-colons", listing, *wanted)
        try:
            done = subprocess.run(  # noqa: S603 - our own words, and a key's name behind --
                arguments, capture_output=True, timeout=60, check=False
            )
        except FileNotFoundError:
            raise _not_installed(self.program) from None
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and (
            b"pub:" in done.stdout or b"sec:" in done.stdout
        )

    @contextmanager
    def encrypting(
        self, keys: Sequence[str], output: IO[bytes]
    ) -> Iterator[Callable[[bytes], object]]:
        """Take bytes, and write them signed and encrypted; whole when the block ends.

        Args:
            keys: Whom to encrypt for; empty: the signer.
            output: A file of the system's.

        Raises:
            XRoadError: ``action_not_possible`` if ``gpg`` is not installed,
                ``cryptography_error`` if it fails.
        """
        recipients = [part for key in keys for part in ("--recipient", key)]
        arguments = self._command(
            *ENCRYPT, *(recipients or ["--default-recipient-self"])
        )
        with (
            tempfile.TemporaryFile() as said,
            self._running(
                arguments, stdin=subprocess.PIPE, stdout=output, stderr=said
            ) as process,
        ):
            assert process.stdin is not None  # noqa: S101 - for mypy: it is a pipe
            try:
                yield process.stdin.write
                process.stdin.close()
            except BrokenPipeError:
                process.wait()
                raise _failed("encrypted", process.returncode, _end_of(said)) from None
            if process.wait() != 0:
                raise _failed("encrypted", process.returncode, _end_of(said))

    def decrypt(self, source: Path, output: IO[bytes]) -> None:
        """Write a file decrypted, if a key of the keyring has signed it.

        Raises:
            XRoadError: ``action_not_possible`` if ``gpg`` is not installed,
                ``cryptography_error`` if it fails or the signature is not good.
        """
        arguments = self._command("--decrypt")
        with tempfile.TemporaryFile() as said, source.open("rb") as file:
            with self._running(
                arguments, stdin=file, stdout=output, stderr=said
            ) as process:
                code = process.wait()
            text = _end_of(said)
        if code != 0 or set(_GOOD.findall(text)) != {"DECRYPTION_OKAY", "GOODSIG"}:
            raise _failed("decrypted, with a good signature", code, text)

    def _command(self, *arguments: str) -> list[str]:
        return [self.program, "--homedir", str(self.home), *OPTIONS, *arguments]

    @contextmanager
    def _running(
        self,
        arguments: Sequence[str],
        *,
        stdin: IO[bytes] | int,
        stdout: IO[bytes],
        stderr: IO[bytes],
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run it; it is not left behind."""
        try:
            process = subprocess.Popen(  # noqa: S603 - arguments are the operator's
                arguments, stdin=stdin, stdout=stdout, stderr=stderr
            )
        except FileNotFoundError:
            raise _not_installed(self.program) from None
        watchdog = threading.Timer(MAX_SECONDS, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            process.wait()


def _end_of(said: IO[bytes]) -> str:
    size = said.seek(0, 2)
    said.seek(max(size - MAX_SAID_BYTES, 0))
    return said.read().decode(errors="replace")


def _failed(what: str, code: int, said: str) -> XRoadError:
    recipient = _INVALID_RECIPIENT.search(said)
    lines = [line for line in said.splitlines() if line.startswith("gpg: ")]
    why = f": {lines[-1][5:]}" if lines else ""
    if recipient:
        advice = (
            f"The keyring has no usable key {recipient[1]}: import it, or correct the "
            "map of keys."
        )
    elif code < 0:
        advice = "It was killed, perhaps because it took too long."
    else:
        advice = (
            "Look at the keyring: it needs the keys, and a secret key to sign with."
        )
    return XRoadError(
        "cryptography_error",
        f"An archive could not be {what}{why} (gpg ended with {code})",
        advice=advice,
    )


def _not_installed(program: str) -> XRoadError:
    return XRoadError(
        "action_not_possible",
        f"Archives are encrypted with the program {program}, which is not installed",
        advice=f"On Debian and Ubuntu: apt install {PACKAGE}",
    )
