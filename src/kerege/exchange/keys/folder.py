"""A token's folder: mode 0700, files of mode 0600, written whole or not at all."""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerege.exchange.files import make_folder, replace_file
from kerege.exchange.keys.metadata import MAX_METADATA_BYTES, TokenMetadata
from kerege.xroad.faults import XRoadError

_METADATA = "token.json"
_LOCK = "lock"
_KEY_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
MAX_KEY_FILE_BYTES = 64 * 1024
"""An encrypted RSA-4096 key has 3.5 KiB."""
RESTORE_KEY = (
    "Restore the key's file from a backup. Without one: kerege security-server keys "
    "delete, keys generate, and a new certificate; the token's other keys stay"
)
"""For who meets a key file that is lost or damaged."""


class TokenFolder:
    """Reads and writes the files of one token."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> "TokenFolder":
        """Make the folder. Raises ``action_not_possible`` if a token is there."""
        make_folder(path, mode=0o700)
        path.chmod(0o700)
        folder = cls(path)
        folder.require_empty()
        return folder

    def require_empty(self) -> None:
        """Raise ``action_not_possible`` if a token is there; `locked` keeps it so."""
        if (self.path / _METADATA).exists():
            raise XRoadError(
                "action_not_possible", f"{self.path} already holds a token"
            )

    def key_path(self, key_id: str) -> Path:
        """Return the path of a key's file; the id must be one of ours."""
        if not _KEY_ID.fullmatch(key_id):
            raise XRoadError("malformed_key_conf", f"Not a key id: {key_id[:64]!r}")
        return self.path / f"{key_id}.pem"

    def read_metadata(self) -> TokenMetadata:
        """Return the metadata.

        Raises ``token_not_found`` if there is none, ``malformed_key_conf`` if it is
        damaged, ``token_not_available`` if others than its owner may read it, or change
        what is in the folder.
        """
        self._require_own()
        return TokenMetadata.from_json(self._read(_METADATA, MAX_METADATA_BYTES))

    def write_metadata(self, metadata: TokenMetadata) -> None:
        """Replace the metadata, atomically."""
        replace_file(self.path / _METADATA, metadata.to_json())

    def read_key(self, key_id: str) -> bytes:
        """Return a key's encrypted PEM. Raises ``key_not_available``."""
        try:
            return self._read(self.key_path(key_id).name, MAX_KEY_FILE_BYTES)
        except XRoadError as error:
            if error.code != "token_not_found":
                raise
            raise XRoadError(
                "key_not_available",
                f"The file of key {key_id} is not in {self.path}",
                advice=RESTORE_KEY,
            ) from error

    def write_key(self, key_id: str, pem: bytes) -> None:
        """Write a key's encrypted PEM, atomically."""
        replace_file(self.key_path(key_id), pem)

    def delete_key(self, key_id: str) -> None:
        """Remove a key's file, if it is there."""
        self.key_path(key_id).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the token for a change; other processes wait."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path / _LOCK, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _require_own(self) -> None:
        """Refuse a folder in which others can put a file in the place of ours."""
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
        except OSError:
            return  # reading says better what is wrong
        if mode & 0o022:
            raise XRoadError(
                "token_not_available",
                f"Others than its owner may change what is in {self.path}",
                advice=f"Run `chmod 700 {self.path}` and find out who changed it.",
            )

    def _read(self, name: str, limit: int) -> bytes:
        path = self.path / name
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if stat.S_IMODE(mode) & 0o077:
                    raise XRoadError(
                        "token_not_available",
                        f"{path} may be read by others than its owner",
                        advice=f"Run `chmod 600 {path}` and find out who read it.",
                    )
                data = file.read(limit + 1)
        except FileNotFoundError:
            raise XRoadError(
                "token_not_found",
                f"No file {path}",
                advice="Correct `token` in the settings file, restore the folder from "
                "a backup, or make a new server: kerege security-server init",
            ) from None
        except OSError as error:
            raise XRoadError(
                "token_not_available", f"{path} cannot be read: {error.strerror}"
            ) from error
        if len(data) > limit:
            raise XRoadError("malformed_key_conf", f"{path} is longer than {limit}")
        return data
